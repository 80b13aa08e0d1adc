// What is asked of the app's database from outside the sandbox where that is PostgreSQL: the requests of ../data.mjs, and
// answers of the same shape.
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { dirname, join } from 'node:path';

import { tellPages } from '../changed.mjs';
import { writtenAsCsv } from '../csv.mjs';
import { DatabaseError, MIGRATIONS, migrations, quoted } from '../database.mjs';
import { CELL, told, understood } from '../told.mjs';
import { guard } from './accounts.mjs';
import * as database from './database.mjs';
import { restored, saved } from './copies.mjs';
import { begin, take } from './handover.mjs';
import { lossesOf } from './losses.mjs';
import { beginning, numbered, single, statements } from './sql.mjs';
import { bindable, plainReaderOf } from './values.mjs';

const PAGE = { rows: 1000, bytes: 400_000 };
const AT_ONCE = 2000; // rows that are fetched
const MOST_DUMPED = 200; // tables
const LARGEST_DUMP = 256 * 2 ** 20; // bytes of a database
const CHANGER = 'change_data';
const BY_CHANCE = `${CHANGER}, with a time or a random value`;
/** SQL that gives another value each time. */
const VARIES =
  /\bcurrent_(?:time|date|timestamp)\b|\blocaltime(?:stamp)?\b|\b(?:now|random|random_normal|gen_random_uuid|uuidv[47]|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday|gen_random_bytes)\s*\(|'(?:now|today|tomorrow|yesterday)'/i;
// In the words that SQLite's authorizer has for it.
const ONLY_READS = 'not authorized: a query only reads; use change_data for rows, update_database_schema for the schema';
const ONLY_ROWS = "not authorized: only rows are changed here; the schema is update_database_schema's";
const READING = new Set(['select', 'with', 'values', 'table', 'explain', 'show']);
const CHANGING = new Set(['insert', 'update', 'delete', 'merge', 'with', 'select', 'values']);
/** How far a block and a row in it make one number, by which a row is asked for: larger than any row's. */
const BLOCK = 65536;

const text = (value) => value;
const read = (column) => plainReaderOf(column.type) ?? text;

function connected(seconds, work) {
  const db = database.open({ seconds });
  try {
    return work(db);
  } finally {
    if (db.isTransaction) db.ask('ROLLBACK');
    db.close();
  }
}

/** A connection that only reads, of one moment. */
function reading(request, work, seconds = 14) {
  return connected(seconds, (db) => {
    if (request.apply) applyWaiting(db);
    db.ask('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    return work(db);
  });
}

/** Apply the migrations that wait: why one could not be, in a line. */
function applyWaiting(db) {
  try {
    const known = database.appliedIn(db);
    if (migrations().every(({ name, hash }) => known.get(name) === hash)) return undefined;
    begin(db);
    const { failed } = database.migrate(db);
    return failed && `${failed.file}:${failed.line}: ${failed.message}`;
  } catch (error) {
    return error.message;
  }
}

function typed(db, columns) {
  const kinds = [...new Set(columns.map(({ type }) => type))];
  const names = new Map(kinds.length ? db.batch(kinds.map((kind) => ({ sql: 'SELECT pg_catalog.format_type($1, NULL)', values: [String(kind)] }))).map((found, at) => [kinds[at], found.rows[0][0]]) : []);
  return columns.map(({ name, type }) => ({ name, type: names.get(type) }));
}

function toldRows(db, found, { rows = 100, bytes = PAGE.bytes, cell = CELL }) {
  const readers = found.columns.map(read);
  const shown = [];
  let left = bytes;
  let more = found.more;
  for (const row of found.rows) {
    if (shown.length >= rows || left < 0) {
      more = true;
      break;
    }
    const values = row.map((value, at) => (value === null ? null : told(readers[at](value), cell)));
    left -= JSON.stringify(values, (_, value) => (typeof value === 'bigint' ? String(value) : value)).length;
    shown.push(values);
  }
  return { columns: typed(db, found.columns), rows: shown, more };
}

function parametersOf({ parameters = [] }, sql) {
  const named = !Array.isArray(parameters);
  const { sql: text, names } = numbered(sql, named);
  const values = (named ? names.map((name) => parameters[name]) : parameters).map((value) => bindable(understood(value)));
  return { sql: text, values };
}

function bounds({ rows = 100, bytes = PAGE.bytes, cell = CELL }) {
  return { rows: Math.min(rows, PAGE.rows), bytes: Math.min(bytes, PAGE.bytes), cell: Math.min(cell, 100_000) };
}

function onlyReads(sql) {
  const [first] = beginning(sql);
  if (!READING.has(first)) throw new DatabaseError(ONLY_READS, { sql });
}

/** An error in the words of what is asked. */
function refused(error) {
  return error.errcode === '25006' ? new DatabaseError(ONLY_READS, { sql: error.sql, errcode: error.errcode }) : error;
}

/** All rows of a statement, some at a time. */
function* rowsAsLists(db, { sql, values = [] }, reader = read) {
  const [, first] = db.batch([{ sql: `DECLARE all_rows NO SCROLL CURSOR FOR ${sql}`, values }, { sql: `FETCH ${AT_ONCE} FROM all_rows` }]);
  const readers = first.columns.map(reader);
  for (let found = first; found.rows.length; found = db.ask(`FETCH ${AT_ONCE} FROM all_rows`)) {
    for (const row of found.rows) yield row.map((value, at) => (value === null ? null : readers[at](value)));
  }
}

export const operations = {
  describe(request) {
    return connected(14, (db) => {
      const problem = request.apply ? applyWaiting(db) : undefined;
      const names = migrations().map(({ name }) => name);
      const known = database.appliedIn(db);
      const described = database.describe(db);
      const pending = names.filter((name) => !known.has(name));
      if (!known.size && !described.tables.length && !described.views.length) {
        return { exists: false, tables: [], views: [], triggers: [], migrations: [], pending, problem };
      }
      const gone = [...known.keys()].filter((name) => !names.includes(name));
      return { exists: true, ...described, pending, gone, problem, bytes: sizeOf(db), changes: database.changes(db, request.since) };
    });
  },

  query(request) {
    return reading(request, (db) => {
      const sql = single(request.sql);
      onlyReads(sql);
      guard(sql);
      const bounded = bounds(request);
      try {
        return toldRows(db, db.batch([{ ...parametersOf(request, sql), rows: bounded.rows + 1 }])[0], bounded);
      } catch (error) {
        throw refused(error);
      }
    });
  },

  change(request) {
    return connected(14, (db) => {
      if (request.apply) applyWaiting(db);
      database.prepare(db);
      const recording = database.startRecording(db);
      const all = [...statements(request.sql)].map(({ text }) => text);
      if (!all.length) throw new DatabaseError('There is no statement.');
      for (const sql of all) {
        if (!CHANGING.has(beginning(sql)[0])) throw new DatabaseError(ONLY_ROWS, { sql });
        guard(sql);
      }
      const [, before] = db.batch([{ sql: 'BEGIN' }, { sql: database.COUNTS }]);
      let total = 0;
      let last;
      for (const sql of all) {
        last = db.batch([all.length === 1 ? parametersOf(request, sql) : { sql }])[0];
        total += database.changedIn(last);
      }
      if (db.ask("SELECT 1 FROM pg_catalog.pg_class WHERE xmin = pg_current_xact_id()::xid AND relkind IN ('r', 'p', 'v', 'm', 'S') AND relpersistence <> 't'").rows.length) {
        throw new DatabaseError(ONLY_ROWS);
      }
      const [after] = db.batch([{ sql: database.COUNTS }, { sql: 'COMMIT' }]);
      db.noted(before.rows, after.rows);
      const changes = recording.take(request.who ?? (VARIES.test(request.sql) ? BY_CHANCE : CHANGER));
      if (changes.length) tellPages();
      return { changes, total, ...(last.columns.length ? { returned: toldRows(db, last, bounds({})) } : {}) };
    });
  },

  edit(request) {
    return connected(14, (db) => {
      const { columns, keyed } = tableOf(db, request.table);
      guard(`UPDATE ${quoted(request.table)}`);
      const { change, values = {}, was = {} } = request;
      for (const name of [...Object.keys(values), ...Object.keys(was)]) {
        if (!columns.some((known) => known.name === name)) throw new DatabaseError(`${request.table} has no column ${name}`);
      }
      if (change !== 'insert' && !keyed) throw new DatabaseError(`Rows of ${request.table} have no place to tell them by: change them by the app, or by the agent`);
      const table = `public.${quoted(request.table)}`;
      const names = Object.keys(values).map(quoted);
      const given = [];
      const value = (one) => `$${given.push(bindable(understood(one)))}`;
      const row = () => {
        const key = Number(request.key);
        const place = `(${Math.floor(key / BLOCK)},${key % BLOCK})`;
        const seen = Object.entries(was).map(([name, one]) => ` AND ${sameAs(columns.find((known) => known.name === name), value(one))}`);
        return ` WHERE ctid = ${value(place)}::tid${seen.join('')}`;
      };
      if (change === 'update' && !names.length) return {};
      const set = () => names.map((name, at) => `${name} = ${value(Object.values(values)[at])}`).join(', ');
      const sql =
        change === 'insert'
          ? `INSERT INTO ${table} ${names.length ? `(${names.join(', ')}) VALUES (${Object.values(values).map(value).join(', ')})` : 'DEFAULT VALUES'} RETURNING ctid`
          : change === 'update'
            ? `UPDATE ${table} SET ${set()}${row()} RETURNING ctid`
            : `DELETE FROM ${table}${row()} RETURNING ctid`;
      database.prepare(db);
      const recording = database.startRecording(db);
      const [, before] = db.batch([{ sql: 'BEGIN' }, { sql: database.COUNTS }]);
      const { rows } = db.ask(sql, given);
      if (rows.length !== 1) throw new DatabaseError('The row is another by now, or gone: read the rows again');
      const [after] = db.batch([{ sql: database.COUNTS }, { sql: 'COMMIT' }]);
      db.noted(before.rows, after.rows);
      recording.take(request.who ?? 'a person');
      tellPages();
      return change === 'delete' ? {} : { key: keyOf(rows[0][0]) };
    });
  },

  rows(request) {
    return reading(request, (db) => {
      const { offset = 0, limit = 50 } = request;
      const { columns, keyed, from, by, values } = chosenOf(db, request);
      const chosen = [keyed ? 'ctid' : 'NULL::text', ...columns.map(({ name }) => quoted(name))];
      const [counted, page] = db.batch([
        { sql: `SELECT count(*) FROM (SELECT 1${from} LIMIT 1000001) t`, values },
        { sql: `SELECT ${chosen.join(', ')}${from}${by} LIMIT ${Math.min(Math.max(1, limit), PAGE.rows)} OFFSET ${Math.max(0, Math.floor(offset))}`, values },
      ]);
      const shown = toldRows(db, page, { rows: PAGE.rows, cell: request.cell ?? 500 });
      return {
        columns,
        keys: keyed ? shown.rows.map(([key]) => keyOf(key)) : null,
        rows: shown.rows.map(([, ...rest]) => rest),
        total: Number(counted.rows[0][0]),
        more: shown.more,
      };
    });
  },

  csv(request) {
    return reading(
      request,
      (db) => {
        const { columns, from, by, values } = chosenOf(db, request);
        const names = columns.map(({ name }) => name);
        beside(request.to);
        return writtenAsCsv(names, rowsAsLists(db, { sql: `SELECT ${names.map(quoted).join(', ') || 'NULL'}${from}${by}`, values }), request);
      },
      120,
    );
  },

  /** What a new migration would do, in a transaction that is taken back: {file, tables, losses} or {failed}. */
  migrate_try(request) {
    const sql = request.sql;
    const last = migrations().at(-1)?.number ?? '0000';
    const file = `${String(Number(last) + 1).padStart(4, '0')}_${request.name}.sql`;
    const hash = createHash('sha256').update(sql).digest('hex');
    return connected(55, (db) => {
      database.prepare(db);
      database.unchanged(migrations(), database.appliedIn(db));
      const tried = (watch) => {
        db.batch([{ sql: 'BEGIN' }, { sql: database.MIGRATING }]);
        try {
          begin(db, { inTransaction: true });
          const known = database.appliedIn(db);
          for (const one of migrations().filter(({ name }) => !known.has(name))) {
            const failed = database.applyOne(db, one, MIGRATIONS, { trying: true });
            if (failed) return { failed, earlier: true };
          }
          const compare = watch(db);
          const failed = database.applyOne(db, { name: file, sql, hash }, MIGRATIONS, { trying: true });
          return failed ? { failed } : { losses: compare(), ...database.describe(db) };
        } finally {
          if (db.isTransaction) db.ask('ROLLBACK');
        }
      };
      const found = lossesOf(tried);
      return found.failed ? found : { file: join(MIGRATIONS, file), ...found };
    });
  },

  migrate() {
    return connected(55, (db) => {
      begin(db);
      return database.migrate(db);
    });
  },

  /** What `pg_dump` writes, at `to`: {bytes}; {none: true} where there is nothing, {too_large} for more than `most` bytes. */
  snapshot(request) {
    beside(request.to);
    return saved(request.to, request.most ?? LARGEST_DUMP);
  },

  /** What the file at `place` has, in place of all there is; without that file, nothing. */
  async restore(request) {
    await restored(request.place);
    tellPages();
    return {};
  },

  dump(request) {
    return reading(
      request,
      (db) => {
        const bytes = sizeOf(db);
        return bytes > LARGEST_DUMP ? { too_large: bytes } : dumpOf(db);
      },
      120,
    );
  },

  export(request) {
    return reading(
      request,
      (db) => {
        const sql = request.table === undefined ? single(request.sql) : inOrder(db, request.table);
        onlyReads(sql);
        guard(sql);
        return exported(db, sql.replace(/;\s*$/, ''), request);
      },
      120,
    );
  },

  take(request) {
    return connected(900, (db) => {
      let before = 0;
      const taken = take(db, request, (rows) => {
        if (rows < before + 100_000) return;
        before = rows;
        fs.writeSync(1, `\nrows ${rows}\n`);
      });
      if (taken.rows !== undefined) tellPages();
      return taken;
    });
  },

  async call(request) {
    const { callOnce } = await import('../functions.mjs');
    return await callOnce(request.name, request.request ?? {});
  },
};

/** Make the folder where a file is to be written: no database lies there. */
function beside(path) {
  fs.mkdirSync(dirname(path), { recursive: true });
}

function sizeOf(db) {
  return Number(db.ask("SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_catalog.pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'm', 'p')").rows[0][0]);
}

function keyOf(place) {
  const [, block, row] = /^\((\d+),(\d+)\)$/.exec(place);
  return Number(block) * BLOCK + Number(row);
}

/** A condition that a column has a value, also of a type that knows no equality. */
function sameAs({ name, type }, value) {
  const compared = /^(?:json|xml|point|box|polygon|path|line|circle|lseg)\b/.test(type) && !type.endsWith('[]');
  return compared ? `${quoted(name)}::text IS NOT DISTINCT FROM ${value}::text` : `${quoted(name)} IS NOT DISTINCT FROM ${value}`;
}

/** A table's or view's columns, and whether its rows have a place by which they are asked for. */
function tableOf(db, name) {
  const found = db.ask("SELECT oid, relkind FROM pg_catalog.pg_class WHERE relnamespace = 'public'::regnamespace AND relname = $1 AND relkind IN ('r', 'p', 'f', 'v', 'm')", [String(name)]).rows[0];
  if (!found) throw new DatabaseError(`There is no table ${name}`);
  const described = database.describe(db, { counted: false });
  const columns = [...described.tables, ...described.views].find((one) => one.name === name)?.columns ?? [];
  return { columns, keyed: found[1] === 'r' };
}

function chosenOf(db, { table, sort = [], filters = [], contains = '' }) {
  const { columns, keyed } = tableOf(db, table);
  const values = [];
  const value = (one) => `$${values.push(one)}`;
  const known = (name) => {
    const found = columns.find((column) => column.name === name);
    if (!found) throw new DatabaseError(`${table} has no column ${name}`);
    return found;
  };
  const condition = (column, is, one) => {
    const name = quoted(column.name);
    if (is === 'null') return `${name} IS NULL`;
    if (is === 'not null') return `${name} IS NOT NULL`;
    if (is === 'contains') return `strpos(lower(${name}::text), lower(${value(String(one))}::text)) > 0`;
    if (!['=', '<>', '<', '<=', '>', '>='].includes(is)) throw new DatabaseError(`There is no comparison ${is}`);
    return `${name} ${is} ${value(bindable(understood(one)))}`;
  };
  const conditions = filters.map(({ column, is, value: one }) => condition(known(column), is, one));
  if (contains) conditions.push(`(${columns.slice(0, 100).map((column) => condition(column, 'contains', contains)).join(' OR ')})`);
  const where = conditions.length ? ` WHERE ${conditions.join(' AND ')}` : '';
  const order = sort.map(({ column, descending }) => quoted(known(column).name) + (descending ? ' DESC NULLS LAST' : ' NULLS FIRST'));
  if (!sort.length) {
    const keys = columns.filter(({ pk }) => pk).sort((one, other) => one.pk - other.pk);
    order.push(...keys.map(({ name }) => quoted(name)));
  }
  if (keyed) order.push('ctid');
  return { columns, keyed, from: ` FROM public.${quoted(table)}${where}`, by: order.length ? ` ORDER BY ${order.join(', ')}` : '', values };
}

/** All rows of a table, by its key: one that was changed lies elsewhere. */
function inOrder(db, name) {
  const keys = tableOf(db, name).columns.filter(({ pk }) => pk).sort((one, other) => one.pk - other.pk);
  return `SELECT * FROM public.${quoted(name)}${keys.length ? ` ORDER BY ${keys.map((key) => quoted(key.name)).join(', ')}` : ''}`;
}

function exported(db, sql, { to, most = 2_000_000, bytes = 1 << 29 }) {
  const [shape] = db.batch([{ sql: `SELECT * FROM (${sql}) t LIMIT 0` }]);
  beside(to);
  const out = fs.openSync(to, 'wx', 0o600);
  let [rows, written, more, lines] = [0, 0, false, ''];
  try {
    for (const row of rowsAsLists(db, { sql })) {
      if (rows >= most || written > bytes) {
        more = true;
        break;
      }
      lines += `${JSON.stringify(row.map((value) => told(value, Infinity)))}\n`;
      rows += 1;
      if (lines.length > 1 << 20) {
        written += fs.writeSync(out, lines);
        lines = '';
      }
    }
    fs.writeSync(out, lines);
  } finally {
    fs.closeSync(out);
  }
  return { columns: typed(db, shape.columns), rows, more };
}

/** See `dumpOf` of ../data.mjs: of the statements that would make the tables, and of rows as PostgreSQL writes them. */
function dumpOf(db) {
  const { tables: listed, views, triggers, left_out } = database.describe(db, { counted: false });
  if (left_out || listed.length > MOST_DUMPED) return { too_large: sizeOf(db) };
  const objects = createHash('sha256');
  for (const [type, all] of Object.entries({ table: listed, trigger: triggers, view: views })) {
    for (const { name, sql } of all) if (name !== '_users') objects.update(`${JSON.stringify([type, name, sql])}\n`);
  }
  const whole = createHash('sha256');
  const writers = new Map();
  for (const { table, function: who } of database.changes(db)) if (who !== CHANGER) writers.set(table, (writers.get(table) ?? new Set()).add(who));
  const tables = {};
  for (const { name, columns, virtual } of listed) {
    if (virtual || name === '_users') continue;
    const kept = columns.filter((one) => !one.generated && !VARIES.test(one.default ?? '')).map((one) => `${quoted(one.name)}`);
    const own = createHash('sha256');
    let rows = 0;
    const row = `ROW(${kept.join(', ')})::text`;
    for (const [told] of rowsAsLists(db, { sql: `SELECT ${row} FROM public.${quoted(name)} ORDER BY ${row} COLLATE "C"` }, () => text)) {
      own.update(`${told}\n`);
      rows += 1;
    }
    db.ask('CLOSE all_rows');
    tables[name] = { rows, hash: own.digest('hex') };
    const by = writers.get(name) ?? new Set();
    if (by.delete(BY_CHANCE)) tables[name].varies = true;
    if (by.size) tables[name].by = [...by].sort().slice(0, 20);
    whole.update(`${JSON.stringify([name, tables[name].hash])}\n`);
  }
  const schema = objects.digest('hex');
  whole.update(schema);
  return { hash: whole.digest('hex'), schema, applied: [...database.appliedIn(db).keys()], tables };
}
