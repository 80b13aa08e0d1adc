/** Enough colour to read code by: comments, strings, numbers, keywords and tags of the languages apps are made of. */

import * as React from 'react';

const SCRIPT = new Set(
  (
    'as async await break case catch class const continue default delete do else enum export extends false finally for from ' +
    'function if implements import in instanceof interface let new null of return static super switch this throw true try ' +
    'type typeof undefined var void while with yield satisfies readonly declare namespace keyof'
  ).split(' ')
);
const PYTHON = new Set(
  (
    'and as assert async await break class continue def del elif else except False finally for from global if import in is ' +
    'lambda None nonlocal not or pass raise return True try while with yield'
  ).split(' ')
);
const SCRIPT_TOKEN =
  /(\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$))|("(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?|`(?:[^`\\]|\\.)*`?)|(<\/?[A-Za-z][\w.]*|\/?>)|\b(\d[\w.]*)\b|([A-Za-z_$][\w$]*)/g;
const PYTHON_TOKEN =
  /(#[^\n]*)|("""[\s\S]*?(?:"""|$)|'''[\s\S]*?(?:'''|$)|"(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?)|(?!)()|\b(\d[\w.]*)\b|([A-Za-z_]\w*)/g;
const STYLE_TOKEN =
  /(\/\*[\s\S]*?(?:\*\/|$))|("(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?)|(--[\w-]+|[\w-]+(?=\s*:))|(#[\da-fA-F]{3,8}\b|\b\d[\w.%]*)|(@[\w-]+)/g;
const MARKUP_TOKEN = /(<!--[\s\S]*?(?:-->|$))|("[^"]*"?)|(<\/?[A-Za-z][\w:.-]*|\/?>)|(?!)()|([A-Za-z-]+(?==))/g;

const CLASSES = ['comment', 'string', 'element', 'number', 'word'] as const;

/** The longest text worth colouring: each piece is an element of its own. */
const LONGEST = 40_000;

/** A language's name in a fence, or a file's extension, as one of the few kinds known here. */
function grammar(language: string): { token: RegExp; words: Set<string> | null } | null {
  switch (language.toLowerCase().split(/[\s{]/)[0]) {
    case 'ts':
    case 'tsx':
    case 'js':
    case 'jsx':
    case 'mjs':
    case 'cjs':
    case 'json':
    case 'typescript':
    case 'javascript':
      return { token: SCRIPT_TOKEN, words: SCRIPT };
    case 'py':
    case 'python':
    case 'sh':
    case 'bash':
    case 'toml':
    case 'yaml':
    case 'yml':
      return { token: PYTHON_TOKEN, words: PYTHON };
    case 'css':
    case 'scss':
      return { token: STYLE_TOKEN, words: null };
    case 'html':
    case 'svg':
    case 'xml':
      return { token: MARKUP_TOKEN, words: null };
    default:
      return null;
  }
}

export function highlight(text: string, language: string): React.ReactNode {
  const known = grammar(language);
  if (!known || text.length > LONGEST) {
    return text;
  }
  const pieces: React.ReactNode[] = [];
  let end = 0;
  for (const match of text.matchAll(known.token)) {
    const kind = CLASSES[[1, 2, 3, 4, 5].findIndex(group => match[group])];
    if (!kind || (kind === 'word' && known.words && !known.words.has(match[0]))) {
      continue;
    }
    if (match.index > end) {
      pieces.push(text.slice(end, match.index));
    }
    pieces.push(
      <span key={match.index} className={`jp-AppBuilder-${kind}`}>
        {match[0]}
      </span>
    );
    end = match.index + match[0].length;
  }
  pieces.push(text.slice(end));
  return pieces;
}

/** The extension of a path, as a language. */
export function languageOf(path: string): string {
  return /\.([\w]+)$/.exec(path)?.[1] ?? '';
}
