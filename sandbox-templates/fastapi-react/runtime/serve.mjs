// One preview of two processes: the Python API, and Vite, which hands <base>api on to it. Ends when either ends.
import { spawn } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const [port, base] = process.argv.slice(2);
const host = '127.0.0.2'; // beside the dev server: some sandboxes may use one port only

const commands = {
  api: [
    'python', '-m', 'uvicorn', 'guarded_api:app', '--app-dir', dirname(fileURLToPath(import.meta.url)), '--host', host,
    '--port', port, '--root-path', base.replace(/\/$/, ''), '--reload', '--reload-dir', 'api',
    '--timeout-graceful-shutdown', '1', '--no-access-log',
  ],
  vite: [
    'node', 'node_modules/vite/bin/vite.js', '--configLoader', 'native', '--host', '127.0.0.1', '--port', port,
    '--strictPort', '--base', base, '--clearScreen', 'false',
  ],
};

const running = Object.entries(commands).map(([name, [command, ...rest]]) => {
  const child = spawn(command, rest, { env: { ...process.env, API_URL: `http://${host}:${port}` }, stdio: 'inherit' });
  child.on('error', (error) => end(name, error.message, 1));
  child.on('exit', (code, signal) => end(name, signal ?? `exit code ${code}`, code || 1));
  return child;
});

let ending = false;
function end(name, why, code) {
  if (ending) return;
  ending = true;
  console.error(`[${name}] ended: ${why}`);
  for (const child of running) child.kill('SIGKILL');
  process.exit(code);
}
