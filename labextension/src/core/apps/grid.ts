/** A grid of equal cards, of which those are drawn that are in view. */

import * as React from 'react';

export const GAP = 12; // px, between cards and around them
export const NARROWEST = 210; // px, of a card where there is room for two
export const HEIGHT = 262; // px, of a card
/** Rows that are drawn above and below those in view. */
const SPARE = 2;

export interface Grid {
  columns: number;
  /** px, of the whole list. */
  height: number;
  /** The numbers of the cards to draw, in order. */
  numbers: readonly number[];
  /** Where a card stands. */
  place: (number: number) => React.CSSProperties;
  /** How many rows are in view at once, one at least. */
  rows: number;
  /** Bring a card into view. */
  reveal: (number: number) => void;
}

/** `kept`: a card that is drawn wherever it stands, since it may have the focus. */
export function useGrid(scroller: React.RefObject<HTMLElement>, count: number, kept: number): Grid {
  const [{ width, height, top }, setView] = React.useState({ width: 0, height: 0, top: 0 });
  React.useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) {
      return;
    }
    const look = (): void =>
      setView(known => {
        const now = { width: element.clientWidth, height: element.clientHeight, top: element.scrollTop };
        // Drawn anew once another row comes into view, not with every pixel.
        const same = now.width === known.width && now.height === known.height && rowAt(now.top) === rowAt(known.top);
        return same ? known : now;
      });
    look();
    const observer = 'ResizeObserver' in window ? new ResizeObserver(look) : null;
    observer?.observe(element);
    element.addEventListener('scroll', look, { passive: true });
    return () => {
      observer?.disconnect();
      element.removeEventListener('scroll', look);
    };
  }, [scroller]);

  const columns = Math.max(1, Math.floor((width - GAP) / (NARROWEST + GAP)));
  const card = (width - GAP * (columns + 1)) / columns;
  const first = Math.max(0, rowAt(top) - SPARE) * columns;
  const last = Math.min(count, (rowAt(top + height) + 1 + SPARE) * columns);
  const numbers = Array.from({ length: Math.max(0, last - first) }, (_, at) => first + at);
  if (kept >= 0 && kept < count && (kept < first || kept >= last)) {
    numbers.push(kept);
    numbers.sort((a, b) => a - b);
  }
  const topOf = (number: number): number => GAP + Math.floor(number / columns) * (HEIGHT + GAP);
  return {
    columns,
    height: Math.ceil(count / columns) * (HEIGHT + GAP) + GAP,
    numbers,
    place: number => ({
      top: topOf(number),
      insetInlineStart: GAP + (number % columns) * (card + GAP),
      width: card,
      height: HEIGHT
    }),
    rows: Math.max(1, Math.floor(height / (HEIGHT + GAP))),
    reveal: number => {
      const element = scroller.current;
      if (!element) {
        return;
      }
      const at = topOf(number);
      if (at - GAP < element.scrollTop) {
        element.scrollTop = at - GAP;
      } else if (at + HEIGHT + GAP > element.scrollTop + element.clientHeight) {
        element.scrollTop = at + HEIGHT + GAP - element.clientHeight;
      }
    }
  };
}

function rowAt(y: number): number {
  return Math.max(0, Math.floor((y - GAP) / (HEIGHT + GAP)));
}

/** The card that a key leads to from another; null for a key that leads nowhere. */
export function moved(key: string, from: number, count: number, columns: number, rows: number): number | null {
  const by: Record<string, number> = {
    ArrowRight: 1,
    ArrowLeft: -1,
    ArrowDown: columns,
    ArrowUp: -columns,
    PageDown: columns * rows,
    PageUp: -columns * rows,
    Home: -from,
    End: count - 1 - from
  };
  const step = by[key];
  if (step === undefined || count === 0) {
    return null;
  }
  const to = from + step;
  if (to >= 0 && to < count) {
    return to;
  }
  // A page that is not whole ends at the first or the last card; an arrow at the edge stays where it is.
  return key.startsWith('Page') ? (to < 0 ? 0 : count - 1) : key === 'ArrowDown' ? count - 1 : from;
}
