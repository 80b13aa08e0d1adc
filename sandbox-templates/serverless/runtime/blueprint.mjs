// The layout, ui.json: read, held to its schema and to the app.
//
//   node blueprint.mjs check            prints each problem as a compiler does
//   node blueprint.mjs known            prints {"layout", "problems", "parts", "functions"}: what an editor needs
//   node blueprint.mjs held TEXT        another layout (zlib, base 64) held to the app: prints {"problems": [...]}
import { lstatSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { inflateSync } from 'node:zlib';

import { componentFiles, filesNow, functionFiles, ROOT } from './app.mjs';
import { nearest } from './nearest.mjs';
import { BUILT_IN } from './parts.mjs';

export const LAYOUT = 'ui.json';
export const LARGEST = 1024 * 1024; // bytes
export const DEEPEST = 24; // components in components
const MOST_PROBLEMS = 30;

const schema = JSON.parse(readFileSync(join(dirname(fileURLToPath(import.meta.url)), 'ui.schema.json'), 'utf8'));

// Reading

/** `{ text, layout }`, or `{ text, problems }` where it is no JSON, too large or not there. */
export function readLayout() {
  const path = join(ROOT, LAYOUT);
  let text;
  try {
    const status = lstatSync(path);
    if (!status.isFile()) return { text: '', problems: [{ at: '', message: `${LAYOUT} is no file.` }] };
    if (status.size > LARGEST) {
      const size = (status.size / 1024 / 1024).toFixed(1);
      return { text: '', problems: [{ at: '', message: `${LAYOUT} has ${size} MB; 1 MB is the most. Data belongs into the database.` }] };
    }
    text = readFileSync(path, 'utf8');
  } catch (error) {
    return { text: '', problems: [{ at: '', message: error.code === 'ENOENT' ? `There is no ${LAYOUT}.` : `${LAYOUT} cannot be read: ${error.code}.` }] };
  }
  try {
    return { text, layout: JSON.parse(text) };
  } catch (error) {
    const offset = Number(/position (\d+)/.exec(error.message)?.[1] ?? text.length);
    return { text, problems: [{ at: '', message: `${LAYOUT} is no JSON: ${error.message.replace(/ in JSON at position.*/, '')}.`, ...placeOf(text, offset) }] };
  }
}

function placeOf(text, offset) {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: before.at(-1).length + 1 };
}

/** Line and column of what a JSON pointer names, in a text that is JSON. */
export function find(text, pointer) {
  const wanted = pointer.split('/').slice(1).map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  let at = 0;
  const space = () => {
    while (/\s/.test(text[at] ?? '')) at++;
  };
  const string = () => {
    const start = at++;
    while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
    return JSON.parse(text.slice(start, ++at));
  };
  const skip = () => {
    space();
    if (text[at] === '"') return void string();
    if (text[at] !== '{' && text[at] !== '[') {
      while (at < text.length && !/[,\]}\s]/.test(text[at])) at++;
      return;
    }
    let depth = 0;
    do {
      if (text[at] === '"') {
        string();
        continue;
      }
      if ('{['.includes(text[at])) depth++;
      if ('}]'.includes(text[at])) depth--;
      at++;
    } while (depth && at < text.length);
  };
  for (const [depth, part] of wanted.entries()) {
    space();
    const isObject = text[at] === '{';
    at++;
    for (let index = 0; ; index++) {
      space();
      if (at >= text.length || text[at] === '}' || text[at] === ']') return placeOf(text, at);
      const start = at;
      const key = isObject ? string() : String(index);
      if (isObject) {
        space();
        at++; // the colon
        space();
      }
      if (key === part) {
        if (isObject && depth === wanted.length - 1) return placeOf(text, start);
        break;
      }
      skip();
      space();
      if (text[at] === ',') at++;
    }
  }
  return placeOf(text, at);
}

// The schema

const own = Object.hasOwn;
const escaped = (name) => String(name).replaceAll('~', '~0').replaceAll('/', '~1');
const kindOf = (value) => (value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value);
const shown = (value) => {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
};

function held(value, rule, at, problems, depth = 0) {
  if (problems.length >= MOST_PROBLEMS) return;
  if (rule.$ref) held(value, rule.$ref.split('/').slice(1).reduce((part, name) => part[name], schema), at, problems, depth);
  const wrong = (message) => problems.push({ at, message });
  if (rule.enum && !rule.enum.includes(value)) wrong(`${shown(value)} is none of ${rule.enum.join(', ')}.`);
  if (rule.type && kindOf(value) !== rule.type) {
    wrong(`It must be ${rule.type === 'object' || rule.type === 'array' ? 'an' : 'a'} ${rule.type}, and is ${kindOf(value)}.`);
    return;
  }
  if (typeof value === 'string') {
    if (rule.maxLength && value.length > rule.maxLength) wrong(`It has ${value.length} characters; ${rule.maxLength} are the most.`);
    if (rule.pattern && !new RegExp(rule.pattern).test(value)) wrong(`${shown(value)} does not look like ${rule.pattern}.`);
  } else if (Array.isArray(value)) {
    if (rule.minItems && value.length < rule.minItems) wrong(`It needs ${rule.minItems} at least.`);
    if (rule.maxItems && value.length > rule.maxItems) wrong(`It has ${value.length}; ${rule.maxItems} are the most.`);
    if (rule.items) value.slice(0, rule.maxItems).forEach((item, index) => held(item, rule.items, `${at}/${index}`, problems, depth + 1));
  } else if (value && typeof value === 'object' && rule.type === 'object') {
    const properties = rule.properties ?? {};
    const names = Object.keys(value);
    for (const name of rule.required ?? []) if (!own(value, name)) wrong(`"${name}" is missing.`);
    if (rule.minProperties && names.length < rule.minProperties) wrong('It is empty.');
    if (rule.maxProperties && names.length > rule.maxProperties) wrong(`It has ${names.length}; ${rule.maxProperties} are the most.`);
    for (const name of names) {
      const inside = `${at}/${escaped(name)}`;
      if (name === '__proto__') problems.push({ at: inside, message: '"__proto__" is no name that can be used.' });
      else if (own(properties, name)) held(value[name], properties[name], inside, problems, depth + 1);
      else if (rule.additionalProperties === false) {
        const near = nearest(name, Object.keys(properties));
        problems.push({ at: inside, message: `"${name.slice(0, 80)}" is not known here. ${near ? `Did you mean "${near}"?` : `Known are: ${Object.keys(properties).join(', ')}.`}` });
      } else if (rule.additionalProperties) held(value[name], rule.additionalProperties, inside, problems, depth + 1);
    }
  }
}

function deepest(value, most) {
  let level = [value];
  for (let depth = 0; depth <= most; depth++) {
    level = level.flatMap((one) => (one && typeof one === 'object' ? Object.values(one) : []));
    if (!level.length) return true;
  }
  return false;
}

// The app

const EXPORTS = /^export\s+(?:async\s+)?(?:function\s*\*?|const|let|var)\s+(GET|POST|PUT|PATCH|DELETE)\b/gm;

/** The methods that a function answers, by what it exports; null for all. */
function methodsOf(path) {
  if (path.endsWith('.sql')) return ['GET'];
  const text = readFileSync(join(ROOT, path), 'utf8');
  if (/^export\s+default\b|^export\s*\{/m.test(text)) return null;
  return [...text.matchAll(EXPORTS)].map((match) => match[1]);
}

/** The props of a component by what its source says: `{ name: needed }`, or null where that cannot be told. */
export function propsOf(path) {
  const text = readFileSync(join(ROOT, path), 'utf8').replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|[^:])\/\/.*$/gm, '$1');
  const head = /export\s+default\s+(?:async\s+)?function\s*\w*\s*(?:<[^>]*>)?\s*\(/.exec(text);
  if (!head) return null;
  const parameters = balanced(text, head.index + head[0].length - 1);
  if (parameters === null) return null;
  if (!parameters.trim()) return {};
  const given = parameters.trim().startsWith('{') ? balanced(parameters, parameters.indexOf('{')) : null;
  const after = given === null ? parameters : parameters.slice(parameters.indexOf('{') + given.length + 2);
  const type = /^[^:]*:\s*([\s\S]+?),?\s*$/.exec(after)?.[1]?.trim();
  if (!type) return null;
  if (type.startsWith('{')) return members(balanced(type, 0));
  if (!/^\w+$/.test(type)) return null;
  const declared = new RegExp(`(?:interface\\s+${type}\\s*|type\\s+${type}\\s*=\\s*)\\{`).exec(text);
  return declared ? members(balanced(text, declared.index + declared[0].length - 1)) : null;
}

/** What stands between the bracket at `start` and its partner. */
function balanced(text, start) {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    if ('({['.includes(text[at])) depth++;
    if (')}]'.includes(text[at]) && --depth === 0) return text.slice(start + 1, at);
  }
  return null;
}

function members(body) {
  if (body === null) return null;
  const found = {};
  let depth = 0;
  let part = '';
  for (const letter of `${body};`) {
    if ('({[<'.includes(letter)) depth++;
    if (')}]'.includes(letter) || (letter === '>' && !part.endsWith('='))) depth--;
    if (depth === 0 && (letter === ';' || letter === ',' || letter === '\n')) {
      const match = /^\s*(?:readonly\s+)?["']?([\w-]+)["']?\s*(\?)?\s*[:(]/.exec(part);
      if (match) found[match[1]] = !match[2];
      part = '';
    } else part += letter;
  }
  return found;
}

/** What of a layout does not fit the app: names that are not there, each with the nearest one that is. */
function fitted(layout, problems) {
  const files = filesNow();
  const functions = functionFiles(files);
  const components = componentFiles(files);
  const routes = layout.pages.map((page) => page.path);
  const wrong = (at, message) => problems.length < MOST_PROBLEMS && problems.push({ at, message });
  const near = (name, known) => {
    const found = nearest(name, known);
    return found ? ` Did you mean ${found}?` : known.length ? ` There are: ${known.slice(0, 20).join(', ')}.` : '';
  };
  const called = (name, method, at) => {
    const path = functions.get(name.split('?')[0]);
    const whole = path ?? [...functions].find(([known]) => name.startsWith(`${known}/`))?.[1];
    if (!whole) return wrong(at, `There is no function ${name.slice(0, 80)}.${near(name, [...functions.keys()])}`);
    const methods = methodsOf(whole);
    if (methods && !methods.includes(method)) wrong(at, `${whole} answers ${methods.join(', ') || 'no method'}, not ${method}.`);
  };
  const leads = (to, at) => {
    const path = to.split('?')[0];
    if (!routes.some((route) => matches(route, path))) wrong(at, `No page has the path ${path.slice(0, 80)}.${near(path, routes)}`);
  };
  const bound = (value, at, names, depth = 0) => {
    if (!value || typeof value !== 'object' || depth > DEEPEST) return;
    if (typeof value.bind === 'string' && Object.keys(value).length === 1) {
      const [first] = value.bind.split('.');
      if (!names.includes(first)) wrong(at, `Nothing is called ${first.slice(0, 80)} here.${near(first, names)}`);
      return;
    }
    for (const [name, one] of Object.entries(value)) bound(one, `${at}/${escaped(name)}`, names, depth + 1);
  };
  const drawn = (node, at, names, depth) => {
    if (depth > DEEPEST) return wrong(at, `It lies more than ${DEEPEST} components deep.`);
    const part = own(BUILT_IN, node.component) ? BUILT_IN[node.component] : null;
    const path = components.get(node.component);
    const props = node.props ?? {};
    const actions = node.on ?? {};
    if (!part && !path) wrong(`${at}/component`, `There is no component ${node.component.slice(0, 80)}.${near(node.component, [...components.keys(), ...Object.keys(BUILT_IN)])}`);
    if (part && !path && node.component === 'SignIn' && !layout.accounts) wrong(`${at}/component`, 'The app has no accounts: say "accounts": {} beside title.');
    const taken = path ? propsOf(path) : part?.props;
    if (taken) {
      for (const [where, given] of [['props', props], ['on', actions]]) {
        for (const name of Object.keys(given)) {
          if (!own(taken, name)) wrong(`${at}/${where}/${escaped(name)}`, `${node.component} takes no ${name.slice(0, 80)}.${near(name, Object.keys(taken))}`);
        }
      }
      for (const [name, needed] of Object.entries(taken)) {
        if (needed && name !== 'children' && !own(props, name) && !own(actions, name)) wrong(at, `${node.component} needs ${name}.`);
      }
    }
    bound(props, `${at}/props`, names);
    for (const [name, action] of Object.entries(actions)) {
      const place = `${at}/on/${escaped(name)}`;
      if (action.call !== undefined) called(action.call, action.method ?? 'POST', `${place}/call`);
      for (const [index, one] of (action.refresh ?? []).entries()) if (!functions.has(one)) wrong(`${place}/refresh/${index}`, `There is no function ${one.slice(0, 80)}.${near(one, [...functions.keys()])}`);
      if (action.to !== undefined) leads(action.to, `${place}/to`);
      bound(action.query, `${place}/query`, [...names, 'event']);
      bound(action.body, `${place}/body`, [...names, 'event']);
    }
    (node.children ?? []).forEach((child, index) => drawn(child, `${at}/children/${index}`, names, depth + 1));
  };
  for (const [index, link] of (layout.navigation ?? []).entries()) leads(link.to, `/navigation/${index}/to`);
  layout.pages.forEach((page, number) => {
    const at = `/pages/${number}`;
    if (page.needs && !layout.accounts) wrong(`${at}/needs`, 'The app has no accounts: say "accounts": {} beside title.');
    if (routes.indexOf(page.path) !== number) wrong(`${at}/path`, `Two pages have the path ${page.path}.`);
    const names = [...Object.keys(page.data ?? {}), 'params', 'query'];
    for (const [name, source] of Object.entries(page.data ?? {})) {
      called(source.call, 'GET', `${at}/data/${escaped(name)}/call`);
      bound(source.query, `${at}/data/${escaped(name)}/query`, ['params', 'query']);
    }
    for (const region of ['top', 'main', 'aside', 'bottom']) (page[region] ?? []).forEach((node, index) => drawn(node, `${at}/${region}/${index}`, names, 1));
  });
}

/** Does a path fit a page's: `/tasks/7` fits `/tasks/:id`. */
function matches(route, path) {
  const parts = (text) => text.split('/').filter(Boolean);
  const [a, b] = [parts(route), parts(path)];
  return a.length === b.length && a.every((part, at) => part.startsWith(':') || part === b[at]);
}

/** What is wrong with a layout: `[{ at, message }]`, `at` a JSON pointer. */
export function problemsOf(layout) {
  const problems = [];
  if (!deepest(layout, 4 * DEEPEST + 10)) return [{ at: '', message: `It is nested too deeply: ${DEEPEST} components in each other are the most.` }];
  held(layout, schema, '', problems);
  if (!problems.length) fitted(layout, problems);
  return problems;
}

/** Problems with line and column, as far as they have a place. */
export function placed(text, problems) {
  return problems.map((problem) => {
    if (problem.line || !text) return problem;
    try {
      return { ...problem, ...find(text, problem.at) };
    } catch {
      return problem;
    }
  });
}

/** Everything that is wrong with the app's ui.json, as lines of a compiler. */
export function checked() {
  const { text, layout, problems } = readLayout();
  return placed(text, problems ?? problemsOf(layout)).map(
    ({ at, message, line = 1, column = 1 }) => `${LAYOUT}(${line},${column}): error: ${at ? `${at}: ` : ''}${message}`,
  );
}

/** The layout with what may stand in it: `parts` are the app's components and the shell's, with the props of each (null
 * where its source does not tell them). */
function known() {
  const { text, layout = null, problems } = readLayout();
  const files = filesNow();
  const ours = [...componentFiles(files)].map(([name, path]) => ({ name, own: true, props: listed(propsOf(path)) }));
  const shell = Object.entries(BUILT_IN).map(([name, { props }]) => ({ name, own: false, props: listed(props) }));
  const parts = [...ours, ...shell.filter(({ name }) => !ours.some((one) => one.name === name))];
  return { layout, problems: placed(text, problems ?? problemsOf(layout)), parts, functions: [...functionFiles(files).keys()] };
}

const listed = (props) => props && Object.entries(props).map(([name, needed]) => ({ name, needed }));

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  if (process.argv[2] === 'held') {
    const text = inflateSync(Buffer.from(process.argv[3], 'base64'), { maxOutputLength: 16 * LARGEST }).toString('utf8');
    const size = Buffer.byteLength(text);
    const problems = size > LARGEST ? [{ at: '', message: `It has ${size} bytes; 1 MB is the most.` }] : problemsOf(JSON.parse(text));
    console.log(JSON.stringify({ problems }));
  } else if (process.argv[2] === 'known') {
    console.log(JSON.stringify(known()));
  } else {
    const said = checked();
    for (const line of said) console.log(line);
    process.exit(said.length ? 1 : 0);
  }
}
