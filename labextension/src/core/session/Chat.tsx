import * as React from 'react';
import { currentCheckpoint, type SessionView } from '../view/view';
import { Icon } from '../controls/Icon';
import { useTranslation } from '../controls/surroundings';
import type { TurnActions } from '../feed/actions';
import { AsideView, TurnView } from '../feed/Turn';
import { Find, mark, unmark } from './Find';
import { found } from './transcript';

/** Turns drawn at first, and added by "Show earlier". Everything before stays in the store, undrawn. */
const PAGE = 8;
/** Items drawn of the turns on the first page, counted from the end: one turn can be very long. */
const ITEMS = 150;
const NEAR_END = 48; // pixels

/** The conversation. Follows its end while the reader is there, and stays put when they have scrolled away. */
export function Chat({
  view,
  actions,
  finding,
  onFinding,
  children
}: {
  view: SessionView;
  actions: TurnActions;
  /** The person looks for something in it. */
  finding: boolean;
  onFinding: (finding: boolean) => void;
  children?: React.ReactNode;
}): React.ReactElement {
  const trans = useTranslation();
  const scroller = React.useRef<HTMLDivElement>(null);
  const content = React.useRef<HTMLDivElement>(null);
  const following = React.useRef(true);
  const [away, setAway] = React.useState(false);
  const [pages, setPages] = React.useState(1);
  const { entries } = view;
  // What is drawn where the person looks for something: not the end, but these entries.
  const [span, setSpan] = React.useState<{ first: number; last: number } | null>(null);
  const [words, setWords] = React.useState('');
  const [target, setTarget] = React.useState(-1);
  const matches = React.useMemo(() => (finding ? found(view, words, trans) : []), [finding, view, words, trans]);

  const toEnd = React.useCallback(() => {
    const element = scroller.current;
    if (element) {
      element.scrollTop = element.scrollHeight;
    }
  }, []);

  React.useEffect(() => {
    // Folding a card open or a panel made narrower moves the end as much as new text does.
    const observer = new ResizeObserver(() => {
      if (following.current) {
        toEnd();
      }
    });
    if (content.current && scroller.current) {
      observer.observe(content.current);
      observer.observe(scroller.current);
    }
    return () => observer.disconnect();
  }, [toEnd]);

  const lastRequest = [...entries].reverse().find(entry => entry.kind === 'turn')?.key;
  React.useEffect(() => {
    following.current = true;
    setSpan(null);
    setAway(false);
    toEnd();
  }, [lastRequest, toEnd]);

  const first = span?.first ?? firstDrawn(view, pages);
  const end = Math.min(entries.length, span?.last ?? entries.length);
  const drawn = entries.slice(first, end);
  const turnTo = (number: number): void => {
    following.current = false;
    setAway(true);
    setTarget(number);
    if (number < first || number >= end) {
      setSpan({ first: Math.max(0, number - 2), last: number + PAGE });
    }
  };
  React.useEffect(() => {
    const element = content.current?.children[target - first + (first > 0 ? 1 : 0)];
    if (finding && target >= first && element) {
      mark(element, words);
    } else {
      unmark();
    }
  }, [finding, target, words, first]);
  React.useEffect(() => unmark, []);
  const current = currentCheckpoint(view);
  const lastTurn = [...entries].reverse().find(entry => entry.kind === 'turn');
  return (
    <div
      className="jp-AppBuilder-chat"
      onKeyDown={event => {
        if ((event.ctrlKey || event.metaKey) && !event.shiftKey && event.key === 'f') {
          event.preventDefault();
          event.stopPropagation();
          onFinding(true);
        }
      }}
    >
      {finding && (
        <Find
          words={words}
          count={matches.length}
          at={Math.max(0, matches.indexOf(target))}
          onWords={text => {
            setWords(text);
            const [last] = found(view, text, trans).slice(-1); // the latest first, as one reads here
            if (last !== undefined) {
              turnTo(last);
            }
          }}
          onStep={by => {
            const at = matches.indexOf(target) + by;
            const next = matches[(at + matches.length) % matches.length];
            if (next !== undefined) {
              turnTo(next);
            }
          }}
          onClose={() => {
            onFinding(false);
            scroller.current?.focus();
          }}
        />
      )}
      <div
        className="jp-AppBuilder-scroller"
        ref={scroller}
        tabIndex={0}
        role="log"
        aria-live="off"
        aria-label={trans.__('Conversation')}
        onScroll={event => {
          const { scrollHeight, scrollTop, clientHeight } = event.currentTarget;
          following.current = scrollHeight - scrollTop - clientHeight < NEAR_END;
          setAway(!following.current);
        }}
      >
        <div className="jp-AppBuilder-entries" ref={content}>
          {first > 0 && (
            <button
              type="button"
              className="jp-AppBuilder-button jp-mod-quiet jp-AppBuilder-earlier"
              onClick={() => {
                const element = scroller.current;
                const below = element ? element.scrollHeight - element.scrollTop : 0;
                following.current = false;
                if (span) {
                  setSpan({ ...span, first: Math.max(0, first - PAGE) });
                } else {
                  setPages(pages + 1);
                }
                requestAnimationFrame(() => {
                  if (element) {
                    element.scrollTop = element.scrollHeight - below;
                  }
                });
              }}
            >
              {trans._n('Show %1 earlier entry', 'Show earlier (%1 more)', first, first)}
            </button>
          )}
          {drawn.map(entry =>
            entry.kind === 'turn' ? (
              <TurnView
                key={entry.key}
                turn={entry}
                last={entry === lastTurn}
                current={entry.checkpoint !== null && entry.checkpoint.checkpoint === current}
                actions={actions}
              />
            ) : (
              <AsideView key={entry.key} aside={entry} last={entry === entries[entries.length - 1]} actions={actions} />
            )
          )}
          {end < entries.length ? (
            <button
              type="button"
              className="jp-AppBuilder-button jp-mod-quiet jp-AppBuilder-earlier"
              onClick={() => setSpan({ first, last: end + PAGE >= entries.length ? Infinity : end + PAGE })}
            >
              {trans.__('Show later (%1 more)', entries.length - end)}
            </button>
          ) : (
            children
          )}
        </div>
      </div>
      {away && (
        <button
          type="button"
          className="jp-AppBuilder-jump"
          onClick={() => {
            following.current = true;
            setSpan(null);
            setAway(false);
            requestAnimationFrame(toEnd);
          }}
        >
          <Icon name="down" />
          {trans.__('Jump to latest')}
        </button>
      )}
    </div>
  );
}

/** The first entry that is drawn: a page of turns from the end, fewer when they are long. */
function firstDrawn(view: SessionView, pages: number): number {
  const { entries } = view;
  let items = 0;
  let at = entries.length;
  while (at > 0 && entries.length - at < PAGE * pages) {
    items += entries[at - 1]?.items.length ?? 0;
    if (items > ITEMS * pages && at < entries.length) {
      break;
    }
    at -= 1;
  }
  return at;
}
