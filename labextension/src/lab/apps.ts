/** All apps as a page of the main area. */

import { ILabShell, ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { MainAreaWidget, WidgetTracker } from '@jupyterlab/apputils';
import { ITranslator } from '@jupyterlab/translation';
import type { Summary } from '../core/wire/wire';
import { appBuilderIcon } from './icon';
import { CommandIDs, IAppBuilder, IAppBuilderApps, IAppBuilderPanel, IAppBuilderPreviews } from './tokens';
import { load } from './translation';
import { AppsWidget } from './widgets';

export const appsPlugin: JupyterFrontEndPlugin<IAppBuilderApps> = {
  id: '@jupyter-appbuilder/labextension:apps',
  description: 'Shows all apps of the App Builder on a page of their own.',
  autoStart: true,
  requires: [IAppBuilder, IAppBuilderPanel, IAppBuilderPreviews],
  optional: [ILabShell, ILayoutRestorer, ITranslator],
  provides: IAppBuilderApps,
  activate: (
    { shell }: JupyterFrontEnd,
    { api, model }: IAppBuilder,
    panel: IAppBuilderPanel,
    previews: IAppBuilderPreviews,
    labShell: ILabShell | null,
    restorer: ILayoutRestorer | null,
    translator: ITranslator | null
  ): IAppBuilderApps => {
    if (!labShell) {
      return { show: null }; // Jupyter Notebook has no room for it: the panel's list stands for it
    }
    const trans = load(translator);
    const tracker = new WidgetTracker<MainAreaWidget<AppsWidget>>({ namespace: 'appbuilder-apps' });

    const open = ({ id }: Summary): void => {
      model.open(id);
      previews.opened(id);
      panel.show();
    };
    const create = (): MainAreaWidget<AppsWidget> => {
      const content = new AppsWidget(
        {
          api,
          onOpen: open,
          onPublish: session => {
            open(session);
            model.show('publish');
          },
          onNew: () => {
            model.close();
            panel.show();
          },
          onRemove: sessions => panel.remove(sessions),
          onTrashed: ({ id }) => {
            if (model.get().session === id) {
              model.close();
            }
            previews.close(id);
          }
        },
        trans,
        panel.host(null)
      );
      const widget = new MainAreaWidget({ content });
      widget.toolbar.hide();
      widget.id = 'jp-appbuilder-apps';
      widget.title.icon = appBuilderIcon;
      widget.title.label = trans.__('Apps');
      widget.title.caption = trans.__('All apps of the App Builder');
      widget.title.closable = true;
      return widget;
    };

    const show = (): void => {
      let widget = tracker.currentWidget;
      if (!widget || widget.isDisposed) {
        widget = create();
        shell.add(widget, 'main', { type: 'App Builder apps' });
        void tracker.add(widget);
      }
      shell.activateById(widget.id);
    };

    if (restorer) {
      void restorer.restore(tracker, { command: CommandIDs.home, name: () => 'apps' });
    }
    return { show };
  }
};
