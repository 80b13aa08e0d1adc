// The parts of this script share one scope, in the order probe.py names them; this one comes first.
//
// A preview's page has an opaque origin: localStorage, sessionStorage, cookies and IndexedDB throw there. Here they
// work: what was stored came inside the page, and changes are sent to the capability URL, which keeps them for the visitor.

const config = window.__appbuilder;
delete window.__appbuilder;
document.currentScript?.previousElementSibling?.remove();
document.currentScript?.remove(); // frameworks that hydrate the whole document must not find us

const own = location.origin + config.base + "__appbuilder/";
const nativeFetch = window.fetch.bind(window);
const nativeOpen = XMLHttpRequest.prototype.open;
const nativeSend = XMLHttpRequest.prototype.send;
const framed = window.parent !== window;

/** What was answered, as text: an answer that nobody reads stays open in the browser, and whoever drives it waits. */
async function post(what, body, keepalive = false) {
  const answer = await nativeFetch(own + what, { method: "POST", body, keepalive, credentials: "omit" });
  return answer.text();
}

/** Collects changes and sends them soon, one request at a time, so that none overtakes another. */
const saver = (() => {
  let pending = {};
  let sending = null;
  let timer = 0;

  function merge(first, second) {
    const merged = { ...first };
    for (const [area, change] of Object.entries(second)) {
      const old = change.clear ? { clear: true, set: {} } : (merged[area] ?? { set: {} });
      const remove = new Set(change.clear ? [] : old.remove);
      const set = { ...old.set };
      for (const key of change.remove ?? []) {
        delete set[key];
        remove.add(key);
      }
      for (const [key, value] of Object.entries(change.set ?? {})) {
        set[key] = value;
        remove.delete(key);
      }
      merged[area] = { clear: old.clear || change.clear, set, remove: [...remove] };
    }
    return merged;
  }

  async function send() {
    clearTimeout(timer);
    timer = 0;
    if (sending || !Object.keys(pending).length) return;
    sending = pending;
    pending = {};
    try {
      await post("storage", JSON.stringify(sending));
    } catch {
      pending = merge(sending, pending); // the server is away; the next change tries again
    }
    sending = null;
    if (Object.keys(pending).length) timer ||= setTimeout(send, 1000);
  }

  // Before a navigation is asked for, and once more when the page is left: what comes next is to find it all.
  for (const leaving of ["beforeunload", "pagehide"]) {
    addEventListener(leaving, () => {
      const rest = merge(sending ?? {}, pending);
      if (Object.keys(rest).length) post("storage", JSON.stringify(rest), true).catch(() => {});
    });
  }

  function save(area, change) {
    pending = merge(pending, { [area]: change });
    timer ||= setTimeout(send, 30);
  }

  /** Have the cookies saved before a request that is to carry them; a promise, or null when they are. */
  save.cookies = () => {
    const { cookies } = pending;
    if (!cookies) return null;
    delete pending.cookies;
    return post("storage", JSON.stringify({ cookies })).catch(() => (pending = merge({ cookies }, pending)));
  };

  /** The same for requests that cannot wait. */
  save.cookiesNow = () => {
    const { cookies } = pending;
    if (!cookies) return;
    delete pending.cookies;
    try {
      const request = new XMLHttpRequest();
      nativeOpen.call(request, "POST", own + "storage", false);
      nativeSend.call(request, JSON.stringify({ cookies }));
    } catch {
      pending = merge({ cookies }, pending);
    }
  };
  return save;
})();

const areas = new WeakMap(); // a storage object -> { items, changed }
const STORAGE_LIMIT = 5 * 1024 * 1024;

function makeStorage(initial, changed) {
  const items = new Map(Object.entries(initial));
  const storage = new Proxy(Object.create(Storage.prototype), {
    get: (target, key, receiver) =>
      typeof key === "symbol" || key in target ? Reflect.get(target, key, receiver) : items.get(key),
    set: (target, key, value) => (typeof key === "symbol" ? Reflect.set(target, key, value) : (storage.setItem(key, value), true)),
    has: (target, key) => items.has(key) || key in target,
    deleteProperty: (target, key) => (typeof key === "symbol" ? Reflect.deleteProperty(target, key) : (storage.removeItem(key), true)),
    ownKeys: (target) => [...new Set([...items.keys(), ...Reflect.ownKeys(target)])],
    getOwnPropertyDescriptor: (target, key) =>
      items.has(key)
        ? { value: items.get(key), writable: true, enumerable: true, configurable: true }
        : Reflect.getOwnPropertyDescriptor(target, key),
    defineProperty: (target, key, descriptor) => (storage.setItem(key, descriptor.value), true),
  });
  areas.set(storage, { items, changed, size: () => [...items].reduce((sum, [key, value]) => sum + key.length + value.length, 0) });
  return storage;
}

function area(storage) {
  const found = areas.get(storage);
  if (!found) throw new TypeError("Illegal invocation");
  return found;
}

// On the prototype itself, where apps and tests expect the methods to be.
Object.defineProperties(Storage.prototype, {
  length: { configurable: true, enumerable: true, get() { return area(this).items.size; } },
  key: { configurable: true, enumerable: true, writable: true, value: function key(n) { return [...area(this).items.keys()][n] ?? null; } },
  getItem: { configurable: true, enumerable: true, writable: true, value: function getItem(key) { return area(this).items.get(String(key)) ?? null; } },
  setItem: {
    configurable: true, enumerable: true, writable: true,
    value: function setItem(key, value) {
      const { items, changed, size } = area(this);
      key = String(key);
      value = String(value);
      const old = items.get(key);
      if (old === value) return;
      if (size() - (old === undefined ? 0 : key.length + old.length) + key.length + value.length > STORAGE_LIMIT) {
        throw new DOMException(`Setting the value of '${key}' exceeded the quota.`, "QuotaExceededError");
      }
      items.set(key, value);
      changed({ set: { [key]: value } }, items);
    },
  },
  removeItem: {
    configurable: true, enumerable: true, writable: true,
    value: function removeItem(key) {
      const { items, changed } = area(this);
      if (items.delete(String(key))) changed({ remove: [String(key)] }, items);
    },
  },
  clear: {
    configurable: true, enumerable: true, writable: true,
    value: function clear() {
      const { items, changed } = area(this);
      if (!items.size) return;
      items.clear();
      changed({ clear: true }, items);
    },
  },
});

function provide(object, name, get, set) {
  try {
    Object.defineProperty(object, name, { configurable: true, enumerable: true, get, set });
  } catch {
    // a browser that does not allow it: the page sees what it would have seen without us
  }
}

const local = makeStorage(config.storage.local, (change) => saver("local", change));
provide(window, "localStorage", () => local);

// A tab's own storage lives in its window's name: the one thing that stays with a tab when its page is loaded again.
const NAME = "appbuilder:";
const tab = (() => {
  try {
    if (window.name.startsWith(NAME)) return JSON.parse(window.name.slice(NAME.length));
  } catch {
    // somebody else's name
  }
  return { base: config.base, name: window.name, items: {} };
})();
if (tab.base !== config.base) tab.items = {};
tab.base = config.base;
const nameOf = Object.getOwnPropertyDescriptor(window, "name") ?? Object.getOwnPropertyDescriptor(Window.prototype, "name");
function keepTab(items) {
  if (items) tab.items = Object.fromEntries(items);
  nameOf.set.call(window, NAME + JSON.stringify(tab));
}
const session = makeStorage(tab.items, (_, items) => keepTab(items));
provide(window, "sessionStorage", () => session);
provide(window, "name", () => tab.name, (value) => {
  tab.name = String(value);
  keepTab();
});

// The cookies that a page may see: its own and its server's, which the preview's server keeps, and sends along with
// requests of the page. Named "<name>" or "<name>;<path>", kept as "<expires, ms or empty>;<value>" (cookies.py).
const cookies = new Map(Object.entries(config.storage.cookies));

/** A change of the server's. */
function cookiesChanged({ set = {}, remove = [] }) {
  for (const [key, kept] of Object.entries(set)) cookies.set(key, kept);
  for (const key of remove) cookies.delete(key);
}

/** A path of a URL as the app's own. */
function inside(path) {
  return path.startsWith(config.base) || path + "/" === config.base ? "/" + path.slice(config.base.length) : path;
}

provide(
  Document.prototype,
  "cookie",
  () => {
    const now = Date.now();
    const here = inside(location.pathname);
    return [...cookies]
      .map(([key, kept]) => {
        const [name, path] = key.split(/;(.*)/s);
        return [name, path, kept];
      })
      .filter(([, path]) => !path || path === here || here.startsWith(path.replace(/\/?$/, "/")))
      .filter(([, , kept]) => !parseInt(kept) || parseInt(kept) > now)
      .map(([name, , kept]) => (name ? `${name}=` : "") + kept.slice(kept.indexOf(";") + 1))
      .join("; ");
  },
  (text) => {
    const [pair, ...attributes] = String(text).split(";");
    const at = pair.indexOf("=");
    const name = pair.slice(0, Math.max(at, 0)).trim();
    const value = pair.slice(at + 1).trim();
    let expires = "";
    let path = "";
    for (const attribute of attributes) {
      const [key, what = ""] = attribute.split(/=(.*)/s).map((part) => part.trim());
      if (/^max-age$/i.test(key) && /^-?\d+$/.test(what)) expires = Date.now() + 1000 * Number(what);
      else if (/^expires$/i.test(key) && expires === "" && !isNaN(Date.parse(what))) expires = Date.parse(what);
      else if (/^path$/i.test(key) && what.startsWith("/")) path = inside(what);
    }
    path ||= inside(location.pathname).replace(/\/[^/]*$/, "") || "/";
    const key = path === "/" ? name : `${name};${path}`;
    if (expires !== "" && expires <= Date.now()) {
      if (cookies.delete(key)) saver("cookies", { remove: [key] });
    } else {
      cookies.delete(key);
      cookies.set(key, `${expires};${value}`);
      saver("cookies", { set: { [key]: cookies.get(key) } });
    }
  },
);

// IndexedDB is a library (Apache-2.0, see indexeddb/), fetched only when the page first touches it. The page expects it
// at once, hence the synchronous requests.
let databases = null;
function loadDatabases() {
  if (databases) return databases;
  const get = (url) => {
    const request = new XMLHttpRequest();
    request.open("GET", url, false);
    request.send();
    return request.responseText;
  };
  (0, eval)(get(location.origin + config.indexeddb));
  const open = window.__appbuilderDatabases;
  delete window.__appbuilderDatabases;
  const kept = config.storage.databases ? get(own + "databases") : "[]";
  databases = open(kept, (content, leaving) => post("databases", content, leaving && content.length < 60000));
  return databases;
}
for (const name of [
  "indexedDB", "IDBCursor", "IDBCursorWithValue", "IDBDatabase", "IDBFactory", "IDBIndex", "IDBKeyRange", "IDBObjectStore",
  "IDBOpenDBRequest", "IDBRequest", "IDBTransaction", "IDBVersionChangeEvent",
]) {
  let replaced;
  provide(window, name, () => replaced ?? loadDatabases()[name], (value) => {
    replaced = value;
  });
}

// Service workers and their caches cannot be had on an opaque origin. Even looking at them would throw and take the
// page down, so they are there and refuse politely.
const refusal = new DOMException("Not available in the preview: it works once the app is deployed.", "SecurityError");
const refuse = () => Promise.reject(refusal);
if ("serviceWorker" in Navigator.prototype) {
  const workers = Object.assign(new EventTarget(), {
    controller: null,
    oncontrollerchange: null,
    onmessage: null,
    ready: new Promise(() => {}),
    register: refuse,
    getRegistration: () => Promise.resolve(undefined),
    getRegistrations: () => Promise.resolve([]),
    startMessages() {},
  });
  provide(Navigator.prototype, "serviceWorker", () => workers);
}
if ("caches" in window) {
  const none = { open: refuse, match: () => Promise.resolve(undefined), has: () => Promise.resolve(false),
    delete: () => Promise.resolve(false), keys: () => Promise.resolve([]) };
  provide(window, "caches", () => none);
}

// What else an opaque origin only refuses is not there: a library that finds none does without (a login that would wait
// for other tabs, a database that would keep files of its own), one that finds it fails.
for (const name of ["locks", "storageBuckets"]) delete Navigator.prototype[name];
for (const name of ["getDirectory", "persist", "persisted", "estimate"]) delete window.StorageManager?.prototype[name];
delete window.cookieStore;
