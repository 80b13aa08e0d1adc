// Bundles the widget for notebook cells, with a React of its own: a kernel's front end may be anything.
import { build } from 'esbuild';
import { readFile, writeFile } from 'node:fs/promises';

const out = '../jupyter_appbuilder/static';
await build({
  entryPoints: ['src/widget/index.tsx'],
  outfile: `${out}/widget.js`,
  bundle: true,
  format: 'esm',
  minify: true,
  target: 'es2022',
  jsx: 'transform',
  define: { 'process.env.NODE_ENV': '"production"' },
  legalComments: 'inline'
});
const index = await readFile('style/index.css', 'utf8');
const sheets = [...index.matchAll(/url\('(.+?)'\)/g)].map(([, name]) => name);
const styles = await Promise.all([...sheets, 'widget.css'].map(name => readFile(`style/${name}`, 'utf8')));
await writeFile(`${out}/widget.css`, styles.join('\n'));
