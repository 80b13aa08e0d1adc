import { ReactWidget } from '@jupyterlab/apputils';
import * as React from 'react';
import { Panel, type PanelProps } from '../core/pages/Panel';
import { PreviewPane } from '../core/session/Preview';
import { SurroundingsContext } from '../core/controls/surroundings';
import type { SessionStore } from '../core/view/store';
import type { Translation } from '../core/controls/translation';

/** The side panel. */
export class PanelWidget extends ReactWidget {
  private props: PanelProps;

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

  /** Put the cursor where the next request is written, or at the head of the page that lies over it, if it is there. */
  takeFocus(): boolean {
    this.node.querySelector<HTMLElement>('.jp-AppBuilder-composer textarea, h2[tabindex="-1"]')?.focus();
    return this.node.contains(document.activeElement);
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
