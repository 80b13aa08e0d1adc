// The WebSockets that pages open to functions. Those of one function are in a worker thread of their own, beside the
// workers that answer calls: what the function keeps for them is shared, and what ends it takes nothing else with it.
import { isFromElsewhere } from './accounts.mjs';
import { settingsNow } from './accountsettings.mjs';
import { BUILT, packageOf } from './app.mjs';
import { LIMITS, thread } from './functions.mjs';
import { nearest } from './nearest.mjs';
import { masked, MaskedBytes } from './secrets.mjs';

const MOST = 100; // open at a time
const MOST_THREADS = 8; // functions whose sockets are open at a time
const LONGEST = 1024 * 1024; // bytes of a message
const MOST_AHEAD = 4 * 1024 * 1024; // bytes of messages of one socket that the function has not taken yet
const MOST_AHEAD_ALL = 32 * 1024 * 1024; // of all of a function's sockets, which share it; a message more of each
const OVERHEAD = 512; // bytes that a message takes beside its own
const MOST_UNREAD = 8 * 1024 * 1024; // bytes that a page has not read yet
const LOOK_MS = 1000; // between two looks at each worker
const PING_LOOKS = 30; // looks between two pings: a page that is gone without a word is let go of
const IDLE_LOOKS = 30; // looks for which a worker without a socket is kept
const LONGEST_REASON = 123; // bytes, by RFC 6455
const RESTART = 1012;
const ERROR = 1011;
const HIDDEN = 'Something went wrong on the server.';

export class WebSockets {
  #server = null; // of the package ws
  #threads = new Map(); // by the function's name
  #count = 0;
  #ids = 0;
  #watch = null;

  /** `pool` carries the functions' calls of the notebook; `onLog(path, level, text)` and `onError(name, error)` are told. */
  constructor({ functions, pool, onLog, onError }) {
    Object.assign(this, { functions, pool, onLog, onError });
  }

  /** Take an upgrade for the function `name`; `sent`: its url, headers and where it came from, as for a call. */
  async take(request, socket, head, name, sent) {
    if (socket.destroyed) return undefined;
    if (isFromElsewhere(new Headers(sent.headers))) return refuse(socket, 403, 'This was sent by another site.');
    if (this.#count >= MOST) return refuse(socket, 503, `${MOST} WebSockets are open, which is the most.`);
    this.#count += 1;
    socket.once('close', () => (this.#count -= 1));
    const found = await this.functions.find(name);
    if (socket.destroyed) return undefined; // meanwhile
    if (!found) {
      const near = nearest(name, this.functions.names());
      return refuse(socket, 404, `There is no function ${name.slice(0, 200)}.${near ? ` Did you mean ${near}?` : ''}`);
    }
    if (found.failure) return refuse(socket, 500, `${found.path} could not be compiled: ${found.failure.message} (${found.failure.source})`);
    if (!found.exports.includes('socket')) return refuse(socket, 400, `${found.path} takes no WebSockets: it exports no function socket.`);
    try {
      this.#server ??= new (packageOf('ws').WebSocketServer)({ noServer: true, maxPayload: LONGEST, perMessageDeflate: false, clientTracking: false });
    } catch {
      return refuse(socket, 501, 'WebSockets need the package ws: install it.');
    }
    const its = this.#thread(name, found);
    if (!its) return refuse(socket, 503, `${MOST_THREADS} functions have WebSockets open, which is the most.`);
    const one = { id: ++this.#ids, thread: its, ws: null, upgrade: [request, socket, head], early: [], closing: null, ahead: 0, alive: true, timer: null };
    one.timer = setTimeout(() => this.#refused(one, 504, `${found.path} did not open the WebSocket within ${LIMITS.seconds} seconds.`), LIMITS.seconds * 1000);
    its.sockets.set(one.id, one);
    its.idle = 0;
    socket.once('close', () => this.#gone(one, 1006, ''));
    its.worker.postMessage({ socket: 'open', id: one.id, job: { path: found.path, code: found.url, method: 'GET', accounts: settingsNow(), ...sent } });
    return undefined;
  }

  #thread(name, { path, url }) {
    const known = this.#threads.get(name);
    if (known?.url === url) return known;
    if (known) this.#end(known, RESTART, 'The function has changed.');
    if (this.#threads.size >= MOST_THREADS) return null;
    const sent = new Int32Array(new SharedArrayBuffer(4)); // bytes that it has sent and that are not taken here
    const made = { name, path, url, worker: thread({ sent }), sent, asked: new Map(), sockets: new Map(), silent: 0, idle: 0, ended: false };
    made.worker.on('message', (message) => this.#heard(made, message));
    made.worker.on('error', (error) => {
      const heap = error.code === 'ERR_WORKER_OUT_OF_MEMORY';
      this.#fail(made, heap ? `needed more memory than the ${LIMITS.heapMb} MB that a function may have, and was ended.` : masked(error.message));
    });
    made.worker.on('exit', () => this.#fail(made, 'ended its own process (process.exit).'));
    made.worker.unref();
    this.#threads.set(name, made);
    this.#watch ??= setInterval(() => this.#look(), LOOK_MS).unref();
    return made;
  }

  #heard(its, message) {
    if (its.ended) return;
    if (message.type === 'send') this.#received(its, message.size);
    if (message.type === 'log') return this.onLog(message.path, message.level, masked(message.text));
    if (message.type === 'python') return this.pool.ask(its, message);
    if (message.type === 'broken') return this.#fail(its, message.error);
    if (message.type === 'looked') {
      its.silent = 0;
      if (message.bytes > LIMITS.heapMb * 1024 * 1024) this.#fail(its, `held more than ${LIMITS.heapMb} MB of buffers and was ended.`);
      return;
    }
    const one = its.sockets.get(message.id);
    if (!one) return;
    if (message.type === 'opened') this.#opened(one);
    else if (message.type === 'refused') this.#refused(one, message.status, masked(message.detail));
    else if (message.type === 'send') this.#send(one, message.data);
    else if (message.type === 'close') this.#close(one, message.code, masked(message.reason));
    else if (message.type === 'took') this.#took(one, message.size);
    else if (message.type === 'failed') {
      const error = { ...message.error, message: masked(message.error.message), stack: masked(message.error.stack) };
      this.onError(its.name, error);
      this.#close(one, ERROR, reasonOf(error));
    }
  }

  #opened(one) {
    clearTimeout(one.timer);
    const [request, socket, head] = one.upgrade;
    if (socket.destroyed) return this.#gone(one, 1006, '');
    return this.#server.handleUpgrade(request, socket, head, (ws) => {
      one.ws = ws;
      for (const data of one.early) this.#send(one, data);
      if (one.closing) this.#close(one, ...one.closing);
      ws.on('message', (data, binary) => {
        const size = data.length + OVERHEAD;
        one.ahead += size;
        // A page sends no faster than the function takes it.
        if (one.ahead > roomOf(one)) ws.pause();
        one.thread.worker.postMessage({ socket: 'message', id: one.id, data: binary ? new Uint8Array(data) : data.toString(), size });
      });
      ws.on('pong', () => (one.alive = true));
      ws.on('error', () => {}); // it closes by itself
      ws.on('close', (code, reason) => this.#gone(one, code, reason.toString()));
    });
  }

  #send(one, data) {
    if (!one.ws) one.early.push(data);
    if (one.ws?.readyState !== 1) return;
    if (typeof data === 'string') one.ws.send(masked(data));
    else {
      const bytes = new MaskedBytes();
      const shown = bytes.feed(data);
      const rest = bytes.rest();
      one.ws.send(rest ? Buffer.concat([shown, rest]) : shown);
    }
    if (one.ws.bufferedAmount > MOST_UNREAD) one.ws.terminate(); // whoever reads is too slow, or gone
  }

  /** A function sends no faster than it is taken here: its thread waits. */
  #received(its, size) {
    Atomics.sub(its.sent, 0, size);
    Atomics.notify(its.sent, 0);
  }

  #took(one, size) {
    one.ahead -= size;
    if (one.ws?.isPaused && one.ahead < roomOf(one) / 2) one.ws.resume();
  }

  #close(one, code, reason) {
    if (!one.ws) one.closing = [code, reason];
    if (one.ws?.isPaused) one.ws.resume(); // else it would not read the page's answer
    one.ws?.close(code, cut(reason));
  }

  #refused(one, status, detail) {
    refuse(one.upgrade[1], status, detail);
    this.#gone(one, 1006, '');
  }

  /** A socket has closed: the function is told, once. */
  #gone(one, code, reason) {
    clearTimeout(one.timer);
    if (!one.thread.sockets.delete(one.id) || one.thread.ended) return;
    one.thread.worker.postMessage({ socket: 'closed', id: one.id, code, reason });
  }

  /** End a function's worker for what it did. */
  #fail(its, why) {
    if (its.ended) return;
    const error = typeof why === 'string' ? { message: `${its.path} ${why}`, stack: '', source: its.path } : { ...why, message: masked(why.message), stack: masked(why.stack) };
    this.onError(its.name, error);
    this.#end(its, ERROR, reasonOf(error));
  }

  #end(its, code, reason) {
    if (its.ended) return;
    its.ended = true;
    if (this.#threads.get(its.name) === its) this.#threads.delete(its.name);
    this.pool.leave(its);
    for (const one of [...its.sockets.values()]) {
      if (one.ws) this.#close(one, code, reason);
      else this.#refused(one, 503, reason);
    }
    void its.worker.terminate();
    if (this.#threads.size) return;
    clearInterval(this.#watch);
    this.#watch = null;
  }

  /** Ends what stands still, holds too much, or has had nobody for a while. */
  #look() {
    for (const its of [...this.#threads.values()]) {
      its.idle = its.sockets.size ? 0 : its.idle + 1;
      if (its.idle > IDLE_LOOKS) this.#end(its, RESTART, '');
      else if (its.silent > LIMITS.seconds) this.#fail(its, `kept its WebSockets waiting for ${LIMITS.seconds} seconds and was ended.`);
      else {
        its.looks = (its.looks ?? 0) + 1;
        if (its.silent++ === 0) its.worker.postMessage({ socket: 'look' });
        if (its.looks % PING_LOOKS === 0) this.#ping(its);
      }
    }
  }

  #ping(its) {
    for (const one of its.sockets.values()) {
      if (!one.ws || one.ws.isPaused) continue;
      if (!one.alive) one.ws.terminate();
      else {
        one.alive = false;
        one.ws.ping();
      }
    }
  }

  /** The functions have changed: pages open the sockets of those anew that did. */
  async changed() {
    for (const its of [...this.#threads.values()]) {
      const found = await this.functions.find(its.name);
      if (found?.url !== its.url) this.#end(its, RESTART, 'The function has changed.');
    }
  }

  /** What functions are given as `env` has changed. */
  renew() {
    for (const its of [...this.#threads.values()]) this.#end(its, RESTART, 'What the function is given has changed.');
  }
}

/** How many bytes a page may be ahead of the function. */
const roomOf = (one) => Math.min(MOST_AHEAD, MOST_AHEAD_ALL / Math.max(1, one.thread.sockets.size));

/** End a connection with an answer. It is closed here, too: whoever asked may never do so, and would hold a place. */
export function endWith(socket, text) {
  socket.once('finish', () => socket.destroy());
  socket.end(text);
}

function refuse(socket, status, detail) {
  const body = JSON.stringify({ detail: BUILT && status >= 500 && status !== 503 ? HIDDEN : detail });
  const words = { 400: 'Bad Request', 401: 'Unauthorized', 403: 'Forbidden', 404: 'Not Found', 503: 'Service Unavailable' };
  endWith(
    socket,
    `HTTP/1.1 ${status} ${words[status] ?? 'Error'}\r\nContent-Type: application/json\r\nCache-Control: no-store\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

/** Why a page's socket closes, where the function is at fault. */
function reasonOf({ source, message }) {
  if (BUILT) return HIDDEN;
  return message.startsWith(source) ? message : `${source}: ${message}`;
}

/** As much of a text as a reason may have. */
function cut(text) {
  let short = String(text).slice(0, LONGEST_REASON);
  while (Buffer.byteLength(short) > LONGEST_REASON) short = short.slice(0, -1);
  return short;
}
