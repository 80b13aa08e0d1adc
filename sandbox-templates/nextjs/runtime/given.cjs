// Loaded into each process of the dev server. The one that listens takes the app's secrets from the App Builder, below
// the app's base, and has them ready as globalThis.appSecrets (lib/secrets.ts). See keeper.mjs.
const { connect } = require('node:net');
const http = require('node:http');

const keeper = process.env.APPBUILDER_KEEPER;
const path = `${process.env.BASE_PATH ?? ''}/_app/control`;
const LARGEST = 8 * 1024 * 1024; // bytes of a request

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
  try {
    const pieces = [];
    let size = 0;
    for await (const piece of request) {
      size += piece.length;
      if (size > LARGEST) return said(413, { error: 'The request is too large.' });
      pieces.push(piece);
    }
    const { act, secrets } = JSON.parse(Buffer.concat(pieces).toString('utf8'));
    if (act !== 'give') return said(400, { error: 'There is no such act.' });
    globalThis.appSecrets = await asked({ act, token: request.headers['x-appbuilder-control'], secrets });
    return said(200, { ok: {} });
  } catch (error) {
    return said(403, { error: error.message.startsWith('This is for') ? error.message : 'The request makes no sense.' });
  }
}

function listening() {
  // What the app's code starts gets no way to them.
  delete process.env.APPBUILDER_KEEPER;
  process.env.NODE_OPTIONS = process.env.NODE_OPTIONS?.replace(/ ?--require "[^"]*given\.cjs"/, '');
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
