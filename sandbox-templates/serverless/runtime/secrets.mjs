// What functions are given as `env`: what the file `.env` says, and the secrets that whoever runs the app has given.
// These are in no file and in no environment: nothing that the app starts inherits them.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';

import { ROOT } from './app.mjs';

const MARK = '•••';
const HEAD = 8; // bytes by which the beginning of a long secret is looked for
const SHORTEST = 6; // characters of what is masked
let given = {};
const known = new Set(); // those that were given before, too: what was said stays said
let texts = []; // how they may stand in what is told, the longest first
let forms = []; // the same as bytes

/** Take these for the secrets from now on, in place of those before. */
export function give(secrets) {
  given = Object.freeze({ ...secrets });
  for (const value of Object.values(given)) known.add(String(value));
  const all = [...known].flatMap((value) => [value, JSON.stringify(value).slice(1, -1), encoded(value), Buffer.from(value).toString('base64')]);
  texts = [...new Set(all)].filter((form) => form.length >= SHORTEST).sort((a, b) => b.length - a.length);
  forms = texts.map((form) => Buffer.from(form));
}

function encoded(value) {
  try {
    return encodeURIComponent(value);
  } catch {
    return value; // half a surrogate pair
  }
}

export function environment() {
  let written = {};
  try {
    written = parseEnv(readFileSync(join(ROOT, '.env'), 'utf8'));
  } catch {
    // there is none
  }
  return { ...written, ...given };
}

/** A text without secrets. */
export function masked(text) {
  if (typeof text !== 'string') return text;
  for (const form of texts) text = text.replaceAll(form, MARK);
  return text;
}

/** An answer that comes in pieces of bytes, without secrets, also where a piece ends in the middle of one. */
export class MaskedBytes {
  #rest = null;

  feed(piece) {
    if (!forms.length) return piece;
    let bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    if (this.#rest) bytes = Buffer.concat([this.#rest, bytes]);
    for (const form of forms) bytes = replaced(bytes, form);
    const held = begun(bytes);
    this.#rest = held ? bytes.subarray(bytes.length - held) : null;
    return bytes.subarray(0, bytes.length - held);
  }

  /** What was held back. */
  rest() {
    const rest = this.#rest;
    this.#rest = null;
    return rest;
  }
}

function replaced(bytes, form) {
  let at = bytes.indexOf(form);
  if (at < 0) return bytes;
  const pieces = [];
  let from = 0;
  for (; at >= 0; at = bytes.indexOf(form, from)) {
    pieces.push(bytes.subarray(from, at), Buffer.from(MARK));
    from = at + form.length;
  }
  return Buffer.concat([...pieces, bytes.subarray(from)]);
}

/** How many of the last bytes may be the first ones of a secret. */
function begun(bytes) {
  return Math.max(...forms.map((form) => begunBy(bytes, form)));
}

function begunBy(bytes, form) {
  const head = form.subarray(0, HEAD);
  const from = Math.max(0, bytes.length - form.length + 1);
  for (let at = bytes.indexOf(head, from); at >= 0; at = bytes.indexOf(head, at + 1)) {
    if (form.subarray(0, bytes.length - at).equals(bytes.subarray(at))) return bytes.length - at;
  }
  for (let length = Math.min(head.length - 1, bytes.length); length > 0; length--) {
    if (form.subarray(0, length).equals(bytes.subarray(bytes.length - length))) return length;
  }
  return 0;
}
