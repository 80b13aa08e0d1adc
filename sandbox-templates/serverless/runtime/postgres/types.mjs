// Types of the app's tables where its database is PostgreSQL: what there is after the migrations that wait, which are tried
// in a transaction that is taken back.
import { readFileSync } from 'node:fs';

import { settingsNow } from '../accountsettings.mjs';
import { migrations } from '../database.mjs';
import { parse } from '../queries.mjs';
import { guard } from './accounts.mjs';
import { appliedIn, applyOne, describe, MIGRATING, open, prepare, unchanged } from './database.mjs';
import { begin } from './handover.mjs';
import { numbered } from './sql.mjs';

const SECONDS = 30;

/** `{tables: [{name, columns: [[name, type]]}], queries, owned, reads, problems}`; problems as lines of a compiler;
 * `queries`: what the functions in SQL give, by their path; `owned`: `[{table, column}]` of rows that belong to people;
 * `reads`: which of these are read by functions in SQL that do not say who may have them. */
export function tablesNow(files) {
  const problems = [];
  const db = open({ seconds: SECONDS });
  try {
    prepare(db);
    db.batch([{ sql: 'BEGIN' }, { sql: MIGRATING }]);
    try {
      begin(db, { inTransaction: true });
    } catch (error) {
      problems.push(`datasets: error: ${error.sqlite ?? error.message}`);
      db.batch([{ sql: 'ROLLBACK' }, { sql: 'BEGIN' }, { sql: MIGRATING }]);
    }
    problems.push(...waiting(db));
    if (problems.length) db.ask('ROLLBACK');
    const { tables, views } = describe(db, { counted: false });
    const found = [...tables, ...views].map(({ name, columns }) => ({ name, columns: columns.map((column) => [column.name, typeOf(column)]) }));
    const owned = ownedIn(tables, views);
    const queries = new Map();
    const reads = new Map();
    for (const path of files) {
      const told = rowsOf(db, path);
      if (told.problem) problems.push(`${path}(${told.line},1): error: ${told.problem}`);
      else queries.set(path, told.type);
      const named = owned.filter(({ table }) => told.asks === false && names(told.sql, table)).map(({ table }) => table);
      if (named.length) reads.set(path, { tables: new Set(named), line: told.line });
    }
    return { tables: found, queries, problems, owned, reads };
  } catch (error) {
    return { tables: [], queries: new Map(), owned: [], reads: new Map(), problems: [...problems, `migrations: error: ${error.sqlite ?? error.message}`] };
  } finally {
    db.close();
  }
}

/** Tables with a column that refers to _users, and views that read one. */
function ownedIn(tables, views) {
  const owned = tables.flatMap(({ name, foreign_keys }) => {
    const key = foreign_keys.find(({ table }) => table === '_users');
    return key ? [{ table: name, column: key.columns[0] }] : [];
  });
  for (let before = -1; before !== owned.length; ) {
    before = owned.length;
    for (const { name, sql } of views) {
      const from = owned.find(({ table }) => names(sql, table));
      if (from && !owned.some(({ table }) => table === name)) owned.push({ table: name, column: from.column });
    }
  }
  return owned;
}

function names(sql, table) {
  return new RegExp(`(?<![\\w$])${table.replace(/[^\w]/g, '\\$&')}(?![\\w$])`, 'i').test(sql);
}

/** The type of the rows of a function in SQL, which is asked for none: {type, line, sql, asks}, or {line, problem}. */
function rowsOf(db, path) {
  let line = 1;
  try {
    const query = parse(readFileSync(path, 'utf8'));
    line = query.line;
    if (query.parameters.includes('user') && !settingsNow()) throw new Error('The app has no accounts, so that :user is nobody: say "accounts": {} in ui.json.');
    guard(query.sql);
    const { sql, names: given } = numbered(query.sql.replace(/;\s*$/, ''), true);
    const apart = !db.isTransaction;
    db.ask(apart ? 'BEGIN READ ONLY' : 'SAVEPOINT query');
    try {
      const { columns } = db.ask(`SELECT * FROM (${sql}\n) query LIMIT 0`, given.map(() => null));
      const fields = fieldsOf(db, columns, /\b(?:left|right|full)\b/i.test(sql));
      return { type: `{ ${fields.join('; ')} }[]`, line, sql, asks: query.asks };
    } finally {
      db.ask(apart ? 'ROLLBACK' : 'ROLLBACK TO query');
    }
  } catch (error) {
    return { line: error.line ?? line, problem: error.sqlite ?? error.message };
  }
}

function fieldsOf(db, columns, outer) {
  const asked = columns.map(({ type, table, number }) => ({
    sql: 'SELECT format_type($1, NULL), (SELECT attnotnull FROM pg_catalog.pg_attribute WHERE attrelid = $2::oid AND attnum = $3)',
    values: [type, table, number].map(String),
  }));
  const found = asked.length ? db.batch(asked) : [];
  return columns.map(({ name, table }, at) => {
    const [type, needed] = found[at].rows[0];
    return `${JSON.stringify(name)}: ${typeOf({ type, nullable: table !== 0 && (outer || needed !== 't') })}`; // what is computed may be anything
  });
}

/** Try the migrations that were not applied. */
function waiting(db) {
  const files = migrations();
  const known = appliedIn(db);
  unchanged(files, known);
  for (const file of files.filter(({ name }) => !known.has(name))) {
    const failed = applyOne(db, file, 'migrations', { trying: true });
    if (failed) return [`${failed.file}(${failed.line},1): error: ${failed.message}`];
  }
  return [];
}

function typeOf({ type, nullable }) {
  const item = type.replace(/(?:\[\])+$/, '');
  const lists = (type.length - item.length) / 2;
  const read = /^(?:jsonb?|boolean|bytea|smallint|integer|bigint|oid|real|double precision|numeric|text|character|uuid|date|timestamp|time without)\b/;
  if (lists && !read.test(item)) return nullable ? 'string | null' : 'string'; // a list of enums, say, comes as it is written
  const plain = /^(?:smallint|integer|bigint|real|double precision|numeric|oid)\b/.test(item)
    ? 'number'
    : item === 'boolean'
      ? 'boolean'
      : item === 'bytea'
        ? 'Uint8Array'
        : /^jsonb?$/.test(item)
          ? 'any'
          : 'string';
  const found = lists ? `(${plain} | null)${'[]'.repeat(lists)}` : plain;
  return nullable && plain !== 'any' ? `${found} | null` : found;
}
