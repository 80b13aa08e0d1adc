// Runs the app's functions, one call at a time, or the WebSockets of one function, in a thread of its own.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import { parentPort, workerData } from 'node:worker_threads';

import { Accounts, answer as logIn, authOf, withoutSession } from './accounts.mjs';
import { Connections } from './connections.mjs';
import { POSTGRES } from './kind.mjs';
import { nearest } from './nearest.mjs';
import { valueOf } from './queries.mjs';

process.setSourceMapsEnabled(true);
Error.stackTraceLimit = 30;

const require = createRequire(import.meta.url);
const ROOT = process.cwd();
const SETTING = /^[A-Z][A-Z0-9_]*$/;
const missing = new Set(); // names that the running call asked `env` for in vain
const env = new Proxy(Object.freeze({ ...workerData.env }), {
  get(settings, name) {
    if (typeof name === 'string' && !(name in settings) && SETTING.test(name) && missing.size < 100) missing.add(name);
    return settings[name];
  },
});
const MOST_LOG = 4000; // characters of an entry
const MOST_LOGS = 1000; // of a call
const MOST_STACK = 4000;
const MOST_HANDLES = 64; // sockets, timers and files that a call may leave open

let current = null; // the call that runs
let logged = 0;

// What functions say

function say(level, values) {
  if (!current || ++logged > MOST_LOGS) return;
  const text = values.map((value) => (typeof value === 'string' ? value : inspect(value, { depth: 4, breakLength: 120 }))).join(' ');
  parentPort.postMessage({ type: 'log', path: current.path, level, text: text.slice(0, MOST_LOG) });
}

const log = Object.freeze({
  debug: (...values) => say('debug', values),
  info: (...values) => say('info', values),
  warn: (...values) => say('warn', values),
  error: (...values) => say('error', values),
});
Object.assign(console, { log: log.info, info: log.info, debug: log.debug, warn: log.warn, error: log.error, trace: log.debug });

// Errors, in the app's own lines

function told(thrown) {
  const error = thrown instanceof Error ? thrown : null;
  const path = current?.path;
  if (!error) {
    let shown;
    try {
      shown = inspect(thrown, { depth: 2 }).slice(0, 500);
    } catch {
      shown = 'a value that cannot be shown';
    }
    return { message: `It threw ${shown}, which is no Error.`, stack: '', source: path };
  }
  let stack = '';
  try {
    stack = String(error.stack ?? '');
  } catch {
    // a getter that throws
  }
  const frames = stack.split('\n').filter((line) => /^\s+at /.test(line));
  const own = frames
    .map((line) => line.replaceAll('file://', '').replaceAll(`${ROOT}/`, ''))
    .filter((line) => /(?:\(|at (?:async )?)(?:functions|lib)\//.test(line) && !line.includes('node_modules/'));
  const place = /((?:functions|lib)\/[^():]+:\d+:\d+)\)?$/.exec(own[0] ?? '')?.[1];
  const name = typeof error.name === 'string' ? error.name : 'Error';
  const lacking = missing.size ? ` (${[...missing].map((one) => `env.${one}`).join(', ')} is not set.)` : '';
  const message = String(error.message ?? '').slice(0, 2000) + lacking;
  const head = message ? `${name}: ${message}` : name;
  const at = { stack: [head, ...own].join('\n').slice(0, MOST_STACK), source: place ?? path };
  if (!(error instanceof PythonError)) return { message: head, ...at };
  return { status: [422, 503, 504].includes(error.status) ? error.status : 500, message, ...at };
}

process.on('uncaughtException', (error) => parentPort.postMessage({ type: 'broken', error: told(error) }));
process.on('unhandledRejection', (error) => {
  if (current) parentPort.postMessage({ type: 'broken', error: told(error) });
});

// The database, opened when a function first asks for it

let database = null;

function opened() {
  if (database) return database;
  const module = require(POSTGRES ? './postgres/database.mjs' : './database.mjs');
  const connection = module.open({});
  database = { module, connection, handle: module.handle(connection), recording: module.startRecording(connection) };
  return database;
}

let kept = null;

/** The app's accounts, on a connection of their own: what functions ask never runs on it. */
function accounts() {
  kept ??= new Accounts(POSTGRES ? require('./postgres/accounts.mjs').faced(require('./postgres/database.mjs').open({})) : require('./database.mjs').open({}));
  return kept;
}

/** What the call that has just ended changed in the database. */
function changes(path) {
  return database ? database.module.recordChanges(database.connection, database.recording, path) : [];
}

// Calls

const safe = (key, value) =>
  typeof value === 'bigint' ? (value >= -9007199254740991n && value <= 9007199254740991n ? Number(value) : String(value)) : value;

const loaded = new Map(); // by address: a changed function has another one

async function load(code) {
  if (!loaded.has(code)) {
    if (loaded.size > 200) loaded.clear();
    loaded.set(code, import(code));
  }
  try {
    return await loaded.get(code);
  } catch (error) {
    loaded.delete(code);
    throw error;
  }
}

function handler(module, method) {
  const found = module[method] ?? (method === 'HEAD' ? module.GET : undefined) ?? module.default;
  if (typeof found === 'function') return found;
  if (typeof found?.sql === 'string') return (request, { auth }) => queried(found, request, auth);
  if (typeof found?.fetch === 'function') return (request, context) => found.fetch(request, context); // a Hono app
  throw new TypeError('It exports no function: write `export default async (request, { db }) => …`.');
}

/** The answer to a parameter of the address that a query does not have. */
function unknown(name, known) {
  const near = nearest(name, known);
  const there = near ? `Did you mean ${near}?` : known.length ? `It takes ${known.join(', ')}.` : 'It takes none.';
  return Response.json({ detail: `There is no parameter ${name.slice(0, 80)}. ${there}` }, { status: 400 });
}

/** The rows of a query, functions/NAME.sql. It only reads, whatever its text says. */
function queried({ sql, parameters }, request, auth) {
  const given = new URL(request.url).searchParams;
  const known = parameters.filter((name) => name !== 'user');
  const other = [...given.keys()].find((name) => !known.includes(name));
  if (other !== undefined) throw unknown(other, known);
  const values = Object.fromEntries(parameters.map((name) => [name, name === 'user' ? auth.need().id : valueOf(given.get(name))]));
  const { module, connection, handle } = opened();
  return module.onlyReading(connection, () => handle.all(sql, ...(parameters.length ? [values] : [])));
}

// Functions of the person's notebook

/** Why a call of the notebook came to nothing, in words for people. A function that does not catch it answers so. */
class PythonError extends Error {
  constructor(message, reason, status) {
    super(message);
    this.name = 'PythonError';
    this.reason = reason;
    this.status = status;
  }

  /** Whether the same call may work later. */
  get passing() {
    return this.status === 503;
  }
}

const MOST_ASKED = 64; // that wait for an answer; the server carries fewer at a time
const asked = new Map(); // by number, what waits for an answer
let asking = 0;

function python(name, given = {}, { signal } = {}) {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    if (!current) throw new PythonError('The function has ended: await what it asks of the notebook.', 'ended', 500);
    if (asked.size >= MOST_ASKED) throw new PythonError('Too many calls of the notebook at once. Ask again in a moment.', 'busy', 503);
    const text = JSON.stringify(given, safe);
    const id = ++asking;
    const aborted = () => {
      if (!asked.delete(id)) return;
      parentPort.postMessage({ type: 'python', id });
      reject(signal.reason);
    };
    asked.set(id, (answer) => {
      signal?.removeEventListener('abort', aborted);
      returned(answer).then(resolve, reject);
    });
    signal?.addEventListener('abort', aborted);
    parentPort.postMessage({ type: 'python', id, name: String(name), given: text ?? 'null' });
  });
}

/** What a call gave: a value, or rows by what reads the app's datasets. Throws a `PythonError`. */
async function returned({ status, form, body }) {
  if (status === 200 && form === 'parquet') {
    const { readTable } = await import(pathToFileURL(join(ROOT, 'lib', 'datasets', 'parquet-reader.js')).href);
    return (await readTable(body.buffer)).rows;
  }
  const told = JSON.parse(Buffer.from(body).toString('utf8'));
  if ('value' in told) return told.value;
  const { message, hint, reason } = told.error;
  throw new PythonError(`${message} ${hint ?? ''}`.trim(), reason, status);
}

/** `more`: what a WebSocket's function is given besides. */
const contextOf = (auth, more = null) =>
  Object.freeze({
    ...more,
    get db() {
      return more ? shared(opened().handle) : opened().handle;
    },
    auth,
    env,
    log,
    python,
  });

/** Whoever is told so has to be logged in. */
function admit(module, path, auth) {
  const { access = 'everyone' } = module;
  if (access === 'user') auth.need();
  else if (access !== 'everyone') throw new TypeError(`${path} says access = ${JSON.stringify(access)}: it is "user" or "everyone".`);
}

/** Whatever a function returned, as status, headers and a body or a stream. */
function answer(value) {
  if (value instanceof Response) return value;
  if (value === undefined) return new Response(null, { status: 204 });
  const body = JSON.stringify(value, safe);
  if (body === undefined) throw new TypeError('It returned what is no JSON: a function, or a symbol.');
  return { status: 200, headers: [['content-type', 'application/json']], text: body };
}

const encoder = new TextEncoder();

async function work(job, end) {
  const bodied = job.body && job.method !== 'GET' && job.method !== 'HEAD';
  const asked = (headers, body) => new Request(job.url, { method: job.method, headers, body });
  let value;
  try {
    if (job.enter !== undefined) value = accounts().enter(asked(job.headers), job.enter);
    else if (job.code === null) value = await logIn(asked(job.headers, bodied ? job.body : undefined), accounts(), job.accounts, job.client ?? '');
    else {
      const auth = authOf(() => asked(job.headers), job.accounts, accounts, job.as);
      const module = await load(job.code);
      admit(module, job.path, auth);
      const request = asked(job.accounts ? withoutSession(job.headers) : job.headers, bodied ? job.body : undefined);
      value = await handler(module, job.method)(request, contextOf(auth));
    }
  } catch (thrown) {
    if (!(thrown instanceof Response)) throw thrown;
    value = thrown;
  }
  const response = answer(value);
  const { status } = response;
  if (!(response instanceof Response)) {
    const body = encoder.encode(response.text);
    end({ status, headers: response.headers, body }, [body.buffer]);
    return;
  }
  const headers = [...response.headers];
  if (!response.body || job.method === 'HEAD') {
    end({ status, headers });
    return;
  }
  const reader = response.body.getReader();
  const first = await reader.read();
  let next = first.done ? null : reader.read();
  const ended = first.done || (await Promise.race([next, new Promise((resolve) => setImmediate(resolve, null))]))?.done;
  if (ended) {
    end({ status, headers, body: first.done ? undefined : bytes(first.value) });
    return;
  }
  // It goes on: each piece is sent as it comes.
  parentPort.postMessage({ type: 'head', status, headers });
  for (let piece = first; !piece.done; piece = await next, next = piece.done ? null : reader.read()) {
    parentPort.postMessage({ type: 'chunk', data: bytes(piece.value) });
  }
  end({ status, headers });
}

function bytes(value) {
  return typeof value === 'string' ? encoder.encode(value) : value;
}

// WebSockets: this thread has nothing but those of one function then

/** The database of all of them: a transaction that waits would have the others' changes in it. */
function shared(handle) {
  const transaction = (work) =>
    handle.transaction((db) => {
      const result = work(db);
      if (typeof result?.then === 'function') throw new TypeError('In a function for WebSockets a transaction must not wait: give it a function that is not async.');
      return result;
    });
  return { ...handle, transaction };
}

const connections = new Connections({
  async admitted(job) {
    const headersOnly = (headers) => new Request(job.url, { headers });
    const auth = authOf(() => headersOnly(job.headers), job.accounts, accounts);
    const module = await load(job.code);
    admit(module, job.path, auth);
    const request = headersOnly(job.accounts ? withoutSession(job.headers) : job.headers);
    return { begin: module.socket, context: contextOf(auth, { request }) };
  },
  enter(path) {
    current ??= { path };
    logged = 0;
    missing.clear();
  },
  left() {
    try {
      changes(current.path);
    } catch (error) {
      say('warn', [`What it changed in the database could not be recorded: ${error.message}`]);
    }
  },
  told,
  safe,
  seconds: workerData.seconds,
});

parentPort.on('message', async (job) => {
  if (job.python) {
    const heard = asked.get(job.python);
    asked.delete(job.python);
    heard?.(job);
    return;
  }
  if (job.socket) {
    connections.heard(job);
    return;
  }
  current = job;
  asked.clear();
  logged = 0;
  missing.clear();
  const began = performance.now();
  const end = (more, transfer = []) => {
    let changed = [];
    try {
      changed = changes(job.path);
    } catch (error) {
      say('warn', [`What it changed in the database could not be recorded: ${error.message}`]);
    }
    const dirty = process.getActiveResourcesInfo().length > MOST_HANDLES;
    current = null;
    parentPort.postMessage({ type: 'end', changes: changed, ms: performance.now() - began, dirty, missing: [...missing], ...more }, transfer);
  };
  try {
    await work(job, end);
  } catch (error) {
    if (current) end({ error: told(error) });
  }
});
