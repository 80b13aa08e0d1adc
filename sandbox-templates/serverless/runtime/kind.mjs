// Which database the app has: said by whoever runs it, and in an export by a file beside this one.
import { existsSync, readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';

const TAKEN_ALONG = existsSync(new URL('./postgresql', import.meta.url));

export const POSTGRES = process.env.APPBUILDER_DATABASE === 'postgresql' || TAKEN_ALONG;

/** Where the server is, for an app that was exported: DATABASE_URL of the environment, or of `.env`. "" where the App
 * Builder runs the app, and its way out leads there. */
export function databaseUrl() {
  const { DATABASE_URL: said } = process.env;
  if (said || !TAKEN_ALONG) return said ?? '';
  let written = {};
  try {
    written = parseEnv(readFileSync('.env', 'utf8'));
  } catch {
    // there is none
  }
  if (!written.DATABASE_URL) throw new Error('DATABASE_URL is not set: postgresql://user:password@host/database');
  return written.DATABASE_URL;
}
