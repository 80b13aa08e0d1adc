/** What the panel is looking at: the list of sessions, or one of them. */

import { SessionStore } from './store';
import type { Api } from './transport';
import type { Summary } from './wire';

export interface PanelState {
  /** The open session; null shows the list. */
  session: string | null;
  store: SessionStore | null;
}

export class PanelModel {
  private state: PanelState = { session: null, store: null };
  private readonly subscribers = new Set<() => void>();
  /** What is being written, by session; "" is the first screen's. */
  readonly drafts = new Map<string, string>();

  constructor(readonly api: Api) {}

  readonly get = (): PanelState => this.state;

  readonly subscribe = (subscriber: () => void): (() => void) => {
    this.subscribers.add(subscriber);
    return () => this.subscribers.delete(subscriber);
  };

  /** Look at a session; its channel is followed until another is opened or the panel goes back to the list. */
  open(session: string): void {
    if (this.state.session === session) {
      return;
    }
    this.state.store?.dispose();
    this.set({ session, store: new SessionStore(this.api.transport(session)) });
  }

  close(): void {
    this.state.store?.dispose();
    this.set({ session: null, store: null });
  }

  /** The open session's summary, once it is known. */
  get summary(): Summary | null {
    return this.state.store?.get().view.session ?? null;
  }

  private set(state: PanelState): void {
    this.state = state;
    for (const subscriber of [...this.subscribers]) {
      subscriber();
    }
  }
}
