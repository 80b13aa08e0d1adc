// Carries connections across the wall of a sandbox that has no network.
//   in FD PORT          accepts on an inherited unix socket, connects to the dev server inside
//   out PATH PORT READY accepts on the loopback inside, connects to the egress proxy's unix socket; then makes READY
import net from 'node:net';
import fs from 'node:fs';

const [way, ...rest] = process.argv.slice(2);

function join(a, b) {
  for (const [from, to] of [[a, b], [b, a]]) {
    from.on('error', () => to.destroy());
    from.on('close', () => to.destroySoon());
    from.pipe(to);
  }
}

if (way === 'in') {
  const [fd, port] = rest.map(Number);
  const hosts = ['127.0.0.1', '::1'];
  const deadline = Date.now() + 300_000;
  let answered = false;
  const reach = (client, attempt) => {
    if (client.destroyed) return;
    const server = net.connect({ host: hosts[attempt % 2], port, allowHalfOpen: true });
    server.once('connect', () => {
      answered = true;
      server.removeAllListeners('error');
      join(client, server);
    });
    // Before the first answer the dev server is still starting: the client waits rather than fails.
    server.once('error', () => {
      if (attempt % 2 === 0) reach(client, attempt + 1);
      else if (!answered && Date.now() < deadline) setTimeout(reach, 10, client, attempt + 1);
      else client.destroy();
    });
  };
  net.createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => {
    client.on('error', () => client.destroy());
    reach(client, 0);
  }).listen({ fd });
} else {
  const [path, port, ready] = rest;
  net.createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => {
    join(client, net.connect({ path, allowHalfOpen: true }));
  }).listen(Number(port), '127.0.0.1', () => fs.writeFileSync(ready, ''));
}
