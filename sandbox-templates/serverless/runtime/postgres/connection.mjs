// A connection that answers at once, as SQLite does: whoever asks waits until the answer has come.
//
// Each thread that asks has a thread beside it that talks to the server (thread.mjs).
import { MessageChannel, receiveMessageOnPort, Worker } from 'node:worker_threads';

import { DatabaseError } from '../database.mjs';

const NO_JSON = /^invalid input syntax for type json/;
const AS_JSON = 'A text or a list is written as what it is, not as JSON: give JSON.stringify(value) for a column of json.';

const LOOK_MS = 1000;

export class Connection {
  #flag = new Int32Array(new SharedArrayBuffer(4));
  #port;
  #worker;
  #status = 'I';
  #ended = false;

  /** `settings`: SQL that each session begins with. */
  constructor({ settings = '', seconds = 120 } = {}) {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#port.unref();
    this.seconds = seconds;
    this.#worker = new Worker(new URL('./thread.mjs', import.meta.url), {
      workerData: { flag: this.#flag, port: port2, settings },
      transferList: [port2],
    });
    this.#worker.unref();
    this.#worker.on('error', () => (this.#ended = true));
  }

  get isTransaction() {
    return this.#status !== 'I';
  }

  /** Statements one after the other: `[{sql, values, rows}]` -> `[{columns, rows, tag, more}]`, their values as text. Where
   * no transaction is open, they are one. Raises DatabaseError. */
  batch(batch) {
    if (this.#ended) throw new DatabaseError('The connection to the database has ended.');
    Atomics.store(this.#flag, 0, 0);
    this.#port.postMessage({ batch });
    const until = performance.now() + this.seconds * 1000;
    while (Atomics.load(this.#flag, 0) === 0) {
      if (performance.now() > until) {
        this.close();
        throw new DatabaseError(`The database did not answer within ${this.seconds} seconds.`);
      }
      Atomics.wait(this.#flag, 0, 0, LOOK_MS);
    }
    const { done, error, status } = receiveMessageOnPort(this.#port).message;
    this.#status = status;
    if (error) {
      const { sql = '', values = [] } = batch[error.at] ?? {};
      if (values.length && NO_JSON.test(error.message)) error.hint ||= AS_JSON;
      throw refused(error, sql);
    }
    return done;
  }

  /** One statement. */
  ask(sql, values = [], rows = 0) {
    return this.batch([{ sql, values, rows }])[0];
  }

  /** What a statement gives, as objects of texts. */
  all(sql, values = []) {
    const { columns, rows } = this.ask(sql, values);
    return rows.map((row) => Object.fromEntries(columns.map(({ name }, at) => [name, row[at]])));
  }

  close() {
    this.#ended = true;
    this.#port.close();
    void this.#worker.terminate();
  }
}

function refused({ message, code, detail, hint, position, broken }, sql) {
  if (broken) return new DatabaseError(`The database cannot be reached: ${message}.`, { errcode: '08006' });
  const said = [message, detail && `(${detail.replace(/\.$/, '')})`, hint && `Hint: ${hint}`].filter(Boolean).join(' ');
  const error = new DatabaseError(said, { sql, errcode: code });
  error.position = position;
  return error;
}
