// Types made from the app: its functions and its tables. They lie in .app/types/, which is in no version of the app.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { constants, DatabaseSync } from 'node:sqlite';

import { mentioned, prepare } from './accounts.mjs';
import { settingsNow } from './accountsettings.mjs';
import { functionFiles, ROOT } from './app.mjs';
import { usual } from './database.mjs';
import { begin, FOLDER as DATASETS } from './handover.mjs';
import { POSTGRES } from './kind.mjs';
import { parse } from './queries.mjs';

const FOLDER = join(ROOT, '.app', 'types');
const MADE = '// Made from the app by App Builder: change nothing here.\n';

/** Write what has changed. Returns what is wrong with the migrations, and who may have whose rows, as lines of a compiler. */
export function writeTypes() {
  const { text, problems, queries } = POSTGRES ? inPostgres() : tables();
  const files = { 'tables.d.ts': text, 'functions.d.ts': functions(queries), 'app.d.ts': POSTGRES ? inItsWords(APP) : APP, 'python.d.ts': python() };
  try {
    mkdirSync(FOLDER, { recursive: true });
    for (const [name, content] of Object.entries(files)) {
      const path = join(FOLDER, name);
      let before = '';
      try {
        before = readFileSync(path, 'utf8');
      } catch {
        // not there yet
      }
      if (before !== content) writeFileSync(path, content);
    }
  } catch (error) {
    console.error(`The types could not be written: ${error.message}`);
  }
  return problems;
}

function inPostgres() {
  const inSql = [...functionFiles().values()].filter((path) => path.endsWith('.sql'));
  const { tables, queries, owned, reads, problems } = createRequire(import.meta.url)('./postgres/types.mjs').tablesNow(inSql);
  return { text: written(tables), queries, problems: [...problems, ...unguarded(owned, reads)] };
}

function inItsWords(text) {
  return text.replace('data/app.db: SQLite', 'PostgreSQL').replace('; lastInsertRowid: number', '');
}

/** `[{name, columns: [[name, type]]}]` as types. */
function written(tables) {
  const rows = tables.map(({ name, columns }) => {
    const fields = columns.map(([column, type]) => `    ${JSON.stringify(column)}: ${type};`);
    return `  ${JSON.stringify(name)}: {\n${fields.join('\n')}\n  };`;
  });
  return `${MADE}/** A row of each table: \`Tables["tasks"]\`. */\nexport interface Tables {\n${rows.join('\n')}\n}\n`;
}

function functions(queries) {
  const lines = [...functionFiles()].map(([name, path]) => {
    const type = path.endsWith('.sql') ? `{ GET: () => ${queries.get(path) ?? 'unknown'} }` : `typeof import("../../${path.replace(/\.tsx?$/, '')}")`;
    return `  ${JSON.stringify(name)}: ${type};`;
  });
  return `${MADE}export interface Functions {\n${lines.join('\n')}\n}\n`;
}

/** What calls the notebook, typed by what it exposes. */
function python() {
  return `${MADE}${existsSync(join(ROOT, 'lib', 'python', 'call-python.ts')) ? TYPED_PYTHON : PYTHON}`;
}

/** The tables that datasets and migrations make, found out in memory: the app's own database is not touched. */
function tables() {
  const problems = [];
  const db = new DatabaseSync(':memory:', { allowExtension: false });
  try {
    try {
      begin(db, join(ROOT, DATASETS));
    } catch (error) {
      problems.push(`${DATASETS}: error: ${error.message}`);
    }
    let names = [];
    try {
      names = readdirSync(join(ROOT, 'migrations')).filter((name) => /^\d+.*\.sql$/.test(name)).sort();
    } catch {
      // there are none
    }
    for (const name of names) {
      try {
        const sql = readFileSync(join(ROOT, 'migrations', name), 'utf8');
        if (mentioned(sql)) prepare(db, null);
        db.exec(sql);
      } catch (error) {
        problems.push(`migrations/${name}: error: ${error.message}`);
        break;
      }
    }
    const found = db.prepare("SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE '\\_appbuilder\\_%' ESCAPE '\\' ORDER BY name").all();
    const columns = db.prepare('SELECT name, type, "notnull" AS needed, pk FROM pragma_table_xinfo(?) WHERE hidden <> 1');
    const made = found.map(({ name }) => ({ name, columns: columns.all(name).map((column) => [column.name, typeOf(column)]) }));
    const { queries, reads } = queriesIn(db, problems);
    const owner = db.prepare('SELECT "from" AS name FROM pragma_foreign_key_list(?) WHERE lower("table") = \'_users\'');
    const owned = found.flatMap(({ name: table }) => owner.all(table).slice(0, 1).map(({ name }) => ({ table, column: name })));
    problems.push(...unguarded(owned, reads));
    return { queries, text: written(made), problems };
  } finally {
    db.close();
  }
}

/** What each query gives, by its file: a type of its rows as far as the tables tell; and which tables those read that
 * do not say who may have their rows. */
function queriesIn(db, problems) {
  const queries = new Map();
  const reads = new Map();
  const columns = db.prepare('SELECT "notnull" OR pk AS needed FROM pragma_table_xinfo(?) WHERE name = ?');
  for (const path of functionFiles().values()) {
    if (!path.endsWith('.sql')) continue;
    let line = 1;
    try {
      const query = parse(readFileSync(join(ROOT, path), 'utf8'));
      line = query.line;
      if (query.parameters.includes('user') && !settingsNow()) throw new Error('The app has no accounts, so that :user is nobody: say "accounts": {} in ui.json.');
      const outer = /\b(?:left|right|full)\b/i.test(query.sql);
      const read = new Set();
      const fields = onlyReading(db, query.sql, read).map(({ name, table, column, type }) => {
        const needed = !outer && table && columns.get(table, column)?.needed;
        return `${JSON.stringify(name)}: ${table ? typeOf({ type: type ?? '', needed }) : 'any'}`;
      });
      if (!query.asks) reads.set(path, { tables: read, line });
      queries.set(path, `{ ${fields.join('; ')} }[]`);
    } catch (error) {
      const message = /not authorized/.test(error.message) ? 'A query only reads, and not what the accounts keep to themselves.' : error.message;
      problems.push(`${path}(${error.line ?? line},1): error: ${message}`);
    }
  }
  return { queries, reads };
}

/** The columns of a query, which is prepared and not run; `read` is told the tables, those behind views as well. */
function onlyReading(db, sql, read) {
  db.setAuthorizer((action, ...about) => {
    if (action === constants.SQLITE_READ) read.add(about[0]);
    return READS.has(action) ? usual(action, ...about) : constants.SQLITE_DENY;
  });
  try {
    return db.prepare(sql).columns();
  } finally {
    db.setAuthorizer(null);
  }
}

const READS = new Set([constants.SQLITE_SELECT, constants.SQLITE_READ, constants.SQLITE_FUNCTION, constants.SQLITE_RECURSIVE]);

function said({ table, column }, kind) {
  const what = `Rows of ${table} belong to people (${column} refers to _users), and this ${kind} does not ask who wants them. `;
  if (kind === 'query') return `${what}Say WHERE ${column} = :user, which is whoever is logged in; if they are everybody's, begin with the line "-- access: everyone".`;
  const own = `auth.own(row${column === 'owner' ? '' : `, ${JSON.stringify(column)}`})`;
  return `${what}Use auth.need() and ${own}; if they are everybody's, say export const access = "everyone".`;
}

/** Functions that use rows of people, those of the tables `owned` ({table, column}), and never ask who wants them. `reads`:
 * what queries read that do not say. */
function unguarded(owned, reads) {
  const used = (table) => new RegExp(`\\b(?:from|into|update|join)\\s+["\`]?${table.replace(/\W/g, '\\$&')}\\b`, 'i');
  const problems = [];
  if (!owned.length) return problems;
  for (const path of functionFiles().values()) {
    const query = path.endsWith('.sql');
    if (query) {
      const { tables: read, line } = reads.get(path) ?? {};
      const one = owned.find(({ table }) => read?.has(table));
      if (one) problems.push(`${path}(${line},1): error: ${said(one, 'query')}`);
      continue;
    }
    const text = readFileSync(join(ROOT, path), 'utf8').replace(/\/\*[^]*?\*\/|(?<!:)\/\/.*/g, (comment) => comment.replace(/[^\n]/g, ' '));
    if (/\bauth\b|\bexport\s+const\s+access\b/.test(text)) continue;
    for (const { table, column } of owned) {
      const at = text.search(used(table));
      if (at < 0) continue;
      const line = text.slice(0, at).split('\n').length;
      problems.push(`${path}(${line},1): error: ${said({ table, column }, 'function')}`);
      break;
    }
  }
  return problems;
}

function typeOf({ type, needed, pk }) {
  const kind = String(type).toUpperCase();
  const found = /INT|REAL|FLOA|DOUB|NUM|DEC|BOOL/.test(kind) ? 'number' : /BLOB/.test(kind) ? 'Uint8Array' : kind === '' ? 'unknown' : 'string';
  return needed || pk || found === 'unknown' ? found : `${found} | null`;
}

const PYTHON = `
/** No function of a notebook is exposed to this app yet. */
export type CallPython = (name: string, given?: object, options?: { signal?: AbortSignal }) => Promise<any>;
`;
const TYPED_PYTHON = `
import type { ArgumentsOf, FunctionName, ResultOf } from "../../lib/python/call-python";

export type CallPython = <Name extends FunctionName>(
  name: Name,
  ...[given, options]: {} extends ArgumentsOf<Name>
    ? [given?: ArgumentsOf<Name>, options?: { signal?: AbortSignal }]
    : [given: ArgumentsOf<Name>, options?: { signal?: AbortSignal }]
) => Promise<ResultOf<Name>>;
`;

const APP = `${MADE}import type { Functions } from "./functions";
import type { CallPython } from "./python";
import type { Tables } from "./tables";

export type { Tables };

/** Somebody who has an account. \`_users\` has their rows: \`owner INTEGER NOT NULL REFERENCES _users(id)\`. */
export interface User {
  id: number;
  /** The email address, or the name. */
  name: string;
}

/** What a function is given beside its request. */
export interface Context {
  /** The database, data/app.db: SQLite. */
  db: {
    all<Row = Record<string, unknown>>(sql: string, ...parameters: unknown[]): Row[];
    get<Row = Record<string, unknown>>(sql: string, ...parameters: unknown[]): Row | undefined;
    run(sql: string, ...parameters: unknown[]): { changes: number; lastInsertRowid: number };
    transaction<T>(work: () => T): T;
  };
  /** Who asks, where ui.json has "accounts". A function that says \`export const access = "user"\` answers nobody else. */
  auth: {
    /** Whoever is logged in, or null. */
    readonly user: User | null;
    /** The same; whoever is not logged in is answered 401. */
    need(): User;
    /** The row, if its column \`owner\` (or another) holds the id of whoever asks; otherwise a 404 is answered. */
    own<Row extends object>(row: Row | null | undefined, column?: keyof Row & string): Row;
  };
  /** What the app's .env says. */
  env: Readonly<Record<string, string | undefined>>;
  log: Readonly<Record<"debug" | "info" | "warn" | "error", (...values: unknown[]) => void>>;
  /** Call what the person's notebook exposes: \`await python("forecast", { region })\`. A frame comes as a list of rows.
   * Rejects with a PythonError: what is not caught is answered with its sentence. */
  python: CallPython;
}

/** A WebSocket that a page has opened to \`export function socket(socket: Socket, context: SocketContext)\`. All of a
 * function's are in one thread: what its module holds is theirs together, while one of them is open. */
export interface Socket {
  /** Text and bytes as they are, anything else as JSON; 1 MB at most. To one that has closed nothing is sent. */
  send(data: unknown): void;
  /** 1000, or 3000 to 4999: a page does not open it again by itself. */
  close(code?: number, reason?: string): void;
  readonly closed: boolean;
  /** \`data\` is a text or a Uint8Array. The next one waits until what this returns is done. */
  onmessage: ((event: { data: any }) => unknown) | null;
  onclose: ((event: { code: number; reason: string }) => unknown) | null;
}

export interface SocketContext extends Context {
  /** What it was opened with: its address, with what stands behind the ?, and headers. */
  request: Request;
}

/** Why a call of the notebook came to nothing. \`no_kernel\`: it does not run. \`busy\`: ask again. \`declined\`: it says so. */
export interface PythonError extends Error {
  readonly reason: string;
  readonly status: number;
  readonly passing: boolean;
}

type Name = keyof Functions;
type Handler<Module, Method extends string> = Module extends { [M in Method]: infer H } ? H : Module extends { default: infer H } ? H : never;
/** A value as it comes out of JSON. */
type Sent<T> = T extends Response
  ? unknown
  : T extends Date
    ? string
    : T extends bigint
      ? number | string
      : T extends (infer One)[]
        ? Sent<One>[]
        : T extends object
          ? { [K in keyof T]: Sent<T[K]> }
          : T;
type Answer<N, Method extends string> = N extends Name
  ? Handler<Functions[N], Method> extends (...given: never[]) => infer R
    ? Sent<Awaited<R>>
    : unknown
  : unknown;

export interface CallOptions<Method extends string = string> {
  method?: Method;
  query?: Record<string, unknown>;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** Of a call that was answered with an error: its sentence, the status and what else it said. */
export class CallError extends Error {
  readonly status: number;
  readonly body: unknown;
}

/** Call a function of the app. GET, or POST where there is a body, unless told. */
export function call<N extends Name>(name: N): Promise<Answer<N, "GET">>;
export function call<N extends Name, Method extends string>(
  name: N,
  options: CallOptions<Method> & { method: Method },
): Promise<Answer<N, Method>>;
export function call<N extends Name>(name: N, options: CallOptions<never> & { body: unknown }): Promise<Answer<N, "POST">>;
export function call<N extends Name>(name: N, options: CallOptions<never>): Promise<Answer<N, "GET">>;
/** Of a path below a function (a Hono app). */
export function call(name: \`\${Name}/\${string}\`, options?: CallOptions): Promise<unknown>;

/** What a function answers to GET, asked for when the component appears and after refresh(name). null: ask nothing. */
export function useCall<N extends Name>(
  name: N | null,
  options?: { query?: Record<string, unknown> },
): { data: Answer<N, "GET"> | undefined; error: Error | null; loading: boolean; reload: () => void };

type SocketName = { [N in Name]: Functions[N] extends { socket: unknown } ? N : never }[Name];

/** A WebSocket to a function that exports \`socket\`, open while the component is there, and opened again by itself where
 * it is lost. \`send\` says whether it is open: text and bytes as they are, anything else as JSON. null: open none. */
export function useSocket(
  name: SocketName | null,
  onMessage?: (data: any) => void,
  options?: { query?: Record<string, unknown> },
): { open: boolean; send: (data: unknown) => boolean };

/** Who is logged in (null: nobody, undefined: not known yet), and what the part SignIn does, for a page of your own. */
export function useAccount(): {
  user: User | null | undefined;
  logIn: (name: string, password: string) => Promise<void>;
  signUp: (name: string, password: string) => Promise<void>;
  logOut: () => Promise<void>;
};

/** Ask these functions anew, for whatever shows what they answer; without names, all. */
export function refresh(...names: Name[]): void;
/** Go to a page of ui.json: navigate("/tasks/7"). */
export function navigate(to: string): void;
export function useLocation(): { path: string; query: Record<string, string> };
/** Show a short message. */
export function toast(text: string, kind?: "info" | "error"): void;
`;
