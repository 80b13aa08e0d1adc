import { lexer, type Token } from 'marked';
import { describe, expect, it } from 'vitest';
import { blocks, type Blocks } from './blocks';

const PARTS = [
  '# A title\n\n',
  'Some *text*, a `word`\nand a second line.\n\n',
  '1. one\n\n2. two\n3. three\n\n   of it\n\n',
  '- a\n- b\n  - c\n\n\n- d\n\n',
  '```js\nlet a\n\n# no title\n```\n\n',
  '    indented\n\n',
  '> said\n> by\n\nwho\n\n',
  '| a | b |\n|---|---|\n| 1 | 2 |\n\n',
  'Not\n===\n\n---\n\n',
  '<div>\n\n**x**\n\n</div>\n\n',
  '<!-- a\n\nb -->\n\n',
  '* * *\n~~~\nwithout an end\r\n\r\n',
  '2\n\n1986. A year\n\n'
];

function grown(text: string, step: number, read?: Parameters<typeof blocks>[2]): Blocks {
  let found: Blocks | null = null;
  for (let end = step; end < text.length + step; end += step) {
    found = blocks(text.slice(0, end), found, read);
  }
  return found ?? blocks('');
}

function told(tokens: readonly Token[]): string {
  return tokens.map(token => `${token.type} ${token.raw}`).join('\0');
}

describe('the blocks of a text that grows', () => {
  it('are at each moment those of the text as a whole', () => {
    for (const first of PARTS) {
      for (const second of PARTS) {
        const text = `${first}${second}${PARTS[1]}`;
        let found: Blocks | null = null;
        for (let end = 1; end <= text.length; end += 2) {
          found = blocks(text.slice(0, end), found);
          if (told(found.tokens) !== told(lexer(text.slice(0, end), { gfm: true }))) {
            expect(found.tokens).toEqual([...lexer(text.slice(0, end), { gfm: true })]);
          }
        }
      }
    }
  });

  it('know a link whose address is named before it or behind it', () => {
    const text =
      'Here is [one].\n\nText.\n\nMore.\n\n[one]: https://example.org\n\nAgain [one].\n\nText.\n\nAnd [one].\n\n';
    expect(grown(text, 1).tokens).toEqual([...lexer(text, { gfm: true })]);
  });

  it('are read anew only where the text still changes', () => {
    const text = PARTS.filter(part => !part.includes('without an end'))
      .join('')
      .repeat(100);
    let looked = 0;
    grown(text, 50, piece => {
      looked += piece.length;
      return lexer(piece, { gfm: true });
    });
    expect(looked).toBeLessThan(text.length * 10);
  });

  it('are those of another text once it is another one', () => {
    const before = blocks(PARTS.slice(0, 4).join(''));
    expect(blocks('Something else.\n\nNow.', before).tokens).toEqual([
      ...lexer('Something else.\n\nNow.', { gfm: true })
    ]);
  });
});
