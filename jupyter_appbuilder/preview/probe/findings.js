// What went wrong in the page, told to the session (which shows the agent), to the panel around us, and on the page.

const FINDINGS_A_LOAD = 25;
const seen = new Set();
let told = 0;

// Frames of libraries are dropped later: the app's own lie below them.
if (Error.stackTraceLimit < 40) Error.stackTraceLimit = 40;

function tell(type, more) {
  if (framed) window.parent.postMessage({ source: "jupyter-appbuilder", type, ...more }, location.origin);
}

function found(finding, { visible = false } = {}) {
  finding.message = cut(String(finding.message).replace(/\x1b\[[0-9;]*m/g, ""), 4000);
  const key = `${finding.kind} ${finding.message}`;
  if (seen.has(key)) return;
  seen.add(key);
  // The server finds the app's own lines, and needs for that which version of a module this page has.
  const { stack, source } = finding;
  const full = {
    ...finding,
    stack: stack && cut(inside(stack), 8000),
    source: source && inside(source),
    age_ms: finding.age_ms ?? Math.round(performance.now()),
    acted: !!navigator.userActivation?.hasBeenActive,
  };
  if (finding.kind !== "network" && !finding.message.startsWith("console.error: ")) records.line("error", finding.message, source);
  const shown = { ...finding, stack: stack && cut(tidy(stack), 8000), source: source && tidy(source) };
  if (visible) overlay.show(shown);
  if (++told > FINDINGS_A_LOAD) return;
  tell("finding", { finding: shown });
  post("report", JSON.stringify(full), true).then((answer) => {
    const placed = { ...shown, ...JSON.parse(answer) };
    if (placed.source === shown.source && placed.stack === shown.stack) return;
    tell("finding", { finding: placed });
    if (visible) overlay.update(shown, placed);
  }).catch(() => {});
}

/** A text of at most so many characters, none of them half of one. */
function cut(text, most) {
  return text.slice(0, most).replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, "\ufffd");
}

/** A text without the capability: paths as the dev server knows them. */
function inside(text) {
  return String(text ?? "").replace(/\x1b\[[0-9;]*m/g, "").replaceAll(location.origin + config.base, "").replaceAll(config.base, "/");
}

/** The same as the app knows them: without versions. */
function tidy(text) {
  return inside(text).replace(/\?[tv]=[\w.-]+/g, "");
}

function described(value) {
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  if (typeof value === "string") return value;
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}

function place(file, line, column) {
  return file && line ? `${file}:${line}:${column || 1}` : undefined;
}

function placeIn(stack) {
  const match = /(https?:\/\/[^\s()]+?):(\d+):(\d+)/.exec(stack ?? "");
  return match ? place(match[1], match[2], match[3]) : undefined;
}

addEventListener("error", (event) => {
  if (event.target instanceof Element) {
    const url = event.target.src || event.target.href;
    if (!url) return;
    const address = absolute(url);
    if (event.target.localName === "script" && isOwn(address)) return scriptFailed(address);
    records.call("GET", address, { how: "could not be loaded" });
    found({ kind: "network", message: `<${event.target.localName}> could not load ${shortened(address)}${hint(address) || abroad(address)}` });
    return;
  }
  if (/^ResizeObserver loop/.test(event.message)) return; // harmless, and in every second app
  if (event.message === "Script error." && !event.filename) return; // says nothing
  const message = event.error ? described(event.error) : event.message;
  found({ kind: "page", message, stack: event.error?.stack, source: thrownAt(event) }, { visible: true });
}, true);

/** The stack knows better: of what JSON.parse throws, the event names a place in the text that was parsed. */
function thrownAt({ error, filename, lineno, colno }) {
  return placeIn(error?.stack) ?? place(filename, lineno, colno);
}

/** What may keep another host's things from a preview alone. */
function abroad(url) {
  if (!/^https?:$/.test(url.protocol) || url.host === location.host) return "";
  return ". A page in the preview sends other hosts no referrer: one that asks for it (map tiles, video players) may refuse it here only.";
}

// A link with a leading slash shows a page of Jupyter's, or nothing, in place of the app's.
addEventListener("click", (event) => {
  const link = event.target instanceof Element && event.target.closest("a[href]");
  if (!link || event.defaultPrevented) return;
  const url = absolute(link.href);
  if (isOutside(url)) found({ kind: "network", message: `The link to ${shortened(url)} leaves the app${hint(url)}` });
});

addEventListener("unhandledrejection", ({ reason }) => {
  // What the person or the preview does not allow (the clipboard, full screen, the camera) is no fault of the code.
  if (reason === refusal || ["AbortError", "NotAllowedError"].includes(reason?.name)) return;
  const message = described(reason);
  // A failed import() of broken code: the build error says it better, and comes by itself.
  if (/Failed to fetch dynamically imported module/.test(message)) return;
  found({ kind: "page", message: `Unhandled rejection: ${message}`, stack: reason?.stack, source: placeIn(reason?.stack) }, { visible: true });
});

const nativeError = console.error;
console.error = function error(...values) {
  nativeError.apply(console, values);
  try {
    let [first, ...rest] = values;
    if (typeof first === "string") first = first.replace(/%[sdifoOc]/g, (mark) => (mark === "%c" ? (rest.shift(), "") : rest.length ? described(rest.shift()) : mark));
    const message = [first, ...rest].map(described).join(" ");
    if (/^\[(vite|hmr)\]/.test(message)) return; // told by the build error
    const error = values.find((value) => value instanceof Error);
    if (error && seen.has(`page ${described(error)}`)) return;
    found({ kind: "page", message: `console.error: ${tidy(message)}`, stack: error?.stack, source: placeIn(error?.stack) });
  } catch {
    // a value that cannot even be looked at
  }
};

/**
 * What an error answer of the app's own server says of itself: the sentence, the place and the stack that a template's
 * server gives as JSON (`detail`, `source`, `traceback`).
 */
async function explained(response) {
  try {
    if (!/json/.test(response.headers.get("content-type")) || Number(response.headers.get("content-length")) > 65536) return {};
    const { detail, source, traceback } = JSON.parse((await response.text()).slice(0, 65536));
    if (typeof detail !== "string" || !detail) return {};
    const text = (value) => (typeof value === "string" && value ? value : undefined);
    // It is of the code that runs now, however old the page is.
    return { detail: cut(detail, 2000), source: text(source), stack: text(traceback), age_ms: 0 };
  } catch {
    return {};
  }
}

function requestFailed(method, url, how, { detail, ...places } = {}) {
  if (url.pathname.startsWith("/__nextjs_")) return; // of its own overlay, which knows no base path
  if (document.visibilityState === "hidden" && how === "could not be reached") return; // the page is being left
  found({ kind: "network", message: `${method} ${shortened(url)} ${how}${detail ? `: ${detail}` : ""}${hint(url)}`, ...places });
}

async function scriptFailed(url) {
  // A module that does not build answers 500; why comes on Vite's socket. Anything else is told here.
  const answer = await nativeFetch(url, { credentials: "omit" }).catch(() => null);
  if (answer?.status === 500) return;
  const how = answer ? (answer.ok ? "could not be run" : `answered ${answer.status}`) : "could not be reached";
  found({ kind: "page", message: `The script ${shortened(url)} ${how}${hint(url)}` }, { visible: true });
}

/** A message of Vite's to the page: broken code, or the update that mended it. */
function hotMessage(data) {
  let message;
  try {
    message = JSON.parse(data);
  } catch {
    return;
  }
  if (message.type === "error") {
    const { message: text, id, loc, frame, stack, plugin } = message.err ?? {};
    const file = (loc?.file || id || "").replace(/\?.*$/, "").replace(/^.*?\/(src\/)/, "$1");
    // Vite's message may hold the code around the error, drawn with lines.
    const lines = tidy(text || "The code could not be built").split("\n").filter((line) => line.trim());
    const drawn = lines.findIndex((line) => /^\s*(?:[╭│┌|]|\d+\s*[│|])/.test(line));
    const words = (drawn < 0 ? lines : lines.slice(0, drawn)).filter((line) => !/^Transform failed with \d+ errors?:$/.test(line));
    const where = /\[\s*(\S+:\d+:\d+)\s*\]/.exec(text ?? "")?.[1];
    found(
      {
        kind: "build",
        message: words.join("\n") || "The code could not be built",
        stack: frame?.trim() ? frame : drawn < 0 ? stack : lines.slice(drawn).join("\n"),
        source: loc?.line && file ? `${file}:${loc.line}:${(loc.column ?? 0) + 1}` : where || file || (plugin && `plugin ${plugin}`),
      },
      { visible: true },
    );
  } else if (message.type === "update" || message.type === "full-reload") {
    updated();
  }
}

/** The page has taken in a change without being loaded anew. */
function updated() {
  seen.clear(); // what is still wrong is to be told again
  told = 0;
  if (overlay.shown) overlay.hide();
  tell("cleared", {});
  emptySince = 0;
  ready = false; // told again, once it shows something: the page has seen this change
  watch();
}

/** A message of Next.js's dev server to the page: an update of its modules, or of what the server made of them. */
function nextMessage(data) {
  if (typeof data !== "string") return;
  const replaces = data.includes('"turbopack-message"') && data.includes('"partial"');
  if (replaces || data.includes('"serverComponentChanges"')) setTimeout(updated); // once it has been taken in
}

const MEDIA = "img, svg, canvas, video, iframe, input, button, textarea, select, object, embed";
function hasContent() {
  return !!document.body && shows(document.body);
}

// Also what lies in shadow trees: components of web component frameworks have nothing outside.
function shows(part) {
  if (part.innerText?.trim()) return true;
  if ([...part.querySelectorAll(MEDIA)].some((one) => one.offsetWidth > 1 || one.getBoundingClientRect().width > 1)) return true;
  const hosts = [part, ...part.querySelectorAll("*")].filter((one) => one.shadowRoot);
  return hosts.some((host) => [...host.shadowRoot.children].some((child) => child instanceof HTMLElement && shows(child)));
}

const EMPTY_MS = 4000; // after the load event; slow machines and lazy routes need some
let ready = false;
let emptySince = 0;
let watching = 0;

// By timers, not animation frames: a preview in a hidden panel paints none.
function watch() {
  clearTimeout(watching);
  if (!ready && hasContent()) {
    ready = true;
    const finding = { kind: "ready", duration_ms: Math.round(performance.now()) };
    post("report", JSON.stringify(finding), true).catch(() => {});
    tell("ready", { duration_ms: finding.duration_ms });
    return;
  }
  if (document.readyState === "complete" && document.visibilityState === "visible") {
    emptySince ||= performance.now();
    if (performance.now() - emptySince > EMPTY_MS) {
      if (!overlay.shown) found({ kind: "page", message: "The page stays empty: nothing is rendered, and no error was thrown." }, { visible: true });
      emptySince = Infinity;
    }
  }
  watching = setTimeout(watch, performance.now() < 5000 ? 50 : 500);
}
watch();
tell("cleared", {}); // what the page before this one reported
