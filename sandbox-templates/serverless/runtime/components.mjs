// Components: each compiled alone into a module named by its content. React comes from the page's import map, so that
// all share one; other packages of the app are bundled with whatever asks for them.
import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { componentFiles, failure, filesNow, packageOf, ROOT } from './app.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));
export const SHELL = join(HERE, 'shell');
/** What the page has once, whoever asks for it. */
export const SHARED = ['react', 'react/jsx-runtime', 'react/jsx-dev-runtime', 'react-dom', 'react-dom/client'];
/** What components import from the shell: `import { call, useCall } from "app"`. */
export const APP = 'app';

const MOST_KEPT = 40; // modules of earlier versions, for pages that still name them
const NAMED = /^[A-Za-z_$][\w$]*$/;

const common = {
  bundle: true,
  write: false,
  format: 'esm',
  platform: 'browser',
  target: ['es2022'],
  jsx: 'automatic',
  logLevel: 'silent',
  legalComments: 'none',
  loader: { '.svg': 'dataurl', '.png': 'dataurl', '.jpg': 'dataurl', '.webp': 'dataurl', '.woff2': 'dataurl' },
};

/** Leaves what the page has to its import map, also where a package asks for it with `require`. */
const shared = {
  name: 'shared',
  setup(build) {
    const one = new RegExp(`^(?:${[...SHARED, APP].map((name) => name.replace('/', '\\/')).join('|')})$`);
    build.onResolve({ filter: one }, ({ path, kind, namespace }) =>
      kind === 'require-call' && namespace !== 'shared' ? { path, namespace: 'shared' } : { path, external: true },
    );
    build.onLoad({ filter: /.*/, namespace: 'shared' }, ({ path }) => ({
      contents: `export * from ${JSON.stringify(path)}; export { default } from ${JSON.stringify(path)};`,
    }));
  },
};

/** For a build, where all is bundled at once: `app` is the shell's own module. */
export const bundledApp = {
  name: 'bundled-app',
  setup(build) {
    build.onResolve({ filter: /^app$/ }, () => ({ path: join(SHELL, 'app.ts') }));
    // The shell lies outside the app: its packages are the app's all the same.
    build.onResolve({ filter: /^react/ }, ({ path, kind, resolveDir, pluginData }) =>
      pluginData === 'app' ? undefined : build.resolve(path, { kind, resolveDir: ROOT, pluginData: 'app' }),
    );
  },
};

export const buildOptions = common;

/** Where each element is written, for who points at it in the page: kept by its props, so that no attribute says it. */
const PLACES = `
const places = (globalThis[Symbol.for("appbuilder.places")] ??= new WeakMap());
export const jsxDEV = (type, props, key, isStatic, source, self) => {
  const element = it.jsxDEV(type, props, key, isStatic, source, self);
  if (source?.fileName) places.set(element.props, source.fileName + ":" + source.lineNumber + ":" + source.columnNumber);
  return element;
};
`;

/** The page's shared modules: React, and the shell with `app`. Compiled once, at first use. */
export class Shell {
  constructor() {
    this.files = new Map(); // by path below the base
    this.imports = {};
    this.ready = null;
  }

  build() {
    this.ready ??= this.compile();
    return this.ready;
  }

  async compile() {
    const esbuild = packageOf('esbuild');
    const define = { 'process.env.NODE_ENV': '"development"' };
    // A CommonJS package names its exports only when it runs.
    const shims = Object.fromEntries(SHARED.map((name) => [name.replaceAll('/', '-'), name]));
    const reexport = {
      name: 'reexport',
      setup(build) {
        build.onResolve({ filter: /^shim:/ }, ({ path }) => ({ path: path.slice(5), namespace: 'shim' }));
        build.onLoad({ filter: /.*/, namespace: 'shim' }, ({ path }) => {
          const name = shims[path];
          const names = Object.keys(packageOf(name)).filter((one) => NAMED.test(one) && one !== 'default' && one !== 'jsxDEV');
          const given = `import it from ${JSON.stringify(name)};\nexport default it;\nexport const { ${names.join(', ')} } = it;`;
          return { contents: name.endsWith('jsx-dev-runtime') ? given + PLACES : given, resolveDir: ROOT };
        });
      },
    };
    const entryPoints = Object.keys(shims).map((out) => ({ in: `shim:${out}`, out }));
    const [react, shell] = await Promise.all([
      esbuild.build({
        ...common, entryPoints, define, plugins: [reexport], absWorkingDir: ROOT, splitting: true, outdir: join(ROOT, '_shell'),
        entryNames: '[name]-[hash]', chunkNames: 'react-[hash]', metafile: true,
      }),
      esbuild.build({
        ...common, entryPoints: [{ in: join(SHELL, 'shell.tsx'), out: 'shell' }, { in: join(SHELL, 'app.ts'), out: 'app' }], define, plugins: [external],
        absWorkingDir: ROOT, splitting: true, outdir: join(ROOT, '_shell'), entryNames: '[name]-[hash]', chunkNames: 'shell-[hash]', metafile: true,
        sourcemap: 'inline', sourcesContent: false,
      }),
    ]);
    for (const { outputFiles, metafile } of [react, shell]) {
      for (const file of outputFiles) this.files.set(file.path.slice(ROOT.length + 1), file.contents);
      for (const [path, { entryPoint }] of Object.entries(metafile.outputs)) {
        if (!entryPoint) continue;
        const name = entryPoint.startsWith('shim:') ? shims[entryPoint.slice(5)] : entryPoint.endsWith('app.ts') ? APP : 'shell';
        this.imports[name] = `./${path}`;
      }
    }
    return this;
  }
}

const external = {
  name: 'external',
  setup(build) {
    const one = new RegExp(`^(?:${SHARED.map((name) => name.replace('/', '\\/')).join('|')})$`);
    build.onResolve({ filter: one }, ({ path }) => ({ path, external: true }));
  },
};

/** The components as modules. `changed()` after a change of any source; `state()` compiles what is not yet. */
export class Components {
  constructor() {
    this.contexts = new Map(); // name -> esbuild's context
    this.known = new Map(); // name -> { version, entry }
    this.modules = new Map(); // path below the base -> contents
    this.made = new Map(); // by name and kind: the last module, and when it was made
    this.version = 0;
    this.files = componentFiles();
  }

  changed(files = filesNow()) {
    this.version += 1;
    this.files = componentFiles(files);
    for (const [name, context] of this.contexts) {
      if (this.files.has(name)) continue;
      this.contexts.delete(name);
      this.known.delete(name);
      void context.dispose();
    }
  }

  /** Each component's `{ path, module, style }`, or its `{ path, failure }`, by name. */
  async state() {
    const names = [...this.files.keys()];
    const entries = await Promise.all(names.map((name) => this.find(name)));
    return Object.fromEntries(names.map((name, at) => [name, entries[at]]));
  }

  find(name) {
    const known = this.known.get(name);
    if (known?.version === this.version) return known.entry;
    const entry = this.compile(name, this.files.get(name));
    this.known.set(name, { version: this.version, entry });
    return entry;
  }

  async compile(name, path) {
    try {
      let context = this.contexts.get(name);
      if (!context) {
        context = await packageOf('esbuild').context({
          ...common,
          jsxDev: true, // tells where each element is written
          entryPoints: [{ in: path, out: name }],
          absWorkingDir: ROOT,
          outdir: join(ROOT, '_components'),
          define: { 'process.env.NODE_ENV': '"development"' },
          plugins: [shared],
          sourcemap: 'inline',
          sourcesContent: false,
          metafile: true,
        });
        this.contexts.set(name, context);
      }
      const built = await context.rebuild();
      const script = built.outputFiles.find((file) => file.path.endsWith('.js'));
      const style = built.outputFiles.find((file) => file.path.endsWith('.css'));
      const [output] = Object.entries(built.metafile.outputs).filter(([file]) => file.endsWith('.js')).map(([, one]) => one);
      if (!output.exports.includes('default')) throw new Error(`It has no default export: write export default function ${name}(…).`);
      return { path, module: this.keep(name, script.contents, 'js'), style: style && this.keep(name, style.contents, 'css') };
    } catch (error) {
      const failed = failure(error, path);
      return { path, failure: failed, module: this.keep(name, brokenModule(failed), 'js') };
    }
  }

  keep(name, contents, kind) {
    const hash = createHash('sha256').update(contents).digest('hex').slice(0, 16);
    const path = `_components/${name}-${hash}.${kind}`;
    this.modules.delete(path);
    this.modules.set(path, contents);
    for (const old of this.modules.keys()) {
      if (this.modules.size <= MOST_KEPT + 2 * this.files.size) break;
      this.modules.delete(old);
    }
    // When it was made: an error in it is of the source as it was then.
    const last = this.made.get(`${name}.${kind}`);
    const made = last?.path === path ? last.at : Date.now();
    this.made.set(`${name}.${kind}`, { path, at: made });
    return `./${path}?t=${made}`;
  }

  async close() {
    await Promise.allSettled([...this.contexts.values()].map((context) => context.dispose()));
  }
}

/** What stands for a component that could not be compiled; whoever checks the app reads it, no page loads it. */
function brokenModule({ message, source, frame }) {
  const [, file, line, column] = /^(.*?)(?::(\d+):(\d+))?$/.exec(source);
  const loc = line ? { file, line: Number(line), column: Number(column) } : {};
  return `const error = ${JSON.stringify({ message, loc, frame })};\n// broken`;
}

export const isBroken = (contents) => typeof contents === 'string' && contents.startsWith('const error = ');

