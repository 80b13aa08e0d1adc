// The app's functions: compiled by esbuild, run in a pool of warm worker threads, with limits of time and memory.
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';

import { FUNCTION as AUTH, Gate } from './accounts.mjs';
import { settingsNow } from './accountsettings.mjs';
import { BUILT, failure, filesNow, functionFiles, packageOf, ROOT } from './app.mjs';
import { nearest } from './nearest.mjs';
import { NOT_HERE } from './python.mjs';
import { queryFiles } from './queries.mjs';
import { environment, masked, MaskedBytes } from './secrets.mjs';

const number = (name, usual) => Number(process.env[name]) || usual;
/** Limits of one call, and of all together. */
export const LIMITS = {
  seconds: number('APPBUILDER_FUNCTION_SECONDS', 30), // until it answers
  streamSeconds: 600, // until a streamed answer ends
  waitSeconds: number('APPBUILDER_FUNCTION_WAIT_SECONDS', 10), // for a worker
  heapMb: number('APPBUILDER_FUNCTION_HEAP_MB', 256),
  memoryMb: number('APPBUILDER_FUNCTION_MEMORY_MB', 512), // that the process has grown by: a worker's limit does not count Buffers
  body: 10 * 1024 * 1024,
  waiting: 1000,
};
const WARM = Math.min(4, Math.max(2, availableParallelism()));
const MOST_WORKERS = 16;
const GROW_MS = 50;
const IDLE_MS = 30_000;
const BANNER =
  `import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(${JSON.stringify(join(ROOT, 'package.json'))});`;

/** How functions are compiled, for one call and for a build alike. */
export function compilation(path) {
  return {
    entryPoints: [path],
    absWorkingDir: ROOT,
    bundle: true,
    write: false,
    outdir: join(ROOT, '.app', 'functions'),
    outExtension: { '.js': '.mjs' },
    platform: 'node',
    format: 'esm',
    target: 'node24',
    metafile: true,
    sourcesContent: false,
    legalComments: 'none',
    logLevel: 'silent',
    banner: { js: BANNER },
    plugins: [queryFiles],
  };
}

/** The compiled functions. `changed()` after a change of any source. */
export class Functions {
  constructor() {
    this.folder = '';
    this.contexts = new Map(); // path -> esbuild's context
    this.compiled = new Map(); // path -> { url, exports, version } or { failure, version }
    this.version = 0;
    this.files = functionFiles();
  }

  changed(files = filesNow()) {
    this.version += 1;
    this.files = functionFiles(files);
    for (const [path, context] of this.contexts) {
      if ([...this.files.values()].includes(path)) continue;
      this.contexts.delete(path);
      this.compiled.delete(path);
      void context.dispose();
    }
  }

  names() {
    return [...this.files.keys()];
  }

  /** `{ url, exports }` of a function as it is now, or `{ failure }`; undefined where there is none of that name. */
  async find(name) {
    const path = this.files.get(name);
    if (!path) return undefined;
    const known = this.compiled.get(path);
    if (known?.version === this.version) return known.ready;
    const entry = { version: this.version, ready: this.compile(path) };
    this.compiled.set(path, entry);
    return entry.ready;
  }

  async compile(path) {
    try {
      let context = this.contexts.get(path);
      if (!context) {
        const { nodePaths, ...options } = compilation(path);
        this.folder ||= mkdtempSync(join(tmpdir(), 'appbuilder-functions-'));
        context = await packageOf('esbuild').context({ ...options, outdir: this.folder, sourcemap: 'inline' });
        this.contexts.set(path, context);
      }
      const built = await context.rebuild();
      const [file] = built.outputFiles;
      const hash = createHash('sha256').update(file.contents).digest('hex').slice(0, 16);
      const target = file.path.replace(/\.mjs$/, `-${hash}.mjs`);
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, file.contents);
      const [output] = Object.values(built.metafile.outputs);
      return { path, url: pathToFileURL(target).href, exports: output.exports };
    } catch (error) {
      return { path, failure: failure(error, path) };
    }
  }

  async close() {
    await Promise.allSettled([...this.contexts.values()].map((context) => context.dispose()));
    this.contexts.clear();
    if (this.folder) rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The functions that a build made. */
export class BuiltFunctions {
  constructor(folder = join(ROOT, 'dist', 'functions')) {
    this.listed = new Map(Object.entries(JSON.parse(readFileSync(join(folder, 'functions.json'), 'utf8'))));
    this.folder = folder;
  }

  changed() {}

  names() {
    return [...this.listed.keys()];
  }

  async find(name) {
    const found = this.listed.get(name);
    return found && { path: found.path, url: pathToFileURL(join(this.folder, found.file)).href, exports: found.exports };
  }

  async close() {}
}

/** A thread for functions of the app, held to their limits; `more` is what it is given besides. */
export function thread(more = {}) {
  return new Worker(new URL('./worker.mjs', import.meta.url), {
    workerData: { env: environment(), seconds: LIMITS.seconds, ...more },
    resourceLimits: { maxOldGenerationSizeMb: LIMITS.heapMb, maxYoungGenerationSizeMb: 32, stackSizeMb: 4 },
  });
}

/**
 * Worker threads that run one call each at a time, so that one which has to be ended takes no other call with it.
 * `onLog(path, level, text)` is told what functions say. `python` carries their calls of the notebook.
 */
export class Pool {
  constructor({ warm = WARM, most = MOST_WORKERS, onLog = () => {}, python = null } = {}) {
    Object.assign(this, { warm, most, onLog, python, workers: new Set(), idle: [], waiting: [], closed: false, watch: null, growing: null, shrinking: null });
    for (let count = 0; count < warm; count++) this.start();
  }

  start() {
    const worker = thread();
    const member = { worker, call: null, since: 0, stale: false, asked: new Map() };
    worker.on('message', (message) => this.heard(member, message));
    worker.on('error', (error) => this.ended(member, error));
    worker.on('exit', () => this.ended(member, null));
    worker.unref();
    this.workers.add(member);
    this.idle.push(member);
    return member;
  }

  /**
   * Run one call. `answer` is told of it in pieces: `head(status, headers)`, `chunk(bytes)`, `end({ error, changes, ms })`.
   * Returns a function that gives the call up.
   */
  call(job, answer) {
    const call = { job, answer, began: false, done: false, timer: null, bytes: new MaskedBytes() };
    if (this.waiting.length >= LIMITS.waiting) {
      this.finish(call, { status: 503, message: 'Too many calls are waiting for the app\'s functions.' });
      return () => {};
    }
    call.timer = setTimeout(() => {
      this.waiting = this.waiting.filter((one) => one !== call);
      this.finish(call, { status: 503, message: `All of the app's functions were busy for ${LIMITS.waitSeconds} seconds.` });
    }, LIMITS.waitSeconds * 1000);
    this.waiting.push(call);
    this.next();
    return () => this.give_up(call);
  }

  give_up(call) {
    if (call.done) return;
    this.waiting = this.waiting.filter((one) => one !== call);
    this.finish(call, null);
    if (call.member) this.retire(call.member);
  }

  next() {
    while (this.waiting.length && !this.closed) {
      const member = this.idle.pop();
      if (!member) return this.grow();
      const call = this.waiting.shift();
      clearTimeout(call.timer);
      Object.assign(member, { call, since: Date.now() });
      call.member = member;
      member.worker.ref();
      call.timer = setTimeout(() => this.overdue(call), LIMITS.seconds * 1000);
      this.guard();
      const { body } = call.job;
      member.worker.postMessage(call.job, body ? [body.buffer] : []);
    }
  }

  /** One worker more, if a call still waits in a moment: quick functions are done sooner with few. */
  grow() {
    if (this.growing || this.workers.size >= this.most) return;
    this.growing = setTimeout(() => {
      this.growing = null;
      if (!this.waiting.length || this.workers.size >= this.most || this.closed) return;
      this.start();
      this.next();
    }, GROW_MS);
  }

  /** End what has had nothing to do for a while. */
  shrink() {
    clearTimeout(this.shrinking);
    this.shrinking = setTimeout(() => {
      while (this.idle.length && this.workers.size > this.warm) this.retire(this.idle[0]);
    }, IDLE_MS);
    this.shrinking.unref();
  }

  overdue(call) {
    const said = call.began ? `had not ended its answer after ${LIMITS.streamSeconds}` : `did not answer within ${LIMITS.seconds}`;
    this.finish(call, { status: 504, message: `${call.job.path} ${said} seconds and was ended.`, source: call.job.path });
    this.retire(call.member);
  }

  heard(member, message) {
    const { call } = member;
    if (message.type === 'log') {
      const text = masked(message.text);
      this.onLog(message.path, message.level, text);
      call?.answer.log?.({ level: message.level, text });
      return;
    }
    if (message.type === 'broken') {
      if (call) this.finish(call, { status: 500, ...maskedError(message.error) });
      this.retire(member);
      return;
    }
    if (!call || call.done) return;
    if (message.type === 'python') return this.ask(member, message);
    if (message.type === 'head') {
      call.began = true;
      clearTimeout(call.timer);
      call.timer = setTimeout(() => this.overdue(call), LIMITS.streamSeconds * 1000);
      call.answer.head(message.status, maskedHeaders(message.headers));
    } else if (message.type === 'chunk') {
      this.pass(call, message.data);
    } else if (message.type === 'end') {
      clearTimeout(call.timer);
      call.done = true;
      if (!call.began && !message.error) call.answer.head(message.status, maskedHeaders(message.headers));
      if (message.body) this.pass(call, message.body);
      const rest = call.bytes.rest();
      if (rest) call.answer.chunk(rest);
      const error = message.error && { status: 500, ...maskedError(message.error) };
      call.answer.end({ error, changes: message.changes, ms: message.ms, missing: message.missing });
      this.leave(member);
      member.call = null;
      if (message.dirty || member.stale) this.retire(member);
      else {
        if (this.workers.size > this.warm) this.shrink();
        member.worker.unref();
        this.idle.push(member);
        this.next();
      }
    }
  }

  /** A call of the notebook, or, without a name, that nobody waits for one any more. */
  ask(member, { id, name, given }) {
    if (name === undefined) {
      member.asked.get(id)?.();
      member.asked.delete(id);
      return;
    }
    const answer = ({ status, form, body }) => {
      member.asked.delete(id);
      const bytes = Uint8Array.from(body); // of its own: its memory goes to the worker
      member.worker.postMessage({ python: id, status, form, body: bytes }, [bytes.buffer]);
    };
    if (!this.python) return answer(NOT_HERE);
    member.asked.set(id, () => {});
    const cancel = this.python.call(name, String(given), answer);
    if (member.asked.has(id)) member.asked.set(id, cancel);
  }

  /** What a call that has ended asked of the notebook has nobody who waits for it. */
  leave(member) {
    for (const cancel of member.asked.values()) cancel();
    member.asked.clear();
  }

  /** A piece of an answer, without secrets. */
  pass(call, piece) {
    const shown = call.bytes.feed(piece);
    if (shown.length) call.answer.chunk(shown);
  }

  ended(member, error) {
    if (!this.workers.delete(member)) return;
    this.leave(member);
    this.idle = this.idle.filter((one) => one !== member);
    if (member.call) {
      const heap = error?.code === 'ERR_WORKER_OUT_OF_MEMORY';
      const path = member.call.job.path;
      const message = heap
        ? `${path} needed more memory than the ${LIMITS.heapMb} MB that a function may have, and was ended.`
        : error
          ? `${path}: ${masked(error.message)}`
          : `${path} ended its own process (process.exit), in place of answering.`;
      this.finish(member.call, { status: 500, message, source: path });
    }
    if (!this.closed) {
      while (this.workers.size < this.warm) this.start();
      this.next();
    }
  }

  /** End a worker; a fresh one takes its place. */
  retire(member) {
    if (member.call) this.finish(member.call, null);
    this.leave(member);
    member.call = null;
    this.idle = this.idle.filter((one) => one !== member);
    this.workers.delete(member);
    void member.worker.terminate();
    if (!this.closed) {
      while (this.workers.size < this.warm) this.start();
      this.next();
    }
  }

  finish(call, error) {
    if (call.done) return;
    call.done = true;
    clearTimeout(call.timer);
    if (error) call.answer.end({ error, changes: [], ms: 0 });
    else call.answer.end({ error: { status: 499, message: 'The call was given up.' }, changes: [], ms: 0 });
  }

  /** While calls run: whoever has run longest ends when the process has grown too much. */
  guard() {
    if (this.watch) return;
    this.before ??= process.memoryUsage.rss();
    this.watch = setInterval(() => {
      const busy = [...this.workers].filter((member) => member.call);
      if (!busy.length) {
        clearInterval(this.watch);
        this.watch = null;
        return;
      }
      if (process.memoryUsage.rss() - this.before < LIMITS.memoryMb * 1024 * 1024) return;
      const longest = busy.reduce((one, other) => (other.since < one.since ? other : one));
      const { path } = longest.call.job;
      const message = `The app's functions needed more than ${LIMITS.memoryMb} MB of memory: ${path} was ended.`;
      this.finish(longest.call, { status: 500, message, source: path });
      this.retire(longest);
      this.renew(); // what earlier calls left behind may be what there is too much of
    }, 50);
    this.watch.unref();
  }

  /** Fresh workers, e.g. after a change of what functions are given as `env`; calls that run go on to their ends. */
  renew() {
    for (const member of this.workers) member.stale = true;
    for (const member of [...this.idle]) this.retire(member);
  }

  async close() {
    this.closed = true;
    clearInterval(this.watch);
    clearTimeout(this.growing);
    clearTimeout(this.shrinking);
    await Promise.allSettled([...this.workers].map((member) => member.worker.terminate()));
  }
}

function maskedError(error) {
  return { ...error, message: masked(error.message), stack: masked(error.stack) };
}

function maskedHeaders(headers) {
  return headers.map(([name, value]) => [name, masked(value)]);
}

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'];

/**
 * Find the function for `name` and run it in `pool`; `answer` is told, errors included. What the name does not match
 * whole may be the rest of a path for a function that takes it all (a Hono app): `todos/7` is answered by `todos`.
 */
export async function run(functions, pool, name, request, answer) {
  const parts = name.split('/').filter(Boolean);
  const accounts = settingsNow();
  if (parts[0] === AUTH && accounts) return logsIn(pool, parts, { ...request, accounts }, answer);
  let found;
  let took = '';
  for (let length = parts.length; length > 0 && !found; length--) {
    took = parts.slice(0, length).join('/');
    found = await functions.find(took);
  }
  if (!found) {
    const known = functions.names();
    const near = nearest(name, known);
    const message = `There is no function ${name}.${near ? ` Did you mean ${near}?` : ''}`;
    answer.end({ error: { status: 404, message, known }, changes: [], ms: 0 });
    return () => {};
  }
  if (found.failure) {
    const { message, source, frame } = found.failure;
    answer.end({ error: { status: 500, message: `${found.path} could not be compiled: ${message}`, source, stack: frame }, changes: [], ms: 0 });
    return () => {};
  }
  const taken = METHODS.filter((method) => found.exports.includes(method));
  if (!taken.length && !found.exports.includes('default') && found.exports.includes('socket')) {
    answer.end({ error: { status: 426, message: `${found.path} takes WebSockets alone: useSocket(${JSON.stringify(took)}, …) of "app" opens one.` }, changes: [], ms: 0 });
    return () => {};
  }
  if (taken.length && !found.exports.includes('default') && !taken.includes(request.method) && !(request.method === 'HEAD' && taken.includes('GET'))) {
    const message = `${found.path} answers ${taken.join(', ')}, not ${request.method}.`;
    answer.end({ error: { status: 405, message, allow: taken.join(', ') }, changes: [], ms: 0 });
    return () => {};
  }
  const job = { name: took, rest: parts.length > took.split('/').length, path: found.path, code: found.url, accounts, ...request };
  return pool.call(job, answer);
}

const gate = new Gate();

/** A call of the runtime's own function. */
const ofAccounts = (request, rest = true) => ({ name: AUTH, rest, path: 'accounts', code: null, ...request });

/** Logs in whoever a JupyterHub says this is, where the app knows people so: `{ cookie }`, or nothing if they are in. */
export function entered(pool, { name, cookie }) {
  const accounts = settingsNow();
  if (accounts?.by !== 'hub' || typeof name !== 'string' || !name || name.length > 254) return {};
  const headers = typeof cookie === 'string' && cookie ? [['cookie', cookie]] : [];
  const job = ofAccounts({ accounts, enter: name, method: 'POST', url: `http://localhost/api/${AUTH}/enter`, headers, body: null });
  return new Promise((resolve, reject) => {
    let given;
    pool.call(job, {
      head: (_, sent) => (given = sent.find(([key]) => key === 'set-cookie')?.[1]),
      chunk: () => {},
      end: ({ error }) => (error ? reject(new Error(error.message)) : resolve(given ? { cookie: given } : {})),
    });
  });
}

/** Few at once, where a password is worked on. */
async function logsIn(pool, parts, request, answer) {
  const job = ofAccounts(request, parts.length > 1);
  if (request.method !== 'POST') return pool.call(job, answer);
  if (!(await gate.enter())) {
    answer.end({ error: { status: 503, message: 'Too many people are logging in. Try again in a moment.' }, changes: [], ms: 0 });
    return () => {};
  }
  return pool.call(job, {
    ...answer,
    end(ended) {
      gate.leave();
      answer.end(ended);
    },
  });
}

const MOST_TOLD = 256 * 1024; // bytes of a body
const MOST_LOGS = 200;

/**
 * Run one function once, in a worker of its own, without any server:
 * `{ status, headers, body, logs: [{ level, text }], ms, error?: { message, stack, source }, changes, missing }`.
 * `body` is what it answered, as text; a body to send may be text or anything that JSON takes. `as`: the name of whoever
 * it takes to be logged in. `missing`: names that it asked `env` for in vain.
 */
export async function callOnce(name, request) {
  const functions = BUILT ? new BuiltFunctions() : new Functions();
  const pool = new Pool({ warm: 1, most: 1 });
  try {
    return await called(functions, pool, name, request);
  } finally {
    await pool.close();
    await functions.close();
  }
}

/** The same, of functions and in a pool that are there already. */
export async function called(functions, pool, name, { method = 'GET', path = '', query = {}, headers = {}, body, as } = {}) {
  const logs = [];
  const said = [];
  let size = 0;
  const result = { status: 0, headers: {}, body: '', logs, ms: 0, changes: [], missing: [] };
  const sent = body === undefined || body === null ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
  const all = Object.fromEntries(Object.entries(headers).map(([key, value]) => [key.toLowerCase(), String(value)]));
  if (sent !== undefined && !all['content-type']) all['content-type'] = typeof body === 'string' ? 'text/plain' : 'application/json';
  const search = new URLSearchParams(query).toString();
  const address = `http://localhost/api/${name}${path ? `/${String(path).replace(/^\//, '')}` : ''}${search ? `?${search}` : ''}`;
  await new Promise((resolve, reject) => {
    run(
      functions,
      pool,
      path ? `${name}/${path}` : name,
      { method: method.toUpperCase(), url: address, headers: Object.entries(all), body: sent === undefined ? null : new Uint8Array(Buffer.from(sent)), ...(as ? { as: String(as) } : {}) },
      {
        log: (entry) => logs.length < MOST_LOGS && logs.push(entry),
        head: (status, sent_headers) => Object.assign(result, { status, headers: Object.fromEntries(sent_headers) }),
        chunk: (data) => {
          size += data.length;
          if (size <= MOST_TOLD) said.push(Buffer.from(data));
        },
        end: ({ error, changes, ms, missing }) => {
          Object.assign(result, { changes: changes ?? [], ms, missing: missing ?? [] });
          if (error) {
            const { status, message, stack, source } = error;
            Object.assign(result, { status, error: { message, stack, source } });
          }
          resolve();
        },
      },
    ).catch(reject);
  });
  result.body = Buffer.concat(said).toString('utf8');
  if (size > MOST_TOLD) result.body += `\n… ${size} bytes in all`;
  return result;
}

/** The functions there are: `{ name, path, methods, failure? }`; no methods stands for all of them. One that takes
 * WebSockets alone is asked by GET, as a WebSocket begins. */
export async function listed(functions) {
  return Promise.all(
    functions.names().map(async (name) => {
      const { path, exports = [], failure } = await functions.find(name);
      const every = exports.includes('default');
      const methods = METHODS.filter((method) => exports.includes(method));
      if (!methods.length && exports.includes('socket')) methods.push('GET');
      return { name, path, methods: every ? [] : methods, failure: failure?.message };
    }),
  );
}

// node functions.mjs compile NAME: one line of JSON, `{ exports }` or `{ failure }`
if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href && process.argv[2] === 'compile') {
  const functions = new Functions();
  const found = await functions.find(process.argv[3]);
  await functions.close();
  console.log(JSON.stringify(found ?? { failure: { message: `There is no function ${process.argv[3]}.`, source: '', frame: '' } }));
}
