// A dev server without packages: pages, a socket that echoes and tells of saved files, and ways to go wrong.
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { readFileSync, watch, watchFile } from 'node:fs';

const [port, base] = process.argv.slice(2);
const sockets = new Set();

console.log('listening below', base);
// The folder, not the file: that one is replaced at each save, and this process may live through several.
const changed = () => sockets.forEach((socket) => send(socket, 'changed'));
// As chokidar does: where the sandbox is told nothing of changes outside, it says so in this variable.
if (process.env.CHOKIDAR_USEPOLLING) watchFile('index.html', { interval: 100 }, changed);
else watch('.', (_, name) => name === 'index.html' && changed());

function send(socket, text) {
  const body = Buffer.from(text);
  socket.write(Buffer.concat([Buffer.from([0x81, body.length]), body])); // at most 125 bytes
}

function received(frame) {
  const length = frame[1] & 0x7f;
  const mask = frame.subarray(2, 6);
  return Buffer.from(frame.subarray(6, 6 + length).map((byte, at) => byte ^ mask[at % 4])).toString();
}

const server = createServer((request, response) => {
  if (!request.url.startsWith(base)) return response.writeHead(404).end('outside of the base path');
  const path = request.url.slice(base.length);
  if (path === 'crash') {
    console.error('TypeError: it broke');
    process.exit(3);
  }
  if (path === 'pid') return response.end(String(process.pid));
  if (path === 'base') return response.end(base);
  if (path === 'born') return response.end(String(performance.timeOrigin)); // tells one start from another
  if (path === 'slow') return setTimeout(() => response.end('slow but whole'), 700);
  if (path === 'big') return response.end(Buffer.alloc(8 * 1024 * 1024, 'x'));
  if (path === 'upload') {
    let size = 0;
    request.on('data', (piece) => (size += piece.length));
    request.on('end', () => response.end(String(size)));
    return;
  }
  response.setHeader('Content-Type', 'text/html');
  response.end(readFileSync('index.html'));
});

server.on('upgrade', (request, socket) => {
  const key = request.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
  const accept = createHash('sha1').update(key).digest('base64');
  socket.write(
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      `Sec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  sockets.add(socket);
  socket.on('close', () => sockets.delete(socket));
  socket.on('error', () => sockets.delete(socket));
  socket.on('data', (frame) => ((frame[0] & 0x0f) === 8 ? socket.end() : send(socket, 'heard ' + received(frame))));
});

server.listen(Number(port));
