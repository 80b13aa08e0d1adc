// The app's secrets, kept by whoever starts its server: a server that starts anew after a change of its code has them
// again. They are in no file and in no environment; who asks has to reach a socket that is its owner's alone.
//
// One line of JSON each way: {"act": "read"} -> {"ok": secrets}; {"act": "give", "token", "secrets"} -> {"ok": secrets},
// or {"error"} for another's token than the first; {"act": "own", "token"} -> {"ok": {}} or that error.
import { createHash, timingSafeEqual } from 'node:crypto';
import { chmodSync, mkdtempSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const LARGEST = 8 * 1024 * 1024; // characters of a request
const LEAST = 32; // characters of a token
const hashed = (text) => createHash('sha256').update(text).digest();

/** Keeps secrets; the path of the socket. */
export function keep() {
  let secrets = {};
  let owner = null; // whoever comes first owns it, for as long as this process lives

  function answer({ act, token, secrets: given }) {
    if (act === 'read') return { ok: secrets };
    if (act !== 'give' && act !== 'own') return { error: 'There is no such act.' };
    if (typeof token !== 'string' || token.length < LEAST) return { error: 'This is for the App Builder alone.' };
    const told = hashed(token);
    owner ??= told;
    if (!timingSafeEqual(owner, told)) return { error: 'This is for the App Builder alone.' };
    if (act === 'own') return { ok: {} };
    secrets = { ...given };
    return { ok: secrets };
  }

  const server = createServer((socket) => {
    let text = '';
    socket.setEncoding('utf8');
    socket.on('error', () => socket.destroy());
    socket.on('data', (piece) => {
      text += piece;
      if (text.length > LARGEST) return socket.destroy();
      if (!text.endsWith('\n')) return undefined;
      let said;
      try {
        said = answer(JSON.parse(text));
      } catch {
        said = { error: 'The request makes no sense.' }; // its words may be a secret
      }
      return socket.end(`${JSON.stringify(said)}\n`);
    });
  });
  const path = join(mkdtempSync(join(tmpdir(), 'kept-')), 's');
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      chmodSync(path, 0o600);
      server.unref();
      resolve(path);
    });
  });
}
