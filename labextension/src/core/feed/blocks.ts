/** The blocks of a Markdown text that grows while it streams in: what stands fast is not read again. */

import { lexer, type Token } from 'marked';

export interface Blocks {
  text: string;
  tokens: readonly Token[];
}

/** Read `text`; with `before`, the blocks of how it began, only what may have become something else. */
export function blocks(text: string, before: Blocks | null = null, read: (text: string) => Token[] = whole): Blocks {
  text = text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text;
  const fast = before && before.text !== '' && text.startsWith(before.text) ? settled(before) : [];
  const begin = length(fast);
  const rest = read(text.slice(begin));
  // What a link's name stands for may be said anywhere, for all of the text.
  const tokens = fast.length > 0 && rest.some(isDefinition) ? read(text) : [...fast, ...rest];
  return { text, tokens };
}

/** All blocks but the last two and the space around them: a paragraph "2" may yet go on with the list before it. */
function settled({ text, tokens }: Blocks): readonly Token[] {
  if (length(tokens) !== text.length || tokens.some(isDefinition)) {
    return [];
  }
  let end = tokens.length;
  for (let open = 0; end > 0 && open < 2; end -= 1) {
    open += tokens[end - 1]?.type === 'space' ? 0 : 1;
  }
  return tokens.slice(0, end);
}

function length(tokens: readonly Token[]): number {
  return tokens.reduce((sum, token) => sum + token.raw.length, 0);
}

function isDefinition(token: Token): boolean {
  return token.type === 'def';
}

function whole(text: string): Token[] {
  return lexer(text, { gfm: true });
}
