// The app's accounts: people who sign up and log in, and the sessions of their browsers. The app's code sees who asks;
// what proves it (passwords, sessions) is in tables that only this file opens. Template nextjs has it as
// lib/accounts/core.mjs.
import { createHash, randomBytes, scrypt as scryptWith, timingSafeEqual } from 'node:crypto';
import { constants } from 'node:sqlite';
import { promisify } from 'node:util';

const scrypt = promisify(scryptWith);

export const COOKIE = 'session';
const SESSION_SECONDS = 30 * 86400;
const MOST_SESSIONS = 20; // of one person
const SHORTEST = 8; // characters of a password
const LONGEST = 200;
const LONGEST_NAME = 254; // of an address, as mail has it
/** What a guess costs: 16 MB and some 0.2 seconds. Whoever changes it changes it for new passwords: each says its own. */
const COST = { N: 16384, r: 8, p: 5 };
const KEY_BYTES = 32;

const WAIT = Number(process.env.APPBUILDER_GUESS_SECONDS) || 15;
/** How often something may be tried within an hour of the last time, and the seconds to wait then; twice as long each
 * time, up to `longest`. */
const LIMITS = {
  pair: { free: 5, wait: WAIT, longest: Math.max(900, WAIT) }, // guesses of one person's password from one address
  name: { free: 50, wait: 15, longest: 60 }, // from all addresses: short, or anybody could lock a person out
  client: { free: 100, wait: 60, longest: 3600 },
  signUp: { free: 20, wait: 60, longest: 3600 }, // from one address
};
const HOUR = 3600_000;

/** Which tables only this file may touch, and the one that everybody may read. */
const HIDDEN = /^_appbuilder_(?:passwords|sessions|attempts)$/i;
const OWN = /^(?:_users|_appbuilder_(?:passwords|sessions|attempts))$/i;

const TABLES = `
CREATE TABLE IF NOT EXISTS _users(
  id INTEGER PRIMARY KEY AUTOINCREMENT, -- never given twice: what somebody left behind is nobody's
  name TEXT NOT NULL, key TEXT NOT NULL UNIQUE,
  created TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))) STRICT;
CREATE TABLE IF NOT EXISTS _appbuilder_passwords(
  user INTEGER PRIMARY KEY REFERENCES _users(id) ON DELETE CASCADE, hash TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS _appbuilder_sessions(
  token TEXT PRIMARY KEY, user INTEGER NOT NULL REFERENCES _users(id) ON DELETE CASCADE,
  began INTEGER NOT NULL, ends INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS _appbuilder_attempts(
  key TEXT PRIMARY KEY, count INTEGER NOT NULL, at INTEGER NOT NULL, until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
`;

const READS = new Set(['SELECT', 'READ', 'FUNCTION', 'RECURSIVE'].map((name) => constants[`SQLITE_${name}`]));
/** Where an action's second word is the table, not the first. */
const SECOND = new Set(
  ['ALTER_TABLE', 'CREATE_TRIGGER', 'CREATE_TEMP_TRIGGER', 'CREATE_INDEX', 'CREATE_TEMP_INDEX', 'DROP_TRIGGER', 'DROP_INDEX'].map(
    (name) => constants[`SQLITE_${name}`],
  ),
);

/** May SQL of the app's or of a tool do this? `_users` may be read; the rest of these tables is this file's alone. */
export function forbids(action, first, second) {
  const table = SECOND.has(action) ? second : first;
  if (action === constants.SQLITE_ANALYZE) return false;
  return HIDDEN.test(table ?? '') || (OWN.test(table ?? '') && !READS.has(action));
}

/** The tables, where they are not there yet. `usual` is the authorizer that the connection has otherwise. */
export function prepare(db, usual) {
  db.setAuthorizer?.(null); // a built app may run on an older Node
  try {
    db.exec(TABLES);
  } finally {
    db.setAuthorizer?.(usual);
  }
}

/** Does a text of SQL need the tables: one that refers to `_users`. */
export const mentioned = (sql) => /\b_users\b/i.test(sql);

// What is said

const refused = (status, detail, headers = {}) => Response.json({ detail }, { status, headers: { 'cache-control': 'no-store', ...headers } });

/** Did another site's page send this? Browsers say so; whoever sends neither header is no browser. */
function isForeign({ method, headers }) {
  return !['GET', 'HEAD', 'OPTIONS'].includes(method) && isFromElsewhere(headers);
}

/** The same of a request that is held to it whatever its method is. */
export function isFromElsewhere(headers) {
  const site = headers.get('sec-fetch-site');
  if (site) return site !== 'same-origin' && site !== 'none';
  const origin = headers.get('origin');
  if (!origin) return false;
  try {
    const { host } = new URL(origin);
    return host !== headers.get('host') && host !== headers.get('x-forwarded-host');
  } catch {
    return true; // "null", of a page without an origin
  }
}

const digest = (text) => createHash('sha256').update(text).digest('hex');

function tokenOf(headers) {
  for (const one of (headers.get('cookie') ?? '').split(';')) {
    const [name, value] = one.split('=').map((part) => part.trim());
    if (name === COOKIE && /^[\w-]{43}$/.test(value ?? '')) return value;
  }
  return '';
}

function cookie(request, value, seconds) {
  const secure = [request.headers.get('x-forwarded-proto'), request.headers.get('origin')].some((text) => text?.startsWith('https'));
  return `${COOKIE}=${value}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`;
}

// Names

const SCRIPTS = ['Latin', 'Cyrillic', 'Greek', 'Armenian', 'Cherokee'].map((name) => new RegExp(`\\p{Script=${name}}`, 'u'));

/** A name as it is compared, or a sentence on why it is none: what looks the same must not be two people. */
function keyOf(name, by) {
  if (typeof name !== 'string' || !name.trim()) return { wrong: by === 'email' ? 'Give your email address.' : 'Give a name.' };
  const text = name.normalize('NFKC').trim();
  if (text.length > LONGEST_NAME) return { wrong: `${LONGEST_NAME} characters are the most.` };
  if (/[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u.test(text)) return { wrong: 'It has signs that cannot be seen.' };
  if (SCRIPTS.filter((script) => script.test(text)).length > 1) return { wrong: 'It mixes letters of several alphabets, which look alike.' };
  if (by === 'email' && !/^[^\s@<>"(),:;]+@[^\s@<>"(),:;.]+(?:\.[^\s@<>"(),:;.]+)+$/.test(text)) return { wrong: `${JSON.stringify(text.slice(0, 80))} is no email address.` };
  return { shown: text, key: text.toLowerCase().replace(/\s+/g, ' ') };
}

/** The key of a JupyterHub's user, which no name that is typed can be: it has the end of a line. */
const hubKey = (name) => `hub\n${name.toLowerCase()}`;

// Passwords

const fresh = (password, salt, { N, r, p }) => scrypt(password.normalize('NFKC'), salt, KEY_BYTES, { N, r, p, maxmem: 256 * N * r });

async function hashed(password) {
  const salt = randomBytes(16);
  const key = await fresh(password, salt, COST);
  return `scrypt$${COST.N}$${COST.r}$${COST.p}$${salt.toString('base64')}$${key.toString('base64')}`;
}

/** Takes as long for a person who is not there. */
async function fits(password, hash) {
  const [, N, r, p, salt, key] = (hash ?? `scrypt$${COST.N}$${COST.r}$${COST.p}$AAAAAAAAAAAAAAAAAAAAAA==$`).split('$');
  const found = await fresh(password, Buffer.from(salt, 'base64'), { N: Number(N), r: Number(r), p: Number(p) });
  const wanted = Buffer.from(key, 'base64');
  return wanted.length === found.length && timingSafeEqual(found, wanted);
}

// The accounts of a database

/** `connection` is one of their own: nobody else's statements run on it. */
export class Accounts {
  constructor(connection) {
    prepare(connection, (action, first, second, database, source) =>
      // A trigger of the app's, on a table that is changed here, may not reach what is hidden from the app.
      source && forbids(action, first, second) ? constants.SQLITE_DENY : constants.SQLITE_OK,
    );
    this.db = connection;
    this.statements = new Map();
  }

  statement(sql) {
    if (!this.statements.has(sql)) this.statements.set(sql, this.db.prepare(sql));
    return this.statements.get(sql);
  }

  get(sql, ...values) {
    return this.statement(sql).get(...values);
  }

  run(sql, ...values) {
    return this.statement(sql).run(...values);
  }

  /** Who sent a request: `{ id, name }`, or null. Another site's page sends for nobody. */
  userOf(request) {
    const token = tokenOf(request.headers);
    if (!token || isForeign(request)) return null;
    return person(this.get('SELECT id, name FROM _users JOIN _appbuilder_sessions ON user = id WHERE token = ? AND ends > ?', digest(token), Date.now()));
  }

  /** Who has this name, for whoever calls a function from the app's own tools. */
  named(name) {
    const { key = '' } = keyOf(String(name), 'name');
    return person(this.get('SELECT id, name FROM _users WHERE key IN (?, ?) ORDER BY key = ? DESC', key, hubKey(String(name)), key));
  }

  /** Lets in whoever a JupyterHub says this is, unless they are in: an account without a password. */
  enter(request, name) {
    const key = hubKey(name);
    this.run('INSERT INTO _users (name, key) VALUES (?, ?) ON CONFLICT DO NOTHING', name, key);
    const user = person(this.get('SELECT id, name FROM _users WHERE key = ?', key));
    return this.userOf(request)?.id === user.id ? new Response(null, { status: 204 }) : this.begin(request, user);
  }

  async signUp(request, { name, password }, { by, signUp }, client) {
    if (!signUp) return refused(403, 'New accounts cannot be made here.');
    const { shown, key, wrong } = keyOf(name, by);
    if (wrong) return refused(400, wrong);
    if (typeof password !== 'string' || [...password].length < SHORTEST) return refused(400, `A password needs ${SHORTEST} characters at least.`);
    if (password.length > LONGEST) return refused(400, `A password has ${LONGEST} characters at most.`);
    if (password.normalize('NFKC').toLowerCase() === key) return refused(400, 'The password must be another than the name.');
    const late = client && this.tried(`sign-up ${client}`, LIMITS.signUp);
    if (late) return late;
    const known = () => this.get('SELECT 1 FROM _users WHERE key IN (?, ?)', key, hubKey(shown));
    const taken = () => refused(409, by === 'email' ? 'This address has an account already. Log in.' : 'This name is taken. Choose another, or log in.');
    if (known()) return taken();
    const hash = await hashed(password);
    this.db.exec('BEGIN IMMEDIATE');
    let id;
    try {
      if (known()) {
        this.db.exec('ROLLBACK');
        return taken();
      }
      id = this.run('INSERT INTO _users (name, key) VALUES (?, ?)', shown, key).lastInsertRowid;
      this.run('INSERT INTO _appbuilder_passwords VALUES (?, ?)', id, hash);
      this.db.exec('COMMIT');
    } catch (error) {
      if (this.db.isTransaction) this.db.exec('ROLLBACK');
      throw error;
    }
    return this.begin(request, { id: Number(id), name: shown });
  }

  async logIn(request, { name, password }, { by }, client) {
    const { key, wrong } = keyOf(name, by);
    const nobody = () => refused(401, by === 'email' ? 'No account has this address and password.' : 'No account has this name and password.');
    if (typeof password !== 'string' || !password) return refused(400, 'Give your password.');
    if (wrong || password.length > LONGEST) return nobody();
    const pair = `${key} ${client}`;
    // Counted before the password is tried: a thousand guesses at once are a thousand.
    const late = this.tried(`pair ${pair}`, LIMITS.pair) ?? this.tried(`name ${key}`, LIMITS.name) ?? (client && this.tried(`client ${client}`, LIMITS.client));
    if (late) return late;
    const found = this.get('SELECT id, name, hash FROM _users JOIN _appbuilder_passwords ON user = id WHERE key = ?', key);
    if (!(await fits(password, found?.hash)) || !found) return nobody();
    this.run('DELETE FROM _appbuilder_attempts WHERE key IN (?, ?)', digest(`pair ${pair}`), digest(`name ${key}`));
    this.run('UPDATE _appbuilder_attempts SET count = max(0, count - 1) WHERE key = ?', digest(`client ${client}`)); // no guess
    return this.begin(request, person(found));
  }

  logOut(request) {
    const token = tokenOf(request.headers);
    if (token) this.run('DELETE FROM _appbuilder_sessions WHERE token = ?', digest(token));
    return Response.json({ user: null }, { headers: { 'set-cookie': cookie(request, '', 0) } });
  }

  /** A new session, whatever the browser had before: one that somebody else gave it is worth nothing. */
  begin(request, user) {
    const token = randomBytes(32).toString('base64url');
    const now = Date.now();
    this.run('DELETE FROM _appbuilder_sessions WHERE token = ? OR ends <= ?', digest(tokenOf(request.headers)), now);
    this.run('INSERT INTO _appbuilder_sessions VALUES (?, ?, ?, ?)', digest(token), user.id, now, now + SESSION_SECONDS * 1000);
    this.run(
      'DELETE FROM _appbuilder_sessions WHERE token IN (SELECT token FROM _appbuilder_sessions WHERE user = ? ORDER BY began DESC LIMIT -1 OFFSET ?)',
      user.id,
      MOST_SESSIONS,
    );
    return Response.json({ user }, { headers: { 'set-cookie': cookie(request, token, SESSION_SECONDS) } });
  }

  /** Counts a try: undefined, or the answer to one too many. */
  tried(what, { free, wait, longest }) {
    const now = Date.now();
    const key = digest(what); // no passwords, but whoever types one into the field for names would find it here
    this.run('DELETE FROM _appbuilder_attempts WHERE at < ? AND until < ?', now - HOUR, now);
    const before = this.get('SELECT count, until FROM _appbuilder_attempts WHERE key = ?', key);
    const left = Number(before?.until ?? 0) - now;
    if (left > 0) {
      const seconds = Math.ceil(left / 1000);
      return refused(429, `That was too often. Try again in ${seconds < 90 ? `${seconds} seconds` : `${Math.ceil(seconds / 60)} minutes`}.`, { 'retry-after': String(seconds) });
    }
    const count = Number(before?.count ?? 0) + 1;
    const until = count < free ? 0 : now + 1000 * Math.min(longest, wait * 2 ** (count - free));
    this.run('INSERT INTO _appbuilder_attempts VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET count = excluded.count, at = excluded.at, until = excluded.until', key, count, now, until);
    return undefined;
  }
}

const person = (row) => (row ? { id: Number(row.id), name: row.name } : null);

// What functions are given

const NONE = 'This app has no accounts. Say "accounts": {} in ui.json.';

/** The `auth` of one call. `request()` is what was sent; `accounts()` opens the database's; `settings` is null where the
 * app has no accounts. */
export function authOf(request, settings, accounts, as) {
  let known;
  const auth = {
    /** Who asks: `{ id, name }`, or null. */
    get user() {
      if (!settings) throw new Error(NONE);
      if (known === undefined) {
        known = as === undefined ? accounts().userOf(request()) : accounts().named(as);
        if (as !== undefined && !known) throw refused(401, `Nobody has an account with the name ${JSON.stringify(String(as).slice(0, 80))}.`);
      }
      return known;
    },
    /** Who asks; whoever is not logged in is answered 401. */
    need() {
      const { user } = auth;
      if (!user) throw refused(401, 'Log in first.');
      return user;
    },
    /** The row, if it is of whoever asks: its column `owner` holds their id. Otherwise 404, as if it were not there. */
    own(row, column = 'owner') {
      const { id } = auth.need();
      if (row && !Object.hasOwn(row, column)) throw new Error(`The row has no column ${column}: select it, or name the column of its owner: auth.own(row, "user_id").`);
      if (!row || String(row[column]) !== String(id)) throw refused(404, 'There is no such thing.');
      return row;
    },
  };
  return Object.freeze(auth);
}

/** Lets a few in at once: what a password costs would else be a way to stop the app. */
export class Gate {
  constructor(most = 2, waiting = 50) {
    Object.assign(this, { most, longest: waiting, inside: 0, waiting: [] });
  }

  /** True once there is room, false where too many wait already. */
  enter() {
    if (this.inside < this.most) {
      this.inside += 1;
      return Promise.resolve(true);
    }
    if (this.waiting.length >= this.longest) return Promise.resolve(false);
    return new Promise((resolve) => this.waiting.push(() => resolve(true)));
  }

  leave() {
    const next = this.waiting.shift();
    if (next) next();
    else this.inside -= 1;
  }
}

/** The headers of a request without what proves who sent it: the app's code has no use for that. */
export const withoutSession = (headers) =>
  headers.flatMap(([name, value]) => {
    if (name.toLowerCase() !== 'cookie') return [[name, value]];
    const rest = value.split(';').filter((one) => one.split('=')[0].trim() !== COOKIE);
    return rest.length ? [[name, rest.join(';').trim()]] : [];
  });

// The runtime's own function, api/_auth: who is logged in, and POST to sign-up, log-in, log-out

export const FUNCTION = '_auth';

const LONGEST_BODY = 10_000; // characters

export async function answer(request, accounts, settings, client) {
  const path = new URL(request.url).pathname.replace(/^.*\/api\/(?:_auth|accounts)\/?/, '');
  if (request.method === 'GET') {
    if (path) return refused(404, 'There is nothing here.');
    return Response.json({ user: accounts.userOf(request) }, { headers: { 'cache-control': 'no-store' } });
  }
  if (request.method !== 'POST') return refused(405, 'GET and POST are answered here.', { allow: 'GET, POST' });
  if (isForeign(request)) return refused(403, 'Another site sent this.');
  if (path === 'log-out') return accounts.logOut(request);
  if (path !== 'sign-up' && path !== 'log-in') return refused(404, 'There is nothing here.');
  const text = await request.text();
  if (text.length > LONGEST_BODY) return refused(413, 'That is too long.');
  let given;
  try {
    given = JSON.parse(text);
  } catch {
    given = null;
  }
  if (!given || typeof given !== 'object' || !request.headers.get('content-type')?.startsWith('application/json')) return refused(400, 'Send name and password as JSON.');
  return path === 'sign-up' ? await accounts.signUp(request, given, settings, client) : await accounts.logIn(request, given, settings, client);
}
