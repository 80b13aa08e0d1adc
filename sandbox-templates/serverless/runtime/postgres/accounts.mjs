// The app's accounts (../accounts.mjs) where its database is PostgreSQL: their tables, and their statements in its words.
//
// _users is in the schema public, and may be read and referred to. The rest is in _appbuilder, which the functions' db, the
// tools and the panel are refused: it keeps mistakes away, not code that wants to, as the role is one.
import { DatabaseError } from '../database.mjs';
import { bindable } from './values.mjs';
import { numbered } from './sql.mjs';

const TABLES = [
  'SELECT pg_catalog.pg_advisory_xact_lock(4715012)',
  'CREATE SCHEMA IF NOT EXISTS _appbuilder',
  `CREATE TABLE IF NOT EXISTS public._users (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, key text NOT NULL UNIQUE, created timestamptz NOT NULL DEFAULT now())`,
  'CREATE TABLE IF NOT EXISTS _appbuilder.passwords ("user" bigint PRIMARY KEY REFERENCES public._users(id) ON DELETE CASCADE, hash text NOT NULL)',
  `CREATE TABLE IF NOT EXISTS _appbuilder.sessions (
    token text PRIMARY KEY, "user" bigint NOT NULL REFERENCES public._users(id) ON DELETE CASCADE, began bigint NOT NULL, ends bigint NOT NULL)`,
  'CREATE TABLE IF NOT EXISTS _appbuilder.attempts (key text PRIMARY KEY, count bigint NOT NULL, at bigint NOT NULL, until bigint NOT NULL)',
].map((sql) => ({ sql }));
const WORDS = [
  [/\b_appbuilder_(passwords|sessions|attempts)\b/g, '_appbuilder.$1'],
  [/\buser\b/g, '"user"'],
  [/\bLIMIT -1 OFFSET\b/g, 'OFFSET'],
  [/\bON CONFLICT DO UPDATE\b/g, 'ON CONFLICT (key) DO UPDATE'],
  [/^INSERT INTO _appbuilder\.attempts VALUES/, 'INSERT INTO _appbuilder.attempts AS attempts VALUES'],
  [/\bmax\(0, count - 1\)/g, 'greatest(0, count - 1)'],
  [/^(INSERT INTO _users .*)$/, '$1 RETURNING id'],
];
const CHANGED = /\b(?:insert\s+into|update|delete\s+from|merge\s+into|truncate(?:\s+table)?|alter\s+table|drop\s+table)\s+(?:only\s+|if\s+exists\s+)*(?:"?public"?\s*\.\s*)?"?_users\b/i;

/** The tables, where they are not there yet. */
export function prepareAccounts(db) {
  db.batch(TABLES);
}

/** Raises DatabaseError for what the accounts keep to themselves. `changing`: rows of _users are not changed either. */
export function guard(sql, words) {
  if (/\b_appbuilder\b|\bU&"/i.test(sql) || CHANGED.test(sql)) {
    throw new DatabaseError(`not authorized: ${words ?? "people's accounts: only _users can be read, and nothing of them be changed here"}`, { sql });
  }
}

/** A connection as accounts.mjs wants it: SQLite's calls. */
export function faced(db) {
  return {
    get isTransaction() {
      return db.isTransaction;
    },
    exec(sql) {
      if (/create table/i.test(sql)) return prepareAccounts(db);
      if (!/^BEGIN/.test(sql)) return db.ask(sql);
      // Nobody else takes the name that is looked for in between.
      return db.batch([{ sql: 'BEGIN' }, { sql: 'LOCK TABLE public._users IN SHARE ROW EXCLUSIVE MODE' }]);
    },
    prepare(sql) {
      const { sql: text } = numbered(WORDS.reduce((said, [from, to]) => said.replace(from, to), sql), false);
      const asked = (values) => db.ask(text, values.map(bindable));
      return {
        get: (...values) => {
          const { columns, rows } = asked(values);
          return rows[0] && Object.fromEntries(columns.map(({ name }, at) => [name, rows[0][at]]));
        },
        run: (...values) => ({ lastInsertRowid: asked(values).rows[0]?.[0] }),
      };
    },
  };
}
