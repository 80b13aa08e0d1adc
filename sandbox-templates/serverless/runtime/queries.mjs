// Functions in SQL: functions/low-stock.sql is one query, and api/low-stock answers GET with its rows. Its parameters,
// `:least`, are those of the address; `:user` is the id of whoever is logged in.
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

import { ROOT } from './app.mjs';
import { statements } from './database.mjs';

const ASIDE = /--[^\n]*|\/\*[^]*?(?:\*\/|$)|'(?:[^']|'')*'?|"(?:[^"]|"")*"?|`(?:[^`]|``)*`?|\[[^\]]*\]?/g;
const ACCESS = /^\s*--\s*access:\s*(\S*)\s*$/m;

/** What a file holds: `{ sql, parameters, access }`. Throws an Error with its `line` for what is no single query. */
export function parse(text) {
  const [first, second] = statements(text);
  if (!first) throw wrong('It holds no query: SELECT … FROM ….', 1);
  if (second) throw wrong('It holds more than one statement; a query is one.', second.line);
  const bare = first.text.replace(ASIDE, (aside) => aside.replace(/[^\n]/g, ' '));
  const line = (at) => first.line + bare.slice(0, at).split('\n').length - 1;
  if (!/^\s*(?:select|with|values)\b/i.test(bare)) {
    throw wrong('A query begins with SELECT, WITH or VALUES. What changes data is a function in TypeScript, functions/NAME.ts.', first.line);
  }
  const other = /\?\d*|[@$][A-Za-z_]\w*/.exec(bare);
  if (other) throw wrong(`Write ${other[0]} as a parameter with a name, :like_this: it is one of the address.`, line(other.index));
  const parameters = [...new Set([...bare.matchAll(/:([A-Za-z_]\w*)/g)].map((match) => match[1]))];
  const said = ACCESS.exec(text)?.[1];
  if (said !== undefined && said !== 'user' && said !== 'everyone') throw wrong('-- access: is user or everyone.', 1);
  return { sql: first.text, parameters, access: parameters.includes('user') ? 'user' : (said ?? 'everyone'), line: first.line };
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

/** A parameter as it stands in an address, as the value that it is compared with: a number where it is written as one. */
export function valueOf(text) {
  return text !== null && String(Number(text)) === text && Number.isFinite(Number(text)) ? Number(text) : text;
}
