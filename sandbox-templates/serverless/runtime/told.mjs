// Values of a database as JSON tells them, and back.
import * as database from "./database.mjs";

export const CELL = 4000; // characters or bytes of one value

/** A value for JSON, shortened to `most` characters or bytes. */
export function told(value, most = CELL) {
  if (typeof value === "bigint") {
    const number = database.plain(value);
    return number === value ? { int: value.toString() } : number;
  }
  if (typeof value === "number" && !Number.isFinite(value)) return { real: Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf" };
  if (typeof value === "string" && value.length > most) {
    return { text: value.slice(0, most).toWellFormed(), length: value.length };
  }
  if (value instanceof Uint8Array) {
    return { blob: Buffer.from(value.buffer, value.byteOffset, Math.min(value.length, most)).toString("base64"), bytes: value.length };
  }
  return value;
}

/** A value that was told, back. */
export function understood(value) {
  if (value !== null && typeof value === "object") {
    if (typeof value.int === "string") return BigInt(value.int);
    if (typeof value.blob === "string") return Buffer.from(value.blob, "base64");
    if (typeof value.real === "string") return { inf: Infinity, "-inf": -Infinity }[value.real] ?? NaN;
    throw new database.DatabaseError("A parameter is an object. Give a text, a number, true, false or null.");
  }
  return database.bindable(value);
}
