// The app's database: SQLite by node:sqlite, opened only inside the sandbox.
//
// Whoever opens it here gets the same settings. What is read from the schema is bound as a parameter or quoted, never
// put into SQL as it stands: generated code wrote the schema, and may have named a column `"; DROP TABLE x`.

import { createHash } from "node:crypto";
import { lstatSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { constants, DatabaseSync } from "node:sqlite";

import { forbids, mentioned, prepare } from "./accounts.mjs";

export const DATABASE = "data/app.db";
export const MIGRATIONS = "migrations";
const BUSY_MS = 5000;
const OURS = /^_appbuilder_/;
const STATEMENTS = 200; // prepared ones that a handle keeps
const MOST = { objects: 500, columns: 300, rows: 1_000_000, sql: 20_000 };
const SLOT_MS = 5000; // changes of one function and table within it are one row
const CHANGES_KEPT = 2000; // rows

/** An error of SQLite's with the statement that it is about. `errcode` is SQLite's extended result code. */
export class DatabaseError extends Error {
  constructor(message, { sql = "", errcode, cause } = {}) {
    super(sql ? `${message}\nStatement: ${shortened(sql.trim(), 500)}` : message, { cause });
    this.name = "DatabaseError";
    this.sqlite = message;
    this.sql = sql;
    this.errcode = errcode;
  }
}

/** A connection. Raises DatabaseError for what is no ordinary file. With `readOnly` the file has to be there. */
export function open({ readOnly = false, path = DATABASE } = {}) {
  ordinary(path);
  if (!readOnly) mkdirSync(dirname(path), { recursive: true });
  let db;
  try {
    db = new DatabaseSync(path, {
      readOnly,
      timeout: BUSY_MS,
      enableForeignKeyConstraints: true,
      enableDoubleQuotedStringLiterals: false,
      allowExtension: false,
      readBigInts: true,
      defensive: true,
    });
    db.exec("PRAGMA trusted_schema = OFF");
    if (!readOnly) db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
  } catch (error) {
    db?.close();
    throw told(error, `opening ${path}`);
  }
  db.setAuthorizer(usual);
  return db;
}

/** Raises DatabaseError where a file of the database is a link, a FIFO or a folder: opening one could wait for ever. */
export function ordinary(path) {
  for (const name of [path, `${path}-wal`, `${path}-shm`, `${path}-journal`]) {
    const status = lstatSync(name, { throwIfNoEntry: false });
    if (status && !status.isFile()) throw new DatabaseError(`${name} is no ordinary file. Remove it.`);
  }
}

/** What everybody may do: not reach other files, nor what the accounts keep to themselves. */
export function usual(action, first, second) {
  if (action === constants.SQLITE_ATTACH || action === constants.SQLITE_DETACH) return constants.SQLITE_DENY;
  if (forbids(action, first, second)) return constants.SQLITE_DENY;
  return constants.SQLITE_OK;
}

/** A name in SQL. */
export function quoted(name) {
  return `"${String(name).replaceAll('"', '""')}"`;
}

/** Any error as a DatabaseError about a statement. */
export function told(error, sql = "") {
  if (error instanceof DatabaseError) return error;
  return new DatabaseError(error.errstr ? error.message : String(error.message ?? error), {
    sql,
    errcode: error.errcode,
    cause: error,
  });
}

function shortened(text, most) {
  return text.length > most ? `${text.slice(0, most)}…` : text;
}

// ---- values

/** JSON of a value as a function returns it: integers above 2^53 as texts of digits, bytes as base64. */
export function stringify(value, space) {
  return JSON.stringify(
    value,
    (_, item) => {
      if (typeof item === "bigint") return plain(item) === item ? item.toString() : Number(item);
      // A Buffer has been through its toJSON already.
      if (item?.type === "Buffer" && Array.isArray(item.data)) return Buffer.from(item.data).toString("base64");
      if (item instanceof Uint8Array) return Buffer.from(item).toString("base64");
      return item;
    },
    space,
  );
}

/** An integer as a number where that holds it. */
export function plain(value) {
  if (typeof value !== "bigint") return value;
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
}

/** The rows one by one: a thread that is ended, or has too many of them, ends in between, and not within SQLite. */
function rowsOf(statement, values) {
  const rows = [];
  for (const row of statement.iterate(...values)) rows.push(plainRow(row));
  return rows;
}

function plainRow(row) {
  for (const name in row) if (typeof row[name] === "bigint") row[name] = plain(row[name]);
  return row;
}

/** What SQLite can store of a value of JavaScript. */
export function bindable(value) {
  if (value === undefined) return null;
  if (typeof value === "boolean") return value ? 1 : 0;
  if (value instanceof Date) return value.toISOString();
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (value !== null && typeof value === "object" && !ArrayBuffer.isView(value)) {
    throw new DatabaseError("A parameter is an object or a list. Store it as JSON.stringify(value).");
  }
  return value;
}

function bound(parameters) {
  const [first] = parameters;
  const proto = first && typeof first === "object" ? Object.getPrototypeOf(first) : undefined;
  const named = parameters.length === 1 && (proto === Object.prototype || (first && proto === null));
  if (named) return [Object.fromEntries(Object.entries(first).map(([name, value]) => [name, bindable(value)]))];
  const list = parameters.length === 1 && Array.isArray(first) ? first : parameters;
  return list.map(bindable);
}

// ---- what functions get

/** The `db` of a function: all, get, run, transaction. Parameters follow the statement: `?` in order, or one object
 * for `:name`. Integers are numbers, or BigInt above 2^53. */
export function handle(db) {
  const prepared = new Map();
  let depth = 0;

  function statement(sql) {
    let found = prepared.get(sql);
    if (found) prepared.delete(sql);
    else found = db.prepare(sql);
    prepared.set(sql, found);
    if (prepared.size > STATEMENTS) prepared.delete(prepared.keys().next().value);
    return found;
  }

  function asked(sql, parameters, how) {
    if (typeof sql !== "string") throw new DatabaseError("The first argument is the statement, a text of SQL.");
    try {
      return how(statement(sql), bound(parameters));
    } catch (error) {
      throw told(error, sql);
    }
  }

  const faced = {
    /** Every row. */
    all: (sql, ...parameters) => asked(sql, parameters, rowsOf),
    /** The first row, or undefined. */
    get: (sql, ...parameters) =>
      asked(sql, parameters, (found, values) => {
        const row = found.get(...values);
        return row && plainRow(row);
      }),
    /** Change something: `{ changes, lastInsertRowid }`. */
    run: (sql, ...parameters) => asked(sql, parameters, (found, values) => plainRow({ ...found.run(...values) })),
    /** All that `work` does, or nothing of it: an error takes it back. `work` may be async. */
    transaction(work) {
      const name = `nested_${depth}`;
      const [begin, commit, rollback] = depth
        ? [`SAVEPOINT ${name}`, `RELEASE ${name}`, `ROLLBACK TO ${name}; RELEASE ${name}`]
        : ["BEGIN IMMEDIATE", "COMMIT", "ROLLBACK"];
      asked(begin, [], () => db.exec(begin));
      depth += 1;
      const finished = (result) => {
        depth -= 1;
        try {
          db.exec(commit);
        } catch (error) {
          if (db.isTransaction) db.exec(rollback);
          throw told(error, commit);
        }
        return result;
      };
      const failed = (error) => {
        depth -= 1;
        if (db.isTransaction) db.exec(rollback);
        throw error;
      };
      let result;
      try {
        result = work(faced);
      } catch (error) {
        return failed(error);
      }
      return typeof result?.then === "function" ? result.then(finished, failed) : finished(result);
    },
  };
  return faced;
}

/** What `work` gives, while nothing can be changed on this connection. */
export function onlyReading(db, work) {
  db.exec("PRAGMA query_only = ON");
  try {
    return work();
  } finally {
    db.exec("PRAGMA query_only = OFF");
  }
}

// ---- migrations

/** The files of a folder of migrations in order, `0001_name.sql`: `[{name, number, sql, hash}]`. */
export function migrations(folder = MIGRATIONS) {
  let names = [];
  try {
    names = readdirSync(folder)
      .filter((name) => name.endsWith(".sql"))
      .sort();
  } catch (error) {
    if (error.code !== "ENOENT") throw new DatabaseError(`${folder} cannot be read: ${error.message}`);
  }
  const seen = new Map();
  return names.map((name) => {
    const number = /^(\d{4})_[\w-]+\.sql$/.exec(name)?.[1];
    if (!number) throw new DatabaseError(`${folder}/${name}: a migration is named like 0001_name.sql`);
    if (seen.has(number)) {
      throw new DatabaseError(`${folder}/${name} has the number of ${seen.get(number)}. Give it the next one.`);
    }
    seen.set(number, name);
    if (!lstatSync(join(folder, name)).isFile()) throw new DatabaseError(`${folder}/${name} is no ordinary file`);
    const sql = readFileSync(join(folder, name), "utf8");
    return { name, number, sql, hash: createHash("sha256").update(sql).digest("hex") };
  });
}

/** Apply each migration that was not applied, in a transaction of its own. `{applied: names, failed?: {file, line,
 * statement, message}}`: what follows a failed one is left. Raises DatabaseError where an applied file was changed. */
export function migrate(db, folder = MIGRATIONS) {
  const files = migrations(folder);
  const known = appliedIn(db);
  for (const { name, hash } of files) {
    if (known.has(name) && known.get(name) !== hash) {
      throw new DatabaseError(
        `${folder}/${name} was changed after it was applied. Put it back as it was, and make the change in a new ` +
          `migration (or, if the data may go, delete ${DATABASE}).`,
      );
    }
  }
  const applied = [];
  for (const file of files.filter(({ name }) => !known.has(name))) {
    const failed = applyOne(db, file, folder);
    if (failed) return { applied, failed };
    applied.push(file.name);
  }
  return { applied };
}

/** Hashes of the applied migrations by file name. */
export function appliedIn(db) {
  const there = db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '_appbuilder_migrations'").get();
  if (!there) return new Map();
  const rows = db.prepare("SELECT name, hash FROM _appbuilder_migrations ORDER BY name").all();
  return new Map(rows.map(({ name, hash }) => [name, hash]));
}

/** Apply one: undefined, or what failed. The database is as it was then. */
export function applyOne(db, { name, sql, hash }, folder = MIGRATIONS) {
  let at = { text: "", line: 1 };
  let violations = false;
  // A table is rebuilt by a new one and a renaming, which foreign keys would take for the end of the old one.
  db.exec("PRAGMA foreign_keys = OFF");
  try {
    if (mentioned(sql)) prepare(db, usual);
    db.exec("BEGIN IMMEDIATE");
    // Another process may have been faster.
    if (appliedIn(db).has(name)) return undefined;
    db.exec(
      "CREATE TABLE IF NOT EXISTS _appbuilder_migrations" +
        "(name TEXT PRIMARY KEY, hash TEXT NOT NULL, at TEXT NOT NULL) WITHOUT ROWID",
    );
    db.setAuthorizer(inMigration);
    for (at of statements(sql)) db.exec(at.text);
    db.setAuthorizer(usual);
    at = { text: "", line: 1 };
    const broken = db.prepare("PRAGMA foreign_key_check").get();
    if (broken) {
      violations = true;
      throw new DatabaseError(`Rows of ${broken.table} would refer to rows of ${broken.parent} that are not there`);
    }
    db.prepare("INSERT INTO _appbuilder_migrations VALUES (?, ?, ?)").run(name, hash, new Date().toISOString());
    db.exec("COMMIT");
    return undefined;
  } catch (error) {
    db.setAuthorizer(usual);
    let message = error.sqlite ?? error.message;
    if (/not authorized/.test(message)) {
      message += ": a migration runs in a transaction of its own and opens no other file; leave out BEGIN, COMMIT, ATTACH, and what changes _users";
    }
    return { file: join(folder, name), message, statement: violations ? "" : shortened(at.text, 1000), line: at.line };
  } finally {
    if (db.isTransaction) db.exec("ROLLBACK");
    db.exec("PRAGMA foreign_keys = ON");
  }
}

function inMigration(action, first, second) {
  if (action === constants.SQLITE_TRANSACTION) return constants.SQLITE_DENY;
  // SQLite itself asks quick_check where a column comes to a STRICT table.
  if (action === constants.SQLITE_PRAGMA && !/^(foreign_keys|defer_foreign_keys|user_version|quick_check)$/i.test(first ?? "")) {
    return constants.SQLITE_DENY;
  }
  return usual(action, first, second);
}

/** The statements of a text of SQL with their lines, counted from 1, by SQLite's own rule of what completes one: a
 * semicolon outside texts and comments, and in a trigger the one behind END. */
export function* statements(sql) {
  const token =
    /\s+|--[^\n]*|\/\*[^]*?(?:\*\/|$)|'(?:[^']|'')*'?|"(?:[^"]|"")*"?|`(?:[^`]|``)*`?|\[[^\]]*\]?|;|[\p{L}_][\p{L}\p{N}_$]*|[^]/gu;
  let start = -1;
  let end = 0;
  let words = [];
  let beginning = "";
  let trigger = false;
  let last = "";
  let line = 1;
  let startLine = 1;
  for (const [text] of sql.matchAll(token)) {
    const position = end;
    end += text.length;
    const blank = /^(\s|--|\/\*)/.test(text);
    if (!blank && start < 0 && text !== ";") {
      start = position;
      startLine = line;
      words = [];
      trigger = false;
      last = "";
    }
    line += text.split("\n").length - 1;
    if (blank || start < 0) continue;
    if (words.length < 4 && /^\p{L}/u.test(text)) {
      words.push(text.toLowerCase());
      beginning = words.join(" ");
      trigger = /^(explain )?(query plan )?create (temp |temporary )?trigger/.test(beginning);
    }
    if (text === ";" && (!trigger || last === "end")) {
      yield { text: sql.slice(start, end), line: startLine };
      start = -1;
    } else {
      last = text === ";" ? last === "end" ? "end" : ";" : text.toLowerCase() === "end" && last === ";" ? "end" : text;
    }
  }
  if (start >= 0) yield { text: sql.slice(start), line: startLine };
}

// ---- what there is

/** Tables, views and triggers with all that is known of them, without our own: `{tables, views, triggers, migrations,
 * left_out}`. Rows are counted up to a million (`rows` null where they are not counted). */
export function describe(db) {
  const found = db
    .prepare(
      "SELECT type, name, tbl_name AS 'table', substr(sql, 1, ?) AS sql FROM sqlite_schema " +
        "WHERE type IN ('table', 'view', 'trigger') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' " +
        "AND name NOT LIKE '\\_appbuilder\\_%' ESCAPE '\\' ORDER BY name LIMIT ?",
    )
    .all(MOST.sql, MOST.objects + 1);
  const kinds = new Map(
    db
      .prepare("SELECT name, type, strict, wr FROM pragma_table_list WHERE schema = 'main'")
      .all()
      .map((row) => [row.name, row]),
  );
  const result = { tables: [], views: [], triggers: [], migrations: [...appliedIn(db).keys()] };
  for (const { type, name, table, sql } of found.slice(0, MOST.objects)) {
    const kind = kinds.get(name)?.type;
    if (kind === "shadow") continue;
    if (type === "trigger") result.triggers.push({ name, table, sql });
    else if (type === "view") result.views.push({ name, columns: tolerant(() => columnsOf(db, name), []), sql });
    else result.tables.push(tableOf(db, name, kinds.get(name), sql));
  }
  if (found.length > MOST.objects) result.left_out = true;
  return result;
}

function tableOf(db, name, listed, sql) {
  const virtual = listed?.type === "virtual";
  const columns = tolerant(() => columnsOf(db, name), []);
  return {
    name,
    columns,
    primary_key: columns
      .filter(({ pk }) => pk)
      .sort((one, other) => one.pk - other.pk)
      .map((column) => column.name),
    indexes: tolerant(() => indexesOf(db, name), []),
    foreign_keys: tolerant(() => foreignKeysOf(db, name), []),
    rows: virtual ? null : tolerant(() => countOf(db, name), null),
    strict: Boolean(listed?.strict),
    without_rowid: Boolean(listed?.wr),
    virtual,
    sql,
  };
}

/** A hostile schema may make any of these fail: the rest is told all the same. */
function tolerant(read, instead) {
  try {
    return read();
  } catch {
    return instead;
  }
}

/** `[{name, type, nullable, default, pk, generated}]`; `pk` counts from 1 within the primary key. */
export function columnsOf(db, table) {
  return db
    .prepare("SELECT name, type, \"notnull\" AS n, dflt_value AS d, pk, hidden FROM pragma_table_xinfo(?, 'main') LIMIT ?")
    .all(table, MOST.columns)
    .filter(({ hidden }) => hidden !== 1n)
    .map(({ name, type, n, d, pk, hidden }) => ({
      name,
      type,
      nullable: !n,
      default: d,
      pk: Number(pk),
      generated: hidden > 1n,
    }));
}

function indexesOf(db, table) {
  return db
    .prepare("SELECT name, \"unique\" AS u, origin, partial FROM pragma_index_list(?, 'main') ORDER BY name LIMIT 100")
    .all(table)
    .map(({ name, u, origin, partial }) => ({
      name,
      unique: Boolean(u),
      partial: Boolean(partial),
      automatic: origin !== "c",
      columns: db
        .prepare("SELECT name FROM pragma_index_info(?, 'main') ORDER BY seqno LIMIT 100")
        .all(name)
        .map((column) => column.name),
    }));
}

function foreignKeysOf(db, table) {
  const keys = new Map();
  const rows = db
    .prepare(
      'SELECT id, "table" AS parent, "from" AS f, "to" AS t, on_delete AS d FROM pragma_foreign_key_list(?, \'main\') ' +
        "ORDER BY id, seq LIMIT 300",
    )
    .all(table);
  for (const { id, parent, f, t, d } of rows) {
    const key = keys.get(id) ?? { table: parent, columns: [], to: [], on_delete: d };
    key.columns.push(f);
    if (t !== null) key.to.push(t);
    keys.set(id, key);
  }
  return [...keys.values()];
}

/** How many rows a table has: a million and one where there are more. */
export function countOf(db, table) {
  return Number(
    db.prepare(`SELECT count(*) AS n FROM (SELECT 1 FROM ${quoted(table)} LIMIT ?)`).get(MOST.rows + 1).n,
  );
}

// ---- what was changed

/** Note what this connection changes: `take(who)` gives it since the last time, as `[{table, inserted, updated,
 * deleted}]`, and adds it to what the database remembers (`changes`). Tables without
 * a primary key are not noted: SQLite's sessions do not know their rows. */
export function startRecording(db) {
  let session = db.createSession();
  let remember;
  return {
    take(who = "") {
      const noted = db.isTransaction ? new Uint8Array() : session.patchset();
      if (!noted.length) return [];
      session.close();
      session = db.createSession();
      return tolerant(() => {
        const counts = countsOf(noted);
        if (counts.length) (remember ??= memory(db))(who, counts);
        return counts;
      }, []);
    },
    close: () => session.close(),
  };
}

/** `recording.take(who)`, for a recording that was started once for its connection. */
export function recordChanges(db, recording, who) {
  return recording.take(who);
}

/** Adds counts to what the database remembers: a row for each function, table and slot of time. */
function memory(db) {
  db.exec(
    "CREATE TABLE IF NOT EXISTS _appbuilder_changes(function TEXT, table_name TEXT, began TEXT, at TEXT, " +
      "inserted INTEGER, updated INTEGER, deleted INTEGER, PRIMARY KEY (function, table_name, began)) WITHOUT ROWID",
  );
  const add = db.prepare(
    "INSERT INTO _appbuilder_changes VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET at = excluded.at, " +
      "inserted = inserted + excluded.inserted, updated = updated + excluded.updated, deleted = deleted + excluded.deleted",
  );
  const forget = db.prepare(
    "DELETE FROM _appbuilder_changes WHERE (function, table_name, began) IN (SELECT function, table_name, began " +
      "FROM _appbuilder_changes ORDER BY began DESC LIMIT -1 OFFSET ?)",
  );
  let began = new Date();
  let taken = 0;
  return (who, counts) => {
    const now = new Date();
    if (now - began > SLOT_MS) began = now;
    for (const { table, inserted, updated, deleted } of counts) {
      add.run(who, table, began.toISOString(), now.toISOString(), inserted, updated, deleted);
    }
    if (taken++ % 100 === 0) forget.run(CHANGES_KEPT);
  };
}

/** What was changed from `since` on (ISO 8601, UTC), newest first: `[{function, table, at, inserted, updated,
 * deleted}]`. What a connection changed within the same seconds as something before `since` is not in it. */
export function changes(db, since = "") {
  const there = db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '_appbuilder_changes'").get();
  if (!there) return [];
  return db
    .prepare(
      "SELECT function, table_name AS 'table', max(at) AS at, sum(inserted) AS inserted, sum(updated) AS updated, " +
        "sum(deleted) AS deleted FROM _appbuilder_changes WHERE began >= ? GROUP BY function, table_name " +
        "ORDER BY at DESC LIMIT 200",
    )
    .all(since)
    .map(plainRow);
}

const INSERT = 18;
const UPDATE = 23;
const DELETE = 9;

/** Rows by table of a patchset: https://sqlite.org/session/changesetformat.html as far as counting needs it. */
function countsOf(patchset) {
  const bytes = Buffer.from(patchset.buffer, patchset.byteOffset, patchset.byteLength);
  const counts = new Map();
  let at = 0;
  let keys = [];
  let current;

  function varint() {
    let value = 0;
    for (let i = 0; i < 8; i++) {
      const byte = bytes[at++];
      value = value * 128 + (byte & 0x7f);
      if (byte < 0x80) return value;
    }
    return value * 256 + bytes[at++];
  }

  function skip(fields) {
    for (let i = 0; i < fields; i++) {
      const kind = bytes[at++];
      if (kind === 1 || kind === 2) at += 8;
      else if (kind === 3 || kind === 4) {
        const length = varint(); // moves "at" itself
        at += length;
      }
    }
  }

  while (at < bytes.length) {
    const first = bytes[at++];
    if (first === 0x50) {
      const columns = varint();
      keys = [...bytes.subarray(at, at + columns)];
      at += columns;
      const end = bytes.indexOf(0, at);
      const table = bytes.toString("utf8", at, end);
      at = end + 1;
      current = counts.get(table) ?? { table, inserted: 0, updated: 0, deleted: 0 };
      counts.set(table, current);
      continue;
    }
    at += 1; // whether a trigger did it
    if (first === INSERT) {
      current.inserted += 1;
      skip(keys.length);
    } else if (first === UPDATE) {
      current.updated += 1;
      skip(keys.length);
    } else if (first === DELETE) {
      current.deleted += 1;
      skip(keys.filter(Boolean).length);
    } else {
      throw new DatabaseError("A record of changes cannot be read");
    }
  }
  return [...counts.values()].filter(({ table }) => !OURS.test(table));
}
