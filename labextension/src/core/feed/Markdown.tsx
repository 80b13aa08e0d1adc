/**
 * Markdown as React elements. There is no HTML string anywhere: raw HTML in the text is shown as text, so nothing
 * has to be sanitised. While text streams in, only the block that changed is read and drawn again.
 */

import type { Token, Tokens } from 'marked';
import * as React from 'react';
import { blocks, type Blocks } from './blocks';
import { CodeBlock } from './Code';

const SAFE_LINK = /^(https?:|mailto:)/i;

export const Markdown = React.memo(function Markdown({ text }: { text: string }): React.ReactElement {
  const before = React.useRef<Blocks | null>(null);
  const { tokens } = React.useMemo(() => (before.current = blocks(text, before.current)), [text]);
  return (
    <div className="jp-AppBuilder-markdown">
      {tokens.map((token, at) => (
        <Block key={at} token={token} raw={token.raw} />
      ))}
    </div>
  );
});

const Block = React.memo(
  function Block({ token }: { token: Token; raw: string }): React.ReactElement | null {
    return block(token, 0);
  },
  (before, after) => before.raw === after.raw && before.token.type === after.token.type
);

/** The model writes in the language it is asked in: each block goes its own way. */
function block(token: Token, key: React.Key): React.ReactElement | null {
  switch (token.type) {
    case 'space':
    case 'def':
      return null;
    case 'heading': {
      const { depth, tokens } = token as Tokens.Heading;
      // The panel's own headings are h2; what the model calls a title lies below them.
      return React.createElement(`h${Math.min(6, depth + 2)}`, { key, dir: 'auto' }, inline(tokens));
    }
    case 'paragraph':
      return (
        <p key={key} dir="auto">
          {inline((token as Tokens.Paragraph).tokens)}
        </p>
      );
    case 'code': {
      const { text, lang } = token as Tokens.Code;
      return <CodeBlock key={key} text={text} language={lang ?? ''} />;
    }
    case 'blockquote':
      return (
        <blockquote key={key} dir="auto">
          {(token as Tokens.Blockquote).tokens.map((child, at) => block(child, at))}
        </blockquote>
      );
    case 'list': {
      const { ordered, start, items } = token as Tokens.List;
      const children = items.map((item, at) => (
        <li key={at} className={item.task ? 'jp-mod-task' : undefined}>
          {item.task && (
            <span aria-hidden="true" className="jp-AppBuilder-task">
              {item.checked ? '☑' : '☐'}
            </span>
          )}
          {item.tokens.map((child, place) =>
            child.type === 'text' ? (
              <React.Fragment key={place}>{inline((child as Tokens.Text).tokens ?? [child])}</React.Fragment>
            ) : (
              block(child, place)
            )
          )}
        </li>
      ));
      return ordered ? (
        <ol key={key} dir="auto" start={start === '' ? undefined : start}>
          {children}
        </ol>
      ) : (
        <ul key={key} dir="auto">
          {children}
        </ul>
      );
    }
    case 'table': {
      const { header, rows, align } = token as Tokens.Table;
      const cell = (tag: 'th' | 'td') => (content: Tokens.TableCell, at: number) =>
        React.createElement(tag, { key: at, style: { textAlign: align[at] ?? undefined } }, inline(content.tokens));
      return (
        <div key={key} className="jp-AppBuilder-tableScroll" tabIndex={0}>
          <table dir="auto">
            <thead>
              <tr>{header.map(cell('th'))}</tr>
            </thead>
            <tbody>
              {rows.map((row, at) => (
                <tr key={at}>{row.map(cell('td'))}</tr>
              ))}
            </tbody>
          </table>
        </div>
      );
    }
    case 'hr':
      return <hr key={key} />;
    case 'text':
      return <p key={key}>{inline((token as Tokens.Text).tokens ?? [token])}</p>;
    default:
      return <p key={key}>{token.raw}</p>;
  }
}

function inline(tokens: readonly Token[] | undefined): React.ReactNode {
  return tokens?.map((token, key) => {
    switch (token.type) {
      case 'strong':
        return <strong key={key}>{inline((token as Tokens.Strong).tokens)}</strong>;
      case 'em':
        return <em key={key}>{inline((token as Tokens.Em).tokens)}</em>;
      case 'del':
        return <del key={key}>{inline((token as Tokens.Del).tokens)}</del>;
      case 'codespan':
        return <code key={key}>{unescape((token as Tokens.Codespan).text)}</code>;
      case 'br':
        return <br key={key} />;
      case 'link': {
        const { href, tokens: content } = token as Tokens.Link;
        return SAFE_LINK.test(href) ? (
          <a key={key} href={href} target="_blank" rel="noopener noreferrer">
            {inline(content)}
          </a>
        ) : (
          <React.Fragment key={key}>{inline(content)}</React.Fragment>
        );
      }
      case 'image':
        // A picture's address would be fetched by the person's browser: the model could smuggle data out in it.
        return <React.Fragment key={key}>{(token as Tokens.Image).text}</React.Fragment>;
      case 'text': {
        const { tokens: nested, text } = token as Tokens.Text;
        return <React.Fragment key={key}>{nested ? inline(nested) : unescape(text)}</React.Fragment>;
      }
      case 'escape':
        return <React.Fragment key={key}>{unescape((token as Tokens.Escape).text)}</React.Fragment>;
      default:
        return <React.Fragment key={key}>{token.raw}</React.Fragment>;
    }
  });
}

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'", nbsp: '\u00a0' };

/** The few entities that Markdown writers use; everything else stays as it is. */
function unescape(text: string): string {
  return text.includes('&')
    ? text.replace(/&(amp|lt|gt|quot|#39|nbsp);/g, (_, name: string) => ENTITIES[name] ?? '')
    : text;
}
