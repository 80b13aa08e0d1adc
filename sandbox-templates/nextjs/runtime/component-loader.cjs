// Makes modules of an app's files for component.mjs: code without its types, style sheets, which are collected, pictures.
const { extname } = require('node:path');

const TYPES = { '.svg': 'image/svg+xml', '.jpg': 'image/jpeg', '.ico': 'image/x-icon' };

async function code(source, path, { swc }) {
  const typed = /\.tsx?$/.test(path);
  const parser = typed ? { syntax: 'typescript', tsx: path.endsWith('x') } : { syntax: 'ecmascript', jsx: true };
  const transform = { react: { runtime: 'automatic', development: false } };
  const options = { filename: path, jsc: { parser, transform, target: 'es2022' }, module: { type: 'es6' }, sourceMaps: false };
  return (await swc.transform(source.toString('utf8'), options)).code;
}

async function style(source, path, { sheets, require: ofApp }) {
  sheets.set(path, ''); // its place
  // The compiler of Tailwind brings both.
  const tailwind = ofApp('@tailwindcss/postcss');
  const { transform } = ofApp('lightningcss');
  const { css } = await ofApp('postcss')([tailwind()]).process(source.toString('utf8'), { from: path });
  const isModule = path.endsWith('.module.css');
  const made = transform({ filename: path, code: Buffer.from(css), minify: true, cssModules: isModule, errorRecovery: true });
  sheets.set(path, made.code.toString('utf8'));
  const names = Object.entries(made.exports ?? {}).map(([name, given]) => [name, [given.name, ...given.composes.map((one) => one.name)].join(' ')]);
  return `export default ${JSON.stringify(Object.fromEntries(names))};`;
}

async function picture(source, path) {
  const ending = extname(path);
  const src = `data:${TYPES[ending] ?? `image/${ending.slice(1)}`};base64,${source.toString('base64')}`;
  return `export default ${JSON.stringify({ src })};`;
}

const KINDS = { code, style, picture };

module.exports = function load(source) {
  const done = this.async();
  const options = this.getOptions();
  KINDS[options.kind](source, this.resourcePath, options).then((made) => done(null, made), done);
};
module.exports.raw = true;
