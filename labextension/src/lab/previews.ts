/** The previews: one that follows the panel, and those that were pinned to their app, beside what is open. */

import { ILabShell, ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { MainAreaWidget, Notification, WidgetTracker } from '@jupyterlab/apputils';
import { PageConfig, URLExt } from '@jupyterlab/coreutils';
import { ITranslator } from '@jupyterlab/translation';
import { UUID } from '@lumino/coreutils';
import { Signal } from '@lumino/signaling';
import { DockLayout, DockPanel, type Widget } from '@lumino/widgets';
import { Looks } from '../core/preview/looks';
import type { ShownVersion } from '../core/view/view';
import { NO_HISTORY, onFrame, SessionStore } from '../core/view/store';
import { complain } from './complain';
import { appBuilderIcon } from './icon';
import { CommandIDs, IAppBuilder, IAppBuilderPreviews } from './tokens';
import { load } from './translation';
import { PreviewWidget, VersionWidget } from './widgets';

export const previewsPlugin: JupyterFrontEndPlugin<IAppBuilderPreviews> = {
  id: '@jupyter-appbuilder/labextension:previews',
  description: 'Shows the apps of the App Builder beside what is open.',
  autoStart: true,
  requires: [IAppBuilder],
  optional: [ILabShell, ILayoutRestorer, ITranslator],
  provides: IAppBuilderPreviews,
  activate
};

function activate(
  app: JupyterFrontEnd,
  { api, model, settings }: IAppBuilder,
  labShell: ILabShell | null,
  restorer: ILayoutRestorer | null,
  translator: ITranslator | null
): IAppBuilderPreviews {
  const trans = load(translator);
  const { shell } = app;
  const looks = new Looks(app.serviceManager.serverSettings.baseUrl);
  const previews = new WidgetTracker<MainAreaWidget<PreviewWidget>>({ namespace: 'appbuilder-preview' });
  const open = (which: (preview: PreviewWidget) => boolean): MainAreaWidget<PreviewWidget> | undefined =>
    previews.find(widget => !widget.isDisposed && which(widget.content));

  const chosen = new Signal<unknown, string>(previews);

  /** A preview in which something would be lost does not turn to another session. */
  const keepHeld = (session: string): void => {
    open(preview => preview.held && preview.session !== session)?.content.pin(true);
  };

  const show = (session: string, activate: boolean, pinned = false): void => {
    if (!labShell) {
      // Jupyter Notebook shows one document a window, and nothing beside it.
      if (activate) {
        openTab(session).catch((error: unknown) => complain(trans.__('The preview could not be opened.'), error));
      }
      return;
    }
    keepHeld(session);
    const known =
      open(preview => preview.session === session) ?? (pinned ? undefined : open(preview => !preview.pinned));
    if (known) {
      known.content.turnTo(session);
      known.content.pin(known.content.pinned || pinned);
      if (activate) {
        shell.activateById(known.id);
      } else {
        bringForward(known);
      }
      return;
    }
    const widget = create(session, pinned);
    place(widget, activate);
    void previews.add(widget);
  };

  const resolve = (url: string): string =>
    /^https?:/.test(url) ? url : new URL(url, URLExt.join(PageConfig.getBaseUrl(), '/')).href;

  /** Earlier versions, one of an app at a time. */
  const earlier = new Map<string, MainAreaWidget<VersionWidget>>();
  const showVersion = (session: string, version: ShownVersion): void => {
    const known = earlier.get(session);
    if (known?.content.options.version.checkpoint === version.checkpoint) {
      shell.activateById(known.id);
      return;
    }
    const content = new VersionWidget({
      session,
      version,
      store: new SessionStore(api.transport(session), onFrame, NO_HISTORY),
      trans,
      resolve,
      openSession: fork => {
        app.commands
          .execute(CommandIDs.open, { session: fork.id })
          .catch((error: unknown) => complain(trans.__('It did not work.'), error));
      }
    });
    const widget = new MainAreaWidget({ content });
    widget.toolbar.hide();
    widget.id = `jp-appbuilder-version-${UUID.uuid4()}`;
    widget.title.icon = appBuilderIcon;
    widget.title.closable = true;
    widget.title.label = trans.__('Version %1', version.number);
    widget.title.caption = trans.__('Version %1, read-only: %2', version.number, version.title);
    content.options.store.subscribe(() => {
      if (content.options.store.get().connection.state === 'closed') {
        widget.dispose(); // the app is gone
      }
    });
    widget.disposed.connect(() => {
      if (earlier.get(session) === widget) {
        earlier.delete(session);
      }
    });
    // The server is told of the new one first: closing the other then ends nothing.
    earlier.set(session, widget);
    place(widget, true);
    known?.dispose();
  };

  const create = (session: string, pinned: boolean): MainAreaWidget<PreviewWidget> => {
    const content = new PreviewWidget({
      session,
      pinned,
      store: session => new SessionStore(api.transport(session), onFrame, NO_HISTORY),
      trans,
      looks,
      resolve,
      compose: (session, text) => {
        model.compose(session, text);
        app.commands.execute(CommandIDs.open).catch((error: unknown) => complain(trans.__('It did not work.'), error));
      }
    });
    const widget = new MainAreaWidget({ content });
    widget.toolbar.hide();
    widget.id = `jp-appbuilder-preview-${UUID.uuid4()}`;
    widget.title.icon = appBuilderIcon;
    widget.title.closable = true;
    const retitle = (): void => {
      const { view, connection } = content.store.get();
      const title = view.session?.title;
      widget.title.label = title ? shortened(title) : trans.__('Preview');
      widget.title.caption = title ? trans.__('Preview of %1', title) : '';
      if (connection.state === 'closed') {
        widget.dispose();
      }
    };
    content.changed.connect(retitle);
    content.chosen.connect(() => chosen.emit(content.session));
    content.moved.connect(() => {
      if (!content.pinned) {
        // One follows the panel: the other has been its app's alone until now.
        open(preview => preview !== content && !preview.pinned)?.dispose();
      }
      void previews.save(widget);
    });
    retitle();
    return widget;
  };

  // The preview shows what the panel does, unless that app has one of its own.
  let followed = model.get().session;
  model.subscribe(() => {
    const { session } = model.get();
    if (session === followed) {
      return;
    }
    followed = session;
    if (session !== null && !open(preview => preview.session === session)) {
      keepHeld(session);
      open(preview => !preview.pinned)?.content.turnTo(session);
    }
  });

  /** The first takes the Launcher's place or most of the room beside what is open; the others go into tabs with it. */
  const place = (widget: Widget, activate: boolean): void => {
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

  if (restorer) {
    void restorer.restore(previews, {
      command: CommandIDs.preview,
      args: ({ content: { session, pinned } }) => ({ session, pinned }),
      name: ({ content: { session, pinned } }) => (pinned ? session : 'following')
    });
  }
  return {
    show,
    opened: session => {
      if (settings.values.autoOpenPreview) {
        show(session, false);
      }
    },
    showVersion,
    close: session => {
      open(preview => preview.session === session)?.dispose();
      earlier.get(session)?.dispose();
    },
    sessionOf: widget => previews.find(preview => preview === widget)?.content.session ?? null,
    chosen
  };
}

/** A title that fits into a tab: whole words, as many as one reads there. */
export function shortened(title: string, most = 24): string {
  if (title.length <= most) {
    return title;
  }
  const cut = title.slice(0, most);
  const end = cut.lastIndexOf(' ');
  return `${(end > most / 2 ? cut.slice(0, end) : cut).replace(/[\s,;:.–-]+$/, '')}…`;
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
