// Next.js's dev server, and beside it who keeps the app's secrets: serve.mjs PORT PREFIX PROGRAM, which lies beside
// keeper.mjs and python.mjs. Or the server of what was built, which knows no notebook: serve.mjs PORT PREFIX PROGRAM
// --built HOST.
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const [port, prefix, program, built, address] = process.argv.slice(2);
const { keep } = await import(join(dirname(program), 'keeper.mjs'));
const given = join(dirname(fileURLToPath(import.meta.url)), 'given.cjs');

const environment = {
  ...process.env,
  BASE_PATH: prefix,
  NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --require ${JSON.stringify(given)}`.trim(),
  ...(!built && { APPBUILDER_PYTHON: join(dirname(program), 'python.mjs') }),
  APPBUILDER_KEEPER: await keep().catch(() => ''), // where there can be none, the app runs without secrets
};
const next = ['node_modules/next/dist/bin/next', built ? 'start' : 'dev', '--hostname', address ?? '127.0.0.1', '--port', port];
const child = spawn(process.execPath, next, { env: environment, stdio: 'inherit' });
child.on('error', (error) => {
  console.error(error.message);
  process.exit(1);
});
child.on('exit', (code, signal) => {
  if (signal) console.error(`Next.js ended: ${signal}`);
  process.exit(code || 1);
});
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => child.kill(signal));
