// One component bundled by itself, with all that it imports: for a notebook's cell. No server of Next.js is there: its
// links lead nowhere, and what runs on the server alone is named. Next.js brings the bundler and the compiler.
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = process.cwd();
const HERE = dirname(fileURLToPath(import.meta.url));
const LOADER = join(HERE, 'component-loader.cjs');
const STUBS = join(HERE, 'component-stubs.cjs');
const STUBBED = ['link', 'image', 'script', 'dynamic', 'navigation', 'head', 'font/google', 'font/local'];
const ON_SERVER = /^(?:node:.*|server-only|next\/(?:headers|server|cache))$/;

const require = createRequire(join(ROOT, 'package.json'));

const SHEETS = ['app/globals.css', 'src/app/globals.css', 'app/touch.css', 'src/app/touch.css'];
export const styles = SHEETS.map((path) => join(ROOT, path)).filter((path) => existsSync(path));

/** `{ script, styles, files }` of a module's code, which imports files of the app as "./components/chart.tsx". */
export async function bundle(code) {
  const { webpack } = require('next/dist/compiled/webpack/webpack');
  const swc = require('next/dist/build/swc');
  await swc.loadBindings();
  const folder = await mkdtemp(join(tmpdir(), 'component-'));
  const sheets = new Map(); // the text of each style sheet, in the order in which they are imported
  const use = (kind) => [{ loader: LOADER, options: { kind, swc, sheets, require } }];
  let refused = null;
  const compiler = webpack({
    mode: 'production',
    devtool: false,
    cache: false,
    bail: true,
    context: ROOT,
    entry: `data:text/javascript;base64,${Buffer.from(code).toString('base64')}`,
    output: { path: folder, filename: 'component.js' },
    optimization: { minimize: false },
    resolve: {
      modules: [join(ROOT, 'node_modules'), 'node_modules'],
      extensions: ['.tsx', '.ts', '.jsx', '.js', '.mjs', '.json'],
      alias: { ...(await aliases()), ...Object.fromEntries(STUBBED.map((name) => [`next/${name}$`, STUBS])) },
    },
    module: {
      rules: [
        { scheme: 'data', parser: { exportsPresence: false } }, // it asks which there are
        { test: /\.(?:[jt]sx?|mjs)$/, exclude: /node_modules|component-stubs/, use: use('code') },
        { test: /\.css$/, type: 'javascript/auto', sideEffects: true, use: use('style') },
        { test: /\.(?:png|jpe?g|gif|webp|avif|svg|ico)$/, type: 'javascript/auto', use: use('picture') },
      ],
    },
    plugins: [
      new webpack.DefinePlugin({ 'process.env.NODE_ENV': '"production"', 'process.env': '({})' }),
      new webpack.optimize.LimitChunkCountPlugin({ maxChunks: 1 }),
      new webpack.NormalModuleReplacementPlugin(ON_SERVER, (asked) => {
        const from = relative(ROOT, asked.contextInfo.issuer);
        refused ??= new Error(`${from} imports ${asked.request}, which only the server has: show a part that does without.`);
        asked.request = STUBS;
      }),
    ],
  });
  try {
    const stats = await new Promise((resolve, reject) => compiler.run((error, found) => (error ? reject(refused ?? told(error)) : resolve(found))));
    const [failed] =stats.compilation.errors;
    if (refused ?? failed) throw refused ?? told(failed);
    const made = await swc.minify(await readFile(join(folder, 'component.js'), 'utf8'), { compress: false, mangle: true });
    const modules = [...stats.compilation.modules].flatMap((one) => one.modules ?? [one]); // some are several in one
    const files = modules.map(({ resource }) => resource).filter((path) => path?.startsWith(ROOT));
    return { script: made.code, styles: [...sheets.values()].join('\n'), files };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The first line that says what is wrong, with its place. */
function told(error) {
  const text = String(error.error?.message ?? error.message);
  const said = /^\s*[x×]\s+(.+)$/m.exec(text)?.[1] ?? text.split('\n')[0];
  const [, file, line, column] = /-\[(.+?):(\d+):(\d+)\]/.exec(text) ?? [];
  const place = file ? `${file}:${line}:${column}` : error.module?.resource;
  return new Error(`${place ? `${place}: ` : ''}${said.replace(/^Module build failed[^:]*:\s*/, '')}`);
}

/** What the app's settings for TypeScript say of "@/…", as webpack takes it. */
async function aliases() {
  const { parseConfigFileTextToJson } = require('typescript');
  const text = await readFile(join(ROOT, 'tsconfig.json'), 'utf8').catch(() => '{}');
  const paths = parseConfigFileTextToJson('tsconfig.json', text).config?.compilerOptions?.paths ?? {};
  const whole = Object.entries(paths).filter(([name, [to]]) => name.endsWith('/*') && to?.endsWith('/*'));
  return Object.fromEntries(whole.map(([name, [to]]) => [name.slice(0, -2), join(ROOT, to.slice(0, -2))]));
}
