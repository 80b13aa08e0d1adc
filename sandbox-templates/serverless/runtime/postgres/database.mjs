// The app's database where that is PostgreSQL: the same calls as of SQLite (../database.mjs), and the same answers.
//
// The app's tables are in the schema public. What App Builder keeps with them is in _appbuilder, so that a copy of the
// database has both.
import { join } from 'node:path';

import { mentioned } from '../accounts.mjs';
import { DatabaseError, MIGRATIONS, migrations, quoted } from '../database.mjs';
import { guard, prepareAccounts } from './accounts.mjs';
import { Connection } from './connection.mjs';
import { beginning, numbered, statements } from './sql.mjs';
import { bindable, readerOf } from './values.mjs';

export const OURS = '_appbuilder';
const MOST = { objects: 500, columns: 300, rows: 1_000_000, sql: 20_000 };
const SLOT_MS = 5000; // changes of one function and table within it are one row
const CHANGES_KEPT = 2000; // rows
const FUNCTION_SECONDS = 30;
const NEVER = new Set(['begin', 'start', 'commit', 'end', 'rollback', 'abort', 'savepoint', 'release', 'prepare', 'set_transaction']);
const CHANGING = new Set(['insert', 'update', 'delete', 'merge', 'truncate', 'with']);

/** How many rows of each table this connection has changed: as a difference, since it may hold what was before. */
export const COUNTS =
  "SELECT relid, relname, n_tup_ins, n_tup_upd, n_tup_del FROM pg_catalog.pg_stat_xact_user_tables WHERE schemaname = 'public' AND n_tup_ins + n_tup_upd + n_tup_del > 0";

/** A connection. `seconds`: how long a statement may take. */
export function open({ seconds = FUNCTION_SECONDS } = {}) {
  return new Connection({ settings: `SET statement_timeout TO '${seconds}s'`, seconds: seconds + 30 });
}

// ---- what functions get

function parametersOf(parameters) {
  const [first] = parameters;
  const proto = first && typeof first === 'object' ? Object.getPrototypeOf(first) : undefined;
  if (parameters.length === 1 && (proto === Object.prototype || (first && proto === null))) return { named: first };
  return { list: parameters.length === 1 && Array.isArray(first) ? first : parameters };
}

/** A statement for the connection: its text with `$1` …, and its values as text. */
export function prepared(sql, parameters = []) {
  if (typeof sql !== 'string') throw new DatabaseError('The first argument is the statement, a text of SQL.');
  const { named, list } = parametersOf(parameters);
  const { sql: text, names } = numbered(sql, named !== undefined);
  if (!named) return { sql: text, values: list.map(bindable) };
  for (const name of names) if (!(name in named)) throw new DatabaseError(`The value of :${name} is missing.`, { sql });
  return { sql: text, values: names.map((name) => bindable(named[name])) };
}

/** Rows as objects. */
export function rowsOf({ columns, rows }, reader = readerOf) {
  const readers = columns.map(({ type, table }) => reader(type, table === 0));
  return rows.map((row) => {
    const found = {};
    for (let at = 0; at < columns.length; at++) found[columns[at].name] = row[at] === null ? null : readers[at](row[at]);
    return found;
  });
}

export function changedIn({ tag }) {
  return /^(?:INSERT|UPDATE|DELETE|MERGE)\b/.test(tag) ? Number(tag.split(' ').at(-1)) : 0;
}

/** The `db` of a function: all, get, run, transaction. Parameters follow the statement: `?` or `$1` in order, or one object
 * for `:name`. Integers are numbers, or BigInt above 2^53. */
export function handle(db) {
  let depth = 0;

  function asked(sql, parameters, rows = 0) {
    const one = prepared(sql, parameters);
    guard(sql);
    if (beginning(sql)[0] === 'select') one.rows = rows; // what changes something is carried out whole
    if (db.isTransaction || !CHANGING.has(beginning(sql)[0])) return db.batch([one])[0];
    // One transaction, so that what it changed can be counted.
    const [before, done, after] = db.batch([{ sql: COUNTS }, one, { sql: COUNTS }]);
    db.noted?.(before.rows, after.rows);
    return done;
  }

  const faced = {
    /** Every row. */
    all: (sql, ...parameters) => rowsOf(asked(sql, parameters)),
    /** The first row, or undefined. */
    get: (sql, ...parameters) => {
      const found = asked(sql, parameters, 1);
      return rowsOf({ columns: found.columns, rows: found.rows.slice(0, 1) })[0];
    },
    /** Change something: `{ changes }`. */
    run: (sql, ...parameters) => {
      const changes = changedIn(asked(sql, parameters));
      return Object.defineProperty({ changes }, 'lastInsertRowid', {
        get() {
          throw new DatabaseError('PostgreSQL tells the number of a new row where it is asked for: db.get("INSERT … RETURNING id", …).');
        },
      });
    },
    /** All that `work` does, or nothing of it: an error takes it back. `work` may be async. */
    transaction(work) {
      const name = `nested_${depth}`;
      const outermost = depth === 0;
      const [begin, commit, rollback] = outermost
        ? ['BEGIN', 'COMMIT', ['ROLLBACK']]
        : [`SAVEPOINT ${name}`, `RELEASE ${name}`, [`ROLLBACK TO ${name}`, `RELEASE ${name}`]];
      const before = db.batch(outermost ? [{ sql: begin }, { sql: COUNTS }] : [{ sql: begin }]).at(-1);
      depth += 1;
      const back = () => {
        try {
          if (db.isTransaction) for (const sql of rollback) db.ask(sql);
        } catch {
          // the connection is gone, and the transaction with it
        }
      };
      const finished = (result) => {
        depth -= 1;
        try {
          const done = db.batch(outermost ? [{ sql: COUNTS }, { sql: commit }] : [{ sql: commit }]);
          if (outermost) db.noted?.(before.rows, done[0].rows);
        } catch (error) {
          back();
          throw error;
        }
        return result;
      };
      const failed = (error) => {
        depth -= 1;
        back();
        throw error;
      };
      let result;
      try {
        result = work(faced);
      } catch (error) {
        return failed(error);
      }
      return typeof result?.then === 'function' ? result.then(finished, failed) : finished(result);
    },
  };
  return faced;
}

/** What `work` gives, while nothing can be changed on this connection. */
export function onlyReading(db, work) {
  if (db.isTransaction) return work();
  db.ask('BEGIN READ ONLY');
  try {
    return work();
  } finally {
    if (db.isTransaction) db.ask('ROLLBACK');
  }
}

// ---- migrations

/** Until the transaction ends, nobody else makes what App Builder keeps: IF NOT EXISTS fails where two do. */
export const ALONE = 'SELECT pg_catalog.pg_advisory_xact_lock(4715011)';
/** The same for migrations, also while they are only tried. */
export const MIGRATING = `LOCK TABLE ${OURS}.migrations IN EXCLUSIVE MODE`;

/** What App Builder keeps in the database, as far as it is not there yet. */
export function prepare(db) {
  if (isThere(db, `${OURS}.changes`)) return;
  db.batch(
    [
      ALONE,
      `CREATE SCHEMA IF NOT EXISTS ${OURS}`,
      `CREATE TABLE IF NOT EXISTS ${OURS}.migrations (name text PRIMARY KEY, hash text NOT NULL, at timestamptz NOT NULL DEFAULT now())`,
      `CREATE TABLE IF NOT EXISTS ${OURS}.changes (function text, table_name text, began timestamptz, at timestamptz, inserted bigint, updated bigint, deleted bigint, PRIMARY KEY (function, table_name, began))`,
    ].map((sql) => ({ sql })),
  );
}

/** Hashes of the applied migrations by file name. */
export function appliedIn(db) {
  if (!isThere(db, `${OURS}.migrations`)) return new Map();
  return new Map(db.ask(`SELECT name, hash FROM ${OURS}.migrations ORDER BY name`).rows);
}

export function isThere(db, name) {
  return db.ask('SELECT pg_catalog.to_regclass($1)::text', [name]).rows[0][0] !== null;
}

/** Apply each migration that was not applied, in a transaction of its own. `{applied: names, failed?: {file, line,
 * statement, message}}`: what follows a failed one is left. Raises DatabaseError where an applied file was changed. */
export function migrate(db, folder = MIGRATIONS) {
  const files = migrations(folder);
  prepare(db);
  const known = appliedIn(db);
  unchanged(files, known, folder);
  const applied = [];
  for (const file of files.filter(({ name }) => !known.has(name))) {
    db.ask('BEGIN');
    try {
      // Another process may have been faster.
      db.ask(MIGRATING);
      if (appliedIn(db).has(file.name)) continue;
      const failed = applyOne(db, file, folder);
      if (failed) return { applied, failed };
      applied.push(file.name);
    } finally {
      if (db.isTransaction) db.ask('ROLLBACK');
    }
  }
  return { applied };
}

export function unchanged(files, known, folder = MIGRATIONS) {
  for (const { name, hash } of files) {
    if (known.has(name) && known.get(name) !== hash) {
      throw new DatabaseError(
        `${folder}/${name} was changed after it was applied. Put it back as it was, and make the change in a new migration.`,
      );
    }
  }
}

/** Apply one in the transaction that is open, and end that unless `trying`: undefined, or what failed. */
export function applyOne(db, { name, sql, hash }, folder = MIGRATIONS, { trying = false } = {}) {
  let at = { text: '', line: 1 };
  try {
    if (mentioned(sql)) prepareAccounts(db);
    for (at of statements(sql)) {
      guard(at.text, 'a migration does not change _users, nor what App Builder keeps in _appbuilder');
      const [first, second] = beginning(at.text);
      if (NEVER.has(first) || (first === 'set' && second === 'transaction')) {
        throw new DatabaseError(`${first.toUpperCase()}: a migration runs in a transaction of its own; leave it out`);
      }
      db.ask(at.text);
    }
    at = { text: '', line: 1 };
    db.ask('SET CONSTRAINTS ALL IMMEDIATE');
    db.ask(`INSERT INTO ${OURS}.migrations (name, hash) VALUES ($1, $2)`, [name, hash]);
    if (!trying) db.ask('COMMIT');
    return undefined;
  } catch (error) {
    const within = error.position ? at.text.slice(0, error.position - 1).split('\n').length - 1 : 0;
    const message = error.sqlite ?? error.message;
    return { file: join(folder, name), message, statement: at.text.slice(0, 1000), line: at.line + within };
  }
}

// ---- what there is

const RELATIONS = `SELECT c.oid, c.relname, c.relkind, c.reltuples::bigint,
    CASE WHEN c.relkind IN ('v', 'm') THEN left(pg_get_viewdef(c.oid), ${MOST.sql}) END
  FROM pg_catalog.pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'f', 'v', 'm')
    AND NOT c.relispartition AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
  ORDER BY c.relname LIMIT ${MOST.objects + 1}`;
const COLUMNS = `SELECT a.attrelid, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid),
    a.attgenerated <> '' OR a.attidentity = 'a', a.attidentity, a.attnum, a.atttypid
  FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid AND c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'f', 'v', 'm')
    LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE a.attnum BETWEEN 1 AND ${MOST.columns} AND NOT a.attisdropped ORDER BY a.attrelid, a.attnum`;
const INDEXES = `SELECT i.indrelid, c.relname, i.indisunique, i.indisprimary, i.indpred IS NOT NULL,
    EXISTS (SELECT 1 FROM pg_catalog.pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')),
    array(SELECT pg_get_indexdef(i.indexrelid, n, true) FROM generate_series(1, i.indnkeyatts) n), pg_get_indexdef(i.indexrelid)
  FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
  WHERE c.relnamespace = 'public'::regnamespace ORDER BY c.relname`;
const CONSTRAINTS = `SELECT k.conrelid, k.contype, pg_get_constraintdef(k.oid),
    (SELECT relname FROM pg_catalog.pg_class WHERE oid = k.confrelid),
    array(SELECT a.attname FROM unnest(k.conkey) WITH ORDINALITY u(n, o) JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.n ORDER BY u.o)::text[],
    array(SELECT a.attname FROM unnest(k.confkey) WITH ORDINALITY u(n, o) JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.n ORDER BY u.o)::text[],
    CASE k.confdeltype WHEN 'a' THEN 'NO ACTION' WHEN 'r' THEN 'RESTRICT' WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL' WHEN 'd' THEN 'SET DEFAULT' END, k.conname
  FROM pg_catalog.pg_constraint k WHERE k.connamespace = 'public'::regnamespace AND k.conrelid <> 0 AND k.contype IN ('p', 'u', 'f', 'c', 'x') ORDER BY k.conrelid, k.contype DESC, k.conname`;
const TRIGGERS = `SELECT t.tgname, c.relname, pg_get_triggerdef(t.oid) FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
  WHERE NOT t.tgisinternal AND c.relnamespace = 'public'::regnamespace AND t.tgname NOT LIKE '\\_appbuilder\\_%' ORDER BY t.tgname LIMIT ${MOST.objects}`;

const texts = (list) => (list === null ? [] : readerOf(1009)(list));

/** Tables, views and triggers with all that is known of them, without our own: `{tables, views, triggers, migrations,
 * left_out}`. Rows are counted up to a million. */
export function describe(db, { counted = true } = {}) {
  const [relations, columns, indexes, constraints, triggers] = db.batch([RELATIONS, COLUMNS, INDEXES, CONSTRAINTS, TRIGGERS].map((sql) => ({ sql })));
  const by = ({ rows }) => {
    const found = new Map();
    for (const row of rows) found.set(row[0], [...(found.get(row[0]) ?? []), row]);
    return (oid) => found.get(oid) ?? [];
  };
  const [columnsOf, indexesOf, constraintsOf] = [by(columns), by(indexes), by(constraints)];
  const result = { tables: [], views: [], triggers: [], migrations: [...appliedIn(db).keys()] };
  for (const [oid, name, kind, , definition] of relations.rows.slice(0, MOST.objects)) {
    const known = constraintsOf(oid);
    const keys = texts(known.find(([, type]) => type === 'p')?.[4] ?? null);
    const own = columnsOf(oid).map(([, column, type, needed, given, generated, identity]) => ({
      name: column,
      type,
      nullable: needed !== 't',
      default: identity ? 'its number' : given,
      pk: keys.indexOf(column) + 1,
      generated: generated === 't',
    }));
    if (kind === 'v' || kind === 'm') {
      result.views.push({ name, columns: own, sql: `CREATE ${kind === 'm' ? 'MATERIALIZED ' : ''}VIEW ${quoted(name)} AS\n${definition}` });
      continue;
    }
    const apart = indexesOf(oid).filter((index) => index[5] !== 't');
    result.tables.push({
      oid,
      name,
      columns: own,
      primary_key: keys,
      indexes: indexesOf(oid).map(([, index, unique, , partial, made, named]) => ({
        name: index,
        unique: unique === 't',
        partial: partial === 't',
        automatic: made === 't',
        columns: texts(named),
      })),
      foreign_keys: known
        .filter(([, type]) => type === 'f')
        .map(([, , , parent, from, to, deleting]) => ({ table: parent, columns: texts(from), to: texts(to), on_delete: deleting })),
      rows: kind === 'f' ? null : counted ? 0 : null,
      virtual: kind === 'f',
      sql: statementOf(name, columnsOf(oid), known, apart).slice(0, MOST.sql),
    });
  }
  if (counted) {
    const local = result.tables.filter(({ virtual }) => !virtual);
    const counts = local.length ? db.batch(local.map(({ name }) => ({ sql: `SELECT count(*) FROM (SELECT 1 FROM public.${quoted(name)} LIMIT ${MOST.rows + 1}) t` }))) : [];
    local.forEach((table, at) => (table.rows = Number(counts[at].rows[0][0])));
  }
  for (const [name, table, sql] of triggers.rows) result.triggers.push({ name, table, sql });
  if (relations.rows.length > MOST.objects) result.left_out = true;
  return result;
}

/** How a table would be made: PostgreSQL keeps no statement. */
function statementOf(name, columns, constraints, indexes) {
  const lines = columns.map(([, column, type, needed, given, generated, identity]) => {
    const facts = [`${quoted(column)} ${type}`];
    if (identity) facts.push(`GENERATED ${identity === 'a' ? 'ALWAYS' : 'BY DEFAULT'} AS IDENTITY`);
    else if (given !== null) facts.push(generated === 't' ? `GENERATED ALWAYS AS (${given}) STORED` : `DEFAULT ${given}`);
    if (needed === 't') facts.push('NOT NULL');
    return `  ${facts.join(' ')}`;
  });
  lines.push(...constraints.map(([, , definition]) => `  ${definition}`));
  return [`CREATE TABLE ${quoted(name)} (\n${lines.join(',\n')}\n)`, ...indexes.map((index) => index[7])].join(';\n');
}

// ---- what was changed

/** Note what this connection changes: `take(who)` gives it since the last time, as `[{table, inserted, updated,
 * deleted}]`, and adds it to what the database remembers (`changes`). */
export function startRecording(db) {
  let counts = new Map();
  let began = new Date();
  let taken = 0;
  db.noted = (before, after) => {
    const earlier = new Map(before.map(([id, , ...numbers]) => [id, numbers.map(Number)]));
    for (const [id, table, ...numbers] of after) {
      const was = earlier.get(id) ?? [0, 0, 0];
      const now = numbers.map((number, at) => Number(number) - was[at]);
      if (!now.some((number) => number > 0)) continue;
      const sum = counts.get(table) ?? { table, inserted: 0, updated: 0, deleted: 0 };
      ['inserted', 'updated', 'deleted'].forEach((kind, at) => (sum[kind] += Math.max(0, now[at])));
      counts.set(table, sum);
    }
  };
  return {
    take(who = '') {
      if (!counts.size || db.isTransaction) return [];
      const found = [...counts.values()];
      counts = new Map();
      const now = new Date();
      if (now - began > SLOT_MS) began = now;
      try {
        remember(db, who, found, began, now, taken++ % 100 === 0);
      } catch {
        // what was changed is told all the same
      }
      return found;
    },
    close: () => {
      db.noted = undefined;
    },
  };
}

/** `recording.take(who)`, for a recording that was started once for its connection. */
export function recordChanges(db, recording, who) {
  return recording.take(who);
}

function remember(db, who, counts, began, now, forgetting) {
  const add =
    `INSERT INTO ${OURS}.changes AS c VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (function, table_name, began) DO UPDATE SET ` +
    'at = excluded.at, inserted = c.inserted + excluded.inserted, updated = c.updated + excluded.updated, deleted = c.deleted + excluded.deleted';
  const batch = counts.map(({ table, inserted, updated, deleted }) => ({
    sql: add,
    values: [who, table, began.toISOString(), now.toISOString(), String(inserted), String(updated), String(deleted)],
  }));
  if (forgetting) {
    batch.push({
      sql: `DELETE FROM ${OURS}.changes WHERE (function, table_name, began) IN (SELECT function, table_name, began FROM ${OURS}.changes ORDER BY began DESC OFFSET ${CHANGES_KEPT})`,
    });
  }
  db.batch(batch);
}

/** What was changed from `since` on (ISO 8601, UTC), newest first: `[{function, table, at, inserted, updated,
 * deleted}]`. */
export function changes(db, since = '') {
  if (!isThere(db, `${OURS}.changes`)) return [];
  const asked = prepared(
    `SELECT function, table_name AS "table", max(at) AS at, sum(inserted)::bigint AS inserted, sum(updated)::bigint AS updated, ` +
      `sum(deleted)::bigint AS deleted FROM ${OURS}.changes WHERE began >= ? GROUP BY function, table_name ORDER BY 3 DESC LIMIT 200`,
    [since || '1970-01-01T00:00:00Z'],
  );
  return rowsOf(db.batch([asked])[0]);
}
