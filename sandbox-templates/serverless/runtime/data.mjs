// What is asked of the app's database from outside the sandbox: one request, one answer.
//
//   node data.mjs '{"op": "query", "mark": "…", "sql": "SELECT 1"}'
//
// The last line it prints is the mark of the request and the answer as JSON: {"ok": …} or {"error": {message, hint}}.
// Integers above 2^53 are {"int": "digits"}, bytes {"blob": base64, "bytes": n}, numbers that JSON lacks {"real": "inf"},
// and what was shortened {"text": its beginning, "length": n}. Whoever asks bounds time and memory from outside.

import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { setPriority, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { backup, constants, DatabaseSync } from "node:sqlite";

import { forbids } from "./accounts.mjs";
import { tellPages } from "./changed.mjs";
import { writtenAsCsv } from "./csv.mjs";
import * as database from "./database.mjs";
import { begin, take } from "./handover.mjs";
import { POSTGRES } from "./kind.mjs";
import { nearest } from "./nearest.mjs";
import { CELL, told, understood } from "./told.mjs";

const MIGRATIONS = database.MIGRATIONS;
const PAGE = { rows: 1000, bytes: 400_000 };
const READING = new Set(
  ["SELECT", "READ", "FUNCTION", "RECURSIVE"].map((name) => constants[`SQLITE_${name}`]),
);
const CHANGER = "change_data";
const BY_CHANCE = `${CHANGER}, with a time or a random value`;
/** SQL that gives another value each time. */
const VARIES =
  /\bcurrent_(?:time|date|timestamp)\b|\brandom(?:blob)?\s*\(|\b(?:date|time|datetime|julianday|unixepoch)\s*\(\s*\)|\b(?:date|time|datetime|julianday|unixepoch|strftime|timediff)\s*\([^)]*'(?:now|subsec(?:ond)?)'|\bstrftime\s*\(\s*'[^']*'\s*\)/i;
const LARGEST_DUMP = 256 * 2 ** 20; // bytes of a database
const MOST_DUMPED = 200; // tables
const PRAGMAS = /^(table_(x?info|list)|index_(x?info|list)|foreign_key_list|foreign_key_check|database_list|user_version)$/i;

function rowsOf(statement, parameters, { rows = 100, bytes = PAGE.bytes, cell = CELL } = {}) {
  statement.setReturnArrays(true);
  const columns = statement.columns().map(({ name, type, table, column }) => ({ name, type, table, column }));
  const found = [];
  let left = bytes;
  let more = false;
  for (const row of statement.iterate(...parameters)) {
    if (found.length >= rows || left < 0) {
      more = true;
      break;
    }
    const values = row.map((value) => told(value, cell));
    left -= JSON.stringify(values).length;
    found.push(values);
  }
  return { columns, rows: found, more };
}

// ---- who may do what

function onlyReads(action, first, second) {
  if (forbids(action, first, second)) return constants.SQLITE_DENY;
  if (READING.has(action)) {
    return action === constants.SQLITE_FUNCTION && /^(load_extension|fts3_tokenizer|writefile|edit)$/i.test(second ?? "")
      ? constants.SQLITE_DENY
      : constants.SQLITE_OK;
  }
  return action === constants.SQLITE_PRAGMA && PRAGMAS.test(first ?? "") ? constants.SQLITE_OK : constants.SQLITE_DENY;
}

const CHANGING = new Set(
  ["INSERT", "UPDATE", "DELETE", "SAVEPOINT"].map((name) => constants[`SQLITE_${name}`]),
);

function onlyChanges(action, first, second, _, by) {
  if (CHANGING.has(action)) {
    // Our own triggers count what happens to the rows of datasets.
    if (first === "_appbuilder_datasets" && /^_appbuilder_(insert|update|delete)_/.test(by ?? "")) return constants.SQLITE_OK;
    const ours = action !== constants.SQLITE_SAVEPOINT && /^(sqlite_(?!sequence)|_appbuilder_|_users$)/i.test(first ?? "");
    return ours ? constants.SQLITE_DENY : constants.SQLITE_OK;
  }
  return onlyReads(action, first, second);
}

/** Raises where there is no database; with `apply` one that only waits for its migrations is made. */
function existing(path, apply) {
  if (apply) applyWaiting(path);
  if (!fs.lstatSync(path, { throwIfNoEntry: false })) {
    const waiting = database.migrations(MIGRATIONS).length;
    throw new database.DatabaseError(
      waiting
        ? "The app has no database yet: its migrations were not applied."
        : "The app has no database yet. Its schema begins with the first migration.",
    );
  }
}

/** Apply the migrations that wait, as the app's server does a moment later. What is there is told all the same where
 * that fails: why, in a line. */
function applyWaiting(path) {
  try {
    const files = database.migrations(MIGRATIONS);
    if (!files.length) return undefined;
    const known = fs.lstatSync(path, { throwIfNoEntry: false }) ? withReader(path, database.appliedIn) : new Map();
    if (files.every(({ name, hash }) => known.get(name) === hash)) return undefined;
    const { failed } = operations.migrate({ file: path });
    return failed && `${failed.file}:${failed.line}: ${failed.message}`;
  } catch (error) {
    return error.message;
  }
}

function withReader(path, work) {
  const db = database.open({ readOnly: true, path });
  try {
    return work(db);
  } finally {
    db.close();
  }
}

function reading(request, work) {
  existing(request.file, request.apply);
  return withReader(request.file, work);
}

/** The one statement of a text. */
function single(sql) {
  const all = [...database.statements(sql)].map(({ text }) => text);
  if (all.length !== 1) {
    throw new database.DatabaseError(
      all.length ? `These are ${all.length} statements: ask them one by one.` : "There is no statement.",
    );
  }
  return all[0];
}

const MISSING = /no such table: (?:main\.)?(.+?)$|relation "(.+?)" does not exist/m;
const MOST_NAMED = 20;

/** Which tables there are, for somebody who named one that is not. */
function there(db, name) {
  let names;
  try {
    const { tables, views } = database.describe(db);
    names = [...tables, ...views].map((one) => one.name);
  } catch {
    return ""; // what is wrong with the database is another's to tell
  }
  const near = nearest(name, names);
  if (near) return `Did you mean ${near}?`;
  return names.length ? `There are: ${names.slice(0, MOST_NAMED).join(", ")}.` : "There are none yet.";
}

function refused(error, sql, words, db) {
  const known = database.told(error, sql);
  const missing = db && MISSING.exec(known.sqlite);
  if (missing) {
    const message = `${known.sqlite}. ${there(db, missing[1] ?? missing[2])}`.trim();
    return new database.DatabaseError(message, { sql, errcode: known.errcode });
  }
  if (!/not authorized|prohibited/.test(known.sqlite)) return known;
  if (/_appbuilder_|\b_users\b/i.test(sql)) words = "people's accounts: only _users can be read, and nothing of them be changed here";
  return new database.DatabaseError(`${known.sqlite}: ${words}`, { sql, errcode: known.errcode });
}

// ---- what can be asked

const operations = {
  /** Everything about the schema, and what was changed from `since` on. A database that is not there yet has none;
   * with `apply` the migrations that wait are applied first, and `problem` is why one could not be. `gone`: applied
   * migrations that have no file any more. */
  describe(request) {
    const problem = request.apply ? applyWaiting(request.file) : undefined;
    const names = database.migrations(MIGRATIONS).map(({ name }) => name);
    if (!fs.lstatSync(request.file, { throwIfNoEntry: false })) {
      return { exists: false, tables: [], views: [], triggers: [], migrations: [], pending: names, problem };
    }
    return withReader(request.file, (db) => {
      const described = database.describe(db);
      const known = database.appliedIn(db);
      const pending = names.filter((name) => !known.has(name));
      const gone = [...known.keys()].filter((name) => !names.includes(name));
      const changes = database.changes(db, request.since);
      return { exists: true, ...described, pending, gone, problem, bytes: sizeOf(request.file), changes };
    });
  },

  /** Rows of one statement that only reads: {columns, rows, more}. */
  query(request) {
    return reading(request, (db) => {
      const sql = single(request.sql);
      db.setAuthorizer(onlyReads);
      try {
        return rowsOf(db.prepare(sql), parametersOf(request), bounds(request));
      } catch (error) {
        throw refused(error, sql, "a query only reads; use change_data for rows, update_database_schema for the schema", db);
      }
    });
  },

  /** Statements that change rows, all or none: {changes, rows?}. What the last one returns is in `rows`. */
  change(request) {
    existing(request.file, request.apply);
    const db = database.open({ path: request.file });
    const recording = database.startRecording(db);
    let statement = "";
    let returned;
    try {
      const before = totalChanges(db);
      db.exec("BEGIN IMMEDIATE");
      db.setAuthorizer(onlyChanges);
      const all = [...database.statements(request.sql)].map(({ text }) => text);
      if (!all.length) throw new database.DatabaseError("There is no statement.");
      for (statement of all) {
        const prepared = db.prepare(statement);
        const parameters = all.length === 1 ? parametersOf(request) : [];
        if (prepared.columns().length) {
          returned = rowsOf(prepared, parameters, { ...bounds(request), rows: Infinity, bytes: Infinity });
          returned.more = returned.rows.length > 100;
          returned.rows = returned.rows.slice(0, 100);
        } else prepared.run(...parameters);
      }
      db.setAuthorizer(database.usual);
      statement = "";
      db.exec("COMMIT");
      const total = totalChanges(db) - before;
      const changes = database.recordChanges(db, recording, request.who ?? (VARIES.test(request.sql) ? BY_CHANCE : CHANGER));
      if (changes.length) tellPages();
      return { changes, total, ...(returned ? { returned } : {}) };
    } catch (error) {
      db.setAuthorizer(database.usual);
      if (db.isTransaction) db.exec("ROLLBACK");
      throw refused(error, statement, "only rows are changed here; the schema is update_database_schema's", db);
    } finally {
      recording.close();
      db.close();
    }
  },

  /** One row of a table, by a person: {change: "insert" | "update" | "delete", key, values, was} -> {key?}. `was` are the
   * values that the person saw; a row that has others by now is left as it is. */
  edit(request) {
    existing(request.file);
    const db = database.open({ path: request.file });
    const recording = database.startRecording(db);
    try {
      const { columns, rowid } = tableOf(db, request.table);
      const { change, values = {}, was = {} } = request;
      for (const name of [...Object.keys(values), ...Object.keys(was)]) {
        if (!columns.some((known) => known.name === name)) throw new database.DatabaseError(`${request.table} has no column ${name}`);
      }
      if (change !== "insert" && !rowid) throw new database.DatabaseError(`Rows of ${request.table} have no number to tell them by: change them by the app, or by the agent`);
      const table = database.quoted(request.table);
      const names = Object.keys(values).map(database.quoted);
      const given = Object.values(values).map(understood);
      const seen = Object.keys(was).map((name) => ` AND ${database.quoted(name)} IS ?`).join("");
      const row = ` WHERE ${rowid} = ?${seen}`;
      const found = () => [understood(request.key), ...Object.values(was).map(understood)];
      const [sql, parameters] =
        change === "insert"
          ? [`INSERT INTO ${table} ${names.length ? `(${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")})` : "DEFAULT VALUES"}`, given]
          : change === "update"
            ? [`UPDATE ${table} SET ${names.map((name) => `${name} = ?`).join(", ")}${row}`, [...given, ...found()]]
            : [`DELETE FROM ${table}${row}`, found()];
      if (change === "update" && !names.length) return {};
      db.exec("BEGIN IMMEDIATE");
      db.setAuthorizer(onlyChanges);
      const { changes, lastInsertRowid } = db.prepare(sql).run(...parameters);
      if (Number(changes) !== 1) throw new database.DatabaseError("The row is another by now, or gone: read the rows again");
      db.setAuthorizer(database.usual);
      db.exec("COMMIT");
      database.recordChanges(db, recording, request.who ?? "a person");
      tellPages();
      return change === "insert" ? { key: told(lastInsertRowid) } : {};
    } catch (error) {
      db.setAuthorizer(database.usual);
      if (db.isTransaction) db.exec("ROLLBACK");
      throw database.told(error);
    } finally {
      recording.close();
      db.close();
    }
  },

  /** A page of a table's or view's rows: {columns, keys, rows, total, more}; `keys` are the rows' rowids. */
  rows(request) {
    return reading(request, (db) => {
      const { offset = 0, limit = 50 } = request;
      const { columns, keyed, from, by, values } = chosenOf(db, request);
      const chosen = [keyed || "NULL", ...columns.map(({ name }) => database.quoted(name))];
      db.setAuthorizer(onlyReads);
      const counted = db.prepare(`SELECT count(*) AS n FROM (SELECT 1${from} LIMIT 1000001)`).get(...values);
      const page = rowsOf(db.prepare(`SELECT ${chosen.join(", ")}${from}${by} LIMIT ? OFFSET ?`), [
        ...values,
        Math.min(Math.max(1, limit), PAGE.rows),
        Math.max(0, offset),
      ], { rows: PAGE.rows, cell: request.cell ?? 500 });
      return {
        columns,
        keys: keyed ? page.rows.map(([key]) => key) : null,
        rows: page.rows.map(([, ...rest]) => rest),
        total: Number(counted.n),
        more: page.more,
      };
    });
  },

  /** All those rows in that order as CSV at `to`, which is not there yet: {rows, more}. See csv.mjs. */
  csv(request) {
    return reading(request, (db) => {
      const { columns, from, by, values } = chosenOf(db, request);
      const names = columns.map(({ name }) => name);
      db.setAuthorizer(onlyReads);
      const statement = db.prepare(`SELECT ${names.map(database.quoted).join(", ")}${from}${by}`);
      statement.setReturnArrays(true);
      return writtenAsCsv(names, statement.iterate(...values), request);
    });
  },

  /** What a new migration would do, tried on a copy: {file, tables, losses} or {failed}. */
  async migrate_try(request) {
    return await onCopy(request.file, async (path) => {
      const db = database.open({ path });
      try {
        begin(db);
        const waiting = database.migrate(db);
        if (waiting.failed) return { failed: waiting.failed, earlier: true };
        const before = `${path}.before`;
        db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
        await backup(db, before);
        const sql = request.sql;
        const file = nextFile(request.name);
        const hash = createHash("sha256").update(sql).digest("hex");
        const failed = database.applyOne(db, { name: file, sql, hash });
        if (failed) return { failed };
        return { file: join(MIGRATIONS, file), losses: lossesOf(db, before, sql), ...database.describe(db) };
      } finally {
        db.close();
      }
    });
  },

  /** Apply the migrations that wait. */
  migrate(request) {
    const db = database.open({ path: request.file });
    try {
      begin(db);
      return database.migrate(db);
    } finally {
      db.close();
    }
  },

  /** A closed copy of the database at `to`, which is not there yet: {bytes} or {none: true}. */
  async snapshot(request) {
    if (!fs.lstatSync(request.file, { throwIfNoEntry: false })) return { none: true };
    const db = database.open({ path: request.file });
    try {
      await closedCopy(db, request.file, request.to);
      return { bytes: sizeOf(request.to) };
    } finally {
      db.close();
    }
  },

  /** A hash of schema and rows that is the same for databases that hold the same, however they came to it. See
   * `dumpOf`; {too_large: bytes} for more than is compared. `beside`: whoever asks can wait, others not. */
  dump(request) {
    if (request.beside) setPriority(15);
    existing(request.file, request.apply);
    const bytes = sizeOf(request.file) + sizeOf(`${request.file}-wal`);
    if (bytes > LARGEST_DUMP) return { too_large: bytes };
    // Whoever only reads leaves a journal behind, which a version would take for something new.
    const db = database.open({ path: request.file });
    try {
      return dumpOf(db);
    } finally {
      db.close();
    }
  },

  /** A table as lines of JSON at `to`, one list a row: {columns, rows}. */
  export(request) {
    return reading(request, (db) => {
      if (request.table !== undefined) {
        const page = database.describe(db);
        const known = [...page.tables, ...page.views].some(({ name }) => name === request.table);
        if (!known) throw new database.DatabaseError(`There is no table ${request.table}`);
      }
      const sql = request.table === undefined ? single(request.sql) : `SELECT * FROM ${database.quoted(request.table)}`;
      db.setAuthorizer(onlyReads);
      try {
        return exported(db.prepare(sql), request);
      } catch (error) {
        throw refused(error, sql, "only rows are read here");
      }
    });
  },

  /** The table of a dataset anew from the rows in the file `from`: see handover.mjs. Lines before the answer say how
   * many rows are in it. */
  take(request) {
    const db = database.open({ path: request.file });
    let told = 0;
    try {
      db.exec("PRAGMA cache_size = -65536");
      const taken = take(db, request, (rows) => {
        if (rows < told + 100_000) return;
        told = rows;
        fs.writeSync(1, `\nrows ${rows}\n`);
      });
      if (taken.rows === undefined) return taken;
      db.prepare("PRAGMA wal_checkpoint(TRUNCATE)").all();
      tellPages();
      return taken;
    } finally {
      db.close();
    }
  },

  /** Call a function of the app in a worker of its own. */
  async call(request) {
    const { callOnce } = await import("./functions.mjs");
    return await callOnce(request.name, request.request ?? {});
  },
};

/** A table's or view's columns, and by what name its rows' numbers are asked for: null where they have none. */
function tableOf(db, table) {
  const listed = db
    .prepare("SELECT type, wr FROM pragma_table_list(?) WHERE schema = 'main' AND name = ? AND type <> 'shadow'")
    .get(table, table);
  if (!listed || /^(sqlite_|_appbuilder_)/i.test(table)) throw new database.DatabaseError(`There is no table ${table}`);
  const columns = database.columnsOf(db, table);
  const named = columns.map(({ name }) => name.toLowerCase());
  const rowid = ["rowid", "_rowid_", "oid"].find((name) => !named.includes(name));
  return { columns, rowid: listed.type === "table" && !listed.wr && rowid ? rowid : null };
}

/** The rows that a request asks for, in their order: parts of a SELECT, and the values for its conditions. */
function chosenOf(db, { table, sort = [], filters = [], contains = "" }) {
  const { columns, rowid: keyed } = tableOf(db, table);
  const column = (name) => {
    if (!columns.some((known) => known.name === name)) {
      throw new database.DatabaseError(`${table} has no column ${name}`);
    }
    return database.quoted(name);
  };
  const values = [];
  const conditions = filters.map(({ column: name, is, value }) => conditionOf(column(name), is, value, values));
  if (contains) {
    const searched = columns.slice(0, 100).map(({ name }) => conditionOf(database.quoted(name), "contains", contains, values));
    conditions.push(`(${searched.join(" OR ")})`);
  }
  const where = conditions.length ? ` WHERE ${conditions.join(" AND ")}` : "";
  const order = sort.map(({ column: name, descending }) => column(name) + (descending ? " DESC" : ""));
  if (keyed) order.push(keyed);
  return {
    columns,
    keyed,
    from: ` FROM ${database.quoted(table)}${where}`,
    by: order.length ? ` ORDER BY ${order.join(", ")}` : "",
    values,
  };
}

function parametersOf({ parameters = [] }) {
  if (Array.isArray(parameters)) return parameters.map(understood);
  return [Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, understood(value)]))];
}

function bounds({ rows = 100, bytes = PAGE.bytes, cell = CELL }) {
  return { rows: Math.min(rows, PAGE.rows), bytes: Math.min(bytes, PAGE.bytes), cell: Math.min(cell, 100_000) };
}

function conditionOf(column, is, value, values) {
  if (is === "null") return `${column} IS NULL`;
  if (is === "not null") return `${column} IS NOT NULL`;
  if (is === "contains") {
    values.push(String(value));
    return `instr(lower(CAST(${column} AS TEXT)), lower(?)) > 0`;
  }
  if (!["=", "<>", "<", "<=", ">", ">="].includes(is)) throw new database.DatabaseError(`There is no comparison ${is}`);
  values.push(understood(value));
  return `${column} ${is} ?`;
}

function totalChanges(db) {
  return Number(db.prepare("SELECT total_changes() AS n").get().n);
}

function sizeOf(path) {
  return fs.lstatSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** The name of the file for the next migration. */
function nextFile(name) {
  const last = database.migrations(MIGRATIONS).at(-1)?.number ?? "0000";
  return `${String(Number(last) + 1).padStart(4, "0")}_${name}.sql`;
}

/** Copy the database to a folder that is removed afterwards; without one, begin with nothing. */
async function onCopy(file, work) {
  const folder = fs.mkdtempSync(join(tmpdir(), "database-"));
  const path = join(folder, "copy.db");
  try {
    if (fs.lstatSync(file, { throwIfNoEntry: false })) {
      const db = database.open({ readOnly: true, path: file });
      try {
        await backup(db, path);
      } finally {
        db.close();
      }
    }
    return await work(path);
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** A copy that needs no journal: made while nobody writes, of a file that holds all that its journal did. */
async function closedCopy(db, file, to) {
  if (fs.lstatSync(to, { throwIfNoEntry: false })) throw new database.DatabaseError(`${to} is there already`);
  fs.mkdirSync(dirname(to), { recursive: true });
  let plain = false;
  const [{ busy }] = db.prepare("PRAGMA wal_checkpoint(TRUNCATE)").all();
  if (!busy) {
    db.exec("BEGIN IMMEDIATE");
    try {
      plain = sizeOf(`${file}-wal`) === 0;
      if (plain) fs.copyFileSync(file, to, fs.constants.COPYFILE_EXCL | fs.constants.COPYFILE_FICLONE);
    } finally {
      db.exec("ROLLBACK");
    }
  }
  if (!plain) await backup(db, to);
  const copy = new DatabaseSync(to);
  try {
    copy.exec("PRAGMA journal_mode = DELETE");
  } finally {
    copy.close();
  }
}

/** Sentences on what is lost on the way from `before` to the database as it is. */
function lossesOf(db, before, sql) {
  const all = [...database.statements(sql)].map(({ text }) => text);
  const name = String.raw`("(?:[^"]|"")+"|\[[^\]]+\]|${"`[^`]+`"}|[\w$]+)`;
  const bare = (text) => (/^["[`]/.test(text) ? text.slice(1, -1).replaceAll('""', '"') : text);
  const tables = new Map();
  const columns = new Map();
  for (const text of all) {
    const table = new RegExp(String.raw`^\s*ALTER\s+TABLE\s+${name}\s+RENAME\s+TO\s+${name}`, "i").exec(text);
    if (table) tables.set(bare(table[1]).toLowerCase(), bare(table[2]));
    const column = new RegExp(String.raw`^\s*ALTER\s+TABLE\s+${name}\s+RENAME\s+(?:COLUMN\s+)?(?!TO\s)${name}\s+TO\s+${name}`, "i").exec(text);
    if (column) columns.set(`${bare(column[1])}\n${bare(column[2])}`.toLowerCase(), bare(column[3]));
  }
  db.setAuthorizer(null);
  db.prepare("ATTACH ? AS before").run(before);
  const losses = [];
  const earlier = db
    .prepare("SELECT name, type FROM before.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE '\\_appbuilder\\_%' ESCAPE '\\' AND sql NOT LIKE 'CREATE VIRTUAL%'")
    .all();
  const now = new Map(
    db.prepare("SELECT name FROM main.sqlite_schema WHERE type = 'table'").all().map((row) => [row.name.toLowerCase(), row.name]),
  );
  for (const { name: table } of earlier) {
    const old = `before.${database.quoted(table)}`;
    const count = Number(db.prepare(`SELECT count(*) AS n FROM ${old}`).get().n);
    if (!count) continue;
    const renamed = now.get(table.toLowerCase()) ?? now.get((tables.get(table.toLowerCase()) ?? "").toLowerCase());
    if (renamed === undefined) {
      losses.push(`The table ${table} goes, with ${rowsIn(count)}.`);
      continue;
    }
    const fresh = `main.${database.quoted(renamed)}`;
    const left = Number(db.prepare(`SELECT count(*) AS n FROM ${fresh}`).get().n);
    if (left < count) losses.push(`${table} loses ${count - left} of its ${rowsIn(count)}.`);
    const described = db.prepare("SELECT name, type FROM pragma_table_xinfo(?, 'main')").all(renamed);
    const oldColumns = db.prepare("SELECT name, type, hidden FROM pragma_table_xinfo(?, 'before')").all(table);
    for (const { name: column, type, hidden } of oldColumns) {
      if (hidden) continue;
      const wanted = columns.get(`${table}\n${column}`.toLowerCase()) ?? columns.get(`${renamed}\n${column}`.toLowerCase());
      const found = described.find((one) => one.name.toLowerCase() === (wanted ?? column).toLowerCase());
      const held = Number(db.prepare(`SELECT count(${database.quoted(column)}) AS n FROM ${old}`).get().n);
      if (!found) {
        if (held) losses.push(`${table}.${column} goes, which ${held} of ${rowsIn(count)} have.`);
        continue;
      }
      const holds = Number(db.prepare(`SELECT count(${database.quoted(found.name)}) AS n FROM ${fresh}`).get().n);
      if (left >= count && holds < held) {
        losses.push(`${table}.${column} is emptied in ${rowsIn(held - holds)}.`);
      } else if (left === count && found.type.toLowerCase() !== type.toLowerCase()) {
        const [one, other] = [`o.${database.quoted(column)}`, `n.${database.quoted(found.name)}`];
        const differ = compared(db, `SELECT count(*) AS n FROM ${old} o JOIN ${fresh} n ON o.rowid = n.rowid WHERE ${one} IS NOT ${other} AND CAST(${one} AS TEXT) IS NOT CAST(${other} AS TEXT)`);
        if (differ) losses.push(`${table}.${column} becomes ${found.type || "untyped"}, and ${differ} values are others then.`);
      }
    }
  }
  db.exec("DETACH before");
  db.setAuthorizer(database.usual);
  return losses;
}

function compared(db, sql) {
  try {
    return Number(db.prepare(sql).get().n);
  } catch {
    return 0; // a table without rowids
  }
}

function rowsIn(count) {
  return count === 1 ? "1 row" : `${count} rows`;
}

/** {hash, schema, applied, tables: {name: {rows, hash, by?, varies?, unwatched?}}}. Tables, indexes, views and triggers in the
 * order of their names; rows in the order of all their values, so that it does not matter when each came. `schema` is of
 * the SQL alone.
 *
 * A table's hash is without columns whose default is a time or a random value, and without generated ones. `by`: who
 * else than migrations and change_data changed its rows; `varies`: a statement put a time or a random value into it;
 * `unwatched`: nobody knows who changed it, as SQLite's sessions pass over tables without a primary key. */
function dumpOf(db) {
  const schema = db
    .prepare(
      "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' " +
        "AND name <> '_users' AND name NOT LIKE '\\_appbuilder\\_%' ESCAPE '\\' ORDER BY type, name",
    )
    .all();
  const objects = createHash("sha256");
  const whole = createHash("sha256");
  const chances = varying(db, schema);
  const writers = writersOf(db);
  const tables = {};
  for (const { type, name, sql } of schema) {
    objects.update(JSON.stringify([type, name, plainly(sql)]) + "\n");
    if (type !== "table" || /^create virtual/i.test(sql)) continue;
    if (Object.keys(tables).length >= MOST_DUMPED) return { too_large: sizeOf(database.DATABASE) };
    const known = database.columnsOf(db, name);
    const columns = known.filter((one) => !one.generated && !VARIES.test(one.default ?? "")).map((one) => database.quoted(one.name));
    tables[name] = hashOf(db, name, columns);
    const by = writers.get(name) ?? new Set();
    if (by.delete(BY_CHANCE) || chances.some((text) => mentions(text, name))) tables[name].varies = true;
    if (by.size) tables[name].by = [...by].sort().slice(0, 20);
    if (!writers.datasets.has(name) && !known.some(({ pk }) => pk)) tables[name].unwatched = true;
    whole.update(JSON.stringify([name, tables[name].hash]) + "\n");
  }
  const hash = objects.digest("hex");
  whole.update(hash);
  return { hash: whole.digest("hex"), schema: hash, applied: [...database.appliedIn(db).keys()], tables };
}

/** A statement without what only its layout says. */
function plainly(sql) {
  return sql.replace(/\s+/g, " ").replace(/ ?([(),]) ?/g, "$1").trim();
}

function hashOf(db, table, columns) {
  const own = createHash("sha256");
  const [chosen, order] = columns.length ? [columns.join(", "), ` ORDER BY ${columns.join(", ")}`] : ["NULL", ""];
  const statement = db.prepare(`SELECT ${chosen} FROM ${database.quoted(table)}${order}`);
  statement.setReturnArrays(true);
  let rows = 0;
  for (const row of statement.iterate()) {
    own.update(JSON.stringify(row.map(canonical)) + "\n");
    rows += 1;
  }
  return { rows, hash: own.digest("hex") };
}

/** The statements of migrations and triggers that give another value each time. That of a column's default is none. */
function varying(db, schema) {
  const all = schema.filter(({ type }) => type === "trigger").map(({ sql }) => sql);
  try {
    for (const { sql } of database.migrations(MIGRATIONS)) {
      for (const { text } of database.statements(sql)) if (!/^\s*create\s/i.test(text)) all.push(text);
    }
  } catch {
    // a folder of migrations that cannot be read is an error elsewhere
  }
  return all.filter((text) => VARIES.test(text));
}

function mentions(text, name) {
  return new RegExp(`(?<![\\w$])${name.replace(/[^\w]/g, "\\$&")}(?![\\w$])`, "i").test(text);
}

/** Who changed the rows of a table besides migrations and change_data, by table; `datasets` are the tables of data that
 * a person handed over. */
function writersOf(db) {
  const found = new Map();
  found.datasets = new Set();
  const add = (table, who) => found.set(table, (found.get(table) ?? new Set()).add(who));
  for (const { table, function: who } of database.changes(db)) if (who !== CHANGER) add(table, who);
  const there = db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '_appbuilder_datasets'").get();
  if (there) {
    for (const known of db.prepare('SELECT name, "insert" + "update" + "delete" AS changed FROM _appbuilder_datasets').all()) {
      found.datasets.add(known.name);
      if (known.changed) add(known.name, "the app");
    }
  }
  return found;
}

/** Each storage class apart: 1 is not 1.0, nor '1'. */
function canonical(value) {
  if (typeof value === "bigint") return `i${value}`;
  if (typeof value === "number") return `r${Object.is(value, -0) ? "-0" : value}`;
  if (typeof value === "string") return `t${value}`;
  if (value instanceof Uint8Array) return `b${Buffer.from(value).toString("hex")}`;
  return null;
}

// ---- rows in files

const CHUNK = 1 << 20;

function exported(statement, { to, most = 2_000_000, bytes = 1 << 29 }) {
  statement.setReturnArrays(true);
  const columns = statement.columns().map(({ name, type }) => ({ name, type }));
  const out = fs.openSync(to, "wx", 0o600);
  try {
    let text = "";
    let rows = 0;
    let written = 0;
    let more = false;
    for (const row of statement.iterate()) {
      if (rows >= most || written > bytes) {
        more = true;
        break;
      }
      text += JSON.stringify(row.map((value) => told(value, Infinity))) + "\n";
      rows += 1;
      if (text.length > CHUNK) {
        written += fs.writeSync(out, text);
        text = "";
      }
    }
    fs.writeSync(out, text);
    return { columns, rows, more };
  } finally {
    fs.closeSync(out);
  }
}

// ---- one request

async function main() {
  const request = JSON.parse(process.argv[2]);
  const mark = String(request.mark ?? "");
  let answer;
  try {
    const all = POSTGRES ? (await import("./postgres/data.mjs")).operations : operations;
    const operation = Object.hasOwn(all, request.op) ? all[request.op] : undefined;
    if (!operation) throw new database.DatabaseError(`There is no operation ${request.op}`);
    answer = { ok: await operation({ file: database.DATABASE, ...request }) };
  } catch (error) {
    const known = error instanceof database.DatabaseError || error.code === "ERR_SQLITE_ERROR";
    const message = known ? error.message : `${error.name}: ${error.message}`;
    answer = { error: { message, sqlite: error.sqlite ?? error.message, sql: String(error.sql ?? "").slice(0, 500), known } };
  }
  fs.writeSync(1, `\n${mark}${JSON.stringify(answer, (_, value) => (typeof value === "bigint" ? told(value) : value))}\n`);
  process.exit(0);
}

await main();
