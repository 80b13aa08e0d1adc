/** What people do often, as commands: in the palette, for shortcuts and other extensions. */

import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { ICommandPalette } from '@jupyterlab/apputils';
import type { CommandRegistry } from '@lumino/commands';
import type { ReadonlyJSONObject } from '@lumino/coreutils';
import { PAGES } from '../core/pages/pages';
import type { Host } from '../core/controls/surroundings';
import type { PageId, PanelModel } from '../core/panel';
import type { SessionStore } from '../core/view/store';
import type { Transport } from '../core/wire/transport';
import type { Translation } from '../core/controls/translation';
import { canGoOn, canRetry, EMPTY_VIEW, isBusy, previousVersion, type SessionView } from '../core/view/view';
import { appBuilderIcon } from './icon';
import { CommandIDs, type IAppBuilderPanel, type IAppBuilderPreviews } from './tokens';

export interface Place {
  app: JupyterFrontEnd;
  palette: ICommandPalette | null;
  trans: Translation;
  model: PanelModel;
  panel: IAppBuilderPanel;
  previews: IAppBuilderPreviews;
  /** Shows all apps, where there is a page for that. */
  allApps: (() => void) | null;
  complain: (message: string, error: unknown) => void;
}

/** Something to do with the open session. */
interface Act {
  label: string;
  enabled: (view: SessionView) => boolean;
  run: (view: SessionView, transport: Transport) => unknown;
}

export function addCommands(place: Place): void {
  const { app, palette, trans, model, panel, previews, allApps } = place;
  const { commands } = app;
  const view = (): SessionView => model.get().store?.get().view ?? EMPTY_VIEW;
  const host = (): Host => panel.host(model.summary);
  const add = (id: string, options: CommandRegistry.ICommandOptions, args: ReadonlyJSONObject = {}): void => {
    commands.addCommand(id, { describedBy: { args: { type: 'object', properties: args } }, ...options });
    palette?.addItem({ command: id, category: trans.__('App Builder') });
  };

  add(
    CommandIDs.open,
    {
      label: trans.__('App Builder'),
      caption: trans.__('Describe a web app and watch it being built'),
      icon: appBuilderIcon,
      execute: args => {
        const session = args['session'];
        if (typeof session === 'string') {
          model.open(session);
          previews.opened(session);
        }
        panel.show();
      }
    },
    { session: { type: 'string', description: trans.__('The id of a session to open') } }
  );
  add(CommandIDs.toggle, {
    label: trans.__('Show App Builder'),
    isToggled: () => panel.widget.isVisible,
    execute: () => (panel.widget.isVisible && panel.hide ? panel.hide() : panel.show())
  });
  add(CommandIDs.create, {
    label: trans.__('New App'),
    icon: appBuilderIcon,
    execute: () => {
      model.close();
      panel.show();
    }
  });
  add(CommandIDs.firstSteps, {
    label: trans.__('First Steps in the App Builder'),
    execute: () => {
      model.introduce();
      panel.show();
    }
  });
  add(CommandIDs.home, {
    label: trans.__('All Apps'),
    icon: appBuilderIcon,
    execute: () => {
      if (allApps) {
        allApps();
        return;
      }
      model.close();
      panel.show();
    }
  });
  add(
    CommandIDs.preview,
    {
      label: trans.__('Show App Preview'),
      isEnabled: args => typeof args['session'] === 'string' || model.get().session !== null,
      execute: args => {
        const session = typeof args['session'] === 'string' ? args['session'] : model.get().session;
        if (session !== null) {
          previews.show(session, true, args['pinned'] === true);
        }
      }
    },
    {
      session: { type: 'string', description: trans.__('The session; by default the open one') },
      pinned: { type: 'boolean', description: trans.__('In a tab that keeps showing it') }
    }
  );

  const acts: Record<string, Act> = {
    [CommandIDs.stop]: {
      label: trans.__('Stop the App Builder'),
      enabled: isBusy,
      run: (_, transport) => transport.stop()
    },
    [CommandIDs.goOn]: {
      label: trans.__('Continue the Last Request'),
      enabled: canGoOn,
      run: (_, transport) => transport.goOn()
    },
    [CommandIDs.retry]: {
      label: trans.__('Retry the Last Request'),
      enabled: canRetry,
      run: (_, transport) => transport.retry()
    },
    [CommandIDs.restore]: {
      label: trans.__('Restore the Previous Version'),
      enabled: shown => !isBusy(shown) && previousVersion(shown) !== null,
      run: async (shown, transport) => {
        const version = previousVersion(shown);
        if (version) {
          await transport.restore(version.checkpoint);
        }
      }
    },
    [CommandIDs.notebook]: {
      label: trans.__('Open the App’s Notebook'),
      enabled: () => host().openNotebook !== undefined,
      run: () => host().openNotebook?.()
    },
    [CommandIDs.files]: {
      label: trans.__('Show the App’s Files'),
      enabled: () => host().openFolder !== undefined,
      run: () => host().openFolder?.()
    },
    [CommandIDs.exportZip]: {
      label: trans.__('Download the App as ZIP'),
      enabled: ({ session }) => session !== null,
      run: () => host().exportZip?.()
    },
    [CommandIDs.remove]: {
      label: trans.__('Delete the App…'),
      enabled: ({ session }) => session !== null,
      run: () => host().remove?.()
    }
  };
  for (const [id, { label, enabled, run }] of Object.entries(acts)) {
    add(id, {
      label,
      isEnabled: () => enabled(view()),
      execute: async () => {
        const { store } = model.get();
        try {
          await (store && run(view(), store.transport));
        } catch (error) {
          place.complain(trans.__('“%1” did not work.', label), error);
        }
      }
    });
  }
  const parts = (Object.keys(PAGES) as PageId[]).filter(id => !PAGES[id].ofSession && id !== 'settings');
  for (const id of Object.keys(PAGES) as PageId[]) {
    const ofSettings = id === 'settings';
    add(
      CommandIDs.page(id),
      {
        label:
          PAGES[id].command?.(trans) ??
          (PAGES[id].ofSession ? trans.__('%1 of the App', PAGES[id].title(trans)) : PAGES[id].title(trans)),
        isEnabled: () => !PAGES[id].ofSession || model.get().session !== null,
        execute: args => {
          const part = ofSettings ? parts.find(one => one === args['page']) : undefined;
          model.show(part ?? id);
          panel.show();
        }
      },
      ofSettings ? { page: { type: 'string', enum: parts, description: trans.__('One of its pages') } } : {}
    );
  }

  // The palette and menus are told when what makes sense has changed, and not with every word that streams.
  let followed: SessionStore | null = null;
  let known = '';
  const look = (): void => {
    const enabled = Object.values(acts).map(act => act.enabled(view()));
    const now = JSON.stringify([model.get().session, model.get().page?.id, enabled]);
    if (now !== known) {
      known = now;
      commands.notifyCommandChanged();
    }
  };
  const follow = (): void => {
    const { store } = model.get();
    if (store !== followed) {
      followed = store;
      store?.subscribe(look);
    }
    look();
  };
  model.subscribe(follow);
  follow();
}
