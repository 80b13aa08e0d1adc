import * as React from 'react';
import { currentCheckpoint, lastTurn, previousVersion, type Entry, type SessionView } from '../view/view';
import { Icon } from '../controls/Icon';
import { useTranslation } from '../controls/surroundings';
import type { TurnActions } from '../feed/actions';
import { AsideView, TurnView } from '../feed/Turn';
import { Find, mark, unmark } from './Find';
import { found } from './transcript';

/** Turns drawn at first, and added where the person scrolls near an end. Everything else stays in the store, undrawn. */
const PAGE = 8;
/** Items drawn of the turns on a page: one turn can be very long. */
const ITEMS = 150;
/** Pages drawn at once; what is further away is taken off again. */
const PAGES = 5;
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
  const { entries } = view;
  // What is drawn where the person reads elsewhere than at the end: entries from `first` up to `last`.
  const [span, setSpan] = React.useState<Span | null>(null);
  // What must stay where it is on the screen while other entries are drawn above or below it.
  const held = React.useRef<{ entry: number; top: number } | null>(null);
  const scrolledTo = React.useRef(0);
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

  const latest = lastTurn(view);
  const lastRequest = latest?.key;
  React.useEffect(() => {
    following.current = true;
    setSpan(null);
    setAway(false);
    toEnd();
  }, [lastRequest, toEnd]);

  const first = span?.first ?? pageBefore(entries, entries.length);
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
  const elementOf = React.useCallback(
    (entry: number): Element | undefined => content.current?.children[entry - first + (first > 0 ? 1 : 0)],
    [first]
  );
  const move = (to: Span): void => {
    const top = scroller.current?.getBoundingClientRect().top ?? 0;
    for (let entry = Math.max(first, to.first); entry < Math.min(end, to.last); entry++) {
      const place = elementOf(entry)?.getBoundingClientRect();
      if (place && place.bottom > top) {
        held.current = { entry, top: place.top };
        break;
      }
    }
    following.current = false;
    setSpan(to);
  };
  const earlier = (): void => {
    const begin = pageBefore(entries, first);
    move({
      first: begin,
      last: drawnFrom(entries, begin) >= end ? (span?.last ?? Infinity) : drawnFrom(entries, begin)
    });
  };
  const later = (): void => {
    const last = pageAfter(entries, end);
    move({ first: Math.max(first, drawnUpTo(entries, last)), last: last === entries.length ? Infinity : last });
  };
  React.useLayoutEffect(() => {
    const { current: place } = held;
    const element = place && elementOf(place.entry);
    held.current = null;
    if (element && scroller.current) {
      scroller.current.scrollTop += element.getBoundingClientRect().top - place.top;
      scrolledTo.current = scroller.current.scrollTop;
    }
  }, [span, elementOf]);
  React.useEffect(() => {
    const element = elementOf(target);
    if (finding && target >= first && element) {
      mark(element, words);
    } else {
      unmark();
    }
  }, [finding, target, words, first, elementOf]);
  React.useEffect(() => unmark, []);
  const current = currentCheckpoint(view);
  const before = previousVersion(view);
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
          const below = scrollHeight - scrollTop - clientHeight;
          const up = scrollTop < scrolledTo.current;
          scrolledTo.current = scrollTop;
          following.current = below < NEAR_END && end === entries.length;
          setAway(!following.current);
          if (held.current === null && up && scrollTop < clientHeight && first > 0) {
            earlier();
          } else if (held.current === null && !up && below < clientHeight && end < entries.length) {
            later();
          }
        }}
      >
        <div className="jp-AppBuilder-entries" ref={content}>
          {first > 0 && (
            <button type="button" className="jp-AppBuilder-button jp-mod-quiet jp-AppBuilder-earlier" onClick={earlier}>
              {trans._n('Show %1 earlier entry', 'Show earlier (%1 more)', first, first)}
            </button>
          )}
          {drawn.map(entry =>
            entry.kind === 'turn' ? (
              <TurnView
                key={entry.key}
                turn={entry}
                last={entry === latest}
                current={entry.checkpoint !== null && entry.checkpoint.checkpoint === current}
                actions={actions}
              />
            ) : (
              <AsideView
                key={entry.key}
                aside={entry}
                last={entry === entries[entries.length - 1]}
                before={before}
                actions={actions}
              />
            )
          )}
          {end < entries.length ? (
            <button type="button" className="jp-AppBuilder-button jp-mod-quiet jp-AppBuilder-earlier" onClick={later}>
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

interface Span {
  first: number;
  last: number;
}

/** Where a page of entries begins that ends before `end`: fewer than usual when they are long, one at least. */
function pageBefore(entries: readonly Entry[], end: number): number {
  let at = end;
  for (let items = 0; at > 0 && end - at < PAGE; at--) {
    items += entries[at - 1]?.items.length ?? 0;
    if (items > ITEMS && at < end) {
      break;
    }
  }
  return at;
}

/** Where a page ends that begins at `first`. */
function pageAfter(entries: readonly Entry[], first: number): number {
  let at = first;
  for (let items = 0; at < entries.length && at - first < PAGE; at++) {
    items += entries[at]?.items.length ?? 0;
    if (items > ITEMS && at > first) {
      break;
    }
  }
  return at;
}

/** Where that ends which is drawn from `first` on. */
function drawnFrom(entries: readonly Entry[], first: number): number {
  return Array.from({ length: PAGES }).reduce<number>(at => pageAfter(entries, at), first);
}

/** Where that begins which is drawn up to `end`. */
function drawnUpTo(entries: readonly Entry[], end: number): number {
  return Array.from({ length: PAGES }).reduce<number>(at => pageBefore(entries, at), end);
}
