/** Which apps are shown, and in which order. */

import type { Shelf } from '../wire/events.generated';
import type { Summary } from '../wire/wire';

export const ORDERS = ['changed', 'title', 'created', 'size', 'tokens'] as const;

export type Order = (typeof ORDERS)[number];

export interface Wanted {
  shelf: Shelf;
  /** Words that the title, the folder's name, the template or a tag must hold. */
  search: string;
  /** Its name; "" for all. */
  template: string;
  tag: string;
  /** Those that readers get, or those that they do not; "" for all. */
  published: '' | 'yes' | 'no';
  order: Order;
}

/** The apps that are wanted: pinned ones first, then in their order. */
export function shown(apps: readonly Summary[], wanted: Wanted): Summary[] {
  const words = wanted.search.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  const found = apps.filter(
    app =>
      app.shelf === wanted.shelf &&
      (wanted.template === '' || app.template === wanted.template) &&
      (wanted.tag === '' || app.tags.includes(wanted.tag)) &&
      (wanted.published === '' || (wanted.published === 'yes') === app.published.length > 0) &&
      holds(app, words)
  );
  const compare = COMPARE[wanted.order];
  return found.sort((a, b) => Number(b.pinned) - Number(a.pinned) || compare(a, b) || (a.id < b.id ? -1 : 1));
}

function holds(app: Summary, words: readonly string[]): boolean {
  if (words.length === 0) {
    return true;
  }
  const text = [app.title, app.name, app.template, ...app.tags].join('\n').toLocaleLowerCase();
  return words.every(word => text.includes(word));
}

const TITLES = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });

// Times are ISO texts of one form, whose order is that of their letters.
const latest = (a: string, b: string): number => (a < b ? 1 : a > b ? -1 : 0);

const COMPARE: Readonly<Record<Order, (a: Summary, b: Summary) => number>> = {
  changed: (a, b) => latest(a.updated_at, b.updated_at),
  title: (a, b) => TITLES.compare(a.title, b.title),
  created: (a, b) => latest(a.created_at, b.created_at),
  size: (a, b) => (b.size ?? -1) - (a.size ?? -1),
  tokens: (a, b) => tokens(b) - tokens(a)
};

function tokens({ usage }: Summary): number {
  return usage.input_tokens + usage.output_tokens;
}

/** How many apps there are of each, the most frequent first. */
export function counted(values: Iterable<string>): [string, number][] {
  const counts = new Map<string, number>();
  for (const value of values) {
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return [...counts].sort((a, b) => b[1] - a[1] || TITLES.compare(a[0], b[0]));
}
