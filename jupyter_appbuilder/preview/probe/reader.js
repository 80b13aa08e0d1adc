// A published app's page: what the parts above tell whoever builds the app is told to nobody here.

const records = { line() {}, call() {} };
function found() {}
function requestFailed() {}
async function explained() {
  return {};
}
function hotMessage() {}
function nextMessage() {}
const seen = new Set();
