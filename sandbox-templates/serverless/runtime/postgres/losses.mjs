// What a migration would lose: found out by trying it, in a transaction that is taken back.
import { quoted } from '../database.mjs';

const COLUMNS = `SELECT c.oid, c.relname, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attgenerated <> ''
  FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY c.relname, a.attnum`;
const KEYS = `SELECT array(SELECT a.attname FROM unnest(i.indkey) WITH ORDINALITY k(n, o) JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.n ORDER BY k.o)::text[]::text
  FROM pg_catalog.pg_index i WHERE i.indisprimary AND i.indrelid = $1::oid`;

/** `tried(watch)` applies the migration; `watch(db)` is called before, and what it returns afterwards: the losses, in
 * sentences. Where types change, it is tried once more, to compare the values. What `tried` returns is returned. */
export function lossesOf(tried) {
  let changed = [];
  const found = tried((db) => {
    const before = shapeOf(db);
    return () => {
      const compared = compare(before, shapeOf(db));
      changed = compared.changed;
      return compared.losses;
    };
  });
  if (found.failed || !changed.length) return found;
  const again = tried((db) => {
    for (const one of changed) keep(db, one);
    return () => changed.flatMap((one) => differing(db, one));
  });
  return again.failed ? found : { ...found, losses: [...found.losses, ...again.losses] };
}

/** Tables by oid: {name, rows, columns: number -> {name, type, held}}. */
function shapeOf(db) {
  const tables = new Map();
  for (const [oid, name, number, column, type, generated] of db.ask(COLUMNS).rows) {
    const table = tables.get(oid) ?? { oid, name, rows: 0, columns: new Map() };
    tables.set(oid, table);
    if (number !== null && generated !== 't') table.columns.set(number, { name: column, type, held: 0 });
  }
  for (const table of tables.values()) {
    const counts = [...table.columns.values()].map(({ name }) => `, count(${quoted(name)})`);
    const [rows, ...held] = db.ask(`SELECT count(*)${counts.join('')} FROM public.${quoted(table.name)}`).rows[0].map(Number);
    table.rows = rows;
    [...table.columns.values()].forEach((column, at) => (column.held = held[at]));
  }
  return tables;
}

function compare(before, after) {
  const losses = [];
  const changed = [];
  const named = new Map([...after.values()].map((table) => [table.name, table]));
  for (const [oid, old] of before) {
    if (!old.rows) continue;
    const now = after.get(oid) ?? named.get(old.name); // the same table, or one that was made in its place
    if (!now) {
      losses.push(`The table ${old.name} goes, with ${rowsIn(old.rows)}.`);
      continue;
    }
    if (now.rows < old.rows) losses.push(`${old.name} loses ${old.rows - now.rows} of its ${rowsIn(old.rows)}.`);
    for (const [number, column] of old.columns) {
      if (!column.held) continue;
      const same = now.oid === oid ? now.columns.get(number) : undefined;
      const found = same ?? [...now.columns.values()].find(({ name }) => name === column.name);
      if (!found) losses.push(`${old.name}.${column.name} goes, which ${column.held} of ${rowsIn(old.rows)} have.`);
      else if (now.rows >= old.rows && found.held < column.held) losses.push(`${old.name}.${column.name} is emptied in ${rowsIn(column.held - found.held)}.`);
      else if (now.rows === old.rows && found.type !== column.type) changed.push({ old, now, column, found, place: `kept_${changed.length}` });
    }
  }
  return { losses, changed };
}

/** Keep the values of a column, by the keys of their rows. A table without keys has none to compare. */
function keep(db, one) {
  const keys = db.ask(KEYS, [one.old.oid]).rows[0]?.[0];
  one.keys = keys ? keys.slice(1, -1).split(',').map((name) => name.replace(/^"|"$/g, '')) : null;
  if (!one.keys) return;
  const chosen = one.keys.map((name, at) => `${quoted(name)}::text AS k${at}`);
  db.ask(`CREATE TEMP TABLE ${one.place} ON COMMIT DROP AS SELECT ${chosen.join(', ')}, ${quoted(one.column.name)}::text AS v FROM public.${quoted(one.old.name)}`);
}

/** A value is lost where the way back does not lead to it. */
function differing(db, { old, now, column, found, keys, place }) {
  const told = (count) => (count ? [`${old.name}.${column.name} becomes ${found.type}, and ${count} values are others then.`] : []);
  if (!keys) return [`${old.name}.${column.name} becomes ${found.type}; without a primary key its values cannot be compared.`];
  const joined = keys.map((name, at) => `k.k${at} = n.${quoted(name)}::text`).join(' AND ');
  const count = (value) =>
    Number(db.ask(`SELECT count(*) FROM pg_temp.${place} k LEFT JOIN public.${quoted(now.name)} n ON ${joined} WHERE k.v IS DISTINCT FROM ${value}`).rows[0][0]);
  db.ask('SAVEPOINT compared');
  try {
    return told(count(`n.${quoted(found.name)}::${column.type}::text`));
  } catch {
    db.ask('ROLLBACK TO compared');
    return told(count(`n.${quoted(found.name)}::text`));
  }
}

function rowsIn(count) {
  return count === 1 ? '1 row' : `${count} rows`;
}
