// Where each element of a Next.js app is written, as its dev server's compiler tells the development runtime of JSX.
// React drops it; here it is kept by the element's props, as the templates with Vite do (runtime/vite.mjs). What the
// server rendered brings its place along (nextjs/runtime/given.cjs). A build has no such runtime.

(() => {
  const RUNTIME = /^\[project\]\/node_modules\/next\/dist\/compiled\/react\/jsx-dev-runtime\.js \[app-client\]/;
  const ROOT = "[project]/";
  const places = (globalThis[Symbol.for("appbuilder.places")] ??= new WeakMap());

  function keeping(load) {
    return (context, module, exports) => {
      load(context, module, exports);
      const { jsxDEV } = module.exports;
      const kept = (type, props, key, isStatic, source, self) => {
        const element = jsxDEV(type, props, key, isStatic, source, self);
        if (source?.fileName?.startsWith(ROOT)) {
          places.set(element.props, `${source.fileName.slice(ROOT.length)}:${source.lineNumber}:${source.columnNumber}`);
        }
        return element;
      };
      module.exports = { ...module.exports, jsxDEV: kept };
    };
  }

  /** Turbopack's chunks hand in their modules: names, each before what makes it. */
  function listening(registry) {
    const { push } = registry;
    registry.push = function (...chunks) {
      for (const chunk of chunks) {
        const at = Array.isArray(chunk) ? chunk.findIndex((one) => typeof one === "string" && RUNTIME.test(one)) : -1;
        if (at >= 0 && typeof chunk[at + 1] === "function") chunk[at + 1] = keeping(chunk[at + 1]);
      }
      return push.apply(this, chunks);
    };
    return registry;
  }

  let registry;
  Object.defineProperty(globalThis, "TURBOPACK", {
    configurable: true,
    enumerable: false,
    get: () => registry,
    set: (given) => (registry = typeof given?.push === "function" ? listening(given) : given),
  });
})();
