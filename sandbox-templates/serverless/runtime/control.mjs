// What the App Builder asks of a running server, and nobody else: to take secrets, to tell of the functions, to call one,
// which functions of the notebook these call.
import { createHash, timingSafeEqual } from 'node:crypto';

import { masked } from './secrets.mjs';

const LARGEST = 8 * 1024 * 1024; // bytes of a request: all secrets of an app, escaped
const LARGEST_ANSWER = 51 * 1024 * 1024; // of what a function of the notebook returned
const LEAST = 32; // characters of a token
const hashed = (text) => createHash('sha256').update(text).digest();

export class Control {
  #owner = null; // whoever asks first owns it, for as long as this process lives

  /** `acts`: by name, what is asked for: `async (request) => answer`. `answered(head, bytes)` hears what came of a call
   * of the notebook. */
  constructor(acts, answered) {
    this.acts = acts;
    this.answered = answered;
  }

  async answer(request, response) {
    const said = (status, body) => {
      const text = Buffer.from(JSON.stringify(body));
      response.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store', 'Content-Length': text.length });
      response.end(text);
    };
    const token = request.headers['x-appbuilder-control'];
    if (request.method !== 'POST' || !this.#owns(token)) {
      request.resume();
      return said(403, { error: 'This is for the App Builder alone.' });
    }
    const head = request.headers['x-appbuilder-answer']; // the body is no JSON of ours then, but what was returned
    try {
      const pieces = [];
      let size = 0;
      for await (const piece of request) {
        size += piece.length;
        if (size > (head ? LARGEST_ANSWER : LARGEST)) return said(413, { error: 'The request is too large.' });
        pieces.push(piece);
      }
      if (head) {
        this.answered(JSON.parse(head), Buffer.concat(pieces));
        return said(200, { ok: {} });
      }
      const asked = JSON.parse(Buffer.concat(pieces).toString('utf8'));
      const act = Object.hasOwn(this.acts, asked.act) ? this.acts[asked.act] : null;
      if (!act) return said(400, { error: 'There is no such act.' });
      return said(200, { ok: (await act(asked)) ?? {} });
    } catch (error) {
      return said(500, { error: masked(String(error?.message ?? error)) });
    }
  }

  #owns(token) {
    if (typeof token !== 'string' || token.length < LEAST) return false;
    const told = hashed(token);
    this.#owner ??= told;
    return timingSafeEqual(this.#owner, told);
  }
}
