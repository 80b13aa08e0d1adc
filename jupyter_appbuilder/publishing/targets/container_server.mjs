// Serves a static app: node serve.mjs FOLDER PORT BASE. No packages, no source maps, nothing outside the folder.
import { createReadStream, readFileSync, realpathSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, sep } from 'node:path';

const [folder = 'site', port = '8000', base = '/'] = process.argv.slice(2);
const root = realpathSync(folder);
const KINDS = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8', '.json': 'application/json', '.svg': 'image/svg+xml', '.png': 'image/png',
  '.jpg': 'image/jpeg', '.jpeg': 'image/jpeg', '.gif': 'image/gif', '.webp': 'image/webp', '.avif': 'image/avif',
  '.ico': 'image/x-icon', '.woff2': 'font/woff2', '.txt': 'text/plain; charset=utf-8', '.csv': 'text/csv; charset=utf-8',
  '.pdf': 'application/pdf', '.wasm': 'application/wasm', '.parquet': 'application/vnd.apache.parquet',
  '.mp4': 'video/mp4', '.mp3': 'audio/mpeg', '.xml': 'application/xml', '.webmanifest': 'application/manifest+json',
};
const SAFE = {
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'strict-origin-when-cross-origin',
  'Content-Security-Policy': "frame-ancestors 'self'",
};

/** The file that answers for a path, or null. */
function fileOf(path) {
  if (path.includes('\0') || path.endsWith('.map')) return null;
  try {
    const target = realpathSync(join(root, path.endsWith('/') || !path ? `${path}index.html` : path));
    const status = statSync(target);
    return target.startsWith(root + sep) && status.isFile() ? { target, status } : null;
  } catch {
    return null; // there is none
  }
}

/** What part of a file is asked for: null for all of it, 'none' for one that there is not. */
function rangeOf(header, size) {
  const [, from, to] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? [];
  if (!from && !to) return null;
  const begin = from ? Number(from) : Math.max(0, size - Number(to));
  const end = from && to ? Math.min(Number(to), size - 1) : size - 1;
  return begin > end ? 'none' : { begin, end };
}

function answer(request, response) {
  const say = (status, text, headers = {}) =>
    response
      .writeHead(status, { ...SAFE, 'Content-Type': 'text/plain; charset=utf-8', ...headers })
      .end(request.method === 'HEAD' ? undefined : text);
  if (request.method !== 'GET' && request.method !== 'HEAD') return say(405, 'Only GET is answered here.\n', { Allow: 'GET, HEAD' });
  let path;
  try {
    path = decodeURIComponent(request.url.split('?')[0]);
  } catch {
    return say(400, 'This is no address.\n');
  }
  if (path === base.slice(0, -1) || (path === '/' && base !== '/')) return say(302, '', { Location: base });
  if (!path.startsWith(base)) return say(404, `The app lies below ${base}.\n`);
  const inside = path.slice(base.length);
  const found = fileOf(inside);
  if (!found) {
    const page = fileOf('404.html');
    return page ? say(404, readFileSync(page.target), { 'Content-Type': KINDS['.html'] }) : say(404, 'There is no such page.\n');
  }
  const { target, status } = found;
  const tag = `"${status.mtimeMs.toString(36)}-${status.size.toString(36)}"`;
  const named = inside.startsWith('assets/') && /[.-][A-Za-z0-9_-]{8,}\.\w+$/.test(inside); // by its content
  const headers = {
    ...SAFE,
    'Content-Type': KINDS[extname(target).toLowerCase()] ?? 'application/octet-stream',
    ETag: tag,
    'Accept-Ranges': 'bytes',
    'Cache-Control': named ? 'public, max-age=31536000, immutable' : 'no-cache',
  };
  if (request.headers['if-none-match'] === tag) return response.writeHead(304, headers).end();
  const whole = request.headers['if-range'] && request.headers['if-range'] !== tag;
  const range = whole ? null : rangeOf(request.headers.range, status.size);
  if (range === 'none') return say(416, '', { 'Content-Range': `bytes */${status.size}` });
  const { begin, end } = range ?? { begin: 0, end: status.size - 1 };
  if (range) headers['Content-Range'] = `bytes ${begin}-${end}/${status.size}`;
  response.writeHead(range ? 206 : 200, { ...headers, 'Content-Length': end - begin + 1 });
  if (request.method === 'HEAD' || !status.size) return response.end();
  return createReadStream(target, { start: begin, end }).on('error', () => response.destroy()).pipe(response);
}

const server = createServer(answer).listen(Number(port), '0.0.0.0', () => console.log(`Serving ${folder} at port ${port}, below ${base}`));
for (const signal of ['SIGTERM', 'SIGINT']) {
  process.on(signal, () => {
    server.close(() => process.exit(0));
    server.closeIdleConnections();
    setTimeout(() => server.closeAllConnections(), 1000).unref(); // who is slow does not hold it
  });
}
