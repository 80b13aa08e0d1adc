import { ILabShell, ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Dialog, ICommandPalette, MainAreaWidget, Notification, showDialog, WidgetTracker } from '@jupyterlab/apputils';
import { PageConfig, URLExt } from '@jupyterlab/coreutils';
import { ILauncher } from '@jupyterlab/launcher';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStateDB } from '@jupyterlab/statedb';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { DockLayout, DockPanel, SplitPanel, type Widget } from '@lumino/widgets';
import type { Host } from '../core/controls/surroundings';
import { PanelModel } from '../core/panel';
import { NO_HISTORY, onFrame, SessionStore } from '../core/view/store';
import { RequestFailed, type Summary } from '../core/wire/wire';
import { RestApi } from './api';
import { addCommands } from './commands';
import { openNotebookPlugin } from './openNotebook';
import { RemoveBody } from './remove';
import { appBuilderIcon } from './icon';
import { StatusItem } from './status';
import { CommandIDs, IAppBuilder, PLUGIN_ID } from './tokens';
import { PanelWidget, PreviewWidget } from './widgets';

const WIDTH = 380; // pixels
const PANEL_ID = 'jp-appbuilder-panel';
const STATE_KEY = 'appbuilder:session';
const SEEN_KEY = 'appbuilder:seen';

interface Settings {
  openOnStartup: 'first-time' | 'always' | 'never';
  model: string;
  template: string;
  autoOpenPreview: boolean;
  sendKey: 'enter' | 'modifier-enter';
}

const DEFAULTS: Settings = {
  openOnStartup: 'first-time',
  model: '',
  template: '',
  autoOpenPreview: true,
  sendKey: 'enter'
};

const plugin: JupyterFrontEndPlugin<IAppBuilder> = {
  id: PLUGIN_ID,
  description: 'Describe a web app in plain words and watch it being built.',
  autoStart: true,
  provides: IAppBuilder,
  optional: [ILabShell, ILayoutRestorer, ICommandPalette, ILauncher, ISettingRegistry, IStateDB, IStatusBar, ITranslator],
  activate
};

export default [plugin, openNotebookPlugin];
export { CommandIDs, IAppBuilder } from './tokens';

function activate(
  app: JupyterFrontEnd,
  labShell: ILabShell | null,
  restorer: ILayoutRestorer | null,
  palette: ICommandPalette | null,
  launcher: ILauncher | null,
  settingRegistry: ISettingRegistry | null,
  stateDB: IStateDB | null,
  statusBar: IStatusBar | null,
  translator: ITranslator | null
): IAppBuilder {
  const trans = (translator ?? nullTranslator).load('jupyter_appbuilder');
  const { serverSettings } = app.serviceManager;
  const api = new RestApi(serverSettings, trans);
  const model = new PanelModel(api);
  const { commands, shell } = app;
  let settings = DEFAULTS;

  const openPath = (path: string): void => {
    // Not over the preview: with the documents that are in view, or to its left.
    const visible = Array.from(shell.widgets('main')).filter(widget => widget.isVisible);
    const isPreview = (widget: Widget): boolean => previews.find(preview => preview === widget) !== undefined;
    const beside = visible.find(widget => !isPreview(widget));
    const preview = visible.find(isPreview);
    const options = beside ? { ref: beside.id, mode: 'tab-after' } : preview ? { ref: preview.id, mode: 'split-left' } : {};
    commands
      .execute('docmanager:open', { path, options })
      .catch((error: unknown) => complain(trans.__('%1 could not be opened.', path), error));
  };

  const host = (session: Summary | null): Host => {
    if (!session) {
      return {};
    }
    const { id, app_path: appPath, notebook } = session;
    return {
      ...(appPath === null
        ? {}
        : {
            openFile: path => openPath(`${appPath}/${path}`),
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
      showPreview: () => showPreview(id, true),
      rename: async title => {
        await api.update(id, { title });
      },
      setModel: async choice => {
        await api.update(id, { model: choice });
      },
      remove: () => {
        remove(session).catch((error: unknown) => complain(trans.__('The app could not be deleted.'), error));
      }
    };
  };

  const remove = async (session: Summary): Promise<boolean> => {
    const body = new RemoveBody(session, trans);
    const result = await showDialog({
      title: trans.__('Delete “%1”?', session.title),
      body,
      buttons: [Dialog.cancelButton(), Dialog.warnButton({ label: trans.__('Delete') })],
      defaultButton: 0
    });
    if (!result.button.accept) {
      return false;
    }
    const removed = api.remove(session.id, result.value ?? false);
    if (model.get().session === session.id) {
      model.close();
    }
    previews.find(widget => widget.content.session === session.id)?.dispose();
    await removed;
    return true;
  };

  const panel = new PanelWidget({
    model,
    trans,
    defaults: { model: '', template: '' },
    sendWithModifier: false,
    host,
    onOpened: session => {
      if (settings.autoOpenPreview) {
        showPreview(session.id, false);
      }
    },
    onRemove: remove
  });
  panel.id = PANEL_ID;
  panel.title.icon = appBuilderIcon;
  panel.title.caption = trans.__('App Builder');
  shell.add(panel, 'right', { rank: 200, type: 'App Builder' });

  // The preview: one widget a session, right of what is open.
  const previews = new WidgetTracker<MainAreaWidget<PreviewWidget>>({ namespace: 'appbuilder-preview' });
  const showPreview = (session: string, activate: boolean): void => {
    if (!labShell) {
      // Jupyter Notebook shows one document a window, and nothing beside it.
      if (activate) {
        openTab(session).catch((error: unknown) => complain(trans.__('The preview could not be opened.'), error));
      }
      return;
    }
    const known = previews.find(widget => widget.content.session === session);
    if (known) {
      if (activate) {
        shell.activateById(known.id);
      } else {
        bringForward(known);
      }
      return;
    }
    const store = new SessionStore(api.transport(session), onFrame, NO_HISTORY);
    const content = new PreviewWidget(session, store, trans, url =>
      /^https?:/.test(url) ? url : new URL(url, URLExt.join(PageConfig.getBaseUrl(), '/')).href
    );
    const widget = new MainAreaWidget({ content });
    widget.toolbar.hide();
    widget.id = `jp-appbuilder-preview-${session}`;
    widget.title.icon = appBuilderIcon;
    widget.title.closable = true;
    const retitle = (): void => {
      const title = store.get().view.session?.title;
      widget.title.label = title ?? trans.__('Preview');
      widget.title.caption = title ? trans.__('Preview of %1', title) : '';
      if (store.get().connection.state === 'closed') {
        widget.dispose();
      }
    };
    store.subscribe(retitle);
    retitle();
    // The first takes the Launcher's place or most of the room beside what is open; the others go into tabs with it.
    const neighbour = previews.find(other => !other.isDisposed && other.isAttached);
    const inView = Array.from(shell.widgets('main')).filter(other => other.isVisible);
    const launcher = inView.length === 1 ? inView.find(other => other.node.querySelector('.jp-Launcher')) : undefined;
    const beside = neighbour ?? launcher;
    shell.add(widget, 'main', {
      ...(beside ? { ref: beside.id, mode: 'tab-after' } : { mode: 'split-right' }),
      activate,
      type: 'App Builder preview'
    });
    bringForward(widget);
    if (launcher && !neighbour) {
      launcher.close();
    } else if (!neighbour) {
      giveStage(widget);
    }
    void previews.add(widget);
  };

  /** The app in a browser tab of its own; its page starts the app and shows how it goes. */
  const openTab = async (session: string): Promise<void> => {
    const open = (url: string): void =>
      void window.open(new URL(url, URLExt.join(PageConfig.getBaseUrl(), '/')).href, '_blank', 'noopener,noreferrer');
    const address = (): string | null =>
      model.get().session === session ? (model.get().store?.get().view.preview?.url ?? null) : null;
    const known = address();
    if (known) {
      open(known);
      return;
    }
    await api.transport(session).preview('start');
    const url = address();
    Notification.info(url ? trans.__('The preview opens in a tab of its own.') : trans.__('The preview is starting.'), {
      autoClose: false,
      actions: [
        {
          label: trans.__('Open the preview'),
          callback: () => {
            const started = address();
            if (started) {
              open(started);
            }
          }
        }
      ]
    });
  };

  const complain = (message: string, error: unknown): void => {
    const failure = RequestFailed.from(error);
    Notification.error(`${message} ${failure.message} ${failure.hint}`.trim());
  };

  const showPanel = (): void => {
    shell.activateById(PANEL_ID);
    requestAnimationFrame(() => panel.takeFocus());
  };

  addCommands({
    app,
    palette,
    trans,
    model,
    host,
    isShown: () => panel.isVisible,
    show: showPanel,
    hide: labShell && (() => labShell.collapseRight()),
    opened: session => {
      if (settings.autoOpenPreview) {
        showPreview(session, false);
      }
    },
    showPreview: session => showPreview(session, true),
    complain
  });
  launcher?.add({ command: CommandIDs.open, category: trans.__('Other'), rank: 0 });
  if (statusBar) {
    statusBar.registerStatusItem(`${PLUGIN_ID}:status`, {
      item: new StatusItem(model, trans, () => void commands.execute(CommandIDs.open)),
      align: 'left',
      rank: 90
    });
  }

  restorer?.add(panel, PANEL_ID);
  if (restorer) {
    void restorer.restore(previews, {
      command: CommandIDs.preview,
      args: widget => ({ session: widget.content.session }),
      name: widget => widget.content.session
    });
  }

  // Who turns to a preview looks at its app. What becomes current because another was closed was not chosen.
  let started = false;
  labShell?.currentChanged.connect((_, { oldValue, newValue }) => {
    const chosen = previews.find(widget => widget === newValue);
    if (started && chosen && !oldValue?.isDisposed && model.get().session !== chosen.content.session) {
      model.open(chosen.content.session);
    }
  });

  const ready = readSettings(settingRegistry, changed => {
    settings = changed;
    panel.configure({
      defaults: { model: changed.model, template: changed.template },
      sendWithModifier: changed.sendKey === 'modifier-enter'
    });
  });
  void start();
  return { model };

  /** Come back to where the person was, and show up by ourselves when we should. */
  async function start(): Promise<void> {
    await Promise.all([app.restored, ready]);
    const query = new URLSearchParams(window.location.search);
    const asked = query.get('appbuilder');
    // JupyterLab writes its state a moment later; a refresh in that moment finds it in the tab's own storage.
    const tab = `${STATE_KEY}:${window.location.pathname}`;
    const saved = window.sessionStorage.getItem(tab) ?? (stateDB ? await stateDB.fetch(STATE_KEY) : undefined);
    const session = typeof saved === 'string' && saved !== '' ? saved : null;
    if (asked !== null && asked !== 'open' && asked !== '') {
      model.open(asked);
      if (settings.autoOpenPreview) {
        showPreview(asked, false);
      }
    } else if (session !== null && model.get().session === null) {
      try {
        await api.sessions().then(known => {
          if (known.some(summary => summary.id === session)) {
            model.open(session);
          }
        });
      } catch {
        // The list says what is wrong.
      }
    }
    const remember = (): void => {
      const current = model.get().session;
      window.sessionStorage.setItem(tab, current ?? '');
      void (current === null ? stateDB?.remove(STATE_KEY) : stateDB?.save(STATE_KEY, current));
    };
    model.subscribe(remember);
    remember(); // also what was opened just now, by a link
    started = true;
    const seen = stateDB ? await stateDB.fetch(SEEN_KEY) : true;
    if (
      asked !== null ||
      PageConfig.getOption('appBuilderOpen') === 'true' ||
      settings.openOnStartup === 'always' ||
      (settings.openOnStartup === 'first-time' && seen === undefined)
    ) {
      shell.activateById(PANEL_ID);
      if (seen === undefined) {
        widen(panel);
      }
      void stateDB?.save(SEEN_KEY, true);
    }
    if (asked !== null) {
      query.delete('appbuilder');
      const rest = query.toString();
      window.history.replaceState(
        window.history.state,
        '',
        window.location.pathname + (rest ? `?${rest}` : '') + window.location.hash
      );
      requestAnimationFrame(() => {
        if (!panel.node.contains(document.activeElement)) {
          panel.takeFocus(); // unless the person is faster, and uses the panel already
        }
      });
    }
  }
}

/** Show a widget of the main area without taking the keyboard from what the person is at. */
function bringForward(widget: Widget): void {
  if (!widget.isVisible && widget.parent instanceof DockPanel) {
    widget.parent.selectWidget(widget);
  }
}

/** Two thirds of the room for a widget that was split off to the right. */
function giveStage(widget: Widget): void {
  // Once it has its place.
  requestAnimationFrame(() => {
    const dock = widget.parent;
    if (!(dock instanceof DockPanel) || !(dock.layout instanceof DockLayout)) {
      return;
    }
    const room = dock.node.getBoundingClientRect();
    const left = widget.node.getBoundingClientRect().left;
    const handles = Array.from(dock.layout.handles()).filter(
      handle => handle.dataset['orientation'] === 'horizontal' && !handle.classList.contains('lm-mod-hidden')
    );
    const handle = handles.find(each => Math.abs(each.getBoundingClientRect().right - left) <= 12);
    if (handle) {
      dock.layout.moveHandle(handle, room.width / 3, 0);
    }
  });
}

/** JupyterLab opens side panels 250 pixels wide, which is little for a conversation. Once, the first time. */
function widen(panel: Widget): void {
  // Once the shell has laid itself out: a file in the address opens after the layout is restored.
  setTimeout(() => {
    let split = panel.parent;
    while (split && !(split instanceof SplitPanel)) {
      split = split.parent;
    }
    const width = panel.node.clientWidth;
    if (!(split instanceof SplitPanel) || width === 0 || width >= WIDTH) {
      return;
    }
    const sizes = split.relativeSizes();
    const side = split.widgets.findIndex(widget => widget.contains(panel));
    const main = sizes.indexOf(Math.max(...sizes));
    const share = Math.min((WIDTH - width) / split.node.clientWidth, 0.25);
    if (side >= 0 && main >= 0 && side !== main) {
      sizes[side] = (sizes[side] ?? 0) + share;
      sizes[main] = (sizes[main] ?? 0) - share;
      split.setRelativeSizes(sizes);
    }
  }, 400);
}

async function readSettings(registry: ISettingRegistry | null, take: (settings: Settings) => void): Promise<void> {
  if (!registry) {
    return;
  }
  try {
    const loaded = await registry.load(PLUGIN_ID);
    const read = (): void => take({ ...DEFAULTS, ...(loaded.composite as Partial<Settings>) });
    loaded.changed.connect(read);
    read();
  } catch (error) {
    console.error('The settings of the App Builder could not be read.', error);
  }
}
