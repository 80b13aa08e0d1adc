import * as React from 'react';
import { currentCheckpoint, type SessionView } from '../view/view';
import { Icon } from '../controls/Icon';
import { useTranslation } from '../controls/surroundings';
import type { TurnActions } from '../feed/actions';
import { AsideView, TurnView } from '../feed/Turn';

/** Turns drawn at first, and added by "Show earlier". Everything before stays in the store, undrawn. */
const PAGE = 8;
/** Items drawn of the turns on the first page, counted from the end: one turn can be very long. */
const ITEMS = 150;
const NEAR_END = 48; // pixels

/** The conversation. Follows its end while the reader is there, and stays put when they have scrolled away. */
export function Chat({
  view,
  actions,
  children
}: {
  view: SessionView;
  actions: TurnActions;
  children?: React.ReactNode;
}): React.ReactElement {
  const trans = useTranslation();
  const scroller = React.useRef<HTMLDivElement>(null);
  const content = React.useRef<HTMLDivElement>(null);
  const following = React.useRef(true);
  const [away, setAway] = React.useState(false);
  const [pages, setPages] = React.useState(1);
  const { entries } = view;

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
    setAway(false);
    toEnd();
  }, [lastRequest, toEnd]);

  const first = firstDrawn(view, pages);
  const drawn = entries.slice(first);
  const current = currentCheckpoint(view);
  const lastTurn = [...entries].reverse().find(entry => entry.kind === 'turn');
  return (
    <div className="jp-AppBuilder-chat">
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
                setPages(pages + 1);
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
          {children}
        </div>
      </div>
      {away && (
        <button
          type="button"
          className="jp-AppBuilder-jump"
          onClick={() => {
            following.current = true;
            setAway(false);
            toEnd();
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
