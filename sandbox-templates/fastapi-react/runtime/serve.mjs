// One preview of two processes: the Python API, and Vite, which hands <base>api on to it. Ends when either ends.
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const [port, base, program, calls] = process.argv.slice(2);
const { keep } = await import(join(dirname(program), 'keeper.mjs'));
const keeper = await keep().catch(() => ''); // where there can be none, the app runs without secrets
const host = '127.0.0.2'; // beside the dev server: some sandboxes may use one port only

const commands = {
  api: [
    'python', '-m', 'uvicorn', 'guarded_api:app', '--app-dir', dirname(fileURLToPath(import.meta.url)), '--host', host,
    '--port', port, '--root-path', base.replace(/\/$/, ''), '--reload', '--reload-dir', 'api',
    '--timeout-graceful-shutdown', '1', '--no-access-log',
  ],
  vite: ['node', join(dirname(fileURLToPath(import.meta.url)), 'vite.mjs'), 'serve', port, base],
};

const running = [];
let ending = false;

function start(name) {
  const [command, ...rest] = commands[name];
  const environment = { ...process.env, API_URL: `http://${host}:${port}`, ...(name === 'api' && { APPBUILDER_KEEPER: keeper, APPBUILDER_CALLS: calls }) };
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

start('vite');
void prepared().then(() => {
  if (!ending) start('api');
});
