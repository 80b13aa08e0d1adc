// Functions in SQL: functions/low-stock.sql is one query, and api/low-stock answers GET with its rows. Its parameters,
// `:least`, are those of the address; `:user` is the id of whoever is logged in.
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

import { ROOT } from './app.mjs';
import { statements } from './database.mjs';
import { POSTGRES } from './kind.mjs';

const SIGNS = /--[^\n]*|\/\*[^]*?(?:\*\/|$)|'(?:[^']|'')*'?|"(?:[^"]|"")*"?|`(?:[^`]|``)*`?|\[[^\]]*\]?/;
const ASIDE = new RegExp(SIGNS.source + (POSTGRES ? '|::' : ''), 'g'); // there, a type follows ::
const ACCESS = /^\s*--\s*access\s*[:：=]\s*(.*?)\s*$/imu; // whatever looks like one has to be one
const LONGEST = 100_000; // characters

/** What a file holds: `{ sql, parameters, access, asks, line }`; `asks`: whether it says who may have its rows. Throws an
 * Error with its `line` for what is no single query. */
export function parse(text) {
  if (text.length > LONGEST) throw wrong(`It is longer than ${LONGEST} characters. What is so long is a function in TypeScript.`, 1);
  if (text.includes('\0')) throw wrong('It holds a NUL character, where SQLite would end it.', text.slice(0, text.indexOf('\0')).split('\n').length);
  const [first, second] = statements(text);
  if (!first) throw wrong('It holds no query: SELECT … FROM ….', 1);
  if (second) throw wrong('It holds more than one statement; a query is one.', second.line);
  const bare = first.text.replace(ASIDE, (aside) => aside.replace(/[^\n]/g, ' '));
  const line = (at) => first.line + bare.slice(0, at).split('\n').length - 1;
  if (!/^\s*(?:select|with|values)\b/i.test(bare)) {
    throw wrong('A query begins with SELECT, WITH or VALUES. What changes data is a function in TypeScript, functions/NAME.ts.', first.line);
  }
  const other = /\?\d*|(?<![\p{L}\w$])[@$#][\p{L}\w]+|:(?![A-Za-z_]\w*(?![\p{L}\w$]))[\p{L}\w$]*/u.exec(bare);
  if (other) throw wrong(`Write ${other[0]} as a parameter with a name, :like_this: it is one of the address.`, line(other.index));
  const parameters = [...new Set([...bare.matchAll(/:([A-Za-z_]\w*)/g)].map((match) => match[1]))];
  const meant = parameters.find((name) => name !== 'user' && name.toLowerCase() === 'user');
  if (meant) throw wrong(`Write :user for whoever is logged in: :${meant} would be one of the address, which anybody may give.`, line(bare.indexOf(`:${meant}`)));
  const found = ACCESS.exec(text);
  const said = found?.[1];
  if (found && said !== 'user' && said !== 'everyone') {
    throw wrong('-- access: is user or everyone, and nothing else.', text.slice(0, found.index + found[0].indexOf('--')).split('\n').length);
  }
  const user = parameters.includes('user');
  return { sql: first.text, parameters, access: user ? 'user' : (said ?? 'everyone'), asks: user || said !== undefined, line: first.line };
}

function wrong(message, line) {
  return Object.assign(new Error(message), { line });
}

/** How esbuild reads them: as modules that export what `parse` found. */
export const queryFiles = {
  name: 'functions in SQL',
  setup(build) {
    build.onLoad({ filter: /\.sql$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8');
      try {
        const { sql, parameters, access } = parse(text);
        return { contents: `export const GET = ${JSON.stringify({ sql, parameters })};\nexport const access = ${JSON.stringify(access)};\n`, loader: 'js' };
      } catch (error) {
        const lineText = text.split('\n')[error.line - 1] ?? '';
        return { errors: [{ text: error.message, location: { file: relative(ROOT, path), line: error.line, column: 0, lineText } }] };
      }
    });
  },
};

/** A parameter as it stands in an address, as the value that it is compared with: a number where it is written as one. An
 * integer is a BigInt: as a number SQLite would have it as 7.0, which is in no text and is no text of a column. */
export function valueOf(text) {
  if (text === null || String(Number(text)) !== text || !Number.isFinite(Number(text))) return text;
  return Number.isSafeInteger(Number(text)) ? BigInt(text) : Number(text);
}
