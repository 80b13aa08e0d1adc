// What `check_app` runs: the types and the style sheets. Next.js answers a style sheet that Tailwind cannot compile with
// a page that says no more than 500, and its build cannot run beside its dev server.
import { spawn } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, relative, resolve } from 'node:path';

const types = new Promise((done) => {
  const child = spawn(process.execPath, ['node_modules/typescript/bin/tsc', '--noEmit', '--pretty', 'false', '--incremental', 'false'], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  child.on('close', done);
});

async function styleSheets(folder = '.') {
  const found = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (!/^(\.|node_modules$|public$|out$)/.test(entry.name)) found.push(...(await styleSheets(path)));
    } else if (entry.name.endsWith('.css')) found.push(path);
  }
  return found;
}

/** What is wrong with a style sheet, one line a problem. */
async function wrongIn(path, compile) {
  const text = await readFile(path, 'utf8');
  // Directives of Tailwind 3 compile without a word with Tailwind 4, and nothing is styled.
  const old = text.split('\n').flatMap((line, at) => {
    const directive = /^\s*@tailwind\s+(base|components)\b/.exec(line)?.[0].trim();
    return directive ? [`${path}:${at + 1}: error: ${directive} is of Tailwind 3. Tailwind 4 is imported: @import "tailwindcss";`] : [];
  });
  try {
    await compile(text, resolve(path));
    return old;
  } catch (error) {
    const file = error.file ? relative('.', error.file) : path;
    const place = error.line ? `:${error.line}:${error.column}` : '';
    return [...old, `${file}${place}: error: ${error.reason ?? error.message}`];
  }
}

/** Compiles a text as the app's own Tailwind does; nothing where the app has none. */
function compiler() {
  try {
    const own = createRequire(resolve('package.json'));
    const tailwind = own('@tailwindcss/postcss');
    const postcss = createRequire(own.resolve('@tailwindcss/postcss'))('postcss');
    return (text, from) => postcss([tailwind({ optimize: false })]).process(text, { from });
  } catch {
    return async () => {};
  }
}

const compile = compiler();
const wrong = (await Promise.all((await styleSheets()).map((path) => wrongIn(path, compile)))).flat();
for (const line of wrong) console.log(line);
const code = await types;
process.exit(wrong.length ? 1 : code);
