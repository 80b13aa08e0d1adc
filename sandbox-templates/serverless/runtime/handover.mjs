// Rows that a person hands over become a table: all of them, or none.
//
// They come in a file that App Builder wrote (`databases/rows.py` has its form). What the app made of the table stays: its
// indexes, triggers and views are made anew as they were, or named where the new columns do not allow it. Triggers are
// not run by it. Who changed rows meanwhile is asked first: triggers of our own count that.

import * as fs from "node:fs";
import { join } from "node:path";

import * as database from "./database.mjs";

export const FOLDER = "datasets"; // what the tables look like, by files of SQL
const SEEDS = `${FOLDER}/rows`; // of an export: statements that insert the rows to begin with
const KNOWN = "_appbuilder_datasets";
const PARAMETERS = 200; // of one INSERT: more rows at a time are no faster
const LARGEST = 1 << 30; // bytes of a batch
const KINDS = ["insert", "update", "delete"];
const FAILING = 50; // of what cannot be made anew, told

/** The table of a dataset anew from the file `from`: {rows, lost}. Why that is not done: {taken} where the app has
 * something of its own of that name, {changed} where rows were changed in the app and `replace` is not set, {dangling}
 * where rows of another table need what would be gone. `tell(rows)` hears how far it is. */
export function take(db, { table, columns, indexes = [], from, hash = "", as_of = "", replace = false }, tell = () => {}) {
  const file = fs.openSync(from, "r");
  db.exec("PRAGMA foreign_keys = OFF"); // a table that goes for a moment is not gone
  try {
    fs.rmSync(from, { force: true }); // whatever becomes of us
    db.exec("BEGIN IMMEDIATE");
    const before = stateOf(db, table);
    if (before.taken || (before.changed && !replace)) return before;
    const kept = madeByApp(db, table);
    const views = working(db);
    emptied(db, table, columns);
    const rows = filled(db, table, columns, file, tell);
    const lost = restored(db, table, indexes, kept, views);
    const child = dangling(db, table);
    if (child) return { dangling: child };
    remembered(db, table, { hash, as_of, rows });
    db.exec("COMMIT");
    return { rows, lost };
  } finally {
    fs.closeSync(file);
    if (db.isTransaction) db.exec("ROLLBACK");
    db.exec("PRAGMA foreign_keys = ON");
  }
}

/** Make the tables that the app's files of datasets describe and the database lacks, with the rows that an export has
 * of them. */
export function begin(db, folder = FOLDER) {
  let names = [];
  try {
    names = fs.readdirSync(folder).filter((name) => /^[a-z][a-z0-9_]{0,62}\.sql$/.test(name)).sort();
  } catch {
    return;
  }
  for (const name of names) {
    const table = name.slice(0, -4);
    if (named(db, table)) continue;
    db.exec("BEGIN IMMEDIATE");
    try {
      if (!named(db, table)) {
        for (const { text } of database.statements(fs.readFileSync(join(folder, name), "utf8"))) db.exec(text);
        const seed = join(SEEDS, name);
        if (fs.existsSync(seed)) for (const { text } of database.statements(fs.readFileSync(seed, "utf8"))) db.exec(text);
        if (named(db, table)?.type === "table") remembered(db, table, { hash: "", as_of: "", rows: 0 });
      }
      db.exec("COMMIT");
    } finally {
      if (db.isTransaction) db.exec("ROLLBACK");
    }
  }
}

// ---- what was there

function named(db, name) {
  return db.prepare("SELECT type, name FROM sqlite_schema WHERE name = ? COLLATE NOCASE").get(name);
}

/** {taken}: what of the app's own has this name; {changed}: what happened to a dataset's table since its rows came. */
function stateOf(db, table) {
  const there = named(db, table);
  if (!there) return {};
  const known = named(db, KNOWN) && db.prepare(`SELECT * FROM ${KNOWN} WHERE name = ?`).get(table);
  if (!known || there.type !== "table") return { taken: there.type };
  const counts = Object.fromEntries(KINDS.map((kind) => [kind, Number(known[kind])]));
  const shape = JSON.stringify(shapeOf(db, table)) !== known.columns || !KINDS.every((kind) => named(db, counter(table, kind)));
  return shape || KINDS.some((kind) => counts[kind]) ? { changed: { ...counts, shape } } : {};
}

function shapeOf(db, table) {
  return db.prepare("SELECT name, type FROM pragma_table_xinfo(?, 'main')").all(table).map(({ name, type }) => [name, type]);
}

function counter(table, kind) {
  return `_appbuilder_${kind}_${table}`;
}

function madeByApp(db, table) {
  return db
    .prepare("SELECT type, name, sql FROM sqlite_schema WHERE type IN ('index', 'trigger') AND tbl_name = ? COLLATE NOCASE AND sql IS NOT NULL ORDER BY type, rowid")
    .all(table)
    .filter(({ name }) => !KINDS.some((kind) => name === counter(table, kind)));
}

/** The views that can be read. */
function working(db) {
  const views = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'view' LIMIT 500").all();
  return views.map(({ name }) => name).filter((name) => !failing(() => db.prepare(`SELECT * FROM ${database.quoted(name)}`)));
}

function failing(work) {
  try {
    work();
    return "";
  } catch (error) {
    return error.message || "failed";
  }
}

// ---- the new rows

function emptied(db, table, columns) {
  const name = database.quoted(table);
  db.exec(`DROP TABLE IF EXISTS ${name}`);
  db.exec(`CREATE TABLE ${name} (${columns.map((column) => `${database.quoted(column.name)} ${column.type}`).join(", ")})`);
}

function filled(db, table, columns, file, tell) {
  const width = columns.length;
  const many = Math.max(1, Math.floor(PARAMETERS / width));
  const group = `(${columns.map(() => "?").join(", ")})`;
  const insert = (rows) => db.prepare(`INSERT INTO ${database.quoted(table)} VALUES ${Array(rows).fill(group).join(", ")}`);
  const single = insert(1);
  const several = many > 1 ? insert(many) : single;
  const values = Array(width * many);
  const one = Array(width);
  let done = 0;
  for (const { rows, read } of batches(file, columns)) {
    const by = read();
    let row = 0;
    for (; row + many <= rows; row += many) {
      for (let at = 0, next = row; next < row + many; next++) {
        for (let column = 0; column < width; column++) values[at++] = by[column][next];
      }
      several.run(...values);
    }
    for (; row < rows; row++) {
      for (let column = 0; column < width; column++) one[column] = by[column][row];
      single.run(...one);
    }
    done += rows;
    tell(done);
  }
  return done;
}

/** The batches of a file: each its length in bytes and its rows (32 bits each), then its columns one after the other,
 * every part of a column at a multiple of 8 bytes. */
export function* batches(file, columns) {
  const head = Buffer.alloc(8);
  for (;;) {
    if (fill(file, head) < 8) return;
    const [bytes, rows] = [head.readUInt32LE(0), head.readUInt32LE(4)];
    if (bytes > LARGEST) throw new database.DatabaseError("The rows cannot be read");
    const data = Buffer.from(new ArrayBuffer(bytes));
    if (fill(file, data) < bytes) throw new database.DatabaseError("The file of the rows was cut short");
    yield { rows, read: () => columnsOf(data, rows, columns) };
  }
}

function fill(file, into) {
  let at = 0;
  while (at < into.length) {
    const read = fs.readSync(file, into, at, into.length - at);
    if (!read) break;
    at += read;
  }
  return at;
}

function columnsOf(data, rows, columns) {
  let at = 0;
  const part = (Kind, length) => {
    const found = new Kind(data.buffer, at, length);
    at += Math.ceil((length * Kind.BYTES_PER_ELEMENT) / 8) * 8;
    return found;
  };
  const told = ({ kind }) => {
    const [gaps, plain] = part(Uint32Array, 2); // plain: texts are ASCII, integers are doubles
    const held = gaps ? part(Uint8Array, rows) : null;
    let values;
    if (kind === "double" || (kind === "integer" && plain)) values = part(Float64Array, rows);
    else if (kind === "integer") values = part(BigInt64Array, rows);
    else {
      const ends = part(Uint32Array, rows + 1);
      const bytes = part(Uint8Array, ends[rows]);
      const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
      values = Array(rows);
      if (kind === "bytes") for (let row = 0; row < rows; row++) values[row] = whole.subarray(ends[row], ends[row + 1]);
      else if (plain) {
        const text = whole.latin1Slice();
        for (let row = 0; row < rows; row++) values[row] = text.slice(ends[row], ends[row + 1]);
      } else for (let row = 0; row < rows; row++) values[row] = whole.utf8Slice(ends[row], ends[row + 1]);
    }
    if (!held) return values;
    const filled = Array(rows);
    for (let row = 0; row < rows; row++) filled[row] = held[row] ? values[row] : null;
    return filled;
  };
  return columns.map(told);
}

// ---- what the app had

/** Indexes, triggers and views again; those that cannot be, each with its reason. */
function restored(db, table, indexes, kept, views) {
  const lost = [];
  for (const column of indexes) {
    db.exec(`CREATE INDEX IF NOT EXISTS ${database.quoted(indexName(table, column))} ON ${database.quoted(table)} (${database.quoted(column)})`);
  }
  for (const { type, name, sql } of kept) {
    if (named(db, name)) continue; // an index of ours
    const said = failing(() => db.exec(sql));
    if (said && !ownIndex(table, name)) lost.push(`${type} ${name}: ${said}`);
  }
  for (const view of views) {
    const said = failing(() => db.prepare(`SELECT * FROM ${database.quoted(view)}`));
    if (said) lost.push(`view ${view}: ${said}`);
  }
  return lost.slice(0, FAILING);
}

export function indexName(table, column) {
  return `${table}_by_${column}`;
}

function ownIndex(table, name) {
  return name.startsWith(`${table}_by_`);
}

/** The table whose rows refer to rows of this one that are no longer there; "" for none. */
function dangling(db, table) {
  const children = db
    .prepare("SELECT DISTINCT m.name FROM sqlite_schema AS m, pragma_foreign_key_list(m.name) AS f WHERE m.type = 'table' AND f.\"table\" = ? COLLATE NOCASE LIMIT 100")
    .all(table);
  const broken = ({ name }) => {
    try {
      return db.prepare('SELECT 1 FROM pragma_foreign_key_check(?) WHERE "parent" = ? COLLATE NOCASE LIMIT 1').get(name, table);
    } catch {
      return false; // a key that leads to no unique column holds nothing
    }
  };
  return children.find(broken)?.name ?? "";
}

/** Note that the rows came, and count from now on what is changed. */
function remembered(db, table, { hash, as_of, rows }) {
  db.exec(
    `CREATE TABLE IF NOT EXISTS ${KNOWN}(name TEXT PRIMARY KEY, hash TEXT, as_of TEXT, rows INTEGER, columns TEXT, ` +
      `"insert" INTEGER DEFAULT 0, "update" INTEGER DEFAULT 0, "delete" INTEGER DEFAULT 0) WITHOUT ROWID`,
  );
  db.prepare(`INSERT OR REPLACE INTO ${KNOWN} (name, hash, as_of, rows, columns) VALUES (?, ?, ?, ?, ?)`)
    .run(table, hash, as_of, rows, JSON.stringify(shapeOf(db, table)));
  for (const kind of KINDS) {
    db.exec(
      `CREATE TRIGGER ${database.quoted(counter(table, kind))} AFTER ${kind} ON ${database.quoted(table)} BEGIN ` +
        `UPDATE ${KNOWN} SET "${kind}" = "${kind}" + 1 WHERE name = '${table}'; END`,
    );
  }
}
