import { Token } from '@lumino/coreutils';
import type { ISignal } from '@lumino/signaling';
import type { Widget } from '@lumino/widgets';
import type { Host } from '../core/controls/surroundings';
import type { PageId, PanelModel } from '../core/panel';
import type { ShownVersion } from '../core/view/view';
import type { Summary } from '../core/wire/wire';
import type { RestApi } from './api';
import type { Settings } from './settings';

/** Command ids, for keyboard shortcuts and other extensions. */
export namespace CommandIDs {
  /** Show the panel. Arguments: `{session?: string}` opens that session. */
  export const open = 'appbuilder:open';
  /** Show or hide the panel. */
  export const toggle = 'appbuilder:toggle';
  /** Show the panel's first screen, ready to describe a new app. */
  export const create = 'appbuilder:new';
  /** Show all apps. */
  export const home = 'appbuilder:home';
  /** Open a session's preview. Arguments: `{session?: string, pinned?: boolean}`, by default the open one, in the tab that
   * follows the panel. */
  export const preview = 'appbuilder:preview';
  /** Make an app of a notebook. Arguments: `{path?: string}`; by default the one that is open, or chosen in the file
   * browser where `{browser: true}` is given. */
  export const fromNotebook = 'appbuilder:from-notebook';
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
  /** Show what to do first on the first screen. */
  export const firstSteps = 'appbuilder:firstSteps';
  /** Show the parts of the panel in five hints. */
  export const tour = 'appbuilder:tour';
  /** A page of the panel. */
  export const page = (id: PageId): string => `appbuilder:${id}`;
}

/** The panel's plugin; the settings carry its name. */
export const PLUGIN_ID = '@jupyter-appbuilder/labextension:plugin';

/** The sessions: which one is open, and its state. */
export interface IAppBuilder {
  readonly api: RestApi;
  readonly model: PanelModel;
  readonly settings: Settings;
}

export const IAppBuilder = new Token<IAppBuilder>(
  '@jupyter-appbuilder/labextension:IAppBuilder',
  'The sessions of the App Builder: which one is open, and its state.'
);

/** The panel at the side. */
export interface IAppBuilderPanel {
  readonly widget: Widget;
  /** Show it, with the cursor where one writes as soon as that is there (`PanelWidget.takeFocus`). */
  show(): void;
  /** Null where it cannot be hidden. */
  readonly hide: (() => void) | null;
  /** What can be done here for a session. */
  host(session: Summary | null): Host;
  /** Delete sessions for good, after asking; false when the person thought better of it. */
  remove(sessions: readonly Summary[]): Promise<boolean>;
}

export const IAppBuilderPanel = new Token<IAppBuilderPanel>(
  '@jupyter-appbuilder/labextension:IAppBuilderPanel',
  'The panel of the App Builder.'
);

/** All apps, in the main area. */
export interface IAppBuilderApps {
  /** Null where the main area has no room for them. */
  readonly show: (() => void) | null;
}

export const IAppBuilderApps = new Token<IAppBuilderApps>(
  '@jupyter-appbuilder/labextension:IAppBuilderApps',
  'The page of all apps of the App Builder.'
);

/** The previews in the main area: one that follows the panel, and those that were pinned to their session. */
export interface IAppBuilderPreviews {
  /** `activate`: it becomes the current widget. `pinned`: it keeps its session. */
  show(session: string, activate: boolean, pinned?: boolean): void;
  /** A session was opened: its preview comes with it, if the settings say so. */
  opened(session: string): void;
  /** Show an earlier version beside it, in a tab that ends with the look at it. */
  showVersion(session: string, version: ShownVersion): void;
  close(session: string): void;
  /** The session that a widget shows; null if it is no preview. */
  sessionOf(widget: Widget | null): string | null;
  /** A preview was chosen, by its tab for example: the session that it shows. */
  readonly chosen: ISignal<unknown, string>;
}

export const IAppBuilderPreviews = new Token<IAppBuilderPreviews>(
  '@jupyter-appbuilder/labextension:IAppBuilderPreviews',
  'The previews of the App Builder.'
);
