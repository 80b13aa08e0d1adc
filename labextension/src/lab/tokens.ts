import { Token } from '@lumino/coreutils';
import type { PanelModel } from '../core/panel';

/** Command ids, for keyboard shortcuts and other extensions. */
export namespace CommandIDs {
  /** Show the panel. Arguments: `{session?: string}` opens that session. */
  export const open = 'appbuilder:open';
  /** Show or hide the panel. */
  export const toggle = 'appbuilder:toggle';
  /** Show the panel's first screen, ready to describe a new app. */
  export const create = 'appbuilder:new';
  /** Open a session's preview. Arguments: `{session?: string}`, by default the open one. */
  export const preview = 'appbuilder:preview';
  /** Stop the running request of the open session. */
  export const stop = 'appbuilder:stop';
  /** Open the open session's notebook. */
  export const notebook = 'appbuilder:notebook';
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
