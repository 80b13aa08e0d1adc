// Whether the app has accounts, and of what kind: what ui.json says, or what a build kept of it.
import { lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { BUILT, ROOT } from './app.mjs';

/** What ui.json says of accounts: `{ by, signUp }`, or null for none. */
export function settingsOf(layout) {
  const said = layout?.accounts;
  if (!said || typeof said !== 'object') return null;
  return { by: said.by === 'name' || said.by === 'hub' ? said.by : 'email', signUp: said.signUp !== false };
}

const PLACE = BUILT ? join(ROOT, 'dist', 'functions', 'accounts.json') : join(ROOT, 'ui.json');
const LARGEST = 1024 * 1024; // bytes
let read = { stamp: '', settings: null };

/** The same, as the app says now; a layout that makes no sense changes nothing. */
export function settingsNow() {
  const status = lstatSync(PLACE, { throwIfNoEntry: false });
  const stamp = status?.isFile() && status.size <= LARGEST ? `${status.mtimeMs}:${status.size}:${status.ino}` : '';
  if (stamp && stamp !== read.stamp) {
    try {
      read = { stamp, settings: settingsOf(JSON.parse(readFileSync(PLACE, 'utf8'))) };
    } catch {
      read.stamp = stamp;
    }
  }
  return read.settings;
}
