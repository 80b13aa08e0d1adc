// One preview of two processes: the Python API, and Vite, which hands <base>api on to it. Ends when either ends.
// serve.mjs PORT BASE PROGRAM CALLS. Of what was built one process answers for both: serve.mjs PORT BASE PROGRAM --built HOST.
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const [port, base, program, calls, address] = process.argv.slice(2);
const built = calls === '--built';
const { keep } = await import(join(dirname(program), 'keeper.mjs'));
const keeper = await keep().catch(() => ''); // where there can be none, the app runs without secrets
const host = built ? address : '127.0.0.2'; // beside the dev server: some sandboxes may use one port only

const commands = {
  api: [
    'python', '-m', 'uvicorn', 'guarded_api:app', '--app-dir', dirname(fileURLToPath(import.meta.url)), '--host', host,
    '--port', port, '--no-access-log', '--timeout-graceful-shutdown', built ? '5' : '1',
    ...(built ? [] : ['--root-path', base.replace(/\/$/, ''), '--reload', '--reload-dir', 'api']),
  ],
  vite: ['node', join(dirname(fileURLToPath(import.meta.url)), 'vite.mjs'), 'serve', port, base],
};

const running = [];
let ending = false;

function start(name) {
  const [command, ...rest] = commands[name];
  const environment = { ...process.env, API_URL: `http://${host}:${port}`, ...(name === 'api' && { APPBUILDER_KEEPER: keeper, ...(built ? { APPBUILDER_BUILT: '1' } : { APPBUILDER_CALLS: calls }) }) };
  const child = spawn(command, rest, { env: environment, stdio: 'inherit' });
  child.on('error', (error) => end(name, error.message, 1));
  child.on('exit', (code, signal) => end(name, signal ?? `exit code ${code}`, code || 1));
  running.push(child);
}

/** Makes the tables of handed-over data and applies the migrations. What fails, the API tries again, and tells. */
function prepared() {
  const some = (folder) => {
    try {
      return readdirSync(folder).some((name) => name.endsWith('.sql'));
    } catch {
      return false;
    }
  };
  if (!(some('migrations') || some('datasets'))) return Promise.resolve();
  const request = JSON.stringify({ op: 'migrate' });
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [program, request], { stdio: ['ignore', 'ignore', 'inherit'], timeout: 120_000 });
    child.on('error', resolve);
    child.on('exit', resolve);
  });
}

function end(name, why, code) {
  if (ending) return;
  ending = true;
  console.error(`[${name}] ended: ${why}`);
  for (const child of running) child.kill('SIGKILL');
  process.exit(code);
}

if (!built) start('vite');
void prepared().then(() => {
  if (!ending) start('api');
});
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => running.forEach((child) => child.kill(signal)));
