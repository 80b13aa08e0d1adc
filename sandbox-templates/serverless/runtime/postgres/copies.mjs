// Copies of the database: what pg_dump writes, and back. Both are the system's own programs, run here, where the app's
// code runs: what such a file says is only ever carried out inside.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { dirname, join } from 'node:path';

import { DatabaseError } from '../database.mjs';
import { databaseUrl } from '../kind.mjs';
import { addressOf } from './wire.mjs';

const FOLDER = '/usr/lib/postgresql'; // where Debian has them, by version
const KEY = 'appbuilder'; // else each copy has another one in it

/** The newest of the system's programs with this name. */
function programOf(name) {
  let versions = [];
  try {
    versions = fs.readdirSync(FOLDER).filter((one) => /^\d+$/.test(one)).sort((one, other) => other - one);
  } catch {
    // another system
  }
  const found = [...versions.map((one) => join(FOLDER, one, 'bin')), '/usr/local/bin', '/usr/bin'].map((folder) => join(folder, name)).find((path) => fs.existsSync(path));
  if (!found) throw new DatabaseError(`There is no ${name} on this system: install PostgreSQL's client programs (postgresql-client).`);
  return found;
}

/** Where libpq's programs find the database, by their environment. */
function whereabouts() {
  const { host, port, socket, user, password, database, tls } = addressOf(databaseUrl());
  const encryption = { PGSSLMODE: { '': 'disable', verify: 'verify-full' }[tls] ?? tls, PGGSSENCMODE: 'disable' };
  return { PGHOST: socket ? dirname(socket) : host, PGPORT: String(port), PGUSER: user, PGPASSWORD: password, PGDATABASE: database, ...encryption };
}

async function ran(program, words, environment, onOutput) {
  const child = spawn(program, words, { env: { PATH: process.env.PATH, LC_ALL: 'C', ...environment }, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  child.stderr.on('data', (piece) => (said = (said + piece).slice(0, 4000)));
  child.stdout.on('data', (piece) => onOutput?.(piece, child));
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  return { code, said: said.trim() };
}

/** Write a copy to `to`; one that says the same is left as it is. */
export async function saved(to, most) {
  const dump = programOf('pg_dump');
  const words = ['--no-owner', '--no-acl', '--no-publications', '--no-subscriptions', '--no-tablespaces', '--quote-all-identifiers'];
  let help = '';
  await ran(dump, ['--help'], {}, (piece) => (help += piece));
  if (help.includes('--restrict-key')) words.push(`--restrict-key=${KEY}`);
  const place = `${to}.new`;
  fs.rmSync(place, { force: true }); // of one that was killed
  const out = fs.openSync(place, 'wx', 0o600);
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    const { code, said } = await ran(dump, words, whereabouts(), (piece, child) => {
      bytes += piece.length;
      if (bytes > most) return child.kill('SIGKILL');
      hash.update(piece);
      return fs.writeSync(out, piece);
    });
    if (bytes > most) return { too_large: bytes };
    if (code) throw new DatabaseError(`pg_dump failed: ${said}`);
    if (!same(to, bytes, hash.digest('hex'))) fs.renameSync(place, to);
    return { bytes };
  } finally {
    fs.closeSync(out);
    fs.rmSync(place, { force: true });
  }
}

function same(path, bytes, hash) {
  const status = fs.lstatSync(path, { throwIfNoEntry: false });
  if (status?.size !== bytes || !status.isFile()) return false;
  return createHash('sha256').update(fs.readFileSync(path)).digest('hex') === hash;
}

/** All that a copy has, in place of what there is: in one transaction, so that nobody sees a part of it. */
export async function restored(from) {
  const psql = programOf('psql');
  const words = ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '--single-transaction', '-c', "SET client_min_messages = error; SET lock_timeout = '15s'", '-c', 'DROP OWNED BY CURRENT_USER', '-c', 'CREATE SCHEMA IF NOT EXISTS public'];
  if (fs.lstatSync(from, { throwIfNoEntry: false })?.isFile()) words.push('-f', from);
  const { code, said } = await ran(psql, words, whereabouts());
  if (code) throw new DatabaseError(`The copy could not be put back, and the database is as it was: ${said}`);
}
