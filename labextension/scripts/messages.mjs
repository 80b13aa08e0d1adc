/**
 * The panel's texts, and their translations: `node scripts/messages.mjs`
 *
 *   update   bring locale/*.po up to date: new texts in, those that are gone out
 *   check    say what is missing, out of date or wrong, and which texts are not given to the translator
 *   build    the catalogues as JupyterLab reads them, and the template for another language
 *
 * A text is what stands in `trans.__('…')` and `trans._n('…', '…', n)`, and what the server says of its tools, templates
 * and the like (`known(…, trans)`), of which src/core/testing/said.json has a copy.
 */

import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const HERE = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const SOURCES = path.join(HERE, 'src');
const SAID = path.join(SOURCES, 'core/testing/said.json');
export const LOCALE = path.join(HERE, 'locale');
const BUILT = path.join(HERE, '../jupyter_appbuilder/locale');
const DOMAIN = 'jupyter_appbuilder';

/** How many of a call's arguments are text, by its name. */
const TEXTS = new Map([
  ['__', 1],
  ['_n', 2]
]);
/** What a person reads or hears of an element. */
const READ = /^(title|aria-(label|description|roledescription|valuetext|placeholder)|placeholder|label|caption|alt)$/;
/** Words, not a name of something: these begin with a capital letter and have a second word. */
const SENTENCE = /^\p{Lu}[\p{Ll}’']*\s+\S*\p{Ll}/u;
const words = text => /\p{L}{2}/u.test(text) && !/^\s*\p{Lu}+( …)?\s*$/u.test(text) && !EXAMPLE.test(text);
/** Code: addresses, patterns, names with dots. */
const EXAMPLE = /\p{L}[-./:]\p{L}|[*{}~]|^\/|:\/\/|\p{L}\/$/u;
/** What runs in an app's page or in a notebook's cell, where nobody translates. */
const ELSEWHERE = /^(widget|datasets|core\/testing)\//;
/** Says why a text is none of the panel's, on its line or on the one above. */
const MARK = 'not translated:';

/** A text with the plural it may have, as one word for maps. */
export const key = ({ one, many }) => (many === undefined ? one : `${one}\u0000${many}`);

function files(folder) {
  return fs
    .readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter(entry => entry.isFile() && /\.tsx?$/.test(entry.name) && !/\.(test|generated)\./.test(entry.name))
    .map(entry => path.join(entry.parentPath, entry.name))
    .sort();
}

/** The texts that an expression can be: of literals, of those that are joined, and of either side of a choice. */
function literals(node) {
  if (ts.isStringLiteralLike(node)) {
    return [node.text];
  }
  if (ts.isParenthesizedExpression(node)) {
    return literals(node.expression);
  }
  if (ts.isConditionalExpression(node)) {
    const [whenTrue, whenFalse] = [literals(node.whenTrue), literals(node.whenFalse)];
    return whenTrue && whenFalse && [...whenTrue, ...whenFalse];
  }
  if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.PlusToken) {
    const [left, right] = [literals(node.left), literals(node.right)];
    return left?.length === 1 && right?.length === 1 ? [left[0] + right[0]] : null;
  }
  return null;
}

/** What stands in an expression as it is: its literals, or what is around the values of a template. */
const pieces = node =>
  ts.isTemplateExpression(node)
    ? [node.head.text, ...node.templateSpans.map(span => span.literal.text)]
    : ts.isConditionalExpression(node)
      ? [...pieces(node.whenTrue), ...pieces(node.whenFalse)]
      : (literals(node) ?? []);

/** What no person reads in the panel: plugins and tokens, the console, mistakes of ours, what is compared. */
function forDevelopers(node, name) {
  if (ts.isJsxAttribute(node)) {
    return node.name.getText() === 'className';
  }
  if (ts.isPropertyAssignment(node)) {
    return /^(description|type)$/.test(node.name.getText()) && name.startsWith('lab/');
  }
  if (ts.isNewExpression(node)) {
    return /^(Token|RangeError)$/.test(node.expression.getText());
  }
  if (ts.isCallExpression(node)) {
    return /^console\.|\.startsWith$/.test(node.expression.getText());
  }
  const parent = node.parent;
  return (
    ts.isStringLiteralLike(node) &&
    ts.isBinaryExpression(parent) &&
    parent.operatorToken.kind === ts.SyntaxKind.EqualsEqualsEqualsToken
  );
}

/** Texts, where they stand, and what is wrong with how they are written. */
export function extract(source, name) {
  const kind = name.endsWith('x') ? ts.ScriptKind.TSX : ts.ScriptKind.TS;
  const file = ts.createSourceFile(name, source, ts.ScriptTarget.Latest, true, kind);
  const lines = source.split('\n');
  const messages = [];
  const wrong = [];
  const line = node => file.getLineAndCharacterOfPosition(node.getStart()).line;
  const marked = node => [lines[line(node)], lines[line(node) - 1]].some(near => near?.includes(MARK));
  const complain = (node, what) => {
    if (!ELSEWHERE.test(name) && !marked(node)) {
      wrong.push(`${name}:${line(node) + 1}: ${what}: ${node.getText().trim().slice(0, 100)}`);
    }
  };
  const visit = node => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node) || ts.isTypeNode(node)) {
      return;
    }
    if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression)) {
      const count = TEXTS.get(node.expression.name.text);
      if (count && !marked(node)) {
        const texts = node.arguments.slice(0, count).map(literals);
        if (texts.some(text => text === null)) {
          complain(node, 'the translator gets a text that is put together');
        } else {
          const at = `${name}:${line(node) + 1}`;
          texts[0].forEach(one => messages.push(count === 2 ? { one, many: texts[1][0], at } : { one, at }));
        }
        node.arguments.slice(count).forEach(visit);
        return;
      }
    }
    if (forDevelopers(node, name)) {
      return;
    }
    if (ts.isJsxText(node) && words(node.text)) {
      complain(node, 'text outside the translator');
    }
    if (ts.isJsxAttribute(node) && READ.test(node.name.getText()) && node.initializer) {
      const value = ts.isJsxExpression(node.initializer) ? node.initializer.expression : node.initializer;
      if (value && pieces(value).some(words)) {
        complain(node, 'text outside the translator');
        return;
      }
    }
    if (ts.isPropertyAssignment(node) && READ.test(node.name.getText()) && ts.isStringLiteralLike(node.initializer)) {
      if (words(node.initializer.text)) {
        complain(node, 'text outside the translator');
        return;
      }
    }
    const piece = ts.isStringLiteralLike(node) || ts.isTemplateHead(node);
    if (piece && SENTENCE.test(node.text) && !node.text.includes('<')) {
      complain(node, 'text outside the translator');
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return { messages, wrong };
}

/** All texts by their key, in the order of the files, and what is wrong. */
export function panel() {
  const found = new Map();
  const wrong = [];
  const add = ({ one, many, at }) => {
    const known = found.get(key({ one, many }));
    known ? known.at.push(at) : found.set(key({ one, many }), { one, many, at: [at] });
  };
  for (const file of files(SOURCES)) {
    const name = path.relative(SOURCES, file).replaceAll(path.sep, '/');
    const extracted = extract(fs.readFileSync(file, 'utf8'), name);
    extracted.messages.forEach(add);
    wrong.push(...extracted.wrong);
  }
  for (const [place, texts] of Object.entries(JSON.parse(fs.readFileSync(SAID, 'utf8')))) {
    texts.forEach(one => add({ one, at: `server: ${place}` }));
  }
  // In a catalogue a text is found by its first form alone.
  const first = new Map();
  for (const { one, many, at } of found.values()) {
    if (first.has(one) && first.get(one) !== many) {
      wrong.push(`${at[0]}: is elsewhere a text with another plural: ${one}`);
    }
    first.set(one, many);
  }
  return { messages: found, wrong };
}

// Portable objects, as gettext and its editors read and write them.

const unquoted = text => JSON.parse(text);

export function readPo(source) {
  const entries = [];
  let entry = {};
  let field = null;
  const end = () => {
    if (entry.msgid !== undefined) {
      entries.push(entry);
    }
    entry = {};
    field = null;
  };
  for (const line of source.split(/\r?\n/)) {
    const [, keyword, text] = /^(?:(msg\w+(?:\[\d\])?)\s+)?(".*")$/.exec(line) ?? [];
    if (keyword === 'msgid' && entry.msgid !== undefined) {
      end();
    }
    if (text !== undefined) {
      field = keyword ?? field;
      entry[field] = (entry[field] ?? '') + unquoted(text);
    } else if (/^#,.*\bfuzzy\b/.test(line)) {
      end();
      entry.fuzzy = true;
    } else if (line.trim() === '') {
      end();
    }
  }
  end();
  const header = Object.fromEntries(
    (entries.find(({ msgid }) => msgid === '')?.msgstr ?? '')
      .split('\n')
      .filter(line => line.includes(': '))
      .map(line => [line.slice(0, line.indexOf(': ')), line.slice(line.indexOf(': ') + 2)])
  );
  const messages = new Map(
    entries
      .filter(({ msgid, fuzzy }) => msgid !== '' && !fuzzy)
      .map(({ msgid, msgid_plural, msgstr, ...rest }) => [
        key({ one: msgid, many: msgid_plural }),
        msgid_plural === undefined
          ? [msgstr ?? '']
          : Object.keys(rest)
              .filter(name => name.startsWith('msgstr['))
              .sort()
              .map(name => rest[name])
      ])
  );
  return { header, messages };
}

const plurals = header => Number(/nplurals=(\d)/.exec(header['Plural-Forms'])?.[1] ?? 2);

export function writePo(header, messages, translated) {
  const head = Object.entries(header).map(([name, value]) => JSON.stringify(`${name}: ${value}\n`));
  const parts = [['msgid ""', 'msgstr ""', ...head].join('\n')];
  for (const [name, { one, many, at }] of messages) {
    const forms = translated.get(name) ?? [];
    // The files, not the lines: these change with every edit.
    const where = [...new Set(at.map(place => (place.startsWith('server') ? place : place.split(':')[0])))];
    const lines = [`#. ${where.join(', ')}`, `msgid ${JSON.stringify(one)}`];
    if (many === undefined) {
      lines.push(`msgstr ${JSON.stringify(forms[0] ?? '')}`);
    } else {
      lines.push(`msgid_plural ${JSON.stringify(many)}`);
      for (let form = 0; form < plurals(header); form++) {
        lines.push(`msgstr[${form}] ${JSON.stringify(forms[form] ?? '')}`);
      }
    }
    parts.push(lines.join('\n'));
  }
  return parts.join('\n\n') + '\n';
}

const places = text => [...new Set(text.match(/%\d+/g))].sort().join(' ');

/** What a language still needs before it can be built. */
export function check(messages, { header, messages: translated }) {
  const wrong = [];
  for (const [name, { one, many }] of messages) {
    const forms = translated.get(name);
    const count = many === undefined ? 1 : plurals(header);
    if (!forms || forms.length !== count || forms.some(form => form.trim() === '')) {
      wrong.push(`not translated: ${one}`);
      continue;
    }
    forms.forEach((form, which) => {
      // "one app" need not say its number.
      const wanted = [
        places(many ?? one),
        ...(count > 1 && which === 0 ? [places(one), places((many ?? one).replace('%1', ''))] : [])
      ];
      if (!wanted.includes(places(form))) {
        wrong.push(`other placeholders: ${one} → ${form}`);
      }
      if (/^\s|\s$/.test(one) ? form.trim() === form : form.trim() !== form) {
        wrong.push(`other spaces at its ends: ${one} → ${form}`);
      }
    });
  }
  for (const name of translated.keys()) {
    if (!messages.has(name)) {
      wrong.push(`no text of the panel any more: ${name.split('\u0000')[0]}`);
    }
  }
  return wrong;
}

export function languages() {
  return fs
    .readdirSync(LOCALE)
    .filter(name => name.endsWith('.po'))
    .map(name => ({ name: name.slice(0, -3), ...readPo(fs.readFileSync(path.join(LOCALE, name), 'utf8')) }));
}

/** A language as JupyterLab reads it. */
export function catalogue({ name, header, messages }) {
  const head = { domain: DOMAIN, language: name.replace('_', '-'), plural_forms: header['Plural-Forms'], version: '' };
  head.version = JSON.parse(fs.readFileSync(path.join(HERE, 'package.json'), 'utf8')).version;
  const texts = [...messages].filter(([, forms]) => forms.every(form => form !== ''));
  return Object.fromEntries([['', head], ...texts.map(([one, forms]) => [one.split('\u0000')[0], forms])]);
}

function update({ messages }) {
  for (const { name, header, messages: translated } of languages()) {
    fs.writeFileSync(path.join(LOCALE, `${name}.po`), writePo(header, messages, translated));
  }
}

function build({ messages }) {
  fs.rmSync(BUILT, { recursive: true, force: true });
  for (const language of languages()) {
    const folder = path.join(BUILT, language.name, 'LC_MESSAGES');
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(path.join(folder, `${DOMAIN}.json`), JSON.stringify(catalogue(language), null, 1) + '\n');
  }
  fs.mkdirSync(BUILT, { recursive: true });
  const header = {
    'Content-Type': 'text/plain; charset=UTF-8',
    'Plural-Forms': 'nplurals=INTEGER; plural=EXPRESSION;'
  };
  fs.writeFileSync(path.join(BUILT, `${DOMAIN}.pot`), writePo(header, messages, new Map()));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const found = panel();
  const what = process.argv[2];
  if (what === 'update') {
    update(found);
  } else if (what === 'build') {
    build(found);
  } else if (what !== 'check') {
    console.error('Say what: node scripts/messages.mjs update | check | build');
    process.exit(2);
  }
  if (what !== 'build') {
    const wrong = [
      ...found.wrong,
      ...languages().flatMap(one => check(found.messages, one).map(w => `${one.name}: ${w}`))
    ];
    wrong.forEach(line => console.log(line));
    process.exit(wrong.length > 0 ? 1 : 0);
  }
}
