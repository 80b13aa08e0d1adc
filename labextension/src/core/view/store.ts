/** One session's state, fed by its transport; views subscribe to it and are told at most once a frame. */

import type { Connection, Transport, TransportListener } from '../wire/transport';
import type { LiveData } from '../wire/events';
import type { WireMessage } from '../wire/wire';
import { EMPTY_VIEW, receive, type SessionView } from './view';

export interface SessionSnapshot {
  view: SessionView;
  connection: Connection;
}

export type LookRequest = LiveData['look'];

type Schedule = (flush: () => void) => void;

/** Once a frame; browsers pause frames of hidden pages, where a short timeout takes over. */
export const onFrame: Schedule = flush => {
  if (typeof document !== 'undefined' && document.visibilityState === 'visible') {
    requestAnimationFrame(flush);
  } else {
    setTimeout(flush, 100);
  }
};

/** For a view that needs no history, only what is going on. */
export const NO_HISTORY = Number.MAX_SAFE_INTEGER;

export class SessionStore implements TransportListener {
  private state: SessionSnapshot = { view: EMPTY_VIEW, connection: { state: 'connecting' } };
  /** All that came, while the history is on its way; from then on the view that is shown. */
  private history: SessionView = EMPTY_VIEW;
  private queue: WireMessage[] = [];
  private scheduled = false;
  private seen: number;
  private told = 0;
  private readonly subscribers = new Set<() => void>();
  private readonly lookers = new Set<(look: LookRequest) => void>();
  private readonly stopWatching: () => void;

  constructor(
    readonly transport: Transport,
    private readonly schedule: Schedule = onFrame,
    /** Events up to this number are not asked for. */
    after = 0
  ) {
    this.seen = after;
    this.stopWatching = transport.watch(this);
  }

  readonly get = (): SessionSnapshot => this.state;

  readonly subscribe = (subscriber: () => void): (() => void) => {
    this.subscribers.add(subscriber);
    return () => this.subscribers.delete(subscriber);
  };

  /** Be told what an open preview is to do; until the returned function is called. */
  onLook(listener: (look: LookRequest) => void): () => void {
    this.lookers.add(listener);
    return () => this.lookers.delete(listener);
  }

  message(message: WireMessage): void {
    if (message.kind === 'live' && message.type === 'look') {
      for (const looker of [...this.lookers]) {
        looker(message.data);
      }
      return; // nothing to show by itself
    }
    if (message.kind === 'tail') {
      if (!this.state.view.caughtUp) {
        // Shown until the whole history is there; nothing is built on it.
        this.show(receive(EMPTY_VIEW, [{ kind: 'events', events: message.events }]));
      }
      return;
    }
    if (message.kind === 'events') {
      this.seen = Math.max(this.seen, message.events[message.events.length - 1]?.seq ?? 0);
      this.told += 1;
    }
    if (!this.history.caughtUp && message.kind === 'events') {
      this.history = receive(this.history, [message]); // a long history is reduced as it comes, and drawn once
      return;
    }
    this.queue.push(message);
    if (!this.history.caughtUp && message.kind !== 'snapshot') {
      return;
    }
    if (!this.scheduled) {
      this.scheduled = true;
      this.schedule(this.flush);
    }
  }

  connection(connection: Connection): void {
    this.state = { ...this.state, connection };
    this.publish();
  }

  lastSeq(): number {
    return this.seen;
  }

  /** Another number whenever events came. `lastSeq` does not say so to a view without history, which has it too large. */
  news(): number {
    return this.told;
  }

  dispose(): void {
    this.stopWatching();
    this.subscribers.clear();
  }

  private readonly flush = (): void => {
    this.scheduled = false;
    const messages = this.queue;
    this.queue = [];
    if (messages.length > 0) {
      this.history = receive(this.history, messages);
      this.show(this.history);
    }
  };

  private show(view: SessionView): void {
    this.state = { ...this.state, view };
    this.publish();
  }

  private publish(): void {
    for (const subscriber of this.subscribers) {
      subscriber();
    }
  }
}
