// Talks to the database for a thread that waits meanwhile: a function asks `db.get(…)` and has its answer.
//
// A job is a batch of statements; one that comes while the connection is gone, and no transaction with it, gets a new one.
import { workerData } from 'node:worker_threads';

import { Broken, Wire } from './wire.mjs';

const ENDED = /^57P0[123]$/; // the server was stopped, or an administrator ended the connection
const { port, flag, settings } = workerData;
let wire = null;

async function carriedOut({ batch }) {
  if (wire?.broken) {
    const lost = wire.status !== 'I';
    wire = null;
    if (lost) throw new Broken('it was cut in the middle of a transaction');
  }
  wire ??= await Wire.open(undefined, settings);
  const { status } = wire;
  try {
    return await wire.batch(batch);
  } catch (error) {
    if (status !== 'I' || !ENDED.test(error.code ?? '') || error.at) throw error;
    // It was ended while nobody used it, and that was not heard of yet: nothing of the batch was done.
    wire = await Wire.open(undefined, settings);
    return wire.batch(batch);
  }
}

port.on('message', async (job) => {
  let answer;
  try {
    answer = { done: await carriedOut(job) };
  } catch (error) {
    const { message, code = '', detail = '', hint = '', position = 0, at = 0 } = error;
    answer = { error: { message, code, detail, hint, position, at, broken: error instanceof Broken } };
  }
  answer.status = wire?.status ?? 'I';
  port.postMessage(answer);
  Atomics.store(flag, 0, 1);
  Atomics.notify(flag, 0);
});
