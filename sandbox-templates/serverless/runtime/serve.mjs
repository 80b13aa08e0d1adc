// Answers for the app: its page, its components, and its functions below api/.
//
//   node serve.mjs PORT BASE [--built]     BASE is the path that the app is shown below, with a slash at both ends
import { createHash } from 'node:crypto';
import { createReadStream, readFileSync, realpathSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, extname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';

import { settingsNow } from './accountsettings.mjs';
import { BUILT, filesNow, ROOT } from './app.mjs';
import { placed, problemsOf, readLayout } from './blueprint.mjs';
import { CHANGED } from './changed.mjs';
import { Components, Shell } from './components.mjs';
import { Control } from './control.mjs';
import { BuiltFunctions, called, entered, Functions, LIMITS, listed, Pool, run } from './functions.mjs';
import { page } from './page.mjs';
import { Python } from './python.mjs';
import { give } from './secrets.mjs';
import { Sockets } from './sockets.mjs';
import { writeTypes } from './types.mjs';
import { endWith, WebSockets } from './websockets.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));
const [port = '5173', base = '/'] = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const host = process.env.HOST ?? '127.0.0.1';
const LOOK_MS = 200; // between two looks for changes, while a page is open
const MIGRATION_SECONDS = 120;

const digest = (contents) => createHash('sha256').update(contents).digest('hex').slice(0, 16);
const functions = BUILT ? new BuiltFunctions() : new Functions();
const MOST_LINES = 50; // that are kept of what one function said
const said = new Map(); // path of a function -> its last lines
// Only where the App Builder runs it: elsewhere nobody would ask first.
const controlled = process.argv.includes('--control');
const python = controlled && !BUILT ? new Python() : null; // what was built runs where no notebook is
const pool = new Pool({ onLog: heard, python });
const webSockets = new WebSockets({ functions, pool, onLog: heard, onError: (name, error) => failedWith(name, error, `WebSocket /api/${name}`) });

function heard(path, level, text) {
  console[level === 'error' || level === 'warn' ? level : 'log'](`[${path}] ${text}`);
  remember(path, level, text);
}

/** Says what went wrong in a function, on whose way. */
function failedWith(name, error, way) {
  remember(functions.files?.get(name) ?? String(error.source).replace(/:\d+:\d+$/, ''), 'error', error.stack || error.message);
  console.error(`[${error.source ?? name}] ${way}: ${error.stack || error.message}`);
}

function remember(path, level, text) {
  const lines = said.get(path) ?? [];
  lines.push({ at: Date.now(), level, text: text.slice(0, 1000) });
  if (lines.length > MOST_LINES) lines.shift();
  said.set(path, lines);
}

const control = controlled
  ? new Control(
      {
        give: ({ secrets }) => {
          give(secrets ?? {});
          pool.renew();
          webSockets.renew();
        },
        functions: async () => {
          await look(0);
          const found = await listed(functions);
          return { functions: found.map((one) => ({ ...one, said: said.get(one.path) ?? [] })) };
        },
        call: async ({ name, request }) => {
          await look(0);
          return called(functions, pool, String(name), request ?? {});
        },
        enter: (asked) => entered(pool, asked),
        python: (asked) => python?.asked(asked) ?? { calls: [], cancelled: [] },
      },
      (head, body) => python?.answered(head, body),
    )
  : null;
const sockets = new Sockets();

// The app as it is

const shell = BUILT ? null : new Shell();
const components = BUILT ? null : new Components();
const assets = new Map(); // style sheets, by path below the base
let known = filesNow();
let migration = null; // why the last one failed
let last = null; // { version, state, message } that pages have been told

function sheet(name, path) {
  try {
    const contents = readFileSync(path);
    const file = `_app/${name}-${digest(contents)}.css`;
    assets.set(file, contents);
    return `./${file}`;
  } catch {
    return undefined;
  }
}

let layoutBefore = null; // shown while ui.json is no JSON
let building = null;

/** What pages are told of the app; made anew after a change. */
function current() {
  building ??= make().catch((error) => {
    building = null;
    throw error;
  });
  return building;
}

async function make() {
  const { text, layout, problems } = readLayout();
  const drawn = await components.state();
  const found = problems ?? problemsOf(layout);
  // What is no layout at all would break the shell.
  const usable = layout && Array.isArray(layout.pages) && !found.some(({ at }) => /^(?:\/pages(?:\/\d+)?)?(?:\/(?:path|main|top|aside|bottom))?$/.test(at) && at !== '');
  if (usable) layoutBefore = layout;
  const state = {
    layout: usable ? layout : layoutBefore,
    problems: found.map(({ at, message }) => ({ at, message })),
    components: drawn,
    style: sheet('styles', join(ROOT, 'styles.css')),
  };
  const errors = Object.values(drawn).filter((entry) => entry.failure).map(({ path, failure }) => failed(path, failure));
  for (const { message, line, column, at } of placed(text, found).slice(0, 3)) {
    errors.push({ type: 'error', err: { message: `ui.json: ${at ? `${at}: ` : ''}${message}`, id: 'ui.json', loc: line ? { file: 'ui.json', line, column: column - 1 } : undefined } });
  }
  if (migration) errors.push({ type: 'error', err: { message: migration.message, id: migration.file ?? 'migrations', loc: migration.line ? { file: migration.file, line: migration.line, column: 0 } : undefined } });
  const version = digest(JSON.stringify([state, errors]));
  return { version, state, errors };
}

function failed(path, { message, source, frame }) {
  const [, file, line, column] = /^(.*?)(?::(\d+):(\d+))?$/.exec(source) ?? [];
  return { type: 'error', err: { message, id: file ?? path, loc: line ? { file, line: Number(line), column: Number(column) - 1 } : undefined, frame } };
}

// Changes

let looked = 0;
let looking = null;

/** See whether files have changed, and tell the pages of it. */
function look(least = 100) {
  if (BUILT) return Promise.resolve();
  if (looking) return looking;
  if (Date.now() - looked < least) return Promise.resolve();
  looking = compare().finally(() => {
    looked = Date.now();
    looking = null;
  });
  return looking;
}

async function compare() {
  const now = filesNow();
  const changed = [...new Set([...known.keys(), ...now.keys()])].filter((path) => known.get(path) !== now.get(path));
  if (!changed.length) return;
  known = now;
  const within = (...names) => changed.some((path) => names.some((name) => path === name || path.startsWith(`${name}/`)));
  if (within('components', 'lib', 'package.json')) components.changed(now);
  const called = within('functions', 'lib', 'package.json', '.env');
  if (called) functions.changed(now);
  if (called) void webSockets.changed();
  if (within('.env')) {
    pool.renew();
    webSockets.renew();
  }
  if (within('migrations', 'datasets') || (within('ui.json') && settingsNow())) await migrate();
  if (within('functions', 'migrations', 'datasets', 'lib/python')) writeTypes();
  building = null;
  await announce(called || within('migrations', 'datasets', CHANGED));
}

async function announce(data) {
  if (!sockets.open.size) return;
  const { version, state, errors } = await current();
  if (version === last && !data) return;
  last = version;
  sockets.tell({ type: 'update', version, state, data });
  for (const error of errors) sockets.tell(error);
}

setInterval(() => {
  if (sockets.open.size) look(0).catch((error) => console.error(error));
}, LOOK_MS).unref();

function migrate() {
  return new Promise((resolve) => {
    if (!BUILT && !settingsNow() && ![...filesNow().keys()].some((path) => path.startsWith('migrations/'))) return resolve();
    const worker = new Worker(new URL('./migrating.mjs', import.meta.url));
    const over = (failed) => {
      clearTimeout(timer);
      migration = failed ?? null;
      if (failed) console.error(`[${failed.file ?? 'migrations'}] ${failed.message}`);
      void worker.terminate();
      resolve();
    };
    const timer = setTimeout(() => over({ message: `The migrations took longer than ${MIGRATION_SECONDS} seconds.` }), MIGRATION_SECONDS * 1000);
    worker.once('message', ({ applied, failed }) => {
      for (const file of applied ?? []) console.log(`[migrations] applied ${typeof file === 'string' ? file : file.file}`);
      over(failed);
    });
    worker.once('error', (error) => over({ message: error.message }));
  });
}

// Answers

const KINDS = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.mjs': 'text/javascript', '.css': 'text/css', '.json': 'application/json',
  '.svg': 'image/svg+xml', '.png': 'image/png', '.jpg': 'image/jpeg', '.jpeg': 'image/jpeg', '.gif': 'image/gif', '.webp': 'image/webp',
  '.ico': 'image/x-icon', '.woff2': 'font/woff2', '.txt': 'text/plain; charset=utf-8', '.csv': 'text/csv', '.pdf': 'application/pdf',
  '.wasm': 'application/wasm', '.parquet': 'application/vnd.apache.parquet', '.mp4': 'video/mp4', '.mp3': 'audio/mpeg', '.webmanifest': 'application/manifest+json',
};
const SAFE = { 'X-Content-Type-Options': 'nosniff', 'Referrer-Policy': 'strict-origin-when-cross-origin' };
const FOREVER = 'public, max-age=31536000, immutable';

function send(response, status, kind, body, cache = 'no-cache') {
  response.writeHead(status, { ...SAFE, 'Content-Type': kind, 'Cache-Control': cache, 'Content-Length': Buffer.byteLength(body) });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}

/** A file below `folder`; false where there is none. Links are followed as far as they stay inside. */
function sendFile(request, response, folder, path, cache = 'no-cache') {
  let target, status;
  try {
    const root = realpathSync(folder);
    target = realpathSync(join(root, path));
    if (!target.startsWith(root + sep)) return false;
    status = statSync(target);
    if (!status.isFile()) return false;
  } catch {
    return false;
  }
  const tag = `"${status.mtimeMs.toString(36)}-${status.size.toString(36)}"`;
  const headers = { ...SAFE, 'Content-Type': KINDS[extname(target).toLowerCase()] ?? 'application/octet-stream', 'Cache-Control': cache, ETag: tag };
  if (request.headers['if-none-match'] === tag) {
    response.writeHead(304, headers).end();
    return true;
  }
  response.writeHead(200, { ...headers, 'Content-Length': status.size });
  if (request.method === 'HEAD') response.end();
  else createReadStream(target).on('error', () => response.destroy()).pipe(response);
  return true;
}

async function sendPage(response) {
  const [{ state }, { imports }] = await Promise.all([current(), shell.build()]);
  const styles = [{ name: 'shell', href: sheet('shell', join(HERE, 'shell', 'shell.css')) }];
  if (state.style) styles.push({ name: 'app', href: state.style });
  const head = `    <script type="importmap">${JSON.stringify({ imports })}</script>`;
  send(response, 200, 'text/html; charset=utf-8', page({ layout: state.layout, styles, scripts: [`${base}_app/main.js`], head }), 'no-store');
}

/** The page's own script. The components stand in it as imports, for whoever asks for all that a page consists of. */
async function sendMain(response) {
  const [{ version, state }, { imports }] = await Promise.all([current(), shell.build()]);
  const all = Object.values(state.components).map(({ module }) => `import("${base}${module.slice(2)}")`);
  const text =
    `import { start } from "${base}${imports.shell.slice(2)}";\n` +
    `start(${JSON.stringify({ state, version }).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029')});\n// ${all.join(' ')}\n`;
  send(response, 200, 'text/javascript', text, 'no-store');
}

async function answer(request, response) {
  const path = decoded(request.url.split('?')[0]);
  if (path === null || !`${path}/`.startsWith(base)) return send(response, 404, 'text/plain; charset=utf-8', `The app lies below ${base}.`);
  const inside = path.slice(base.length);
  if (inside.startsWith('api/')) return callFunction(request, response, inside.slice(4));
  if (control && inside === '_app/control') return control.answer(request, response);
  if (request.method !== 'GET' && request.method !== 'HEAD') return send(response, 405, 'text/plain; charset=utf-8', 'Only GET is answered here.');
  if (BUILT) {
    const kept = inside.startsWith('assets/') ? FOREVER : 'no-cache';
    if (sendFile(request, response, join(ROOT, 'dist', 'public'), inside || 'index.html', kept)) return;
    return send(response, 404, 'text/plain; charset=utf-8', `There is no ${inside.slice(0, 200)}.`);
  }
  await look();
  if (inside === '' || inside === 'index.html') return sendPage(response);
  if (inside === '_app/main.js') return sendMain(response);
  if (assets.has(inside)) return send(response, 200, 'text/css', assets.get(inside), FOREVER);
  const contents = shell.files.get(inside) ?? components.modules.get(inside);
  if (contents !== undefined) {
    const broken = typeof contents === 'string';
    const kind = inside.endsWith('.css') ? 'text/css' : 'text/javascript';
    return send(response, broken ? 500 : 200, kind, contents, broken ? 'no-store' : FOREVER);
  }
  if (!inside.startsWith('_') && sendFile(request, response, join(ROOT, 'public'), inside)) return;
  send(response, 404, 'text/plain; charset=utf-8', `There is no ${inside.slice(0, 200)}.`);
}

function decoded(path) {
  try {
    const text = decodeURIComponent(path);
    return text.includes('\0') ? null : text;
  } catch {
    return null;
  }
}

// Functions

async function bodyOf(request) {
  const pieces = [];
  let size = 0;
  for await (const piece of request) {
    size += piece.length;
    if (size > LIMITS.body) return null;
    pieces.push(piece);
  }
  if (!size) return undefined;
  const body = new Uint8Array(size); // of its own: its memory goes to the worker
  let at = 0;
  for (const piece of pieces) {
    body.set(piece, at);
    at += piece.length;
  }
  return body;
}

const HOP = new Set(['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'content-length', 'trailer', 'te']);

/** The address that a request came from, by which guesses are counted: "" where a proxy's hides it. With TRUST_PROXY the
 * proxy says it, in the last word of X-Forwarded-For. */
function clientOf(request) {
  if (process.env.TRUST_PROXY) return String(request.headers['x-forwarded-for'] ?? '').split(',').at(-1).trim();
  const address = request.socket.remoteAddress ?? '';
  return /^(?:::ffff:)?127\.|^::1$/.test(address) ? '' : address;
}

/** What a function is told of a request beside its body. */
function headOf(request) {
  const headers = [];
  for (const [key, value] of Object.entries(request.headersDistinct)) if (!HOP.has(key)) for (const one of value) headers.push([key, one]);
  return { url: `http://${request.headers.host ?? 'localhost'}/${request.url.slice(base.length)}`, headers, client: clientOf(request) };
}

async function callFunction(request, response, name) {
  const body = await bodyOf(request);
  if (body === null) return send(response, 413, 'application/json', JSON.stringify({ detail: `A request may have ${LIMITS.body / 1024 / 1024} MB at most.` }));
  await look();
  const sent = { method: request.method, ...headOf(request), body: body ?? null };
  const giveUp = await run(functions, pool, name, sent, {
    head(status, given) {
      if (response.headersSent || response.destroyed) return;
      const all = { ...SAFE, 'cache-control': 'no-store' };
      for (const [key, value] of given) {
        if (HOP.has(key)) continue;
        if (key === 'set-cookie') all[key] = [...(all[key] ?? []), value];
        else all[key] = value;
      }
      try {
        response.writeHead(status, all);
        response.flushHeaders();
      } catch (error) {
        response.writeHead(500, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ detail: `${name} answered with a header that cannot be sent: ${error.message}` }));
      }
    },
    chunk(data) {
      if (response.destroyed || response.writableEnded) return;
      response.write(data);
      if (response.writableLength > 32 * 1024 * 1024) response.destroy(); // whoever reads is too slow, or gone
    },
    end({ error }) {
      if (!error) return response.end();
      if (error.status >= 500) failedWith(name, error, `${request.method} /api/${name.slice(0, 200)}`);
      if (response.destroyed) return undefined;
      if (response.headersSent) return response.destroy(); // in the middle of its answer: whoever reads must not take it for whole
      const { status, message, source, stack } = error;
      if (error.allow) response.setHeader('Allow', error.allow);
      const told = BUILT && status >= 500 ? { detail: 'Something went wrong on the server.' } : { detail: message, source, traceback: stack };
      return send(response, status === 499 ? 500 : status, 'application/json', JSON.stringify(told), 'no-store');
    },
  });
  response.on('close', () => {
    if (!response.writableFinished) giveUp();
  });
}

// The server

const server = createServer({ requestTimeout: 60_000, maxHeaderSize: 32 * 1024 }, (request, response) => {
  answer(request, response).catch((error) => {
    console.error(error);
    if (response.headersSent) response.destroy();
    else send(response, 500, 'application/json', JSON.stringify({ detail: String(error?.message ?? error) }), 'no-store');
  });
});
server.maxConnections = 1000;
server.on('upgrade', (request, socket, head) => {
  socket.on('error', () => socket.destroy());
  const path = decoded(request.url.split('?')[0]) ?? '';
  if (path.startsWith(`${base}api/`)) {
    look()
      .then(() => webSockets.take(request, socket, head, path.slice(`${base}api/`.length), headOf(request)))
      .catch((error) => {
        console.error(error);
        socket.destroy();
      });
    return undefined;
  }
  if (BUILT || request.url.split('?')[0] !== `${base}_app/updates`) return endWith(socket, 'HTTP/1.1 404 Not Found\r\n\r\n');
  look(0)
    .then(current)
    .then(({ version, state, errors }) => {
      last = version;
      sockets.take(request, socket, [{ type: 'connected', version, state }, ...errors]);
    })
    .catch(() => socket.destroy());
});
server.on('clientError', (_, socket) => socket.destroy());

await migrate();
if (!BUILT) {
  writeTypes();
  void shell.build().catch((error) => console.error(error.message));
  void current().catch((error) => console.error(error.message));
}
server.listen(Number(port), host, () => console.log(`The app is at http://${host}:${port}${base}`));

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    await Promise.allSettled([pool.close(), functions.close()]);
    process.exit(0);
  });
}
