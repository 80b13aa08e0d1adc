// The WebSockets of one function, as it has them in its worker. Their other ends are in websockets.mjs.
import { parentPort, workerData } from 'node:worker_threads';

const LONGEST = 1024 * 1024; // bytes of a message
const LONGEST_REASON = 123; // bytes, by RFC 6455
const MOST_EARLY = LONGEST + 64 * 1024; // bytes of messages before the function says what hears them
const MOST_SENT = 16 * 1024 * 1024; // bytes that are on their way to the server's thread
const OVERHEAD = 512; // bytes that a message takes beside its own

const tell = (message, transfer = []) => parentPort.postMessage(message, transfer);

/** Bytes or a text as it is sent; anything else as JSON. */
function sendable(data, safe) {
  if (typeof data === 'string') {
    if (Buffer.byteLength(data) > LONGEST) throw new RangeError('A message may have 1 MB at most.');
    return data;
  }
  if (data instanceof ArrayBuffer || ArrayBuffer.isView(data)) {
    if (data.byteLength > LONGEST) throw new RangeError('A message may have 1 MB at most.');
    // A copy: what is posted goes with all of the memory that it is a view of.
    return (ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(data)).slice();
  }
  const text = JSON.stringify(data, safe);
  if (text === undefined) throw new TypeError('What it sent is no JSON: a function, or a symbol.');
  return sendable(text);
}

/** Send what the server's thread passes on, no faster than it takes it: a loop that never pauses would fill the memory. */
function pass(id, data) {
  const { sent } = workerData;
  const size = (typeof data === 'string' ? Buffer.byteLength(data) : data.byteLength) + OVERHEAD;
  for (let before = Atomics.load(sent, 0); before > MOST_SENT; before = Atomics.load(sent, 0)) Atomics.wait(sent, 0, before);
  Atomics.add(sent, 0, size);
  tell({ type: 'send', id, data, size }, typeof data === 'string' ? [] : [data.buffer]);
}

/** What a function is given, and what it hears of: `heard(data)` and `gone(code, reason)`. `run(work)` runs what is the
 * function's own, and never rejects. */
function connection(id, run, safe) {
  let closed = false;
  let closing = false;
  let hears = null;
  let last = Promise.resolve();
  let early = []; // until the function says what hears them
  let size = 0; // bytes of these; what is more is let go
  let ends = null; // what hears that it has closed
  let over = null; // why it has
  const took = (bytes) => tell({ type: 'took', id, size: bytes });
  const hand = (data, bytes) => {
    // One after the other: the next when this is done with.
    last = last.then(() => (closed || !hears ? undefined : run(() => hears({ data })))).then(() => took(bytes));
  };
  /** Say that it has closed: once, also to what asks for it later. */
  const end = () => {
    last = last.then(() => {
      if (!over || !ends) return undefined;
      const why = over;
      over = null;
      return run(() => ends(why));
    });
  };
  const socket = {
    get closed() {
      return closed;
    },
    get onmessage() {
      return hears;
    },
    set onmessage(heard) {
      hears = typeof heard === 'function' ? heard : null;
      if (!hears) return;
      for (const data of early) hand(data, 0);
      early = [];
    },
    get onclose() {
      return ends;
    },
    set onclose(heard) {
      ends = typeof heard === 'function' ? heard : null;
      end();
    },
    send(data) {
      const sent = sendable(data, safe);
      if (!closed) pass(id, sent);
    },
    close(code = 1000, reason = '') {
      if (code !== 1000 && !(Number.isInteger(code) && code >= 3000 && code <= 4999)) throw new RangeError('A code to close with is 1000, or 3000 to 4999.');
      if (Buffer.byteLength(String(reason)) > LONGEST_REASON) throw new RangeError(`A reason may have ${LONGEST_REASON} bytes at most.`);
      if (!closed && !closing) tell({ type: 'close', id, code, reason: String(reason) });
      closing = true;
    },
  };
  return {
    socket: Object.seal(socket),
    heard(data, bytes) {
      if (hears) return hand(data, bytes);
      size += bytes;
      if (size <= MOST_EARLY) early.push(data);
      return took(bytes);
    },
    gone(code, reason) {
      closed = true;
      over = { code, reason };
      end();
    },
  };
}

export class Connections {
  #open = new Map(); // by number

  /** `admitted(job)`: the function of `job`, and what it is given beside the socket; `enter(path)`: before each piece of
   * the function's own work, and `left()` after it; `told(error)`: an error as it is told. */
  constructor({ admitted, enter, left, told, safe, seconds }) {
    Object.assign(this, { admitted, enter, left, told, safe, seconds });
  }

  heard({ socket: act, id, job, data, size, code, reason }) {
    if (act === 'look') return tell({ type: 'looked', bytes: process.memoryUsage().external });
    if (act === 'open') return this.#take(id, job);
    const one = this.#open.get(id);
    if (act === 'message') return one?.heard(data, size);
    this.#open.delete(id);
    return one?.gone(code, reason);
  }

  async #take(id, job) {
    const run = (work) => this.#run(id, job.path, work);
    const one = connection(id, run, this.safe);
    this.#open.set(id, one);
    this.enter(job.path);
    try {
      const { begin, context } = await this.admitted(job);
      if (one.socket.closed) return undefined; // meanwhile
      const begun = Promise.resolve(begin(one.socket, context));
      // What it throws at once, e.g. 401, is told in place of opening; it may as well go on for as long as it is open.
      await Promise.race([begun, new Promise((resolve) => setImmediate(resolve))]);
      begun.then(
        () => this.left(),
        (thrown) => this.#failed(id, thrown),
      );
    } catch (thrown) {
      this.#open.delete(id);
      if (thrown instanceof Response) return tell({ type: 'refused', id, status: thrown.status, detail: await detailOf(thrown) });
      tell({ type: 'opened', id });
      return this.#failed(id, thrown);
    }
    return tell({ type: 'opened', id });
  }

  /** Run what hears; it has as long as a call. */
  async #run(id, path, work) {
    this.enter(path);
    let timer;
    try {
      const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`It was not done with a message within ${this.seconds} seconds.`)), this.seconds * 1000);
      });
      await Promise.race([work(), late]);
    } catch (thrown) {
      await this.#failed(id, thrown);
    } finally {
      clearTimeout(timer);
      this.left();
    }
  }

  async #failed(id, thrown) {
    if (thrown instanceof Response) return tell({ type: 'close', id, code: 1008, reason: await detailOf(thrown) });
    return tell({ type: 'failed', id, error: this.told(thrown) });
  }
}

/** The sentence of an answer that was thrown. */
async function detailOf(response) {
  try {
    const text = await response.text();
    return String(JSON.parse(text).detail ?? text);
  } catch {
    return `It answered ${response.status}.`;
  }
}
