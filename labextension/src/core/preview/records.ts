/** What the page wrote into its console and asked of servers, as its script told: bounded, and a claim of generated code. */

/** `load`: another page begins here. */
export const LEVELS = ['debug', 'log', 'info', 'warn', 'error', 'load'] as const;
export type Level = (typeof LEVELS)[number];

export interface ConsoleLine {
  what: 'line';
  /** When, in ms since 1970. */
  at: number;
  level: Level;
  text: string;
  /** A file of the app, or empty. */
  source: string;
}

export interface PageCall {
  what: 'call';
  /** When it began, in ms since 1970. */
  at: number;
  method: string;
  /** A path of the app, or an address elsewhere. */
  url: string;
  /** 0: there was no answer. */
  status: number;
  /** What went wrong, in words, or empty. */
  how: string;
  ms: number;
}

export type PageRecord = ConsoleLine | PageCall;

/** One message holds so many. */
export const MOST_RECORDS = 100;
const MOST_KEPT = 300;

export interface Kept<T> {
  /** Counts up: it stays what it is while others come and go. */
  id: number;
  record: T;
  /** The same, so often in a row. */
  times: number;
}

export interface Records {
  lines: readonly Kept<ConsoleLine>[];
  calls: readonly Kept<PageCall>[];
  /** So many could not be told, since the list was empty. */
  missed: number;
}

const NONE: Records = { lines: [], calls: [], missed: 0 };

/** The latest of a page, for whoever shows them: a page that logs draws nothing else anew. */
export class PageRecords {
  private state = NONE;
  private last = 0;
  private readonly subscribers = new Set<() => void>();

  readonly get = (): Records => this.state;

  readonly subscribe = (subscriber: () => void): (() => void) => {
    this.subscribers.add(subscriber);
    return () => this.subscribers.delete(subscriber);
  };

  add(records: readonly PageRecord[], missed = 0): void {
    const lines = [...this.state.lines];
    const calls = [...this.state.calls];
    for (const record of records) {
      if (record.what === 'call') {
        calls.push({ id: ++this.last, record, times: 1 });
        continue;
      }
      const before = lines[lines.length - 1];
      if (before && same(before.record, record)) {
        lines[lines.length - 1] = { ...before, times: before.times + 1 };
      } else {
        lines.push({ id: ++this.last, record, times: 1 });
      }
    }
    this.set({ lines: lines.slice(-MOST_KEPT), calls: calls.slice(-MOST_KEPT), missed: this.state.missed + missed });
  }

  clear(what: 'lines' | 'calls'): void {
    this.set({ ...this.state, [what]: [], ...(what === 'lines' ? { missed: 0 } : {}) });
  }

  private set(state: Records): void {
    this.state = state;
    this.subscribers.forEach(subscriber => subscriber());
  }
}

function same(one: ConsoleLine, other: ConsoleLine): boolean {
  return one.level === other.level && one.text === other.text && one.source === other.source && one.level !== 'load';
}

export function isProblem(record: PageRecord): boolean {
  return record.what === 'line'
    ? record.level === 'warn' || record.level === 'error'
    : (record.how !== '' && record.how !== 'aborted') || record.status >= 400;
}

/** A record in a line of text, as it is searched and copied. */
export function worded(record: PageRecord): string {
  return record.what === 'line'
    ? [`[${record.level}]`, record.text, record.source && `(${record.source})`].filter(Boolean).join(' ')
    : [record.method, record.url, record.status || '', record.how, `${record.ms} ms`].filter(Boolean).join(' ');
}
