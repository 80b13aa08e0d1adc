// What `check_app` runs: the types, the style sheets, and the build, which fails on what the dev server goes on without:
// Vite answers a style sheet that Tailwind cannot compile with the one before it. Arguments: the type checker's program.
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

function run(...args) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (said += text));
    child.on('close', (code) => resolve({ ok: code === 0, said }));
  });
}

/** Directives of Tailwind 3 build without a word with Tailwind 4, and nothing is styled. */
async function oldDirectives() {
  const found = [];
  for (const file of await readdir('src', { recursive: true }).catch(() => [])) {
    if (!/\.(css|vue)$/.test(file)) continue; // in Vue also a component's own <style>
    const lines = (await readFile(join('src', file), 'utf8')).split('\n');
    lines.forEach((line, at) => {
      const directive = /^\s*@tailwind\s+(base|components)\b/.exec(line)?.[0].trim();
      if (directive) found.push(`${join('src', file)}:${at + 1}: error: ${directive} is of Tailwind 3. Tailwind 4 is imported: @import "tailwindcss";`);
    });
  }
  return { ok: found.length === 0, said: found.join('\n') };
}

/** Options with which the type checker goes on from what it found before, in a check or in the background of a turn: that
 * is half of its work. None where nothing can be kept. */
async function known() {
  const [own, other] = ['check', 'diagnostics'].map((name) => `node_modules/.tmp/${name}.tsbuildinfo`);
  const age = (path) => stat(path).then(({ mtimeMs }) => mtimeMs, () => 0);
  try {
    if ((await age(other)) > (await age(own))) {
      const found = await readFile(other, 'utf8');
      JSON.parse(found); // it may be written at this moment
      await writeFile(own, found);
    }
    await writeFile(own, '', { flag: 'a' });
    return ['--incremental', '--tsBuildInfoFile', own];
  } catch (error) {
    return error instanceof SyntaxError ? ['--incremental', '--tsBuildInfoFile', own] : [];
  }
}

const types = process.argv[2] ?? 'node_modules/typescript/bin/tsc';
const outDir = await mkdtemp(join(tmpdir(), 'appbuilder-build-'));
const build = ['node_modules/vite/bin/vite.js', 'build', '--configLoader', 'native', '--outDir', outDir, '--emptyOutDir', '--logLevel', 'error'];
const results = await Promise.all([run(types, '--noEmit', '--pretty', 'false', ...(await known())), oldDirectives(), run(...build)]);
await rm(outDir, { recursive: true, force: true });
for (const { ok, said } of results) if (!ok && said.trim()) console.log(said.trim());
process.exit(results.every(({ ok }) => ok) ? 0 : 1);
