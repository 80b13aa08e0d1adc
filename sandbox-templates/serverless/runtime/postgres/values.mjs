// Values of PostgreSQL, as text on the way, and of JavaScript.
import { DatabaseError } from '../database.mjs';

const BOOLEAN = 16;
const BYTES = 17;
const INTEGERS = new Set([20, 21, 23, 26, 28]);
const REALS = new Set([700, 701]);
const DECIMAL = 1700;
const JSONS = new Set([114, 3802]);
const TIME = 1114;
const INSTANT = 1184;
/** The type of what a list holds, by the type of the list. */
const LISTS = new Map([
  [199, 114], [1000, BOOLEAN], [1001, BYTES], [1005, 21], [1007, 23], [1009, 25], [1014, 1042], [1015, 1043], [1016, 20],
  [1021, 700], [1022, 701], [1028, 26], [1115, TIME], [1182, 1082], [1183, 1083], [1185, INSTANT], [1231, DECIMAL], [2951, 2950], [3807, 3802],
]);

/** What a function gets of a column of this type: numbers, texts, booleans, bytes, what JSON holds, lists. Times are
 * texts, `2026-01-31T09:00:00Z`. A decimal is a number, or its text where that would not hold it and it is stored so; what
 * was `computed`, an average, is a number. */
export function readerOf(type, computed = false) {
  const item = LISTS.get(type);
  if (item !== undefined) {
    const read = readerOf(item, computed);
    return (text) => listIn(text, read);
  }
  if (JSONS.has(type)) return JSON.parse;
  if (type === DECIMAL && computed) return Number;
  return plainReaderOf(type) ?? ((text) => text);
}

/** The same where values are looked at: JSON and lists stay texts, as the database writes them. */
export function plainReaderOf(type) {
  if (type === BOOLEAN) return (text) => text === 't';
  if (INTEGERS.has(type)) return integer;
  if (REALS.has(type)) return (text) => (text === 'Infinity' ? Infinity : text === '-Infinity' ? -Infinity : Number(text));
  if (type === DECIMAL) return decimal;
  if (type === BYTES) return (text) => Buffer.from(text.slice(2), 'hex');
  if (type === TIME) return (text) => text.replace(' ', 'T');
  if (type === INSTANT) return (text) => text.replace(' ', 'T').replace(/\+00$/, 'Z');
  return undefined;
}

function integer(text) {
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : BigInt(text);
}

function decimal(text) {
  const digits = text.replace(/(\.\d*?)0+$/, '$1').replace(/\D/g, '').replace(/^0+/, '');
  return digits.length <= 15 && /\d/.test(text) ? Number(text) : text; // NaN is a text
}

/** A list as PostgreSQL writes it: `{1,NULL,"a b"}`, lists in each other. */
export function listIn(text, read) {
  let at = text.indexOf('{'); // bounds may stand before it
  const list = () => {
    const found = [];
    at += 1;
    for (;;) {
      const sign = text[at];
      if (sign === undefined || sign === '}') {
        at += 1;
        return found;
      }
      if (sign === ',') at += 1;
      else if (sign === '{') found.push(list());
      else if (sign === '"') {
        let value = '';
        for (at += 1; at < text.length && text[at] !== '"'; at += 1) {
          if (text[at] === '\\') at += 1;
          value += text[at];
        }
        at += 1;
        found.push(read(value));
      } else {
        const end = text.slice(at).search(/[,}]/) + at;
        const value = text.slice(at, end);
        at = end;
        found.push(value === 'NULL' ? null : read(value));
      }
    }
  };
  return at < 0 ? [] : list();
}

/** A value of JavaScript as text for PostgreSQL, which knows what type it wants. */
export function bindable(value) {
  if (value === undefined || value === null) return null;
  if (value instanceof Date) return value.toISOString();
  if (value instanceof ArrayBuffer) return hexadecimal(new Uint8Array(value));
  if (value instanceof Uint8Array) return hexadecimal(value);
  if (Array.isArray(value)) return listOf(value);
  if (typeof value === 'object') return written(value);
  if (typeof value === 'boolean') return value ? '1' : '0'; // as a boolean or a number, what the column is
  if (typeof value === 'function' || typeof value === 'symbol') throw new DatabaseError('A parameter is no value.');
  return whole(String(value));
}

function written(value) {
  return whole(JSON.stringify(value, (_, item) => (typeof item === 'bigint' ? Number(item) : item)));
}

function whole(text) {
  if (text.includes('\0')) throw new DatabaseError('PostgreSQL stores no text with a NUL in it.');
  return text.isWellFormed() ? text : text.toWellFormed();
}

function hexadecimal(bytes) {
  return `\\x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')}`;
}

/** A list as PostgreSQL reads it. */
export function listOf(values) {
  const items = values.map((value) => {
    if (Array.isArray(value)) return listOf(value);
    const text = bindable(value);
    if (text === null) return 'NULL';
    return typeof value === 'number' ? text : `"${text.replace(/["\\]/g, '\\$&')}"`;
  });
  return `{${items.join(',')}}`;
}
