// Requests of the page to its own server. To the browser they are cross-origin (the page's origin is opaque), so what
// works for a deployed app (credentials, its own Authorization header, workers) needs a hand here. Failures are reported.

// The page's own headers travel under this prefix, and its server's come back under it: a proxy in front of Jupyter adds
// headers that say who the person is, and acts on some of the answer's.
const OWN = "X-AppBuilder-Header-";
const PLAIN = /^(accept|accept-language|content-language|content-type|range|x-requested-with|x-appbuilder-.*)$/i;

function isOwn(url) {
  return url.origin === location.origin && url.pathname.startsWith(config.base);
}

/** A call of a function in the person's notebook: that it does not run is no fault of the app, and what reads the answer
 * says what else went wrong. */
function isPythonCall(url) {
  return url.href.startsWith(`${own}python/`);
}

function absolute(url) {
  try {
    return new URL(url, document.baseURI);
  } catch {
    return new URL("about:invalid");
  }
}

function shortened(url) {
  if (isOwn(url)) return "/" + url.pathname.slice(config.base.length) + url.search;
  return isOutside(url) ? url.pathname + url.search : url.href;
}

/** Whether an address with a leading slash led out of the app, to Jupyter: the app lives below a path of its own. */
function isOutside(url) {
  return url.host === location.host && /^(https?|wss?):$/.test(url.protocol) && !url.pathname.startsWith(config.base);
}

/** Whether an address leads to another server on the machine of whoever looks at the page: a person's, not the sandbox. */
function isTheirMachine(url) {
  return /^(https?|wss?):$/.test(url.protocol) && url.host !== location.host &&
    /^(localhost|.*\.localhost|127(\.\d+){3}|0\.0\.0\.0|\[::1?\])$/.test(url.hostname);
}

function hint(url) {
  if (isTheirMachine(url)) {
    return `. In a page ${url.hostname} is the machine of the person who looks at it, not the one its server runs on: ask the app's own ` +
      `server, by an address without a leading slash ("${url.pathname.slice(1)}"), and let it pass the request on (server.proxy in Vite, rewrites in Next.js).`;
  }
  if (!isOutside(url)) return "";
  return `. Its path begins at the root of this host, outside the app: leave out the leading slash ("${url.pathname.slice(1)}"), ` +
    "or put the app's base path before it (import.meta.env.BASE_URL in Vite, the basePath in Next.js).";
}

function renameHeaders(request) {
  if (request.mode === "no-cors") return;
  for (const [name, value] of [...request.headers]) {
    if (PLAIN.test(name)) continue;
    request.headers.set(OWN + name, value);
    request.headers.delete(name);
  }
}

window.fetch = async function fetch(input, init) {
  let request;
  try {
    request = new Request(input, init);
  } catch (error) {
    return nativeFetch(input, init); // its own error, as without us
  }
  const url = absolute(request.url);
  const { method } = request;
  const since = performance.now();
  const ping = request.headers.get("accept") === "text/x-vite-ping"; // of Vite's client, while it has no server
  if (isOwn(url)) {
    if (request.credentials === "include") request = new Request(request, { credentials: "omit" });
    renameHeaders(request);
    await saver.cookies();
  }
  try {
    const response = await nativeFetch(request);
    if (!ping) records.call(method, url, { since, status: response.status });
    if (isOwn(url)) answered((name) => nativeGet.call(nativeHeaders.call(response), name));
    if (response.status >= 500 && !isPythonCall(url)) {
      const how = `answered ${response.status} ${response.statusText}`.trim();
      const why = isOwn(url) ? explained(response.clone()) : Promise.resolve({});
      why.then((told) => requestFailed(method, url, how, told));
    }
    return response;
  } catch (error) {
    const ended = error?.name === "AbortError" || error?.name === "TimeoutError";
    if (!ping) records.call(method, url, { since, how: ended ? "aborted" : "could not be reached" });
    if (!ended) requestFailed(method, url, "could not be reached");
    throw error;
  }
};

/** What an answer of the page's own server says of its cookies. */
function answered(header) {
  try {
    const change = header("X-AppBuilder-Cookies");
    if (change) cookiesChanged(JSON.parse(change));
  } catch {
    // not ours
  }
}

const nativeGet = Headers.prototype.get;
const nativeHeaders = Object.getOwnPropertyDescriptor(Response.prototype, "headers").get;
const plainHeaders = new WeakMap();
Object.defineProperty(Response.prototype, "headers", {
  configurable: true,
  enumerable: true,
  get() {
    const native = nativeHeaders.call(this);
    const names = [...native.keys()].filter((name) => /^x-appbuilder-/.test(name));
    if (!names.length) return native;
    if (!plainHeaders.has(this)) {
      const plain = new Headers(native);
      for (const name of names) {
        plain.delete(name);
        if (name.startsWith(OWN.toLowerCase())) plain.set(name.slice(OWN.length), native.get(name));
      }
      plainHeaders.set(this, plain);
    }
    return plainHeaders.get(this);
  },
});

const opened = new WeakMap(); // XMLHttpRequest -> { method, url }
XMLHttpRequest.prototype.open = function open(method, url, ...rest) {
  const target = absolute(url);
  if (!opened.has(this)) {
    this.addEventListener("readystatechange", () => {
      if (this.readyState === 2 && isOwn(opened.get(this).url)) answered((name) => headerOf(this, name));
    });
    this.addEventListener("loadend", () => {
      const { method, url, aborted, since } = opened.get(this);
      records.call(method, url, { since, status: this.status, how: this.status ? "" : aborted ? "aborted" : "could not be reached" });
      if (this.status >= 500) requestFailed(method, url, `answered ${this.status} ${this.statusText}`.trim());
      else if (this.status === 0 && !aborted) requestFailed(method, url, "could not be reached");
    });
    this.addEventListener("abort", () => (opened.get(this).aborted = true));
    this.addEventListener("timeout", () => (opened.get(this).aborted = true));
  }
  opened.set(this, { method: String(method).toUpperCase(), url: target, aborted: target.href.startsWith(own) });
  return nativeOpen.call(this, method, url, ...rest);
};
const nativeGetHeader = XMLHttpRequest.prototype.getResponseHeader;
XMLHttpRequest.prototype.getResponseHeader = function getResponseHeader(name) {
  return headerOf(this, OWN + name) ?? nativeGetHeader.call(this, name);
};
const nativeAllHeaders = XMLHttpRequest.prototype.getAllResponseHeaders;
/** A header of ours, if it is there: browsers complain in the console where one is asked for that is not. */
function headerOf(request, name) {
  const there = nativeAllHeaders.call(request).toLowerCase().split("\r\n").some((line) => line.startsWith(`${name}:`.toLowerCase()));
  return there ? nativeGetHeader.call(request, name) : null;
}
XMLHttpRequest.prototype.getAllResponseHeaders = function getAllResponseHeaders() {
  return nativeAllHeaders.call(this).replace(/^x-appbuilder-cookies:.*\r\n/im, "").replace(/^x-appbuilder-header-/gim, "");
};
const nativeSetHeader = XMLHttpRequest.prototype.setRequestHeader;
XMLHttpRequest.prototype.setRequestHeader = function setRequestHeader(name, value) {
  const target = opened.get(this);
  if (target && isOwn(target.url) && !PLAIN.test(name)) name = OWN + name;
  return nativeSetHeader.call(this, name, value);
};
XMLHttpRequest.prototype.send = function send(body) {
  const target = opened.get(this);
  if (target && isOwn(target.url)) {
    this.withCredentials = false;
    saver.cookiesNow();
  }
  if (target) target.since = performance.now();
  return nativeSend.call(this, body);
};

// A worker's script must be same-origin, which nothing is; a data URL may be one too, and may import the script.
// (From a blob Chromium starts no module worker on an opaque origin.)
const IN_WORKERS = `
const OWN = ${JSON.stringify(OWN)}, PLAIN = ${PLAIN}, native = self.fetch;
${renameHeaders}
self.fetch = async (input, init) => {
  const request = new Request(input, init);
  if (request.url.startsWith(${JSON.stringify(location.origin + config.base)})) renameHeaders(request);
  return native(request);
};`;
const inData = (source) => "data:text/javascript," + encodeURIComponent(source);
const NativeWorker = window.Worker;
window.Worker = class Worker extends NativeWorker {
  constructor(script, options) {
    const url = absolute(script);
    if (/^https?:$/.test(url.protocol)) {
      const text = JSON.stringify(url.href);
      script = options?.type === "module"
        ? inData(`import ${JSON.stringify(inData(IN_WORKERS))}; import ${text};`)
        : inData(`(() => {${IN_WORKERS}})(); importScripts(${text});`);
    }
    super(script, options);
  }
};

// A shared worker never starts on an opaque origin, without a word: Vite would wait in one for its server for ever. Who
// finds that there are none does without.
delete window.SharedWorker;

/** Tell of a stream to an address outside the app: it fails without saying why. */
function lookOutside(kind, url) {
  if (isOutside(url)) requestFailed(kind, url, "does not lead to the app's server");
}

const NativeEvents = window.EventSource;
window.EventSource = class EventSource extends NativeEvents {
  constructor(url, options) {
    saver.cookiesNow();
    super(url, { ...options, withCredentials: false });
    const target = absolute(this.url);
    lookOutside("EventSource", target);
    if (isTheirMachine(target)) this.addEventListener("error", () => requestFailed("EventSource", target, "could not be reached"));
  }
};

// Sockets that the page closed itself, perhaps before they were open: React does so with each effect while developing.
const closed = new WeakSet();

/** Whether a socket is a dev server's own, for its updates. */
function forUpdates(url, protocols) {
  return protocols.some((name) => /^vite-/.test(name)) || url.pathname.split("/").at(-1).includes("hmr");
}

/** Tell of a socket whose handshake failed. While the app starts or sleeps that is no fault of its code. */
async function handshakeFailed(url) {
  const place = url.host === location.host ? shortened(new URL(url.pathname, location.origin)) : url.origin + url.pathname;
  const message = `WebSocket ${place} could not be opened: the handshake failed${hint(url)}`;
  if (seen.has(`network ${message}`)) return;
  const answer = await nativeFetch(own + "status").catch(() => null);
  if (answer?.ok && (await answer.json()).state === "ready") found({ kind: "network", message });
}

// Vite tells of broken code and of updates on its socket, Next.js of updates.
const NativeSocket = window.WebSocket;
window.WebSocket = class WebSocket extends NativeSocket {
  constructor(url, protocols) {
    saver.cookiesNow();
    super(url, protocols);
    const names = [protocols ?? []].flat();
    const target = absolute(this.url);
    lookOutside("WebSocket", target);
    if (names.includes("vite-hmr")) this.addEventListener("message", ({ data }) => hotMessage(data));
    if (target.pathname.includes("/_next/") && forUpdates(target, names)) this.addEventListener("message", ({ data }) => nextMessage(data));
    if (isOutside(target) || forUpdates(target, names)) return;
    let opened = false;
    this.addEventListener("open", () => (opened = true));
    this.addEventListener("error", () => opened || closed.has(this) || handshakeFailed(target));
  }

  close(...why) {
    closed.add(this);
    super.close(...why);
  }
};
