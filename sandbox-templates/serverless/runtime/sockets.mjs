// WebSockets that only tell: each open page hears of changes. What a page sends is read for its end alone.
import { createHash } from 'node:crypto';

const KEY = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'; // RFC 6455
const MOST = 200; // open at a time
const LONGEST = 64 * 1024; // bytes of what a page sends

export class Sockets {
  constructor() {
    this.open = new Set();
  }

  /** Take an upgrade; `first` is sent at once. */
  take(request, socket, first) {
    const key = request.headers['sec-websocket-key'];
    if (!key || this.open.size >= MOST) {
      socket.end('HTTP/1.1 503 Service Unavailable\r\n\r\n');
      return;
    }
    const accept = createHash('sha1').update(key + KEY).digest('base64');
    const protocol = /\bvite-hmr\b/.test(request.headers['sec-websocket-protocol'] ?? '') ? 'Sec-WebSocket-Protocol: vite-hmr\r\n' : '';
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n${protocol}\r\n`);
    socket.setNoDelay(true);
    this.open.add(socket);
    let rest = Buffer.alloc(0);
    socket.on('data', (data) => {
      rest = Buffer.concat([rest, data]);
      for (let frame = read(rest); frame; frame = read(rest)) {
        rest = rest.subarray(frame.length);
        if (frame.opcode === 8) {
          socket.end(framed(Buffer.from([0x03, 0xe8]), 8));
          return;
        }
        if (frame.opcode === 9) socket.write(framed(frame.payload, 10));
      }
      if (rest.length > LONGEST) socket.destroy();
    });
    const gone = () => this.open.delete(socket);
    socket.on('close', gone);
    socket.on('error', () => socket.destroy());
    for (const message of first) socket.write(framed(Buffer.from(JSON.stringify(message)), 1));
  }

  tell(message) {
    const frame = framed(Buffer.from(JSON.stringify(message)), 1);
    for (const socket of this.open) {
      if (socket.writableLength > 8 * 1024 * 1024) socket.destroy();
      else socket.write(frame);
    }
  }
}

function framed(payload, opcode) {
  const { length } = payload;
  const head = length < 126 ? Buffer.from([0x80 | opcode, length]) : length < 65536 ? Buffer.alloc(4) : Buffer.alloc(10);
  if (length >= 126) {
    head[0] = 0x80 | opcode;
    head[1] = length < 65536 ? 126 : 127;
    if (length < 65536) head.writeUInt16BE(length, 2);
    else head.writeBigUInt64BE(BigInt(length), 2);
  }
  return Buffer.concat([head, payload]);
}

/** The first whole frame of what came; null where some of it is missing. */
function read(data) {
  if (data.length < 2) return null;
  let size = data[1] & 0x7f;
  let at = 2;
  if (size === 126) {
    if (data.length < 4) return null;
    size = data.readUInt16BE(2);
    at = 4;
  } else if (size === 127) {
    if (data.length < 10) return null;
    size = Number(data.readBigUInt64BE(2));
    at = 10;
  }
  const masked = (data[1] & 0x80) !== 0;
  const mask = data.subarray(at, at + 4);
  if (masked) at += 4;
  if (data.length < at + size) return null;
  const payload = Buffer.from(data.subarray(at, at + size));
  if (masked) payload.forEach((byte, index) => (payload[index] = byte ^ mask[index % 4]));
  return { opcode: data[0] & 0x0f, payload, length: at + size };
}
