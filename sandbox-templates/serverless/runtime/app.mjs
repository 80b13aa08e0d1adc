// What the app consists of: its files as they are now, and the packages that the runtime takes from it.
import { lstatSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { CHANGED } from './changed.mjs';

export const ROOT = process.cwd();
export const BUILT = process.argv.includes('--built');

/** Looked at for changes: whole folders, and single files. */
const FOLDERS = ['functions', 'components', 'lib', 'migrations', 'datasets'];
const FILES = ['ui.json', 'styles.css', 'package.json', '.env', CHANGED];
const FUNCTION = /^functions\/((?:[A-Za-z0-9-][\w.-]*\/)*[A-Za-z0-9-][\w-]*)\.(ts|tsx|js|mjs|sql)$/;
const MOST_FILES = 3000;
const MOST_DEPTH = 8;

const required = createRequire(join(ROOT, 'package.json'));

/** A package of the app's, at first use. */
export function packageOf(name) {
  return required(name);
}

/**
 * The app's source files with what tells one version of them from another. No links: what they lead to may be anywhere.
 * Asked for again and again, in place of a watcher: some sandboxes do not tell of changes that are made outside them.
 */
export function filesNow() {
  const found = new Map();
  const add = (path) => {
    try {
      const status = lstatSync(join(ROOT, path));
      if (status.isFile()) found.set(path, `${status.mtimeMs}:${status.size}:${status.ino}`);
    } catch {
      // gone meanwhile
    }
  };
  const walk = (folder, depth) => {
    let entries = [];
    try {
      entries = readdirSync(join(ROOT, folder), { withFileTypes: true });
    } catch {
      return;
    }
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (found.size >= MOST_FILES) return;
      if (entry.name.startsWith('.') || entry.name === 'node_modules') continue;
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory() && depth < MOST_DEPTH) walk(path, depth + 1);
      else if (entry.isFile()) add(path);
    }
  };
  for (const path of FILES) add(path);
  for (const folder of FOLDERS) walk(folder, 0);
  return found;
}

/** The functions by name: `functions/tasks/done.ts` is `tasks/done`. What begins with `_` only helps the others. A query,
 * `functions/late.sql`, is one where no code has its name. */
export function functionFiles(files = filesNow()) {
  const found = new Map();
  for (const path of files.keys()) {
    const [, name, kind] = FUNCTION.exec(path) ?? [];
    if (name && (!found.has(name) || (kind !== 'sql' && found.get(name).endsWith('.sql')))) found.set(name, path);
  }
  return found;
}

/** The components by name: `components/TaskList.tsx` is `TaskList`. Others in the folder only help them. */
export function componentFiles(files = filesNow()) {
  const found = new Map();
  for (const path of files.keys()) {
    const match = /^components\/([A-Z]\w*)\.(?:tsx|jsx)$/.exec(path);
    if (match) found.set(match[1], path);
  }
  return found;
}

/** One of esbuild's messages as a compiler prints it, which is what the diagnostics and the check read. */
export function printed(message) {
  const { location, text } = message;
  const place = location ? `${location.file}(${location.line},${location.column + 1}): ` : '';
  return `${place}error: ${text}`;
}

/** What is told of a compilation that failed: a sentence, the place as file:line:column, and the line itself. */
export function failure(error, path) {
  const [first] = error.errors ?? [];
  if (!first) return { message: String(error?.message ?? error), source: path, frame: '', printed: `${path}: error: ${error?.message ?? error}` };
  const { location, text } = first;
  return {
    message: text,
    source: location ? `${location.file}:${location.line}:${location.column + 1}` : path,
    frame: location?.lineText ? `${location.line} | ${location.lineText.slice(0, 300)}` : '',
    printed: error.errors.map(printed).join('\n'),
  };
}
