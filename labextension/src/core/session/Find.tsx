/** Finds words in the conversation, also in what is not drawn. */

import * as React from 'react';
import { Icon } from '../controls/Icon';
import { IconButton } from '../controls/IconButton';
import { useTranslation } from '../controls/surroundings';

export function Find({
  words,
  count,
  at,
  onWords,
  onStep,
  onClose
}: {
  words: string;
  /** Entries that hold the words. */
  count: number;
  /** Which of them is shown, from 0. */
  at: number;
  onWords: (words: string) => void;
  onStep: (by: 1 | -1) => void;
  onClose: () => void;
}): React.ReactElement {
  const trans = useTranslation();
  return (
    <div
      className="jp-AppBuilder-find"
      role="search"
      onKeyDown={event => {
        if (event.key === 'Escape') {
          onClose();
        } else if (event.key === 'Enter' && event.target instanceof HTMLInputElement) {
          onStep(event.shiftKey ? 1 : -1);
        } else {
          return;
        }
        event.preventDefault();
        event.stopPropagation();
      }}
    >
      <div className="jp-AppBuilder-search">
        <Icon name="search" />
        <input
          type="search"
          className="jp-AppBuilder-input"
          autoFocus
          value={words}
          aria-label={trans.__('Find in the conversation')}
          placeholder={trans.__('Find')}
          onChange={event => onWords(event.target.value)}
        />
      </div>
      <span className="jp-AppBuilder-note" role="status">
        {words.trim() === '' ? '' : count === 0 ? trans.__('Not found') : trans.__('%1 of %2', at + 1, count)}
      </span>
      <IconButton icon="send" label={trans.__('Earlier')} disabled={count < 2} onClick={() => onStep(-1)} />
      <IconButton icon="down" label={trans.__('Later')} disabled={count < 2} onClick={() => onStep(1)} />
      <IconButton icon="cross" label={trans.__('Close')} onClick={onClose} />
    </div>
  );
}

const NAME = 'jp-appbuilder-found';

/** Mark the words in an element that is drawn, and bring the first of them into view; the element where they are in
 * what is folded. */
export function mark(element: Element, words: string): void {
  const wanted = words.trim().toLocaleLowerCase();
  const ranges: Range[] = [];
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node && wanted !== '' && ranges.length < 200; node = walker.nextNode()) {
    const text = (node.textContent ?? '').toLocaleLowerCase();
    for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + wanted.length)) {
      if (at + wanted.length <= (node.textContent ?? '').length) {
        const range = document.createRange();
        range.setStart(node, at);
        range.setEnd(node, at + wanted.length);
        ranges.push(range);
      }
    }
  }
  unmark();
  if ('highlights' in CSS && ranges.length > 0) {
    CSS.highlights.set(NAME, new Highlight(...ranges));
  }
  const seen = ranges[0]?.startContainer.parentElement;
  (seen ?? element).scrollIntoView({ block: seen ? 'center' : 'start' });
}

export function unmark(): void {
  if (typeof CSS !== 'undefined' && 'highlights' in CSS) {
    CSS.highlights.delete(NAME);
  }
}
