/** Where the tour's hints stand: beside what they point at, never over it. */

export interface Rect {
  left: number;
  top: number;
  width: number;
  height: number;
}

export interface Size {
  width: number;
  height: number;
}

export interface Placed {
  left: number;
  top: number;
  /** Less than it wants where there is little room. */
  width: number;
}

const GAP = 12; // px, between a hint and what it points at
const MARGIN = 8; // px, from the window's edge
const LEAST = 160; // px of a hint's width

/** Beside `target` within `room`: on the first side that has space for all of it, else on the one with the most. What is
 *  wide, as a toolbar, has its hint below: beside it would be far from what the hint speaks of. */
export function placed(target: Rect, size: Size, room: Size): Placed {
  const right = target.left + target.width;
  const bottom = target.top + target.height;
  const free = {
    left: target.left - GAP - MARGIN,
    right: room.width - right - GAP - MARGIN,
    below: room.height - bottom - GAP - MARGIN,
    above: target.top - GAP - MARGIN
  };
  const within = (wanted: number, extent: number, most: number): number =>
    Math.max(MARGIN, Math.min(wanted, most - extent - MARGIN));
  const at = (side: keyof typeof free): Placed => {
    const aside = side === 'left' || side === 'right';
    const width = aside ? Math.min(size.width, free[side]) : Math.min(size.width, room.width - 2 * MARGIN);
    const across = within(target.top + target.height / 2 - size.height / 2, size.height, room.height);
    const along = within(target.left + target.width / 2 - width / 2, width, room.width);
    switch (side) {
      case 'left':
        return { left: target.left - GAP - width, top: across, width };
      case 'right':
        return { left: right + GAP, top: across, width };
      case 'below':
        return { left: along, top: bottom + GAP, width };
      case 'above':
        return { left: along, top: target.top - GAP - size.height, width };
    }
  };
  const sides =
    target.width > 1.5 * size.width && target.height < size.height
      ? (['below', 'above', 'left', 'right'] as const)
      : (['left', 'right', 'below', 'above'] as const);
  const fits = (side: keyof typeof free): boolean =>
    side === 'left' || side === 'right' ? free[side] >= size.width : free[side] >= size.height;
  const fallback = free.left >= free.right ? 'left' : 'right';
  const chosen = sides.find(fits) ?? (free[fallback] >= LEAST ? fallback : free.above > free.below ? 'above' : 'below');
  return at(chosen);
}
