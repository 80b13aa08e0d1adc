import { ReactWidget } from '@jupyterlab/apputils';
import * as React from 'react';
import { Panel, type PanelProps } from '../core/pages/Panel';
import { AppsPage, type AppsPageProps } from '../core/apps/AppsPage';
import { PreviewPane } from '../core/session/Preview';
import { SurroundingsContext } from '../core/controls/surroundings';
import type { SessionStore } from '../core/view/store';
import type { Translation } from '../core/controls/translation';

/** How long the panel may take to draw what takes the cursor: some ten seconds. */
const FRAMES = 600;

/** The side panel. */
export class PanelWidget extends ReactWidget {
  private props: PanelProps;
  private waiting = 0;

  constructor(props: PanelProps) {
    super();
    this.props = props;
    this.addClass('jp-AppBuilder');
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

/** A session's preview, for the main area. */
export class PreviewWidget extends ReactWidget {
  constructor(
    readonly session: string,
    readonly store: SessionStore,
    private readonly trans: Translation,
    private readonly resolve: (url: string) => string
  ) {
    super();
    this.addClass('jp-AppBuilder');
    this.addClass('jp-AppBuilder-previewWidget');
  }

  protected render(): React.ReactElement {
    return (
      <SurroundingsContext.Provider value={{ trans: this.trans, host: {} }}>
        <PreviewPane store={this.store} resolve={this.resolve} />
      </SurroundingsContext.Provider>
    );
  }

  dispose(): void {
    if (!this.isDisposed) {
      this.store.dispose();
      super.dispose();
    }
  }
}

/** All apps, for the main area. */
export class AppsWidget extends ReactWidget {
  constructor(
    private readonly props: AppsPageProps,
    private readonly trans: Translation
  ) {
    super();
    this.addClass('jp-AppBuilder');
    this.addClass('jp-AppBuilder-appsWidget');
  }

  protected render(): React.ReactElement {
    return (
      <SurroundingsContext.Provider value={{ trans: this.trans, host: {} }}>
        <AppsPage {...this.props} />
      </SurroundingsContext.Provider>
    );
  }

  protected onActivateRequest(): void {
    const first = this.node.querySelector<HTMLElement>('.jp-AppBuilder-appOpen[tabindex="0"], input');
    (first ?? this.node).focus();
  }
}
