/** The previews: one widget a session, beside what is open. */

import { ILabShell, ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { MainAreaWidget, Notification, WidgetTracker } from '@jupyterlab/apputils';
import { PageConfig, URLExt } from '@jupyterlab/coreutils';
import { ITranslator } from '@jupyterlab/translation';
import { DockLayout, DockPanel, type Widget } from '@lumino/widgets';
import { NO_HISTORY, onFrame, SessionStore } from '../core/view/store';
import { complain } from './complain';
import { appBuilderIcon } from './icon';
import { CommandIDs, IAppBuilder, IAppBuilderPreviews } from './tokens';
import { load } from './translation';
import { PreviewWidget } from './widgets';

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
  const previews = new WidgetTracker<MainAreaWidget<PreviewWidget>>({ namespace: 'appbuilder-preview' });
  const of = (session: string): MainAreaWidget<PreviewWidget> | undefined =>
    previews.find(widget => widget.content.session === session);

  const show = (session: string, activate: boolean): void => {
    if (!labShell) {
      // Jupyter Notebook shows one document a window, and nothing beside it.
      if (activate) {
        openTab(session).catch((error: unknown) => complain(trans.__('The preview could not be opened.'), error));
      }
      return;
    }
    const known = of(session);
    if (known) {
      if (activate) {
        shell.activateById(known.id);
      } else {
        bringForward(known);
      }
      return;
    }
    const widget = create(session);
    place(widget, activate);
    void previews.add(widget);
  };

  const create = (session: string): MainAreaWidget<PreviewWidget> => {
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
    return widget;
  };

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
      args: widget => ({ session: widget.content.session }),
      name: widget => widget.content.session
    });
  }
  return {
    show,
    opened: session => {
      if (settings.values.autoOpenPreview) {
        show(session, false);
      }
    },
    close: session => of(session)?.dispose(),
    sessionOf: widget => previews.find(preview => preview === widget)?.content.session ?? null
  };
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
