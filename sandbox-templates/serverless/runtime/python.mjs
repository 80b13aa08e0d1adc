// Calls of the app's functions to what the person's notebook exposes. The App Builder asks for them over its connection to
// this server, carries them out and says what came of them: nothing in the sandbox reaches Jupyter by itself.
const MOST = 16; // at a time; the App Builder takes no more
const LONGEST = 1024 * 1024; // bytes of a call's arguments
const LARGEST = 2 * 1024 * 1024; // of what is told of calls at once, unless one alone is larger
const HOLD_MS = 10_000; // for which the App Builder is kept waiting where there is no call
const NEAR_MS = 15_000; // within which it comes, if it is there at all
const NAME = /^[A-Za-z][A-Za-z0-9_]{0,62}$/;

const failing = (status, reason, message) => ({ status, form: 'json', body: Buffer.from(JSON.stringify({ error: { message, reason } })) });
const AWAY = failing(503, 'no_kernel', 'The notebook that has this function cannot be reached: Jupyter does not answer.');

/** What an app that runs by itself answers. */
export const NOT_HERE = failing(503, 'no_notebook', 'This needs the notebook that the app was made in, and works in its preview in Jupyter alone.');

export class Python {
  #count = 0;
  #calls = new Map(); // by id
  #waiting = []; // those that the App Builder has not been told of
  #cancelled = [];
  #wake = () => {};

  /** Call a function; `done({ status, form, body })` hears what came of it, once. Returns what cancels the call. */
  call(name, given, done) {
    if (typeof name !== 'string' || !NAME.test(name)) return refused(done, failing(404, 'unknown_function', `No function ${JSON.stringify(String(name).slice(0, 80))} is exposed.`));
    if (Buffer.byteLength(given) > LONGEST) return refused(done, failing(413, 'request_too_large', 'The arguments are over 1 MB.'));
    if (this.#calls.size >= MOST) return refused(done, failing(503, 'busy', `Too many calls of the notebook at once: ${MOST} of an app are under way. Ask again in a moment.`));
    const call = { id: `c${++this.#count}`, name, given, done, told: false };
    call.timer = setTimeout(() => this.#end(call, AWAY), NEAR_MS);
    this.#calls.set(call.id, call);
    this.#waiting.push(call);
    this.#wake();
    return () => {
      if (this.#calls.get(call.id) !== call) return;
      this.#end(call, null);
      if (call.told) this.#cancelled.push(call.id);
      this.#wake();
    };
  }

  /** What there is to be done: `{ calls: [{ id, name, given }], cancelled: [id] }`. `anew`: whoever asks knows of no call
   * before; `hold`: keep them waiting for one. */
  async asked({ anew = false, hold = true } = {}) {
    if (anew) for (const call of [...this.#calls.values()]) if (call.told) this.#end(call, AWAY);
    if (anew) this.#cancelled = [];
    this.#wake(); // another who waited has gone
    if (hold && !this.#waiting.length && !this.#cancelled.length) {
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, HOLD_MS);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    const calls = [];
    let size = 0;
    while (this.#waiting.length && (!calls.length || size + this.#waiting[0].given.length <= LARGEST)) {
      const call = this.#waiting.shift();
      clearTimeout(call.timer);
      call.told = true;
      size += call.given.length;
      calls.push({ id: call.id, name: call.name, given: call.given });
    }
    return { calls, cancelled: this.#cancelled.splice(0) };
  }

  /** What came of a call: `head` says of which, and what `body` is. */
  answered({ id, status, form }, body) {
    const call = this.#calls.get(id);
    if (call?.told) this.#end(call, { status, form, body });
  }

  #end(call, answer) {
    clearTimeout(call.timer);
    this.#calls.delete(call.id);
    this.#waiting = this.#waiting.filter((one) => one !== call);
    if (answer) call.done(answer);
  }
}

function refused(done, answer) {
  done(answer);
  return () => {};
}
