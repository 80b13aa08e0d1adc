/** The conversation as one HTML file, which runs nothing and fetches nothing. */

import * as React from 'react';
import { createRoot } from 'react-dom/client';
import { flushSync } from 'react-dom';
import { saveFile } from '../controls/saving';
import { SurroundingsContext } from '../controls/surroundings';
import type { Translation } from '../controls/translation';
import { Markdown } from '../feed/Markdown';
import type { SessionView } from '../view/view';
import { partsOf } from './transcript';
import { direction, spoken } from '../controls/language';

const STYLE = `
:root { color-scheme: light dark; }
body { max-width: 48rem; margin: 2rem auto; padding: 0 1rem; font: 16px/1.5 system-ui, sans-serif; }
.request { margin: 2rem 0 1rem; padding: 0.75rem 1rem; border-radius: 8px; background: color-mix(in srgb, CanvasText 8%, Canvas); white-space: pre-wrap; overflow-wrap: anywhere; }
time, .steps { color: color-mix(in srgb, CanvasText 65%, Canvas); font-size: 0.875rem; }
.steps { padding-inline-start: 1.25rem; overflow-wrap: anywhere; }
pre { overflow: auto; padding: 0.75rem; border-radius: 6px; background: color-mix(in srgb, CanvasText 6%, Canvas); }
table { border-collapse: collapse; }
td, th { padding: 0.25rem 0.5rem; border: 1px solid color-mix(in srgb, CanvasText 25%, Canvas); }
button { display: none; }
`;

export function asHtml(view: SessionView, trans: Translation): string {
  const title = view.session?.title ?? '';
  // React writes texts as texts, whatever they hold; the element is never part of a page.
  const element = document.implementation.createHTMLDocument('').createElement('main');
  const root = createRoot(element);
  flushSync(() =>
    root.render(
      <SurroundingsContext.Provider value={{ trans, host: {} }}>
        <h1>{title}</h1>
        {view.entries.map(entry => (
          <section key={entry.key}>
            {partsOf(entry, trans, view.people).map((part, at) =>
              part.kind === 'request' ? (
                <div key={at} className="request">
                  {part.who && <strong>{part.who} </strong>}
                  {part.at && <time dateTime={part.at}>{new Date(part.at).toLocaleString(spoken())}</time>}
                  <div>{part.text}</div>
                </div>
              ) : part.kind === 'markdown' ? (
                <Markdown key={at} text={part.text} />
              ) : (
                <ul key={at} className="steps">
                  {part.lines.map((line, number) => (
                    <li key={number}>{line}</li>
                  ))}
                </ul>
              )
            )}
          </section>
        ))}
      </SurroundingsContext.Provider>
    )
  );
  const body = element.innerHTML;
  root.unmount();
  const head = element.ownerDocument.createElement('title');
  head.textContent = title;
  return [
    '<!doctype html>',
    `<html lang="${spoken() ?? 'en'}" dir="${direction()}">`,
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`,
    '<meta name="viewport" content="width=device-width">',
    head.outerHTML,
    `<style>${STYLE}</style>`,
    `<main>${body}</main>`,
    '</html>',
    ''
  ].join('\n');
}

/** Give the person a file. */
export function saveText(text: string, name: string, type: string): void {
  saveFile(new Blob([text], { type }), name);
}
