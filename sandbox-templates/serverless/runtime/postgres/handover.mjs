// Rows that a person hands over become a table of PostgreSQL: see ../handover.mjs.
import * as fs from 'node:fs';
import { join } from 'node:path';

import { quoted } from '../database.mjs';
import { batches, FOLDER, indexName } from '../handover.mjs';
import { ALONE, isThere, OURS } from './database.mjs';
import { statements } from './sql.mjs';
import { listOf } from './values.mjs';

const SEEDS = `${FOLDER}/rows`;
const KNOWN = `${OURS}.datasets`;
const KINDS = ['insert', 'update', 'delete'];
const FAILING = 50;
const PREPARED = [
  ALONE,
  `CREATE SCHEMA IF NOT EXISTS ${OURS}`,
  `CREATE TABLE IF NOT EXISTS ${KNOWN} (name text PRIMARY KEY, hash text, as_of text, rows bigint, columns text, "insert" bigint DEFAULT 0, "update" bigint DEFAULT 0, "delete" bigint DEFAULT 0)`,
  `CREATE OR REPLACE FUNCTION ${OURS}.counted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
     EXECUTE format('UPDATE ${KNOWN} SET %1$I = %1$I + (SELECT count(*) FROM changed_rows) WHERE name = $1', lower(TG_OP)) USING TG_TABLE_NAME;
     RETURN NULL;
   END $$`,
].map((sql) => ({ sql }));
const DEPENDENTS = `SELECT 'index', c.relname, pg_get_indexdef(i.indexrelid) FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
    WHERE i.indrelid = $1::regclass AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_constraint k WHERE k.conindid = i.indexrelid)
  UNION ALL SELECT 'trigger', t.tgname, pg_get_triggerdef(t.oid) FROM pg_catalog.pg_trigger t WHERE t.tgrelid = $1::regclass AND NOT t.tgisinternal AND t.tgname NOT LIKE '\\_appbuilder\\_%'
  UNION ALL SELECT 'key', k.conrelid::regclass::text || ' ' || k.conname, format('ALTER TABLE %s ADD CONSTRAINT %I %s', k.conrelid::regclass, k.conname, pg_get_constraintdef(k.oid))
    FROM pg_catalog.pg_constraint k WHERE k.contype = 'f' AND k.confrelid = $1::regclass AND k.conrelid <> $1::regclass`;
/** The views that need a table, those that need others of them last. */
const VIEWS = `WITH RECURSIVE needing(oid, depth) AS (
    SELECT r.ev_class, 1 FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid WHERE d.classid = 'pg_rewrite'::regclass AND d.refobjid = $1::regclass AND r.ev_class <> $1::regclass
    UNION SELECT r.ev_class, n.depth + 1 FROM needing n JOIN pg_catalog.pg_depend d ON d.refobjid = n.oid JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid WHERE d.classid = 'pg_rewrite'::regclass AND r.ev_class <> n.oid AND n.depth < 50)
  SELECT 'view', c.relname, format('CREATE %s %s AS %s', CASE c.relkind WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'VIEW' END, c.oid::regclass, pg_get_viewdef(c.oid))
  FROM needing n JOIN pg_catalog.pg_class c ON c.oid = n.oid GROUP BY c.oid, c.relname, c.relkind ORDER BY max(n.depth)`;

/** The table of a dataset anew from the file `from`, as `take` of ../handover.mjs. */
export function take(db, { table, columns, indexes = [], from, hash = '', as_of = '', replace = false }, tell = () => {}) {
  const file = fs.openSync(from, 'r');
  try {
    fs.rmSync(from, { force: true }); // whatever becomes of us
    db.batch(PREPARED);
    db.ask('BEGIN');
    const before = stateOf(db, table);
    if (before.taken || (before.changed && !replace)) return before;
    const name = `public.${quoted(table)}`;
    const there = isThere(db, name);
    const kept = there ? db.batch([{ sql: DEPENDENTS, values: [name] }, { sql: VIEWS, values: [name] }]).flatMap(({ rows }) => rows) : [];
    if (there) db.ask(`DROP TABLE ${name} CASCADE`);
    db.ask(`CREATE TABLE ${name} (${columns.map((column) => `${quoted(column.name)} ${column.type}`).join(', ')})`);
    const rows = filled(db, name, columns, file, tell);
    const lost = [];
    // One whose values are too long for an index has none.
    for (const column of indexes) failing(db, `CREATE INDEX ${quoted(indexName(table, column))} ON ${name} (${quoted(column)})`);
    const own = new Set(indexes.map((column) => indexName(table, column)));
    for (const [type, called, sql] of kept) {
      if (type === 'index' && own.has(called)) continue;
      const said = failing(db, sql);
      if (said && type === 'key' && said.code === '23503') return { dangling: called.split(' ')[0] };
      if (said && !(type === 'index' && called.startsWith(`${table}_by_`))) lost.push(`${type} ${called}: ${said.message}`);
    }
    remembered(db, table, { hash, as_of, rows });
    db.ask('COMMIT');
    return { rows, lost: lost.slice(0, FAILING) };
  } finally {
    fs.closeSync(file);
    if (db.isTransaction) db.ask('ROLLBACK');
  }
}

/** Make the tables that the app's files of datasets describe and the database lacks. */
export function begin(db, { folder = FOLDER, inTransaction = false } = {}) {
  let names = [];
  try {
    names = fs.readdirSync(folder).filter((name) => /^[a-z][a-z0-9_]{0,62}\.sql$/.test(name)).sort();
  } catch {
    return;
  }
  for (const name of names) {
    const table = name.slice(0, -4);
    if (isThere(db, `public.${quoted(table)}`)) continue;
    if (!inTransaction) db.ask('BEGIN');
    try {
      db.batch(PREPARED);
      if (isThere(db, `public.${quoted(table)}`)) continue; // another process was faster
      for (const path of [join(folder, name), join(SEEDS, name)]) {
        if (fs.existsSync(path)) for (const { text } of statements(fs.readFileSync(path, 'utf8'))) db.ask(text);
      }
      if (isThere(db, `public.${quoted(table)}`)) remembered(db, table, { hash: '', as_of: '', rows: 0 });
      if (!inTransaction) db.ask('COMMIT');
    } finally {
      if (!inTransaction && db.isTransaction) db.ask('ROLLBACK');
    }
  }
}

function stateOf(db, table) {
  const kind = db.ask("SELECT relkind FROM pg_catalog.pg_class WHERE relnamespace = 'public'::regnamespace AND relname = $1", [table]).rows[0]?.[0];
  if (!kind) return {};
  const known = db.all(`SELECT * FROM ${KNOWN} WHERE name = $1`, [table])[0];
  if (!known || kind !== 'r') return { taken: kind === 'v' || kind === 'm' ? 'view' : 'table' };
  const counts = Object.fromEntries(KINDS.map((each) => [each, Number(known[each])]));
  const there = db.ask("SELECT count(*) FROM pg_catalog.pg_trigger WHERE tgrelid = $1::regclass AND tgname LIKE '\\_appbuilder\\_%' AND tgenabled <> 'D'", [`public.${quoted(table)}`]).rows[0][0];
  const shape = shapeOf(db, table) !== known.columns || Number(there) !== KINDS.length;
  return shape || KINDS.some((each) => counts[each]) ? { changed: { ...counts, shape } } : {};
}

function shapeOf(db, table) {
  const { rows } = db.ask('SELECT attname, format_type(atttypid, atttypmod) FROM pg_catalog.pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum', [`public.${quoted(table)}`]);
  return JSON.stringify(rows);
}

/** One statement for each batch: a list for each column. */
function filled(db, name, columns, file, tell) {
  const lists = columns.map(({ type }, at) => `$${at + 1}::${type}[]`);
  const sql = `INSERT INTO ${name} SELECT * FROM unnest(${lists.join(', ')})`;
  let done = 0;
  for (const { rows, read } of batches(file, columns)) {
    const values = read().map((list, at) => listOf(Array.from(list, (value) => told(value, columns[at]))));
    db.ask(sql, values);
    done += rows;
    tell(done);
  }
  return done;
}

function told(value, { type, kind }) {
  if (value === null) return null;
  if (kind === 'text') return value.replaceAll('\0', '\ufffd'); // PostgreSQL has no such text
  if (type === 'boolean') return value ? 't' : 'f';
  if (Number.isNaN(value)) return null;
  return value;
}

/** Carry out a statement, or leave things as they were: why it failed. */
function failing(db, sql) {
  db.ask('SAVEPOINT again');
  try {
    db.ask(sql);
    return null;
  } catch (error) {
    db.ask('ROLLBACK TO again');
    return { message: error.sqlite, code: error.errcode };
  }
}

function remembered(db, table, { hash, as_of, rows }) {
  const name = `public.${quoted(table)}`;
  db.ask(
    `INSERT INTO ${KNOWN} (name, hash, as_of, rows, columns) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (name) DO UPDATE SET hash = excluded.hash, as_of = excluded.as_of, rows = excluded.rows, columns = excluded.columns, "insert" = 0, "update" = 0, "delete" = 0`,
    [table, hash, as_of, String(rows), shapeOf(db, table)],
  );
  for (const kind of KINDS) {
    db.ask(
      `CREATE TRIGGER ${quoted(`_appbuilder_${kind}`)} AFTER ${kind} ON ${name} REFERENCING ${kind === 'delete' ? 'OLD' : 'NEW'} TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION ${OURS}.counted()`,
    );
  }
}
