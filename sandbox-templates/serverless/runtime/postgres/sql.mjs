// Texts of SQL as PostgreSQL reads them: where a statement ends, what its parameters are.
import { DatabaseError } from '../database.mjs';

// What a sign means nothing in: blanks, comments (of one depth in each other), texts, names. Then words, `::`, signs.
const TOKEN =
  /\s+|--[^\n]*|\/\*(?:[^*/]|\*(?!\/)|\/(?!\*)|\/\*[^]*?\*\/)*(?:\*\/|$)|[eE]'(?:[^'\\]|''|\\[^])*'?|'(?:[^']|'')*'?|"(?:[^"]|"")*"?|\$([\p{L}_][\p{L}\p{N}_]*)?\$[^]*?(?:\$\1\$|$)|\$\d+|::|:[\p{L}_][\p{L}\p{N}_]*|[\p{L}_][\p{L}\p{N}_$]*|\d[\w.]*|[^]/gu;
const BLANK = /^(?:\s|--|\/\*)/;
const KEPT = 500; // texts whose parameters were found out

/** The statements of a text with their lines, counted from 1. A function's body in SQL, BEGIN ATOMIC … END, is one. */
export function* statements(sql) {
  let start = -1;
  let end = 0;
  let line = 1;
  let startLine = 1;
  let depth = 0;
  let before = '';
  for (const [text] of sql.matchAll(TOKEN)) {
    const position = end;
    end += text.length;
    const blank = BLANK.test(text);
    if (!blank && start < 0 && text !== ';') [start, startLine, depth, before] = [position, line, 0, ''];
    line += text.split('\n').length - 1;
    if (blank || start < 0) continue;
    const word = text.toLowerCase();
    if (word === 'atomic' && before === 'begin') depth = 1;
    else if (depth && word === 'case') depth += 1;
    else if (depth && word === 'end') depth -= 1;
    before = word;
    if (text === ';' && !depth) {
      yield { text: sql.slice(start, end), line: startLine };
      start = -1;
    }
  }
  if (start >= 0) yield { text: sql.slice(start), line: startLine };
}

/** The words that a statement begins with, in small letters: at most two. */
export function beginning(sql) {
  const words = [];
  for (const [text] of sql.matchAll(TOKEN)) {
    if (BLANK.test(text) || text === '(') continue;
    if (!/^\p{L}/u.test(text)) break;
    if (words.push(text.toLowerCase()) === 2) break;
  }
  return words;
}

const placed = new Map();

/** A statement with `?` or `:name` as PostgreSQL wants it, `$1` …: `{sql, names}`, with `names` where they are names. A
 * text that has `$1` itself stays as it is, and so its operators ?, ?| and ?&. */
export function numbered(sql, named) {
  const key = `${named ? ':' : '?'}${sql}`;
  const known = placed.get(key);
  if (known) return known;
  const tokens = [...sql.matchAll(TOKEN)].map(([text]) => text);
  const names = [];
  let count = 0;
  let text = sql;
  if (named) {
    text = tokens
      .map((token) => {
        if (!/^:[\p{L}_]/u.test(token)) return token;
        const name = token.slice(1);
        if (!names.includes(name)) names.push(name);
        return `$${names.indexOf(name) + 1}`;
      })
      .join('');
  } else if (!tokens.some((token) => /^\$\d+$/.test(token))) {
    text = tokens.map((token) => (token === '?' ? `$${(count += 1)}` : token)).join('');
  }
  const found = { sql: text, names: named ? names : null };
  if (placed.size > KEPT) placed.clear();
  placed.set(key, found);
  return found;
}

/** The one statement of a text. */
export function single(sql) {
  const all = [...statements(sql)].map(({ text }) => text);
  if (all.length !== 1) {
    throw new DatabaseError(all.length ? `These are ${all.length} statements: ask them one by one.` : 'There is no statement.');
  }
  return all[0];
}
