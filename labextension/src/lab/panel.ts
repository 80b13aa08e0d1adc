/** The panel at the side. */

import { ILabShell, ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Dialog, Notification, showDialog } from '@jupyterlab/apputils';
import { PageConfig, URLExt } from '@jupyterlab/coreutils';
import { ITranslator } from '@jupyterlab/translation';
import type { Widget } from '@lumino/widgets';
import { inTurn } from '../core/apps/list';
import type { Host } from '../core/controls/surroundings';
import type { PanelProps } from '../core/pages/Panel';
import type { PageId } from '../core/panel';
import type { ShownVersion } from '../core/view/view';
import type { Summary } from '../core/wire/wire';
import { complain } from './complain';
import { appBuilderIcon } from './icon';
import { fileOf, mentionsIn } from './mentions';
import { RemoveBody } from './remove';
import type { Values } from './settings';
import { CommandIDs, IAppBuilder, IAppBuilderPanel, IAppBuilderPreviews, PLUGIN_ID } from './tokens';
import { load } from './translation';
import { PanelWidget } from './widgets';

const PANEL_ID = 'jp-appbuilder-panel';

export const panelPlugin: JupyterFrontEndPlugin<IAppBuilderPanel> = {
  id: PLUGIN_ID,
  description: 'Describe a web app in plain words and watch it being built.',
  autoStart: true,
  requires: [IAppBuilder, IAppBuilderPreviews],
  optional: [ILabShell, ILayoutRestorer, ITranslator],
  provides: IAppBuilderPanel,
  activate
};

function activate(
  app: JupyterFrontEnd,
  { api, model, settings }: IAppBuilder,
  previews: IAppBuilderPreviews,
  labShell: ILabShell | null,
  restorer: ILayoutRestorer | null,
  translator: ITranslator | null
): IAppBuilderPanel {
  const trans = load(translator);
  const { commands, shell } = app;

  const openPath = (path: string, line?: number): void => {
    // Not over the preview: with the documents that are in view, or to its left.
    const visible = Array.from(shell.widgets('main')).filter(widget => widget.isVisible);
    const isPreview = (widget: Widget): boolean => previews.sessionOf(widget) !== null;
    const beside = visible.find(widget => !isPreview(widget));
    const preview = visible.find(isPreview);
    const options = beside
      ? { ref: beside.id, mode: 'tab-after' }
      : preview
        ? { ref: preview.id, mode: 'split-left' }
        : {};
    commands
      .execute('docmanager:open', { path, options })
      .then((widget: unknown) => (line === undefined ? undefined : showLine(widget, line)))
      .catch((error: unknown) => complain(trans.__('%1 could not be opened.', path), error));
  };

  const mentions = mentionsIn(app, trans);
  const readFile = (path: string): Promise<File> => fileOf(app.serviceManager.contents, path);

  const copyLink = (page: PageId): void => {
    const address = new URL(PageConfig.getUrl({ toShare: true }), window.location.href);
    address.searchParams.set('appbuilder', 'open');
    address.searchParams.set('appbuilder-page', page);
    navigator.clipboard.writeText(address.href).then(
      () => Notification.info(trans.__('The address was copied.'), { autoClose: 3000 }),
      (error: unknown) => complain(trans.__('The address could not be copied.'), error)
    );
  };

  const host = (session: Summary | null): Host => {
    const shared: Host = labShell
      ? {
          allApps: () =>
            void commands
              .execute(CommandIDs.home)
              .catch((error: unknown) => complain(trans.__('The apps could not be shown.'), error))
        }
      : {};
    shared.copyLink = copyLink;
    shared.base = new URL(URLExt.join(PageConfig.getBaseUrl(), '/'), window.location.href).href;
    shared.tour = () =>
      void commands
        .execute(CommandIDs.tour)
        .catch((error: unknown) => complain(trans.__('The tour could not be shown.'), error));
    if (!session) {
      return { ...shared, readFile };
    }
    const { id, app_path: appPath, notebook } = session;
    return {
      ...shared,
      ...(appPath === null
        ? {}
        : {
            openFile: (path, line) => openPath(`${appPath}/${path}`, line),
            openFolder: () => {
              commands
                .execute('filebrowser:go-to-path', { path: appPath })
                .then(() => labShell?.activateById('filebrowser'))
                .catch((error: unknown) => complain(trans.__('The folder could not be opened.'), error));
            }
          }),
      ...(notebook === null ? {} : { openNotebook: () => openPath(notebook) }),
      exportZip: () => {
        api
          .download(id, session.name)
          .catch((error: unknown) => complain(trans.__('The app could not be downloaded.'), error));
      },
      showPreview: () => previews.show(id, true),
      ...(labShell ? { showVersion: (version: ShownVersion) => previews.showVersion(id, version) } : {}),
      mentions,
      readFile,
      rename: async title => {
        await api.update(id, { title });
      },
      setModel: async choice => {
        await api.update(id, { model: choice });
      },
      remove: () => {
        remove([session]).catch((error: unknown) => complain(trans.__('The app could not be deleted.'), error));
      }
    };
  };

  const remove = async (sessions: readonly Summary[]): Promise<boolean> => {
    const body = new RemoveBody(sessions, trans);
    const title = sessions[0]?.title ?? '';
    const result = await showDialog({
      title: sessions.length === 1 ? trans.__('Delete “%1”?', title) : trans.__('Delete %1 apps?', sessions.length),
      body,
      buttons: [Dialog.cancelButton(), Dialog.warnButton({ label: trans.__('Delete') })],
      defaultButton: 0
    });
    if (!result.button.accept) {
      return false;
    }
    for (const { id } of sessions) {
      if (model.get().session === id) {
        model.close();
      }
      previews.close(id);
    }
    await inTurn(sessions, ({ id }) => api.remove(id, result.value ?? false));
    return true;
  };

  const fromSettings = (values: Values): Pick<PanelProps, 'defaults' | 'sendWithModifier'> => ({
    defaults: { model: values.model, template: values.template },
    sendWithModifier: values.sendKey === 'modifier-enter'
  });
  const panel = new PanelWidget({
    model,
    trans,
    ...fromSettings(settings.values),
    host,
    onPrefer: change => settings.set(change),
    onPreferences: () =>
      void commands
        // not translated: the plugin's title
        .execute('settingeditor:open', { query: 'App Builder' })
        .catch((error: unknown) => complain(trans.__('The settings could not be opened.'), error)),
    onOpened: session => previews.opened(session.id),
    onRemove: session => remove([session])
  });
  settings.changed.connect((_, values) => panel.configure(fromSettings(values)));
  panel.id = PANEL_ID;
  panel.title.icon = appBuilderIcon;
  panel.title.caption = trans.__('App Builder');
  shell.add(panel, 'right', { rank: 200, type: 'App Builder' });
  restorer?.add(panel, PANEL_ID);
  return {
    widget: panel,
    show: () => {
      shell.activateById(PANEL_ID);
      panel.takeFocus();
    },
    hide: labShell && (() => labShell.collapseRight()),
    host,
    remove
  };
}

/** Put the cursor of an editor on a line, from 1, once its document is there. */
async function showLine(widget: unknown, line: number): Promise<void> {
  const { context, content } = widget as {
    context?: { ready: Promise<void> };
    content?: {
      editor?: {
        lineCount: number;
        setCursorPosition(at: { line: number; column: number }): void;
        revealPosition(at: { line: number; column: number }): void;
      };
    };
  };
  await context?.ready;
  const editor = content?.editor;
  if (editor) {
    const position = { line: Math.min(line, editor.lineCount) - 1, column: 0 };
    editor.setCursorPosition(position);
    editor.revealPosition(position);
  }
}
