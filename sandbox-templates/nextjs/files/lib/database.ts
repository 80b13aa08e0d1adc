/**
 * The app's database: SQLite at data/app.db, which is not part of the app's versions. Its schema is in migrations/.
 *
 * On the server alone: in route handlers, server actions and server components. Values stand beside the statement:
 * db.all<Row>("SELECT * FROM notes WHERE owner = ?", owner). Integers above 2^53 are read as texts of digits.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";

import { prepare } from "./accounts/core.mjs";

const FILE = join(process.cwd(), "data", "app.db");
const MIGRATIONS = join(process.cwd(), "migrations");
const DATASETS = join(process.cwd(), "datasets");
const PRODUCTION = process.env.NODE_ENV === "production";
const BUSY_MS = 5000;

export type Value = null | undefined | string | number | bigint | boolean | Date | Uint8Array;

export const db = {
  /** Every row. */
  all<Row>(sql: string, ...values: Value[]): Row[] {
    return prepared(sql)
      .all(...values.map(stored))
      .map((row) => plain<Row>(row));
  },

  /** The first row, or undefined. */
  get<Row>(sql: string, ...values: Value[]): Row | undefined {
    const row = prepared(sql).get(...values.map(stored));
    return row && plain<Row>(row);
  },

  /** Change something. */
  run(sql: string, ...values: Value[]): { changes: number; lastInsertRowid: number } {
    const { changes, lastInsertRowid } = prepared(sql).run(...values.map(stored));
    return { changes: Number(changes), lastInsertRowid: Number(lastInsertRowid) };
  },

  /** All that `work` does, or, after an error, nothing of it. It awaits nothing: others share the connection. */
  transaction<T>(work: () => T): T {
    const { connection } = opened();
    connection.exec("BEGIN IMMEDIATE");
    try {
      const result = work();
      if (result instanceof Promise) throw new Error("A transaction awaits nothing: do that before it.");
      connection.exec("COMMIT");
      return result;
    } catch (error) {
      if (connection.isTransaction) connection.exec("ROLLBACK");
      throw error;
    }
  },
};

function stored(value: Value): null | string | number | bigint | Uint8Array {
  if (value === undefined) return null;
  if (typeof value === "boolean") return value ? 1 : 0;
  return value instanceof Date ? value.toISOString() : value;
}

/** A row as components can be given it. */
function plain<Row>(row: Record<string, unknown>): Row {
  const found = { ...row };
  for (const [name, value] of Object.entries(found)) {
    if (typeof value !== "bigint") continue;
    found[name] = Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
  }
  return found as Row;
}

// The connection: one for the process, also after the code was loaded anew

interface Kept {
  connection: DatabaseSync;
  statements: Map<string, StatementSync>;
  file: number;
  migrated: string;
}

const kept = globalThis as typeof globalThis & { appDatabase?: Kept };

function opened(): Kept {
  const file = statSync(FILE, { throwIfNoEntry: false })?.ino;
  if (kept.appDatabase && kept.appDatabase.file !== file) {
    kept.appDatabase.connection.close(); // another file is in its place: an earlier version of the data
    kept.appDatabase = undefined;
  }
  const now = (kept.appDatabase ??= open());
  if (now.connection.isTransaction || (PRODUCTION && now.migrated)) return now;
  const files = filesOf(MIGRATIONS);
  const stamp = files.map((name) => `${name}:${statSync(join(MIGRATIONS, name)).mtimeMs}`).join(" ") || "none";
  if (stamp === now.migrated) return now;
  if (PRODUCTION) for (const name of filesOf(DATASETS)) begin(now.connection, name);
  migrate(now.connection, files);
  now.statements.clear();
  now.migrated = stamp;
  return now;
}

/** A connection of the caller's own to the database as the migrations make it, unless the caller has one to `file`. */
export function connect(file?: number): { connection?: DatabaseSync; file: number } {
  const now = opened();
  return { connection: now.file === file ? undefined : open().connection, file: now.file };
}

function open(): Kept {
  mkdirSync(join(FILE, ".."), { recursive: true });
  const connection = new DatabaseSync(FILE, { timeout: BUSY_MS, readBigInts: true });
  connection.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON");
  connection.exec("PRAGMA trusted_schema = OFF");
  return { connection, statements: new Map(), file: statSync(FILE).ino, migrated: "" };
}

function prepared(sql: string): StatementSync {
  const { connection, statements } = opened();
  const known = statements.get(sql);
  if (known) return known;
  if (statements.size >= 200) statements.clear();
  const statement = connection.prepare(sql);
  statements.set(sql, statement);
  return statement;
}

// The schema

function filesOf(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith(".sql"))
      .sort();
  } catch {
    return [];
  }
}

/** The empty table of data that was handed to the app, where it is not there. */
function begin(connection: DatabaseSync, name: string): void {
  const there = connection.prepare("SELECT 1 FROM sqlite_schema WHERE name = ? COLLATE NOCASE").get(name.slice(0, -4));
  if (!there) connection.exec(readFileSync(join(DATASETS, name), "utf8"));
}

/** Apply each file that was not applied, in the order of their numbers and in a transaction of its own. */
function migrate(connection: DatabaseSync, files: string[]): void {
  const numbers = new Map<string, string>();
  for (const name of files) {
    const number = /^(\d{4})_[\w-]+\.sql$/.exec(name)?.[1];
    if (!number) throw new Error(`migrations/${name}: a migration is named like 0001_name.sql`);
    const other = numbers.get(number);
    if (other) throw new Error(`migrations/${name} has the number of ${other}. Give it the next one.`);
    numbers.set(number, name);
    apply(connection, name);
  }
}

function apply(connection: DatabaseSync, name: string): void {
  const sql = readFileSync(join(MIGRATIONS, name), "utf8");
  const hash = createHash("sha256").update(sql).digest("hex");
  connection.exec("PRAGMA foreign_keys = OFF"); // a table is made anew by a new one and a renaming
  try {
    connection.exec("BEGIN IMMEDIATE");
    connection.exec(
      "CREATE TABLE IF NOT EXISTS _appbuilder_migrations" +
        "(name TEXT PRIMARY KEY, hash TEXT NOT NULL, at TEXT NOT NULL) WITHOUT ROWID",
    );
    const known = connection.prepare("SELECT hash FROM _appbuilder_migrations WHERE name = ?").get(name);
    if (known?.hash === hash) return;
    if (known) {
      throw new Error(
        "it was changed after it was applied. Put it back as it was, and make the change in a new migration " +
          "(or, if the data may go, delete data/app.db).",
      );
    }
    if (/\b_users\b/i.test(sql)) prepare(connection, null);
    connection.exec(sql);
    if (!connection.isTransaction) throw new Error("it has a BEGIN or COMMIT of its own. Leave that out.");
    const broken = connection.prepare("PRAGMA foreign_key_check").get();
    if (broken) throw new Error(`rows of ${broken.table} would refer to rows of ${broken.parent} that are not there`);
    const at = new Date().toISOString();
    connection.prepare("INSERT INTO _appbuilder_migrations VALUES (?, ?, ?)").run(name, hash, at);
    connection.exec("COMMIT");
  } catch (error) {
    throw new Error(`migrations/${name}: ${error instanceof Error ? error.message : error}`, { cause: error });
  } finally {
    if (connection.isTransaction) connection.exec("ROLLBACK");
    connection.exec("PRAGMA foreign_keys = ON");
  }
}
