/** Requests that wait until the running one has ended. */

import type { Mode } from '../wire/events';
import type { AttachmentsState } from './attachments';
import type { Chip } from './pointed';

export interface Queued {
  key: number;
  text: string;
  mode: Mode;
  files: AttachmentsState | undefined;
  /** What the person pointed at. */
  pointed: readonly Chip[];
}

export class Queue {
  private items: readonly Queued[] = [];
  private readonly subscribers = new Set<() => void>();
  private last = 0;
  /** The turn after which a request of this queue went out, so that one turn sends one. */
  sentAfter: string | null = null;

  readonly get = (): readonly Queued[] => this.items;

  readonly subscribe = (subscriber: () => void): (() => void) => {
    this.subscribers.add(subscriber);
    return () => this.subscribers.delete(subscriber);
  };

  add(text: string, mode: Mode, files?: AttachmentsState, pointed: readonly Chip[] = []): void {
    this.set([...this.items, { key: ++this.last, text, mode, files, pointed }]);
  }

  /** Take one out. */
  remove(key: number): Queued | undefined {
    const found = this.items.find(item => item.key === key);
    this.set(this.items.filter(item => item.key !== key));
    return found;
  }

  /** One place up (-1) or down (1). */
  move(key: number, by: -1 | 1): void {
    const at = this.items.findIndex(item => item.key === key);
    const [item, other] = [this.items[at], this.items[at + by]];
    if (item && other) {
      const items = [...this.items];
      items[at] = other;
      items[at + by] = item;
      this.set(items);
    }
  }

  private set(items: readonly Queued[]): void {
    this.items = items;
    for (const subscriber of [...this.subscribers]) {
      subscriber();
    }
  }
}
