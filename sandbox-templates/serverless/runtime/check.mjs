// Is the app sound? Its types, its migrations, its layout, and whether each function and component can be compiled.
// With --quick what takes longest is left out: the compilations, which tell what the types do not.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';

import { componentFiles, filesNow, functionFiles, packageOf, printed } from './app.mjs';
import { checked } from './blueprint.mjs';
import { buildOptions, SHARED, APP } from './components.mjs';
import { compilation } from './functions.mjs';
import { writeTypes } from './types.mjs';

const quick = process.argv.includes('--quick');

function types() {
  const tsc = 'node_modules/typescript/bin/tsc';
  if (!existsSync(tsc)) return { ok: true, said: '' };
  const incremental = quick ? ['--incremental', '--tsBuildInfoFile', 'node_modules/.tmp/diagnostics.tsbuildinfo'] : [];
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [tsc, '--noEmit', '--pretty', 'false', ...incremental], { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (said += text));
    child.on('close', (code) => resolve({ ok: code === 0, said }));
  });
}

async function compiled(paths, options) {
  const esbuild = packageOf('esbuild');
  const results = await Promise.all(
    paths.map(async (path) => {
      try {
        await esbuild.build({ ...options(path), write: false });
        return '';
      } catch (error) {
        return (error.errors ?? [{ text: error.message }]).map(printed).join('\n');
      }
    }),
  );
  const said = results.filter(Boolean).join('\n');
  return { ok: !said, said };
}

const wrong = writeTypes();
const layout = checked();
const files = filesNow();
const results = await Promise.all([
  types(),
  { ok: !wrong.length, said: wrong.join('\n') },
  { ok: !layout.length, said: layout.join('\n') },
  ...(quick
    ? []
    : [
        compiled([...functionFiles(files).values()], compilation),
        compiled([...componentFiles(files).values()], (path) => ({ ...buildOptions, entryPoints: [path], outdir: '/tmp/check', external: [...SHARED, APP] })),
      ]),
]);
for (const { ok, said } of results) if (!ok && said.trim()) console.log(said.trim());
process.exit(results.every(({ ok }) => ok) ? 0 : 1);
