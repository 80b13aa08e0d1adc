// One component bundled by itself, with all that it imports: for a notebook's cell. There it calls no function.
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { packageOf, ROOT } from './app.mjs';
import { buildOptions, bundledApp, SHELL } from './components.mjs';

export const styles = [join(SHELL, 'shell.css'), join(ROOT, 'styles.css')].filter((path) => existsSync(path));

/** `{ script, styles, files }` of a module's code, which imports files of the app as "./components/Chart.tsx". */
export async function bundle(code) {
  const { outputFiles, metafile } = await packageOf('esbuild').build({
    ...buildOptions,
    stdin: { contents: code, resolveDir: ROOT, sourcefile: 'component.js' },
    absWorkingDir: ROOT,
    outdir: join(ROOT, '.app', 'component'),
    minify: true,
    define: { 'process.env.NODE_ENV': '"production"' },
    plugins: [bundledApp],
    metafile: true,
  });
  const texts = (kind) => outputFiles.filter(({ path }) => path.endsWith(kind)).map(({ text }) => text).join('\n');
  return { script: texts('.js'), styles: texts('.css'), files: Object.keys(metafile.inputs) };
}
