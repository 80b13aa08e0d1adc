// Rows as CSV for spreadsheets: RFC 4180 with names in the first line, in UTF-8. Its byte order mark tells Excel so; other
// readers pass over it.
//
// NULL is an empty field, an empty text is "". Bytes are hexadecimal. What people typed into an app must run nothing in
// the spreadsheet of whoever opens the file: a text that would be a formula there begins with an apostrophe.

import * as fs from "node:fs";

const CHUNK = 1 << 20;
const MARK = "\ufeff";
const FORMULA = /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/;
const NUMBER = /^[+-]?[\d .,]+$/; // also of a telephone

/** Writes to the new file `to`: {rows, more}. `more`: there are more than `most` rows, or `bytes` of the file. */
export function writtenAsCsv(names, rows, { to, most = 2_000_000, bytes = 1 << 28, formulas = false }) {
  const out = fs.openSync(to, "wx", 0o600);
  try {
    let text = MARK + lineOf(names, formulas);
    let count = 0;
    let written = 0;
    let more = false;
    for (const row of rows) {
      if (count >= most || written > bytes) {
        more = true;
        break;
      }
      text += lineOf(row, formulas);
      count += 1;
      if (text.length > CHUNK) {
        written += writeAll(out, text);
        text = "";
      }
    }
    written += writeAll(out, text);
    return { rows: count, more: more || written > bytes };
  } finally {
    fs.closeSync(out);
  }
}

function writeAll(out, text) {
  const content = Buffer.from(text);
  for (let at = 0; at < content.length; ) at += fs.writeSync(out, content, at);
  return content.length;
}

function lineOf(values, formulas) {
  const line = values.map((value) => fieldOf(value, formulas)).join(",");
  return (line || '""') + "\r\n"; // an empty line is no row to most readers
}

function fieldOf(value, formulas) {
  if (value === null) return "";
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.length).toString("hex");
  if (typeof value !== "string") return String(value);
  const text = !formulas && FORMULA.test(value) && !NUMBER.test(value) ? `'${value}` : value;
  return text === "" || /[",;\t\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
