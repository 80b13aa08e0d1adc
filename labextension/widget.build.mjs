// Bundles what notebook cells show, the widget with a React of its own: a kernel's front end may be anything.
import { build } from 'esbuild';
import { copyFile, readFile, writeFile } from 'node:fs/promises';

const out = '../jupyter_appbuilder/static';
await build({
  entryPoints: {
    widget: 'src/widget/index.tsx',
    preview: 'src/widget/preview.ts',
    component: 'src/widget/component.ts'
  },
  outdir: out,
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
await copyFile('style/cell.css', `${out}/preview.css`);

// What looks at apps runs it in their pages. MPL-2.0: its licence goes with it.
await copyFile('node_modules/axe-core/axe.min.js', `${out}/axe.min.js`);
await copyFile('node_modules/axe-core/LICENSE', `${out}/LICENSE.axe-core`);
