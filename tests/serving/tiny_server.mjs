// A small app: what it was sent, a counter that it keeps, events, and a way to end it.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import http from 'node:http';

const [port, base] = process.argv.slice(2);
const file = 'data/count.txt';
mkdirSync('data', { recursive: true });
const read = () => Number(existsSync(file) ? readFileSync(file, 'utf8') : '0');
const COOKIES = [
  'mine=1', 'wide=2; Path=/; Domain=localhost; HttpOnly', '_xsrf=bad; Path=/', 'username-localhost-8888=bad',
  '__Host-x=1; Path=/; Secure', `deep=3; Path=${base}deep`,
];
const BEYOND = { 'Strict-Transport-Security': 'max-age=1', 'Clear-Site-Data': '"*"', 'X-Accel-Redirect': '/x' };

const answers = {
  '': ({ response }) => response.writeHead(200, { 'Content-Type': 'text/html' }).end('<title>Tiny</title><h1>A tiny app VERSION</h1>'),
  count: ({ request, send }) => {
    if (request.method === 'POST') writeFileSync(file, String(read() + 1));
    send(200, { count: read(), version: 'VERSION' });
  },
  echo: ({ request, body, send }) => send(200, { url: request.url, method: request.method, headers: request.headers, length: body.length }),
  cookies: ({ send }) => send(200, {}, { 'Set-Cookie': COOKIES, ...BEYOND, 'X-Mine': 'yes' }),
  moved: ({ send }) => send(302, {}, { Location: `http://localhost${base}count` }),
  events: ({ request, response }) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    let count = 0;
    const timer = setInterval(() => response.write(`data: ${++count}\n\n`), 50);
    request.socket.on('close', () => clearInterval(timer));
  },
  crash: () => {
    console.error('TypeError: it broke on purpose');
    process.exit(3);
  },
  health: ({ send }) => send(200, {}),
};

http
  .createServer(async (request, response) => {
    const path = request.url.slice(base.length).split('?')[0];
    const send = (status, body, headers = {}) =>
      response.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(JSON.stringify(body));
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    const answer = answers[path] ?? (() => send(404, { path }));
    answer({ request, response, send, body: Buffer.concat(pieces) });
  })
  .on('upgrade', (request, socket) => {
    // A WebSocket that stays open and says nothing.
    const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
    const accept = createHash('sha1').update(key).digest('base64');
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
    socket.on('error', () => {});
  })
  .listen(Number(port), '127.0.0.1');
