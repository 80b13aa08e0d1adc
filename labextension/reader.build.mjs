// Bundles what apps read handed-over data with. It is written into them, so it is one module that needs nothing else.
import { build } from 'esbuild';
import { readFile } from 'node:fs/promises';

const licence = await readFile('node_modules/hyparquet/LICENSE', 'utf8').catch(() => {
  throw new Error('hyparquet is not installed. Install it: npm ci');
});
await build({
  entryPoints: { 'parquet-reader': 'src/datasets/index.ts' },
  outdir: '../jupyter_appbuilder/static',
  bundle: true,
  format: 'esm',
  platform: 'browser',
  minify: true,
  charset: 'utf8',
  target: 'es2022',
  legalComments: 'none',
  banner: {
    js: `/* Holds hyparquet and, in it, snappyjs, Copyright (c) 2016 Zhipeng Jia; both are under this licence.\n\n${licence.trim()}\n*/`
  }
});
