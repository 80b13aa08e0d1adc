import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ReactWidget } from '@jupyterlab/apputils';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator } from '@jupyterlab/translation';
import * as React from 'react';
import { Icon, Spinner } from '../core/controls/Icon';
import type { PanelModel } from '../core/panel';
import { shownState } from '../core/view/view';
import type { Translation } from '../core/controls/translation';
import { IAppBuilder, IAppBuilderPanel } from './tokens';
import { load } from './translation';

export const statusPlugin: JupyterFrontEndPlugin<void> = {
  id: '@jupyter-appbuilder/labextension:status',
  description: 'Shows the open app in the status bar.',
  autoStart: true,
  requires: [IAppBuilder, IAppBuilderPanel],
  optional: [IStatusBar, ITranslator], // Jupyter Notebook has no status bar
  activate: (
    _app: JupyterFrontEnd,
    { model }: IAppBuilder,
    panel: IAppBuilderPanel,
    statusBar: IStatusBar | null,
    translator: ITranslator | null
  ): void => {
    statusBar?.registerStatusItem('@jupyter-appbuilder/labextension:status', {
      item: new StatusItem(model, load(translator), panel.show),
      align: 'left',
      rank: 90
    });
  }
};

/** The open session in the status bar. */
class StatusItem extends ReactWidget {
  constructor(
    private readonly model: PanelModel,
    private readonly trans: Translation,
    private readonly open: () => void
  ) {
    super();
    this.addClass('jp-AppBuilder-status');
  }

  protected render(): React.ReactElement {
    return <Status model={this.model} trans={this.trans} open={this.open} />;
  }
}

function Status({
  model,
  trans,
  open
}: {
  model: PanelModel;
  trans: Translation;
  open: () => void;
}): React.ReactElement | null {
  const { store } = React.useSyncExternalStore(model.subscribe, model.get);
  const subscribe = React.useCallback(
    (changed: () => void) => (store ? store.subscribe(changed) : () => undefined),
    [store]
  );
  const session = React.useSyncExternalStore(subscribe, () => store?.get().view.session ?? null);
  const shown = React.useSyncExternalStore(subscribe, () => (store ? shownState(store.get().view) : null));
  const connection = React.useSyncExternalStore(subscribe, () => store?.get().connection.state ?? 'open');
  if (!session) {
    return null;
  }
  const busy = session.state === 'busy';
  const words = {
    creating: trans.__('setting up'),
    ready: trans.__('ready'),
    busy: trans.__('building'),
    waiting: trans.__('waiting for you'),
    asleep: trans.__('asleep'),
    failed: trans.__('failed'),
    ended: trans.__('ended')
  };
  const state = connection === 'waiting' ? trans.__('connection lost') : words[shown ?? session.state];
  return (
    <button
      type="button"
      className="jp-AppBuilder-statusButton"
      title={trans.__('App Builder: %1 is %2', session.title, state)}
      onClick={open}
    >
      {busy ? <Spinner /> : <Icon name={shown === 'failed' ? 'alert' : 'spark'} />}
      <span>{session.title}</span>
      <span>{state}</span>
    </button>
  );
}
