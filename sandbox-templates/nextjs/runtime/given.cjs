// Loaded into each process of the dev server. The one that listens takes the app's secrets from the App Builder, below
// the app's base, and has them ready as globalThis.appSecrets (lib/secrets.ts). It also tells which functions of the
// notebook the server's code calls: with globalThis.appPython (lib/python/call-python.ts). See keeper.mjs, python.mjs.
const { connect } = require('node:net');
const http = require('node:http');
const { pathToFileURL } = require('node:url');

const { APPBUILDER_KEEPER: keeper, APPBUILDER_PYTHON: program } = process.env;
const path = `${process.env.BASE_PATH ?? ''}/_app/control`;
const LARGEST = 8 * 1024 * 1024; // bytes of a request
const LARGEST_ANSWER = 51 * 1024 * 1024; // of what a function of the notebook returned
let python = null;

function asked(request) {
  return new Promise((resolve, reject) => {
    const socket = connect(keeper, () => socket.write(`${JSON.stringify(request)}\n`));
    let text = '';
    socket.setEncoding('utf8');
    socket.on('data', (piece) => (text += piece));
    socket.on('error', reject);
    socket.on('end', () => {
      try {
        const { ok, error } = JSON.parse(text);
        if (error) reject(new Error(error));
        else resolve(ok);
      } catch (error) {
        reject(error);
      }
    });
  });
}

async function take(request, response) {
  const said = (status, body) => {
    response.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
    response.end(JSON.stringify(body));
  };
  const token = request.headers['x-appbuilder-control'];
  const head = request.headers['x-appbuilder-answer']; // the body is no JSON of ours then, but what was returned
  try {
    const pieces = [];
    let size = 0;
    for await (const piece of request) {
      size += piece.length;
      if (size > (head ? LARGEST_ANSWER : LARGEST)) return said(413, { error: 'The request is too large.' });
      pieces.push(piece);
    }
    const body = Buffer.concat(pieces);
    if (head) {
      await asked({ act: 'own', token });
      (await python).answered(JSON.parse(head), body);
      return said(200, { ok: {} });
    }
    const { act, secrets, anew, hold } = JSON.parse(body.toString('utf8'));
    if (act === 'python') {
      await asked({ act: 'own', token });
      return said(200, { ok: await (await python).asked({ anew, hold }) });
    }
    if (act !== 'give') return said(400, { error: 'There is no such act.' });
    globalThis.appSecrets = await asked({ act, token, secrets });
    return said(200, { ok: {} });
  } catch (error) {
    return said(403, { error: error.message.startsWith('This is for') ? error.message : 'The request makes no sense.' });
  }
}

function listening() {
  // What the app's code starts gets no way to them.
  delete process.env.APPBUILDER_KEEPER;
  delete process.env.APPBUILDER_PYTHON;
  process.env.NODE_OPTIONS = process.env.NODE_OPTIONS?.replace(/ ?--require "[^"]*given\.cjs"/, '');
  python ??= import(pathToFileURL(program).href).then(({ Python }) => {
    const calls = new Python();
    globalThis.appPython = (name, given, done) => calls.call(name, given, done);
    return calls;
  });
  // Started anew, after a change of its settings: it has had them before.
  asked({ act: 'read' }).then(
    (secrets) => (globalThis.appSecrets ??= secrets),
    () => undefined,
  );
}

if (keeper) {
  const emit = http.Server.prototype.emit;
  http.Server.prototype.emit = function (event, request, response, ...rest) {
    if (event === 'listening') listening();
    if (event !== 'request' || request.method !== 'POST' || request.url?.split('?')[0] !== path) {
      return emit.call(this, event, request, response, ...rest);
    }
    void take(request, response);
    return true;
  };
}
