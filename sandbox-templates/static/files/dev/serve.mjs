// Serves the site while it is being made, and reloads its pages when a file changes: node dev/serve.mjs [PORT] [BASE]
import fs from "node:fs";
import http from "node:http";
import path from "node:path";

const root = path.resolve(import.meta.dirname, "..");
const port = Number(process.argv[2] ?? 8000);
const base = process.argv[3] ?? "/";

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".geojson": "application/geo+json; charset=utf-8",
  ".csv": "text/csv; charset=utf-8",
  ".txt": "text/plain; charset=utf-8",
  ".xml": "application/xml; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".jpg": "image/jpeg",
  ".jpeg": "image/jpeg",
  ".gif": "image/gif",
  ".webp": "image/webp",
  ".avif": "image/avif",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
  ".wasm": "application/wasm",
  ".mp3": "audio/mpeg",
  ".mp4": "video/mp4",
  ".webm": "video/webm",
  ".pdf": "application/pdf",
};

const CHANGES = ".changes"; // below the base: the stream of changes that pages listen to
// A page says when it was sent: what has changed until it listens is told at once.
const listen = () => `<script type="module">
const changes = new EventSource(${JSON.stringify(base + CHANGES)} + "?since=${Date.now()}");
changes.onmessage = ({ data }) => {
  const sheets = data.endsWith(".css") ? document.querySelectorAll('link[rel="stylesheet"]') : [];
  if (!sheets.length) return location.reload();
  for (const sheet of sheets) {
    const fresh = sheet.cloneNode();
    const url = new URL(sheet.href);
    url.searchParams.set("changed", Date.now());
    fresh.href = url;
    fresh.onload = () => sheet.remove();
    sheet.after(fresh);
  }
};
</script>`;

const listeners = new Set();

let lastChange = 0;

function tell(name) {
  for (const listener of listeners) listener.write(`data: ${name.replaceAll("\n", "")}\n\n`);
}

let pending = null;
function changed(name) {
  lastChange = Date.now();
  clearTimeout(pending?.timer);
  // Several files at once are one reload; a style sheet alone needs none.
  const shown = pending && pending.name !== name ? "many" : name;
  pending = { name: shown, timer: setTimeout(() => ((pending = null), tell(shown)), 30) };
}

/** Data that was handed over, and what reads it: pages take new rows by themselves. */
const isData = (folder, name) => name.endsWith(".parquet") || (name === "datasets" && folder === path.join(root, "js"));
/** What no page shows: what the app was tried with lies in scenarios/. */
const isUnseen = (folder, name) => isData(folder, name) || name.startsWith(".") || name === "node_modules" || (folder === root && name === "scenarios");

// Each folder has a watch of its own: a recursive one loses sight of a file that was replaced by another.
const watched = new Map();
function watch(folder) {
  if (watched.has(folder)) return;
  try {
    const watcher = fs.watch(folder, (_, name) => {
      if (!name || isUnseen(folder, name) || name.endsWith("~")) return;
      const file = path.join(folder, name);
      if (fs.statSync(file, { throwIfNoEntry: false })?.isDirectory()) watch(file);
      else watched.get(file)?.(); // it was a folder
      changed(path.relative(root, file));
    });
    const forget = () => (watcher.close(), watched.delete(folder));
    watcher.on("error", forget);
    watched.set(folder, forget);
    for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
      if (entry.isDirectory() && !isUnseen(folder, entry.name)) watch(path.join(folder, entry.name));
    }
  } catch {
    watched.get(folder)?.(); // it went away meanwhile
  }
}
watch(root);

/** The file that a URL path names, or null. Never outside the site, never hidden. */
function find(urlPath) {
  let name;
  try {
    name = decodeURIComponent(urlPath);
  } catch {
    return null;
  }
  if (name.includes("\0") || name.split("/").some((part) => part.startsWith(".") || part === "node_modules")) return null;
  const wanted = path.join(root, name);
  for (const candidate of [wanted, path.join(wanted, "index.html"), `${wanted}.html`]) {
    try {
      const file = fs.realpathSync(candidate);
      if (file.startsWith(root + path.sep) && fs.statSync(file).isFile()) return file;
    } catch {
      // The next one.
    }
  }
  return null;
}

const server = http.createServer((request, response) => {
  const { pathname, search } = new URL(request.url, "http://site");
  const headers = { "Cache-Control": "no-store", "Access-Control-Allow-Origin": "*" };
  if (!pathname.startsWith(base)) {
    response.writeHead(404, headers).end();
    return;
  }
  const rest = pathname.slice(base.length);
  if (rest === CHANGES) {
    response.writeHead(200, { ...headers, "Content-Type": "text/event-stream" });
    response.write(": listening\n\n");
    listeners.add(response);
    if (Number(new URLSearchParams(search).get("since")) < lastChange) response.write("data: many\n\n");
    request.on("close", () => listeners.delete(response));
    return;
  }
  const file = find(rest);
  if (!file) {
    const page = find("404.html");
    const text = page ? fs.readFileSync(page, "utf8") : `<!doctype html><title>Not found</title><p>There is no such page.</p>`;
    response.writeHead(404, { ...headers, "Content-Type": TYPES[".html"] }).end(text + listen());
    return;
  }
  if (path.basename(file) === "index.html" && rest && !rest.endsWith("/") && path.extname(rest) !== ".html") {
    response.writeHead(302, { ...headers, Location: `${pathname}/${search}` }).end(); // so that relative paths hold
    return;
  }
  const type = TYPES[path.extname(file).toLowerCase()] ?? "application/octet-stream";
  let body;
  try {
    body = fs.readFileSync(file);
  } catch (error) {
    response.writeHead(500, headers).end(String(error.message));
    return;
  }
  if (type === TYPES[".html"]) {
    const page = body.toString();
    body = page.includes("</head>") ? page.replace("</head>", () => `${listen()}</head>`) : page + listen();
  }
  response.writeHead(200, { ...headers, "Content-Type": type }).end(body);
});

server.listen(port, "127.0.0.1", () => console.log(`The site is at http://127.0.0.1:${port}${base}`));
