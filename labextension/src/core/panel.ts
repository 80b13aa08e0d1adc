/** What the panel is looking at: the list of sessions, one of them, or a page over either. */

import { Attachments, LARGEST } from './session/attachments';
import { Flags } from './flags';
import { Drafts } from './session/drafts';
import { Queue } from './session/queue';
import { SessionStore } from './view/store';
import type { Api } from './wire/transport';
import type { Summary } from './wire/wire';

/** The pages that can take the panel's place; `pages/pages.ts` says what they are. */
export type PageId =
  | 'settings'
  | 'models'
  | 'rules'
  | 'network'
  | 'usage'
  | 'sandbox'
  | 'templates'
  | 'versions'
  | 'publish'
  | 'looks'
  | 'saveTemplate';

/** Two versions, by their checkpoints. */
export interface ComparedVersions {
  from: string;
  to: string;
}

/** Something to do with what is published, once the person has confirmed it; `show`: what is known of it. */
export interface PublicationAct {
  target: string;
  act: 'show' | 'rollback' | 'unpublish';
}

export interface PanelState {
  /** The open session; null shows the list. */
  session: string | null;
  store: SessionStore | null;
  /** `wanted`: an app is to be built, and waits for what is done there. */
  page: { id: PageId; wanted: boolean; compared?: ComparedVersions; publication?: PublicationAct } | null;
  /** What was last put where the open session's next request is written; each time a new object. */
  composed: Composed | null;
  /** The first screen shows the first steps, also to who has made apps. */
  introducing: boolean;
  /** An app will be opened in a moment: the first screen is not shown before it. */
  expecting: boolean;
}

/** A text from elsewhere for a request that the person sends. */
export interface Composed {
  text: string;
}

/** What is written, with a text from elsewhere below it; once, however often it is put there. */
export function withComposed(written: string, text: string): string {
  return written.trim() === '' ? text : written.includes(text) ? written : `${written.trimEnd()}\n\n${text}`;
}

export class PanelModel {
  private state: PanelState = {
    session: null,
    store: null,
    page: null,
    composed: null,
    introducing: false,
    expecting: false
  };
  private readonly subscribers = new Set<() => void>();
  /** What is being written, by session; "" is the first screen's. */
  readonly drafts: Drafts;
  /** What was seen once, or left. */
  readonly flags: Flags;
  private readonly queues = new Map<string, Queue>();
  private readonly attached = new Map<string, Attachments>();
  /** The model that was set up last; "" for none. */
  setUp = '';
  /** The template that was chosen in the gallery for the next app; "" for none. */
  template = '';

  /** `place` tells servers apart that share an origin; without it nothing is kept in the browser. */
  constructor(
    readonly api: Api,
    private readonly place: string | null = null
  ) {
    this.drafts = new Drafts(place);
    this.flags = new Flags(place);
  }

  readonly get = (): PanelState => this.state;

  readonly subscribe = (subscriber: () => void): (() => void) => {
    this.subscribers.add(subscriber);
    return () => this.subscribers.delete(subscriber);
  };

  /** Look at a session; its channel is followed until another is opened or the panel goes back to the list. */
  open(session: string): void {
    if (this.state.session === session) {
      this.leave();
      return;
    }
    this.state.store?.dispose();
    const store = new SessionStore(this.api.transport(session));
    this.set({ session, store, page: null, composed: null, introducing: false, expecting: false });
  }

  close(): void {
    this.state.store?.dispose();
    this.set({ session: null, store: null, page: null, composed: null, introducing: false, expecting: false });
  }

  /** An app is to be opened in a moment, or is not any more. */
  expect(expecting: boolean): void {
    this.set({ ...this.state, expecting });
  }

  /** Show the first steps on the first screen. */
  introduce(): void {
    this.close();
    this.set({ ...this.state, introducing: true });
  }

  /** Leave the first steps out from now on. */
  leaveFirstSteps(): void {
    this.flags.set('first-steps');
    this.set({ ...this.state, introducing: false });
  }

  /** Turn to a page. */
  show(id: PageId, wanted = false): void {
    this.set({ ...this.state, page: { id, wanted } });
  }

  /** Turn to how the app looked in two versions. */
  compare(from: string, to: string): void {
    this.set({ ...this.state, page: { id: 'versions', wanted: false, compared: { from, to } } });
  }

  /** Turn to what is published of the open app. */
  publication(publication: PublicationAct): void {
    this.set({ ...this.state, page: { id: 'publish', wanted: false, publication } });
  }

  /** Back from a page to what it lay over. */
  leave(): void {
    if (this.state.page) {
      this.set({ ...this.state, page: null });
    }
  }

  /** What is to be asked in a session once the running request has ended. */
  queue(session: string): Queue {
    const known = this.queues.get(session) ?? new Queue(this.place && `${this.place}:${session}`);
    this.queues.set(session, known);
    return known;
  }

  /** The files that go with what is being written in a session; "" is the first screen's. */
  attachments(session: string): Attachments {
    const known =
      this.attached.get(session) ?? new Attachments(this.api.attach, LARGEST, this.place && `${this.place}:${session}`);
    this.attached.set(session, known);
    return known;
  }

  /** Put a text where a session's next request is written, and turn to it. */
  compose(session: string, text: string): void {
    this.open(session);
    this.set({ ...this.state, composed: { text } });
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
