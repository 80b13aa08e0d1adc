// IndexedDB for a page whose origin has none: fake-indexeddb in memory, and what it holds as JSON, to be kept elsewhere.
// Restoring is synchronous, by the library's own records, because a page expects `indexedDB` to be there at once.
//
// Bundled into ../indexeddb.js by `npm install && npm run build`; the bundle is committed.

import FDBDatabase from "./node_modules/fake-indexeddb/build/esm/FDBDatabase.js";
import * as library from "./node_modules/fake-indexeddb/build/esm/index.js";
import Database from "./node_modules/fake-indexeddb/build/esm/lib/Database.js";
import Index from "./node_modules/fake-indexeddb/build/esm/lib/Index.js";
import ObjectStore from "./node_modules/fake-indexeddb/build/esm/lib/ObjectStore.js";

const SAVE_MS = 150;

const base64 = (bytes) => {
  let text = "";
  for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  return btoa(text);
};
const bytesOf = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0));

/** A structured-cloneable value as JSON: what JSON has no word for becomes [tag, content], and so does every array. */
function pack(value) {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number") return Number.isFinite(value) && !Object.is(value, -0) ? value : ["number", String(Object.is(value, -0) ? "-0" : value)];
  if (value === undefined) return ["undefined"];
  if (typeof value === "bigint") return ["bigint", String(value)];
  if (Array.isArray(value)) return ["array", value.map(pack)];
  if (value instanceof Date) return ["date", pack(value.getTime())];
  if (value instanceof RegExp) return ["regexp", value.source, value.flags];
  if (value instanceof Map) return ["map", [...value].map(([key, one]) => [pack(key), pack(one)])];
  if (value instanceof Set) return ["set", [...value].map(pack)];
  if (value instanceof ArrayBuffer) return ["buffer", base64(new Uint8Array(value))];
  if (ArrayBuffer.isView(value)) {
    return ["view", value.constructor.name, base64(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))];
  }
  if (value instanceof Error) return ["error", value.name, value.message];
  if (value instanceof Blob) return ["undefined"]; // its bytes cannot be had synchronously
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, pack(one)]));
}

function unpack(packed) {
  if (packed === null || typeof packed !== "object") return packed;
  if (!Array.isArray(packed)) return Object.fromEntries(Object.entries(packed).map(([key, one]) => [key, unpack(one)]));
  const [tag, content, more] = packed;
  switch (tag) {
    case "array": return content.map(unpack);
    case "number": return Number(content);
    case "bigint": return BigInt(content);
    case "date": return new Date(unpack(content));
    case "regexp": return new RegExp(content, more);
    case "map": return new Map(content.map(([key, one]) => [unpack(key), unpack(one)]));
    case "set": return new Set(content.map(unpack));
    case "buffer": return bytesOf(content).buffer;
    case "view": return new globalThis[content](bytesOf(more).buffer);
    case "error": return Object.assign(new Error(content), { name: content, message: more });
    default: return undefined;
  }
}

function written(databases) {
  return JSON.stringify(
    [...databases.values()].filter((database) => database.version > 0).map((database) => ({
      name: database.name,
      version: database.version,
      stores: [...database.rawObjectStores.values()].filter((store) => !store.deleted).map((store) => ({
        name: store.name,
        keyPath: store.keyPath,
        auto: store.autoIncrement,
        next: store.keyGenerator?.num ?? 0,
        indexes: [...store.rawIndexes.values()].filter((index) => !index.deleted)
          .map(({ name, keyPath, multiEntry, unique }) => ({ name, keyPath, multiEntry, unique })),
        records: [...store.records.values()].map(({ key, value }) => [pack(key), pack(value)]),
      })),
    })),
  );
}

function restore(databases, text) {
  for (const { name, version, stores } of JSON.parse(text)) {
    const database = new Database(name, version);
    for (const kept of stores) {
      const store = new ObjectStore(database, kept.name, kept.keyPath, kept.auto);
      for (const { name, keyPath, multiEntry, unique } of kept.indexes) {
        const index = new Index(store, name, keyPath, multiEntry, unique);
        index.initialized = true;
        store.rawIndexes.set(name, index);
      }
      for (const [key, value] of kept.records) store.storeRecord({ key: unpack(key), value: unpack(value) }, false);
      if (store.keyGenerator) store.keyGenerator.num = kept.next;
      database.rawObjectStores.set(kept.name, store);
    }
    databases.set(name, database);
  }
}

/**
 * The globals of IndexedDB by name, holding what `kept` (JSON) says. `save(content, leaving)` is called with the new JSON
 * soon after each change; `leaving` when the page goes away.
 */
globalThis.__appbuilderDatabases = (kept, save) => {
  const factory = new library.IDBFactory();
  const databases = factory._databases;
  try {
    restore(databases, kept);
  } catch (error) {
    databases.clear();
    console.warn("What the app kept in IndexedDB could not be read; it starts empty.", error);
  }

  let timer = 0;
  let saving = Promise.resolve();
  let changed = false;
  const send = (leaving) => {
    clearTimeout(timer);
    timer = 0;
    if (!changed) return;
    changed = false;
    const content = written(databases);
    const sent = () =>
      Promise.resolve(save(content, leaving)).then((answer) => {
        if (answer?.status === 413) console.error("The app keeps too much in IndexedDB: what was added last is lost on reload.");
      }).catch(() => {
        changed = true;
      });
    saving = leaving ? sent() : saving.then(sent);
  };
  const touched = () => {
    changed = true;
    timer ||= setTimeout(send, SAVE_MS, false);
  };

  const transaction = FDBDatabase.prototype.transaction;
  FDBDatabase.prototype.transaction = function (...values) {
    const made = transaction.apply(this, values);
    if (made.mode !== "readonly") made.addEventListener("complete", touched);
    return made;
  };
  const remove = factory.deleteDatabase.bind(factory);
  factory.deleteDatabase = (name) => {
    const request = remove(name);
    request.addEventListener("success", touched);
    return request;
  };
  addEventListener("pagehide", () => send(true));

  return {
    ...Object.fromEntries(Object.entries(library).filter(([name]) => name.startsWith("IDB"))),
    indexedDB: factory,
  };
};
