// PostgreSQL's protocol, version 3, as far as an app needs it: one connection, one batch of statements at a time.
//
// Values travel as text both ways. Where the App Builder runs the app there is neither an address nor a password here:
// whoever speaks this protocol to the way out is at this app's database, where somebody has logged in already. Elsewhere
// DATABASE_URL says where the server is.
import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';

import { databaseUrl } from '../kind.mjs';

const PORT = 5432;
const CONNECT_MS = 20_000;
const LARGEST = 1 << 29; // bytes of one message
const VERSION = 196608;
const ENCRYPTION = 80877103;
const SETTINGS =
  "SET TIME ZONE 'UTC'; SET DateStyle TO ISO; SET IntervalStyle TO iso_8601; SET bytea_output TO hex; SET extra_float_digits TO 1; " +
  "SET standard_conforming_strings TO on; SET client_min_messages TO error; SET lock_timeout TO '15s'; SET idle_in_transaction_session_timeout TO '60s'; " +
  'SET search_path TO public';

/** What the server refused. `code` is the SQLSTATE; `position` counts characters of the statement from 1. */
export class Refusal extends Error {
  constructor(fields) {
    super(fields.M ?? 'The server refused without a reason.');
    this.code = fields.C ?? '';
    this.detail = fields.D ?? '';
    this.hint = fields.H ?? '';
    this.position = Number(fields.P ?? 0);
  }
}

/** The connection is gone, or none could be made. */
export class Broken extends Error {}

/** Bytes to the database. */
async function reach(address) {
  const socket = connectTcp(address.socket ? { path: address.socket } : { host: address.host, port: address.port });
  socket.setNoDelay(true);
  const timer = setTimeout(() => socket.destroy(new Broken('no answer')), CONNECT_MS);
  try {
    await once(socket, 'connect');
    return address.tls ? await encrypted(socket, address) : socket;
  } catch (error) {
    socket.destroy();
    throw error instanceof Broken ? error : new Broken(error.code ?? error.message);
  } finally {
    clearTimeout(timer);
  }
}

async function encrypted(socket, address) {
  socket.write(Buffer.concat([number(8), number(ENCRYPTION)]));
  const [answer] = await once(socket, 'data'); // one byte: it waits for what we say to that
  if (answer.length !== 1 || answer[0] !== 0x53) {
    if (address.tls === 'prefer' && answer[0] === 0x4e) return socket;
    throw new Broken('the server takes no encrypted connection');
  }
  const secure = connectTls({ socket, servername: address.host, rejectUnauthorized: address.tls === 'verify' });
  await once(secure, 'secureConnect');
  return secure;
}

/** Where the database is: where DATABASE_URL says, else behind the way out. */
export function addressOf(text) {
  if (!text) {
    const { hostname, port } = new URL(process.env.HTTP_PROXY ?? 'http://127.0.0.1:3128');
    return { host: hostname, port: Number(port), socket: '', user: 'app', password: '', database: 'app', tls: '' };
  }
  // A socket's address has no host, which a URL needs.
  const url = URL.parse(text.replace(/^(\w+:\/\/(?:[^/?#]*@)?)(?=[/?])/, '$1localhost'));
  if (!url || !/^postgres(?:ql)?:$/.test(url.protocol)) throw new Broken('DATABASE_URL is none: postgresql://user:password@host/database');
  const mode = url.searchParams.get('sslmode') ?? 'prefer';
  const folder = url.searchParams.get('host');
  const port = Number(url.port || url.searchParams.get('port') || PORT);
  return {
    host: url.hostname.replace(/^\[|\]$/g, '') || 'localhost',
    port,
    socket: folder?.startsWith('/') ? `${folder}/.s.PGSQL.${port}` : '',
    user: decodeURIComponent(url.username) || 'postgres',
    password: decodeURIComponent(url.password),
    database: decodeURIComponent(url.pathname.slice(1)) || decodeURIComponent(url.username),
    tls: folder?.startsWith('/') || mode === 'disable' ? '' : mode.startsWith('verify') ? 'verify' : mode === 'require' ? 'require' : 'prefer',
  };
}

/** One connection. `batch` is one transaction by itself where none is open, all of it or nothing. */
export class Wire {
  #socket;
  #rest = [];
  #held = 0;
  #wanted = 5;
  #heard = []; // messages that nobody waited for yet
  #waiting = null;
  status = 'I'; // I: idle, T: in a transaction, E: in one that failed
  broken = null;

  static async open(address = addressOf(databaseUrl()), settings = '') {
    const wire = new Wire();
    wire.#take(await reach(address));
    try {
      await wire.#begin(address);
      await wire.simple(`${SETTINGS}; ${settings}`);
    } catch (error) {
      wire.close();
      throw error;
    }
    return wire;
  }

  #take(socket) {
    this.#socket = socket;
    socket.on('data', (piece) => this.#arrived(piece));
    const over = (error) => {
      this.broken ??= new Broken(error?.code ?? error?.message ?? 'it was closed');
      const waiting = this.#waiting;
      this.#waiting = null;
      waiting?.reject(this.broken);
    };
    socket.on('error', over);
    socket.on('close', () => over());
  }

  close() {
    if (!this.broken) this.#socket.end(message('X'));
    this.broken ??= new Broken('it was closed');
    this.#socket.destroySoon?.();
  }

  /** Statements one after the other: `[{sql, values, rows}]` -> `[{columns, rows, tag, more}]`; `rows`: how many of them
   * at most. Raises `Refusal`, with `at`, the number of the statement, or `Broken`. */
  async batch(asked) {
    const parts = [];
    for (const { sql, values = [], rows = 0 } of asked) {
      if (values.length > 65_535) throw new Refusal({ M: 'A statement takes 65,535 parameters at most: give a list, = ANY(?).', C: '54023' });
      parts.push(message('P', text(''), text(sql), short(0)));
      parts.push(message('B', text(''), text(''), short(0), short(values.length), ...values.flatMap(valued), short(0)));
      parts.push(message('D', Buffer.from('P\0')), message('E', text(''), number(rows)));
    }
    this.#send(...parts, message('S'));
    const done = [];
    let now = { columns: [], rows: [], tag: '', more: false };
    let refusal = null;
    for (;;) {
      const { kind, body } = await this.#next().catch((error) => {
        throw refusal ?? error; // a server that ends a connection says why
      });
      if (kind === 'T') now.columns = columnsIn(body);
      else if (kind === 'D') now.rows.push(valuesIn(body));
      else if (kind === 'C' || kind === 's' || kind === 'I') {
        now.tag = kind === 'C' ? body.toString('utf8', 0, body.length - 1) : '';
        now.more = kind === 's';
        done.push(now);
        now = { columns: [], rows: [], tag: '', more: false };
      } else if (kind === 'E' && !refusal) {
        refusal = new Refusal(fieldsIn(body));
        refusal.at = done.length;
      } else if (kind === 'G') this.#send(message('f', text('COPY is not for here')), message('S'));
      else if (kind === 'Z') {
        this.status = String.fromCharCode(body[0]);
        if (refusal) throw refusal;
        return done;
      }
    }
  }

  /** Statements without parameters, of which no rows are wanted. */
  async simple(sql) {
    this.#send(message('Q', text(sql)));
    await this.#settled();
  }

  async #settled() {
    let refusal = null;
    for (;;) {
      const { kind, body } = await this.#next();
      if (kind === 'E') refusal ??= new Refusal(fieldsIn(body));
      else if (kind === 'G') this.#send(message('f', text('COPY is not for here')));
      else if (kind === 'Z') {
        this.status = String.fromCharCode(body[0]);
        if (refusal) throw refusal;
        return;
      }
    }
  }

  async #begin({ user, database, password }) {
    const told = Object.entries({ user, database, application_name: 'app', client_encoding: 'UTF8' });
    const body = Buffer.concat([number(VERSION), ...told.flatMap((pair) => pair.map(text)), Buffer.from([0])]);
    this.#send(Buffer.concat([number(body.length + 4), body]));
    let scram = null;
    for (;;) {
      const { kind, body } = await this.#next();
      if (kind === 'E') throw new Refusal(fieldsIn(body));
      if (kind === 'Z') return;
      if (kind !== 'R') continue;
      const how = body.readInt32BE(0);
      if (how === 3) this.#send(message('p', text(password)));
      else if (how === 5) this.#send(message('p', text(`md5${md5(md5(password + user), body.subarray(4, 8))}`)));
      else if (how === 10) {
        scram = new Scram(password);
        const first = Buffer.from(scram.first());
        this.#send(message('p', text('SCRAM-SHA-256'), number(first.length), first));
      } else if (how === 11) this.#send(message('p', Buffer.from(scram.proof(body.toString('utf8', 4)))));
      else if (how === 12) scram.check(body.toString('utf8', 4));
      else if (how !== 0) throw new Broken('the server asks for a way to log in that is not known here');
    }
  }

  #send(...parts) {
    if (this.broken) throw this.broken;
    this.#socket.write(Buffer.concat(parts));
  }

  #arrived(piece) {
    this.#rest.push(piece);
    this.#held += piece.length;
    if (this.#held < this.#wanted) return;
    let bytes = this.#rest.length === 1 ? piece : Buffer.concat(this.#rest);
    while (bytes.length >= 5) {
      const length = bytes.readInt32BE(1) + 1;
      if (length < 5 || length > LARGEST) {
        this.#socket.destroy(new Broken('an answer that is too large'));
        return;
      }
      this.#wanted = length;
      if (bytes.length < length) break;
      this.#heard.push({ kind: String.fromCharCode(bytes[0]), body: bytes.subarray(5, length) });
      bytes = bytes.subarray(length);
      this.#wanted = 5;
    }
    this.#rest = bytes.length ? [bytes] : [];
    this.#held = bytes.length;
    const waiting = this.#waiting;
    if (waiting && this.#heard.length) {
      this.#waiting = null;
      waiting.resolve();
    }
  }

  async #next() {
    while (!this.#heard.length) {
      if (this.broken) throw this.broken;
      this.#waiting = Promise.withResolvers();
      await this.#waiting.promise;
    }
    return this.#heard.shift();
  }
}

// ---- messages

function message(kind, ...parts) {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from(kind), number(body.length + 4), body]);
}

function number(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function short(value) {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

/** It ends at its NUL: what followed one within would be read as another part of the message. */
function text(value) {
  if (value.includes('\0')) throw new Refusal({ M: 'PostgreSQL takes no text with a NUL in it.', C: '22021' });
  return Buffer.from(`${value}\0`);
}

function valued(value) {
  if (value === null) return [number(-1)];
  const bytes = Buffer.from(value);
  return [number(bytes.length), bytes];
}

function columnsIn(body) {
  const columns = [];
  let at = 2;
  for (let left = body.readUInt16BE(0); left > 0; left--) {
    const end = body.indexOf(0, at);
    columns.push({
      name: body.toString('utf8', at, end),
      table: body.readUInt32BE(end + 1),
      number: body.readInt16BE(end + 5),
      type: body.readUInt32BE(end + 7),
    });
    at = end + 19;
  }
  return columns;
}

function valuesIn(body) {
  const count = body.readUInt16BE(0);
  const values = Array(count);
  let at = 2;
  for (let column = 0; column < count; column++) {
    const length = body.readInt32BE(at);
    at += 4;
    if (length < 0) values[column] = null;
    else {
      values[column] = body.utf8Slice(at, at + length);
      at += length;
    }
  }
  return values;
}

function fieldsIn(body) {
  const fields = {};
  for (let at = 0; body[at]; ) {
    const end = body.indexOf(0, at);
    fields[String.fromCharCode(body[at])] = body.toString('utf8', at + 1, end);
    at = end + 1;
  }
  return fields;
}

// ---- passwords

function md5(one, other = '') {
  return createHash('md5').update(one).update(other).digest('hex');
}

class Scram {
  #nonce = randomBytes(18).toString('base64');

  constructor(password) {
    this.password = password.normalize('NFKC');
  }

  first() {
    return `n,,n=,r=${this.#nonce}`;
  }

  proof(challenge) {
    const { r, s, i } = Object.fromEntries(challenge.split(',').map((part) => [part[0], part.slice(2)]));
    if (!r?.startsWith(this.#nonce) || !s || !(i >= 1)) throw new Broken('the server cannot prove who it is');
    const key = pbkdf2Sync(this.password, Buffer.from(s, 'base64'), Number(i), 32, 'sha256');
    const by = (secret, told) => createHmac('sha256', secret).update(told).digest();
    const client = by(key, 'Client Key');
    const last = `c=biws,r=${r}`;
    const all = `n=,r=${this.#nonce},${challenge},${last}`;
    const signature = by(createHash('sha256').update(client).digest(), all);
    this.expected = by(by(key, 'Server Key'), all);
    return `${last},p=${Buffer.from(client.map((byte, at) => byte ^ signature[at])).toString('base64')}`;
  }

  check(said) {
    const given = Buffer.from(said.slice(2), 'base64');
    if (given.length !== 32 || !timingSafeEqual(given, this.expected)) throw new Broken('the server cannot prove who it is');
  }
}
