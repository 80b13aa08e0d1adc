import { Token } from '@lumino/coreutils';
import type { PageId, PanelModel } from '../core/panel';

/** Command ids, for keyboard shortcuts and other extensions. */
export namespace CommandIDs {
  /** Show the panel. Arguments: `{session?: string}` opens that session. */
  export const open = 'appbuilder:open';
  /** Show or hide the panel. */
  export const toggle = 'appbuilder:toggle';
  /** Show the panel's first screen, ready to describe a new app. */
  export const create = 'appbuilder:new';
  /** Show the list of apps. */
  export const home = 'appbuilder:home';
  /** Open a session's preview. Arguments: `{session?: string}`, by default the open one. */
  export const preview = 'appbuilder:preview';
  /** Stop the running request of the open session. */
  export const stop = 'appbuilder:stop';
  /** Go on with a request that was cut short. */
  export const goOn = 'appbuilder:continue';
  /** Take back what the last request changed, and make it again. */
  export const retry = 'appbuilder:retry';
  /** Bring back the version before the current one. */
  export const restore = 'appbuilder:restore';
  /** Open the open session's notebook. */
  export const notebook = 'appbuilder:notebook';
  /** Show the open session's folder in the file browser. */
  export const files = 'appbuilder:files';
  /** Download the open session's app. */
  export const exportZip = 'appbuilder:export';
  /** Delete the open session, after asking. */
  export const remove = 'appbuilder:delete';
  /** A page of the panel. */
  export const page = (id: PageId): string => `appbuilder:${id}`;
}

export const PLUGIN_ID = '@jupyter-appbuilder/labextension:plugin';

/** What other extensions can ask of the App Builder. */
export interface IAppBuilder {
  readonly model: PanelModel;
}

export const IAppBuilder = new Token<IAppBuilder>(
  '@jupyter-appbuilder/labextension:IAppBuilder',
  'The App Builder panel: which session is open, and its state.'
);
