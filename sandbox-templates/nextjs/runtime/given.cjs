// Loaded into each process of the dev server. The one that listens takes the app's secrets from the App Builder, below
// the app's base, and has them ready as globalThis.appSecrets (lib/secrets.ts). It also tells which functions of the
// notebook the server's code calls: with globalThis.appPython (lib/python/call-python.ts). See keeper.mjs, python.mjs.
// And it lets in the person of a JupyterHub, by a request to lib/accounts.ts with a ticket for globalThis.appArrival.
// Elements that the server renders bring along where they are written, for who points at them: in this dev server alone,
// a build does not load this file.
const { randomBytes } = require('node:crypto');
const { readFile } = require('node:fs/promises');
const Module = require('node:module');
const { connect } = require('node:net');
const http = require('node:http');
const { pathToFileURL } = require('node:url');

const { APPBUILDER_KEEPER: keeper, APPBUILDER_PYTHON: program } = process.env;
const path = `${process.env.BASE_PATH ?? ''}/_app/control`;
const LARGEST = 8 * 1024 * 1024; // bytes of a request
const LARGEST_ANSWER = 51 * 1024 * 1024; // of what a function of the notebook returned
const ARRIVAL_MS = 15_000;
let python = null;
let port = 0;
const tickets = new Map();

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

/** Logs in whoever a JupyterHub says this is, where the app knows people so: `{ cookie }`, or nothing if they are in. */
async function entered({ name, cookie }) {
  if (typeof name !== 'string' || !name || name.length > 254) return {};
  const settings = await readFile('lib/accounts.ts', 'utf8').catch(() => '');
  if (!/= \{[^}]*\bby:\s*["']hub["']/.test(settings)) return {}; // no request for an app that would refuse it
  const ticket = randomBytes(32).toString('base64url');
  tickets.set(ticket, name);
  try {
    const path = `${process.env.BASE_PATH ?? ''}/api/accounts/enter`;
    const headers = { 'x-appbuilder-ticket': ticket, ...(typeof cookie === 'string' && cookie && { cookie }) };
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', headers, signal: AbortSignal.timeout(ARRIVAL_MS) });
    await answer.body?.cancel();
    const [given] = answer.headers.getSetCookie();
    return answer.ok && given ? { cookie: given } : {};
  } finally {
    tickets.delete(ticket);
  }
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
    const { act, secrets, anew, hold, ...more } = JSON.parse(body.toString('utf8'));
    if (act === 'enter') {
      await asked({ act: 'own', token });
      return said(200, { ok: await entered(more).catch(() => ({})) });
    }
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

function listening(server) {
  port = server.address()?.port ?? port;
  globalThis.appArrival = (ticket) => tickets.get(ticket);
  // What the app's code starts gets no way to them.
  delete process.env.APPBUILDER_KEEPER;
  delete process.env.APPBUILDER_PYTHON;
  process.env.NODE_OPTIONS = process.env.NODE_OPTIONS?.replace(/ ?--require "[^"]*given\.cjs"/, '');
  if (program) python ??= import(pathToFileURL(program).href).then(({ Python }) => {
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

/** The development runtime of JSX is given the place of each element; only what stands in its props gets to the page. */
function keeping(jsxDEV) {
  const AT = 'data-appbuilder-at';
  return (type, props, key, isStatic, source, self) => {
    const file = source?.fileName?.startsWith('[project]/') ? source.fileName.slice('[project]/'.length) : 'node_modules/';
    if ((typeof type !== 'string' && typeof type !== 'function') || file.startsWith('node_modules/')) {
      return jsxDEV(type, props, key, isStatic, source, self);
    }
    const name = typeof type === 'string' ? type : '';
    const own = `${name || nameOf(type)} ${file}:${source.lineNumber}:${source.columnNumber}`;
    const more = typeof props?.[AT] === 'string' && props[AT].length < 1000 ? `; ${props[AT]}` : '';
    return jsxDEV(type, { ...props, [AT]: own + more }, key, isStatic, source, self);
  };
}

/** Of a component; one of the page's has no name here. */
function nameOf(type) {
  try {
    return /^[\w.$]{1,60}$/.exec(type.displayName ?? type.name)?.[0] ?? 'component';
  } catch {
    return 'component';
  }
}

// Next.js brings React for its server along, in a bundle that nothing can be written into: another stands before it.
const load = Module._load;
Module._load = function (request, parent, ...rest) {
  const made = load.call(this, request, parent, ...rest);
  if (!/next-server\/app-page[\w-]*\.runtime\.dev\.js$/.test(request)) return made;
  Module._load = load;
  const react = made.vendored?.['react-rsc'];
  const runtime = react?.ReactJsxDevRuntime;
  const own = require.cache[Module._resolveFilename(request, parent)];
  if (typeof runtime?.jsxDEV !== 'function' || !own) return made;
  const before = (given, name, value) => Object.create(given, { [name]: { value, enumerable: true } });
  const placed = before(react, 'ReactJsxDevRuntime', before(runtime, 'jsxDEV', keeping(runtime.jsxDEV)));
  own.exports = before(made, 'vendored', before(made.vendored, 'react-rsc', placed));
  return own.exports;
};

if (keeper) {
  const emit = http.Server.prototype.emit;
  http.Server.prototype.emit = function (event, request, response, ...rest) {
    if (event === 'listening') listening(this);
    if (event !== 'request' || request.method !== 'POST' || request.url?.split('?')[0] !== path) {
      return emit.call(this, event, request, response, ...rest);
    }
    void take(request, response);
    return true;
  };
}
