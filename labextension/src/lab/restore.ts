/** Comes back to where the person was, and shows the panel when it should be seen. */

import { ILabShell, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { PageConfig } from '@jupyterlab/coreutils';
import { IStateDB } from '@jupyterlab/statedb';
import { SplitPanel, type Widget } from '@lumino/widgets';
import type { PageId, PanelModel } from '../core/panel';
import { PAGES } from '../core/pages/pages';
import { IAppBuilder, IAppBuilderPanel, IAppBuilderPreviews } from './tokens';

const WIDTH = 380; // pixels
const STATE_KEY = 'appbuilder:session';
const SEEN_KEY = 'appbuilder:seen';

export const restorePlugin: JupyterFrontEndPlugin<void> = {
  id: '@jupyter-appbuilder/labextension:restore',
  description: 'Opens the app that was open before a reload, and the app whose preview is chosen.',
  autoStart: true,
  requires: [IAppBuilder, IAppBuilderPanel, IAppBuilderPreviews],
  optional: [ILabShell, IStateDB],
  activate: (
    app: JupyterFrontEnd,
    shared: IAppBuilder,
    panel: IAppBuilderPanel,
    previews: IAppBuilderPreviews,
    labShell: ILabShell | null,
    stateDB: IStateDB | null
  ): void => {
    const query = new URLSearchParams(window.location.search);
    const asked = query.get('appbuilder');
    if (namesApp(asked) || window.sessionStorage.getItem(tabKey())) {
      shared.model.expect(true);
    }
    const restore = async (): Promise<void> => {
      try {
        await Promise.all([app.restored, shared.settings.ready]);
        await reopen(asked, shared, previews, stateDB);
      } finally {
        shared.model.expect(false);
      }
      showPage(query.get('appbuilder-page'), shared.model);
      followPreviews(shared.model, previews, labShell);
      const seen = stateDB ? await stateDB.fetch(SEEN_KEY) : true;
      const { openOnStartup } = shared.settings.values;
      if (
        asked !== null ||
        PageConfig.getOption('appBuilderOpen') === 'true' ||
        openOnStartup === 'always' ||
        (openOnStartup === 'first-time' && seen === undefined)
      ) {
        app.shell.activateById(panel.widget.id);
        if (seen === undefined) {
          widen(panel.widget);
        }
        void stateDB?.save(SEEN_KEY, true);
      }
      if (asked !== null) {
        forget(query);
        panel.show();
      }
    };
    void restore();
  }
};

function tabKey(): string {
  return `${STATE_KEY}:${window.location.pathname}`;
}

/** The address names an app, rather than asking for the panel alone. */
function namesApp(asked: string | null): asked is string {
  return asked !== null && asked !== 'open' && asked !== '';
}

/** Open the app that the address names, or else the one that was open; from then on, remember which is open. */
async function reopen(
  asked: string | null,
  { api, model }: IAppBuilder,
  previews: IAppBuilderPreviews,
  stateDB: IStateDB | null
): Promise<void> {
  // JupyterLab writes its state a moment later; a refresh in that moment finds it in the tab's own storage.
  const tab = tabKey();
  const saved = window.sessionStorage.getItem(tab) ?? (stateDB ? await stateDB.fetch(STATE_KEY) : undefined);
  const session = typeof saved === 'string' && saved !== '' ? saved : null;
  if (namesApp(asked)) {
    model.open(asked);
    previews.opened(asked);
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
}

/** The page that the address names, if there is one of that name that makes sense now. */
function showPage(asked: string | null, model: PanelModel): void {
  const id = (Object.keys(PAGES) as PageId[]).find(page => page === asked);
  if (id && (!PAGES[id].ofSession || model.get().session !== null)) {
    model.show(id);
  }
}

/** The panel shows the app whose preview is chosen. A preview that becomes current because another was closed is not. */
function followPreviews(model: PanelModel, previews: IAppBuilderPreviews, labShell: ILabShell | null): void {
  const show = (session: string): void => {
    if (model.get().session !== session) {
      model.open(session);
    }
  };
  labShell?.currentChanged.connect((_, { oldValue, newValue }) => {
    const chosen = previews.sessionOf(newValue);
    if (chosen !== null && !oldValue?.isDisposed) {
      show(chosen);
    }
  });
  // One that was current before another came forward is so still, and yet it was not in view.
  previews.chosen.connect((_, session) => show(session));
}

/** Take our part out of the address. */
function forget(query: URLSearchParams): void {
  query.delete('appbuilder');
  query.delete('appbuilder-page');
  const rest = query.toString();
  window.history.replaceState(
    window.history.state,
    '',
    window.location.pathname + (rest ? `?${rest}` : '') + window.location.hash
  );
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
