// Types of the app's tables where its database is PostgreSQL: what there is after the migrations that wait, which are tried
// in a transaction that is taken back.
import { migrations } from '../database.mjs';
import { appliedIn, applyOne, describe, MIGRATING, open, prepare, unchanged } from './database.mjs';
import { begin } from './handover.mjs';

const SECONDS = 30;

/** `{tables: [{name, columns: [[name, type]]}], problems}`; problems as lines of a compiler. */
export function tablesNow() {
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
    return { tables: found, problems };
  } catch (error) {
    return { tables: [], problems: [...problems, `migrations: error: ${error.sqlite ?? error.message}`] };
  } finally {
    db.close();
  }
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
