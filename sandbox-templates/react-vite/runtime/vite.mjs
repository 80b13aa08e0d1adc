// Vite's dev server, with where each element of the page is written, and all that lies in public/. The places are kept
// beside the page and out of it: no attribute says them, and no build knows this file.
// vite.mjs serve PORT BASE | vite.mjs optimize
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [act, port, base] = process.argv.slice(2);
const root = process.cwd();
const { createServer, optimizeDeps, resolveConfig } = await import(
  pathToFileURL(join(root, 'node_modules/vite/dist/node/index.js')).href
);

const RUNTIME = 'react/jsx-dev-runtime';
const OURS = '\0appbuilder-positions';

/** The development runtime of JSX is given the place of each element. React drops it; here it is kept by its props. */
function reactPositions() {
  return {
    name: 'appbuilder-positions',
    apply: 'serve',
    enforce: 'pre',
    resolveId(id, importer, options) {
      if (id === OURS) return id;
      if (id !== RUNTIME || options?.scan || options?.ssr || !importer || importer === OURS) return null;
      return importer.includes('/node_modules/') ? null : OURS;
    },
    load(id) {
      if (id !== OURS) return null;
      return `
import { Fragment, jsxDEV as original } from ${JSON.stringify(RUNTIME)};
const root = ${JSON.stringify(`${root}/`)};
const places = (globalThis[Symbol.for("appbuilder.places")] ??= new WeakMap());
export { Fragment };
export function jsxDEV(type, props, key, isStatic, source, self) {
  const element = original(type, props, key, isStatic, source, self);
  if (source?.fileName?.startsWith(root)) {
    places.set(element.props, source.fileName.slice(root.length) + ":" + source.lineNumber + ":" + source.columnNumber);
  }
  return element;
}
`;
    },
  };
}

/** Vue's compiler puts the place into the key of a reference, which is none where there is no reference. */
function vuePositions() {
  const node = (node, context) => {
    if (node.type !== 1 || node.tagType > 1) return; // elements and components; no slots, no <template>
    const taken = node.props.some((prop) => /^(ref|ref_key)$/.test(prop.type === 6 ? prop.name : (prop.arg?.content ?? '')));
    const file = context.filename?.startsWith(`${root}/`) ? context.filename.slice(root.length + 1) : '';
    if (taken || !file || file.startsWith('node_modules/')) return;
    const { loc } = node;
    const content = `${file}:${loc.start.line}:${loc.start.column}`;
    node.props.push({ type: 6, name: 'ref_key', nameLoc: loc, loc, value: { type: 2, content, loc } });
  };
  return {
    name: 'appbuilder-vue-positions',
    apply: 'serve',
    configResolved({ plugins }) {
      const api = plugins.find(({ name }) => name === 'vite:vue')?.api;
      if (!api?.options) return;
      const { template = {} } = api.options;
      const { compilerOptions = {} } = template;
      const nodeTransforms = [...(compilerOptions.nodeTransforms ?? []), node];
      api.options = { ...api.options, template: { ...template, compilerOptions: { ...compilerOptions, nodeTransforms } } };
    },
  };
}

/**
 * Whatever is in public/ is served. Vite answers from a list that it reads once and keeps by its watcher, which misses
 * files that come while it begins with a folder: the page would get index.html in place of its data. Such a file is told
 * to Vite when it is asked for, as its watcher would have.
 */
function publicFiles() {
  let folder = '';
  const known = new Set();
  const listing = new Map(); // what Vite was told of, and has not in its list yet
  const added = (file) => {
    if (!file.startsWith(folder)) return;
    known.add(file);
    const { promise, resolve } = Promise.withResolvers();
    listing.set(file, { promise, resolve });
    setTimeout(resolve, 1000); // in case Vite says nothing
    promise.then(() => listing.delete(file));
  };
  return {
    name: 'appbuilder-public-files',
    apply: 'serve',
    configResolved({ publicDir }) {
      folder = publicDir && `${publicDir}/`;
      known.clear();
      if (!existsSync(folder)) return;
      // Read before Vite reads it: what is here it will know, too.
      for (const { name, parentPath } of readdirSync(folder, { recursive: true, withFileTypes: true })) {
        known.add(join(parentPath, name));
      }
    },
    configureServer({ config, middlewares, watcher }) {
      if (!folder) return;
      watcher.on('add', added).on('unlink', (file) => known.delete(file));
      middlewares.use(async ({ url }, _, next) => {
        let file = '';
        try {
          const path = decodeURI(url.split(/[?#]/, 1)[0]);
          if (path.startsWith(config.base)) file = join(folder, path.slice(config.base.length));
          const unknown = file.startsWith(folder) && !known.has(file);
          if (unknown && statSync(file, { throwIfNoEntry: false })?.isFile()) watcher.emit('add', file);
        } catch {
          // It names no file.
        }
        await listing.get(file)?.promise;
        next();
      });
    },
    hotUpdate({ file }) {
      listing.get(file)?.resolve(); // Vite asks this once the file is in its list
    },
  };
}

// The native config loader writes no temporary file into node_modules, which is mounted read-only.
const config = { configLoader: 'native', clearScreen: false, plugins: [reactPositions(), vuePositions(), publicFiles()] };
try {
  if (act === 'optimize') {
    await optimizeDeps(await resolveConfig(config, 'serve'), false, true);
  } else {
    const server = await createServer({ ...config, base, server: { host: '127.0.0.1', port: Number(port), strictPort: true } });
    await server.listen();
    server.printUrls();
  }
} catch (error) {
  console.error(error instanceof Error ? error.stack : error);
  process.exit(1);
}
