// Requests of the page to its own server. To the browser they are cross-origin (the page's origin is opaque), so what
// works for a deployed app (credentials, its own Authorization header, workers) needs a hand here. Failures are reported.

const APP_AUTHORIZATION = "X-AppBuilder-Authorization";

function isOwn(url) {
  return url.origin === location.origin && url.pathname.startsWith(config.base);
}

function absolute(url) {
  try {
    return new URL(url, document.baseURI);
  } catch {
    return new URL("about:invalid");
  }
}

function shortened(url) {
  return isOwn(url) ? "/" + url.pathname.slice(config.base.length) + url.search : url.href;
}

window.fetch = async function fetch(input, init) {
  let request;
  try {
    request = new Request(input, init);
  } catch (error) {
    return nativeFetch(input, init); // its own error, as without us
  }
  const url = absolute(request.url);
  if (isOwn(url)) {
    if (request.credentials === "include") request = new Request(request, { credentials: "omit" });
    const authorization = request.headers.get("Authorization");
    if (authorization !== null) {
      request.headers.set(APP_AUTHORIZATION, authorization);
      request.headers.delete("Authorization");
    }
  }
  try {
    const response = await nativeFetch(request);
    if (response.status >= 500) requestFailed(request.method, url, `answered ${response.status} ${response.statusText}`.trim());
    return response;
  } catch (error) {
    if (error?.name !== "AbortError" && error?.name !== "TimeoutError") requestFailed(request.method, url, "could not be reached");
    throw error;
  }
};

const opened = new WeakMap(); // XMLHttpRequest -> { method, url }
const nativeOpen = XMLHttpRequest.prototype.open;
XMLHttpRequest.prototype.open = function open(method, url, ...rest) {
  const target = absolute(url);
  if (!opened.has(this)) {
    this.addEventListener("loadend", () => {
      const { method, url, aborted } = opened.get(this);
      if (this.status >= 500) requestFailed(method, url, `answered ${this.status} ${this.statusText}`.trim());
      else if (this.status === 0 && !aborted) requestFailed(method, url, "could not be reached");
    });
    this.addEventListener("abort", () => (opened.get(this).aborted = true));
    this.addEventListener("timeout", () => (opened.get(this).aborted = true));
  }
  opened.set(this, { method: String(method).toUpperCase(), url: target, aborted: target.href.startsWith(own) });
  return nativeOpen.call(this, method, url, ...rest);
};
const nativeSetHeader = XMLHttpRequest.prototype.setRequestHeader;
XMLHttpRequest.prototype.setRequestHeader = function setRequestHeader(name, value) {
  const target = opened.get(this);
  if (target && isOwn(target.url) && String(name).toLowerCase() === "authorization") name = APP_AUTHORIZATION;
  return nativeSetHeader.call(this, name, value);
};
const nativeSend = XMLHttpRequest.prototype.send;
XMLHttpRequest.prototype.send = function send(body) {
  const target = opened.get(this);
  if (target && isOwn(target.url)) this.withCredentials = false;
  return nativeSend.call(this, body);
};

// A worker's script must be same-origin, which nothing is; a data URL may be one too, and may import the script.
// (From a blob Chromium starts no module worker on an opaque origin.)
const NativeWorker = window.Worker;
window.Worker = class Worker extends NativeWorker {
  constructor(script, options) {
    const url = absolute(script);
    if (/^https?:$/.test(url.protocol)) {
      const text = JSON.stringify(url.href);
      const source = options?.type === "module" ? `import ${text};` : `importScripts(${text});`;
      script = "data:text/javascript," + encodeURIComponent(source);
    }
    super(script, options);
  }
};

// A shared worker never starts on an opaque origin, without a word: Vite would wait in one for its server for ever. Who
// finds that there are none does without.
delete window.SharedWorker;

// Vite tells of broken code and of updates on its socket.
const NativeSocket = window.WebSocket;
window.WebSocket = class WebSocket extends NativeSocket {
  constructor(url, protocols) {
    super(url, protocols);
    if ([protocols].flat().includes("vite-hmr")) this.addEventListener("message", ({ data }) => hotMessage(data));
  }
};
