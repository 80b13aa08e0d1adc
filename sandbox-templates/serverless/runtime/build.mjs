// Makes dist/: the page and its components (public/), and the functions, for `npm start`.
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';

import { componentFiles, filesNow, functionFiles, packageOf, printed, ROOT } from './app.mjs';
import { checked, readLayout } from './blueprint.mjs';
import { buildOptions, bundledApp, SHELL } from './components.mjs';
import { compilation } from './functions.mjs';
import { page } from './page.mjs';

const DIST = join(ROOT, 'dist');
const PUBLIC = join(DIST, 'public');

function fail(lines) {
  for (const line of lines) console.error(line);
  process.exit(1);
}

const wrong = checked();
if (wrong.length) fail(wrong);
rmSync(DIST, { recursive: true, force: true });
mkdirSync(PUBLIC, { recursive: true });
if (existsSync(join(ROOT, 'public'))) cpSync(join(ROOT, 'public'), PUBLIC, { recursive: true });

const files = filesNow();
const components = [...componentFiles(files)];
const { layout } = readLayout();
const state = { layout, problems: [], components: Object.fromEntries(components.map(([name, path]) => [name, { path, module: name }])) };
const loads = components.map(([name, path]) => `  ${JSON.stringify(name)}: () => import(${JSON.stringify(`./${path}`)}),`);
const entry = [
  `import { start } from ${JSON.stringify(join(SHELL, 'shell.tsx'))};`,
  `import ${JSON.stringify(join(SHELL, 'shell.css'))};`,
  ...(files.has('styles.css') ? ['import "./styles.css";'] : []),
  `const modules = {\n${loads.join('\n')}\n};`,
  `start({ state: ${JSON.stringify(state)}, load: (name) => modules[name]() });`,
].join('\n');

try {
  const esbuild = packageOf('esbuild');
  const built = await esbuild.build({
    ...buildOptions,
    stdin: { contents: entry, resolveDir: ROOT, sourcefile: 'entry.js' },
    absWorkingDir: ROOT,
    write: true,
    splitting: true,
    minify: true,
    outdir: join(PUBLIC, 'assets'),
    entryNames: 'page-[hash]',
    chunkNames: '[name]-[hash]',
    assetNames: '[name]-[hash]',
    define: { 'process.env.NODE_ENV': '"production"' },
    plugins: [bundledApp],
    metafile: true,
  });
  const outputs = Object.entries(built.metafile.outputs);
  const [main, { cssBundle }] = outputs.find(([, output]) => output.entryPoint === 'entry.js');
  const address = (path) => `./${relative(PUBLIC, join(ROOT, path)).replaceAll('\\', '/')}`;
  const styles = cssBundle ? [{ name: 'app', href: address(cssBundle) }] : [];
  writeFileSync(join(PUBLIC, 'index.html'), page({ layout, styles, scripts: [address(main)] }));

  const listed = {};
  for (const [name, path] of functionFiles(files)) {
    const outfile = join(DIST, 'functions', `${name}.mjs`);
    const { outdir, outExtension, banner, ...options } = compilation(path);
    const moved = { js: banner.js.replace(/__createRequire\(".*?"\)/, '__createRequire(process.cwd() + "/package.json")') };
    const { metafile } = await esbuild.build({ ...options, outfile, banner: moved, write: true, sourcemap: 'inline' });
    const [{ exports }] = Object.values(metafile.outputs);
    listed[name] = { path, file: `${name}.mjs`, exports };
  }
  mkdirSync(join(DIST, 'functions'), { recursive: true });
  writeFileSync(join(DIST, 'functions', 'accounts.json'), `${JSON.stringify({ accounts: layout.accounts })}\n`);
  writeFileSync(join(DIST, 'functions', 'functions.json'), `${JSON.stringify(listed, null, 2)}\n`);
  console.log(`dist/ has the page, ${components.length} components and ${Object.keys(listed).length} functions.`);
} catch (error) {
  fail((error.errors ?? [{ text: error.message }]).map(printed));
}
