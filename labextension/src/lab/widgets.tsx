import { ReactWidget } from '@jupyterlab/apputils';
import type { Message } from '@lumino/messaging';
import { Signal } from '@lumino/signaling';
import * as React from 'react';
import { Panel, type PanelProps } from '../core/pages/Panel';
import { AppsPage, type AppsPageProps } from '../core/apps/AppsPage';
import type { Looks } from '../core/preview/looks';
import type { Host } from '../core/controls/surroundings';
import { PreviewPane } from '../core/session/Preview';
import { VersionPane } from '../core/session/VersionPane';
import type { ShownVersion } from '../core/view/view';
import { leaveKeysToInputMethods } from '../core/controls/composing';
import { inLanguage } from '../core/controls/language';
import { SurroundingsContext } from '../core/controls/surroundings';
import type { SessionStore } from '../core/view/store';
import type { Translation } from '../core/controls/translation';
import type { Summary } from '../core/wire/wire';

/** How long the panel may take to draw what takes the cursor: some ten seconds. */
const FRAMES = 600;

/** A region of JupyterLab that is ours. */
abstract class Region extends ReactWidget {
  constructor() {
    super();
    this.addClass('jp-AppBuilder');
    inLanguage(this.node);
    leaveKeysToInputMethods(this.node);
  }
}

/** The side panel. */
export class PanelWidget extends Region {
  private props: PanelProps;
  private waiting = 0;

  constructor(props: PanelProps) {
    super();
    this.props = props;
    this.addClass('jp-ThemedContainer');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', props.trans.__('App Builder'));
  }

  /** Use other settings from now on. */
  configure(change: Partial<Pick<PanelProps, 'defaults' | 'sendWithModifier'>>): void {
    this.props = { ...this.props, ...change };
    this.update();
  }

  protected render(): React.ReactElement {
    return <Panel {...this.props} />;
  }

  /**
   * Put the cursor where the next request is written, or at the head of the page that lies over it: once that is drawn,
   * and unless the person has put it elsewhere by then.
   */
  takeFocus(): void {
    cancelAnimationFrame(this.waiting);
    const attempt = (before: Element | null, frames: number): void => {
      this.waiting = requestAnimationFrame(() => {
        const now = document.activeElement;
        if (before !== null && now !== before && now !== document.body) {
          return;
        }
        this.node.querySelector<HTMLElement>('.jp-AppBuilder-composer textarea, h2[tabindex="-1"]')?.focus();
        if (!this.node.contains(document.activeElement) && frames > 0) {
          attempt(now, frames - 1);
        }
      });
    };
    // What was asked for a moment ago takes the cursor, wherever it was then: a palette gives it back as it closes.
    attempt(null, FRAMES);
  }

  dispose(): void {
    cancelAnimationFrame(this.waiting);
    super.dispose();
  }
}

export interface PreviewOptions {
  session: string;
  /** It keeps its session, whatever the panel shows. */
  pinned: boolean;
  store: (session: string) => SessionStore;
  trans: Translation;
  /** The address to load for a path that the server gave. */
  resolve: (url: string) => string;
  /** How each session's page is looked at. */
  looks: Looks;
  /** Put a text where a session's next request is written. */
  compose: (session: string, text: string) => void;
}

/** A preview, for the main area: of one session after the other, until it is pinned. */
export class PreviewWidget extends Region {
  /** What is shown is another by now, or is told otherwise. */
  readonly changed = new Signal<this, void>(this);
  /** It shows another session, was pinned, or follows the panel again. */
  readonly moved = new Signal<this, void>(this);
  /** A person chose it, by its tab for example. */
  readonly chosen = new Signal<this, void>(this);
  /** There is something in it that would be lost if it went: a file that is being sent, a row that is being written. */
  held = false;
  private shown: { session: string; pinned: boolean; store: SessionStore };

  constructor(private readonly options: PreviewOptions) {
    super();
    const { session, pinned } = options;
    this.shown = { session, pinned, store: this.follow(session) };
    this.addClass('jp-AppBuilder-previewWidget');
  }

  get session(): string {
    return this.shown.session;
  }

  get pinned(): boolean {
    return this.shown.pinned;
  }

  get store(): SessionStore {
    return this.shown.store;
  }

  /** Show a session, from now on. */
  turnTo(session: string): void {
    if (session !== this.session) {
      this.held = false;
      this.store.dispose();
      this.shown = { ...this.shown, session, store: this.follow(session) };
      this.tell();
    }
  }

  pin(pinned: boolean): void {
    if (pinned !== this.pinned) {
      this.shown = { ...this.shown, pinned };
      this.tell();
    }
  }

  protected render(): React.ReactElement {
    const { trans, resolve, compose, looks } = this.options;
    const { session, pinned, store } = this.shown;
    const host = { compose: (text: string) => compose(session, text) };
    return (
      <SurroundingsContext.Provider value={{ trans, host }}>
        <PreviewPane
          key={session}
          store={store}
          resolve={resolve}
          onHold={this.hold}
          look={looks.get(session)}
          onLook={look => looks.set(session, look)}
          pin={{ pinned, set: pinned => this.pin(pinned) }}
        />
      </SurroundingsContext.Provider>
    );
  }

  protected onActivateRequest(message: Message): void {
    super.onActivateRequest(message);
    this.chosen.emit();
  }

  dispose(): void {
    if (!this.isDisposed) {
      this.store.dispose();
      super.dispose();
    }
  }

  private readonly hold = (held: boolean): void => {
    this.held = held;
  };

  private follow(session: string): SessionStore {
    const store = this.options.store(session);
    store.subscribe(() => this.changed.emit());
    return store;
  }

  private tell(): void {
    this.update();
    this.changed.emit();
    this.moved.emit();
  }
}

export interface VersionOptions {
  session: string;
  version: ShownVersion;
  store: SessionStore;
  trans: Translation;
  /** The address to load for a path that the server gave. */
  resolve: (url: string) => string;
  openSession: (session: Summary) => void;
}

/** An earlier version of an app, for the main area. It runs as long as this is open. */
export class VersionWidget extends Region {
  constructor(readonly options: VersionOptions) {
    super();
    this.addClass('jp-AppBuilder-previewWidget');
  }

  protected render(): React.ReactElement {
    const { trans, store, version, resolve, openSession } = this.options;
    return (
      <SurroundingsContext.Provider value={{ trans, host: {} }}>
        <VersionPane
          store={store}
          version={version}
          resolve={resolve}
          onClose={() => (this.parent ?? this).dispose()}
          openSession={openSession}
        />
      </SurroundingsContext.Provider>
    );
  }

  dispose(): void {
    if (!this.isDisposed) {
      const { store, version } = this.options;
      store.transport.hideVersion?.(version.checkpoint).catch(() => undefined); // it ends by itself later
      store.dispose();
      super.dispose();
    }
  }
}

/** All apps, for the main area. */
export class AppsWidget extends Region {
  constructor(
    private readonly props: AppsPageProps,
    private readonly trans: Translation,
    private readonly host: Host
  ) {
    super();
    this.addClass('jp-AppBuilder-appsWidget');
  }

  protected render(): React.ReactElement {
    return (
      <SurroundingsContext.Provider value={{ trans: this.trans, host: this.host }}>
        <AppsPage {...this.props} />
      </SurroundingsContext.Provider>
    );
  }

  protected onActivateRequest(): void {
    const first = this.node.querySelector<HTMLElement>('.jp-AppBuilder-appOpen[tabindex="0"], input');
    (first ?? this.node).focus();
  }
}
