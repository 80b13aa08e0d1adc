/**
 * Requests that wait until the running one has ended. They are kept in the browser, where its open pages share them: each
 * page may send the first, and the server takes it once (`after`).
 */

import type { Claim, UnsentAttachment } from '../wire/api.generated';
import type { Mode, PointedData } from '../wire/events';
import { letGo, type Attached, type AttachmentsState } from './attachments';
import { adopted, type Chip } from './pointed';

export interface Queued {
  /** The same in all pages. */
  key: string;
  text: string;
  mode: Mode;
  files: AttachmentsState | undefined;
  /** What the person pointed at. */
  pointed: readonly Chip[];
  /** The turn that had ended when it went out; there is no word yet that it arrived. */
  sent?: string;
}

export const MOST_QUEUED = 20;
const PREFIX = 'jupyter-appbuilder:queue:';

export class Queue {
  private items: readonly Queued[];
  private readonly subscribers = new Set<() => void>();
  /** Files of requests that were written on this page, with their pictures. */
  private readonly files = new Map<string, AttachmentsState>();
  /** The browser did not keep the last change: there was no room. */
  private unkept = false;
  /** The turn after which this page tried to send one: it does not try again by itself. */
  tried = '';

  /** `place`: where it is kept in the browser; null for this page alone. */
  constructor(private readonly place: string | null = null) {
    this.items = this.stored() ?? [];
    if (place !== null) {
      window.addEventListener('storage', event => {
        if (!this.unkept && (event.key === null || event.key === PREFIX + place)) {
          this.show(this.stored() ?? []);
        }
      });
    }
  }

  readonly get = (): readonly Queued[] => this.items;

  readonly subscribe = (subscriber: () => void): (() => void) => {
    this.subscribers.add(subscriber);
    return () => this.subscribers.delete(subscriber);
  };

  add(text: string, mode: Mode, files?: AttachmentsState, pointed: readonly Chip[] = []): void {
    const key = Array.from(crypto.getRandomValues(new Uint32Array(2)), part => part.toString(36)).join('');
    if (files) {
      this.files.set(key, files);
    }
    this.change(items => [...items, { key, text, mode, files, pointed }]);
  }

  /** Take one out, to change it. */
  take(key: string): Queued | undefined {
    const found = this.items.find(item => item.key === key);
    const files = this.files.get(key) ?? found?.files;
    this.files.delete(key);
    this.change(items => items.filter(item => item.key !== key));
    return found && { ...found, files };
  }

  /** One that was sent, or is not wanted any more. */
  remove(key: string): void {
    letGo(this.take(key)?.files);
  }

  /** One place up (-1) or down (1). */
  move(key: string, by: -1 | 1): void {
    this.change(all => {
      const items = [...all];
      const at = items.findIndex(item => item.key === key);
      const [item, other] = [items[at], items[at + by]];
      if (item && other) {
        items[at] = other;
        items[at + by] = item;
      }
      return items;
    });
  }

  /** It goes out, after a turn; null: it did not. */
  mark(key: string, sent: string | null): void {
    this.change(items =>
      items.map(item => {
        if (item.key !== key) {
          return item;
        }
        const unsent: Queued = { ...item };
        delete unsent.sent;
        return sent === null ? unsent : { ...unsent, sent };
      })
    );
  }

  /**
   * What became of those that went out from a page that is no more: `follower` gives the request that followed a turn,
   * null where none has.
   */
  settle(follower: (turn: string) => string | null): void {
    for (const { key, sent, text } of this.items) {
      const followed = sent === undefined ? null : follower(sent);
      if (followed !== null && followed.trim() === text.trim()) {
        this.remove(key);
      } else if (followed !== null) {
        this.mark(key, null);
      }
    }
  }

  /** Another page may have changed what is stored meanwhile. */
  private change(changed: (items: readonly Queued[]) => readonly Queued[]): void {
    const items = changed((this.unkept ? null : this.stored()) ?? this.items);
    this.show(items);
    if (this.place !== null) {
      try {
        if (items.length === 0) {
          window.localStorage.removeItem(PREFIX + this.place);
        } else {
          window.localStorage.setItem(PREFIX + this.place, JSON.stringify(items.map(kept)));
        }
        this.unkept = false;
      } catch {
        this.unkept = true; // they stay for this page
      }
    }
  }

  private show(items: readonly Queued[]): void {
    this.items = items;
    for (const [key, files] of this.files) {
      if (!items.some(item => item.key === key)) {
        this.files.delete(key); // another page sent or dropped it
        letGo(files);
      }
    }
    for (const subscriber of [...this.subscribers]) {
      subscriber();
    }
  }

  /** Null where the browser keeps nothing. */
  private stored(): readonly Queued[] | null {
    try {
      const text = this.place === null ? null : window.localStorage.getItem(PREFIX + this.place);
      const kept: unknown = JSON.parse(text ?? '[]');
      return text === null && this.place === null
        ? null
        : Array.isArray(kept)
          ? kept.slice(0, 5 * MOST_QUEUED).flatMap(read)
          : [];
    } catch {
      return null;
    }
  }
}

/** An item as it is stored: addresses of pictures are the page's that made them, or the pictures themselves. */
function kept(item: Queued): Queued {
  const { files, pointed } = item;
  return {
    ...item,
    files: files && { files: files.files.map(file => ({ ...file, picture: null })), refused: [] },
    pointed: pointed.map(chip => (chip.picture ? { ...chip, picture: { ...chip.picture, address: '' } } : chip))
  };
}

/** An item that was stored, as far as it has the shape: by another version of ours, perhaps. */
function read(given: unknown): Queued[] {
  const { key, text, mode, files, pointed, sent } = record(given);
  if (typeof key !== 'string' || typeof text !== 'string' || text.trim() === '') {
    return [];
  }
  const listed = record(files)['files'];
  return [
    {
      key,
      text,
      mode: mode === 'plan' || mode === 'ask' ? mode : 'build',
      files: Array.isArray(listed) ? { files: listed.flatMap(readFile), refused: [] } : undefined,
      pointed: Array.isArray(pointed) ? adopted(pointed.flatMap(readChip)) : [],
      ...(typeof sent === 'string' ? { sent } : {})
    }
  ];
}

function readFile(given: unknown): Attached[] {
  const { key, name, size, sent } = record(given);
  const known = sent === null || typeof record(sent)['attachment'] === 'string';
  return typeof key === 'number' && typeof name === 'string' && typeof size === 'number' && known
    ? [{ key, name, size, picture: null, sent: sent as UnsentAttachment | null }]
    : [];
}

function readChip(given: unknown): Chip[] {
  const { claim, found, literal, picture } = record(given);
  const { name, width, height } = record(picture);
  const said = [record(claim)['tag'], ...['tag', 'text', 'path'].map(each => record(found)[each])];
  const shown = typeof name === 'string' && typeof width === 'number' && typeof height === 'number';
  return said.every(one => typeof one === 'string')
    ? [
        {
          key: 0,
          claim: claim as Claim,
          found: found as PointedData,
          literal: literal === true,
          picture: shown ? { name, width, height, address: '' } : null
        }
      ]
    : [];
}

function record(given: unknown): Record<string, unknown> {
  return typeof given === 'object' && given !== null ? (given as Record<string, unknown>) : {};
}
