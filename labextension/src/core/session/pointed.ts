/** What the person pointed at in an app's page, until it is sent: shared by the preview and the panel's box. */

import type { Claim, Pointed } from '../wire/api.generated';
import type { PointedData } from '../wire/events';

/** What the page said, and what the server made of it. */
export interface Chip {
  readonly key: number;
  readonly claim: Claim;
  readonly found: PointedData;
  /** Its text is written at its place, and can be changed there. */
  readonly literal: boolean;
  /** How it looked, once that was taken. */
  readonly picture: ChipPicture | null;
}

export interface ChipPicture {
  /** As the server calls it. */
  readonly name: string;
  /** To show it by; empty on a page that did not take it. */
  readonly address: string;
  readonly width: number;
  readonly height: number;
}

/** What the server is told of a chip. */
export function claimOf({ claim, picture }: Chip): Claim {
  return picture ? { ...claim, picture: picture.name } : claim;
}

/** The same thing of the page, wherever it was scrolled to. */
function same(one: Claim, other: Claim): boolean {
  const still = (claim: Claim): string => JSON.stringify({ ...claim, view: null, dark: null });
  return still(one) === still(other);
}

export const MOST_CHIPS = 10;

export interface Chips {
  get(): readonly Chip[];
  subscribe(listener: () => void): () => void;
  /** Nothing beyond `MOST_CHIPS`, and nothing twice. */
  add(claim: Claim, answer: Pointed): void;
  /** How what a page said of it looked. */
  show(claim: Claim, picture: ChipPicture): void;
  /** The one whose style is looked at, beside the page; null for none. */
  styled(): Chip | null;
  style(key: number): void;
  /** What was added last. */
  latest(): Chip | null;
  remove(key: number): void;
  /** Take them all, to send them. */
  take(): readonly Chip[];
  /** What could not be sent stands there again. */
  putBack(chips: readonly Chip[]): void;
}

const known = new Map<string, Chips>();
let count = 0;

export function chipsOf(session: string): Chips {
  const found = known.get(session) ?? newChips();
  known.set(session, found);
  return found;
}

/** Those that another page made, as this one's. */
export function adopted(chips: readonly Chip[]): Chip[] {
  return chips.map(chip => ({ ...chip, key: (count += 1) }));
}

function newChips(): Chips {
  let chips: readonly Chip[] = [];
  const listeners = new Set<() => void>();
  let styled = 0;
  let latest = 0;
  const chip = (key: number): Chip | null => chips.find(one => one.key === key) ?? null;
  const set = (next: readonly Chip[]): void => {
    chips = next;
    listeners.forEach(listener => listener());
  };
  return {
    get: () => chips,
    subscribe: listener => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    add: (claim, { pointed, literal }) => {
      const again = chips.find(chip => same(chip.claim, claim));
      if (again || chips.length < MOST_CHIPS) {
        latest = again?.key ?? ++count;
        styled = chip(styled) ? latest : 0; // who looks at styles goes on with the next
        set(again ? [...chips] : [...chips, { key: latest, claim, found: pointed, literal, picture: null }]);
      }
    },
    show: (claim, picture) => set(chips.map(one => (same(one.claim, claim) ? { ...one, picture } : one))),
    styled: () => chip(styled),
    style: key => {
      styled = key;
      set([...chips]);
    },
    latest: () => chip(latest),
    remove: key => set(chips.filter(chip => chip.key !== key)),
    take: () => {
      const taken = chips;
      set([]);
      return taken;
    },
    putBack: lost => set([...lost, ...chips].slice(0, MOST_CHIPS))
  };
}
