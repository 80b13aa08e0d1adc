/** What components need of the place they live in. */

import * as React from 'react';
import type { PageId, PublicationAct } from '../panel';
import { english, type Translation } from './translation';
import type { ShownVersion } from '../view/items';
import type { Summary } from '../wire/wire';
import type { IconName } from './Icon';
import type { MenuEntry } from './Menu';

/** A page, and the way there. */
export interface PageLink extends MenuEntry {
  /** It is about the open session. */
  ofSession?: boolean;
  /** Menus leave it to the settings. */
  inSettings?: boolean;
}

/** What a person prefers for new apps; "" where they said nothing. */
export interface Preferences {
  model: string;
  template: string;
  set: (change: { model?: string; template?: string }) => Promise<void>;
  /** Show all there are. */
  showAll: () => void;
}

/** Something that a request can name: words that stand in it, or a file that goes with it. */
export type Mention = { key: string; label: string; detail: string; icon: IconName } & (
  { kind: 'text'; text: string } | { kind: 'file'; read: () => Promise<File> }
);

/** Things only some homes can do: a missing one hides its button. Paths are relative to the app. */
export interface Host {
  /** `line` from 1: there, if it is given. */
  openFile?: (path: string, line?: number) => void;
  openFolder?: () => void;
  openNotebook?: () => void;
  exportZip?: () => void;
  showPreview?: () => void;
  rename?: (title: string) => Promise<void>;
  setModel?: (model: string) => Promise<void>;
  remove?: () => void;
  /** Show all apps, on a page of their own. */
  allApps?: () => void;
  /** Put a text where the app's next request is written, for the person to send. */
  compose?: (text: string) => void;
  /** Go where a new app is described. */
  newApp?: () => void;
  /** Show an earlier version as it runs beside the app, in a place of its own. */
  showVersion?: (version: ShownVersion) => void;
  /** Show how the app looked in two versions, by their checkpoints. */
  compareVersions?: (from: string, to: string) => void;
  /** The server's base address, which addresses without a scheme are below. */
  base?: string;
  /** Turn to something to do with what is published of the app. */
  publication?: (act: PublicationAct) => void;
  /** The pages that can take the panel's place, those that there are here. */
  pages?: Readonly<Partial<Record<PageId, PageLink>>>;
  /** Show the parts of the panel in five hints. */
  tour?: () => void;
  /** Put the address of a page on the clipboard. */
  copyLink?: (page: PageId) => void;
  preferences?: Preferences;
  /** What the place has that a request can name: files of the server, variables of running kernels. */
  mentions?: (query: string) => Promise<readonly Mention[]>;
  /** A file of the server's, by its path there. */
  readFile?: (path: string) => Promise<File>;
  /** Look at another session; `session` where it is known already. */
  openSession?: (id: string, session?: Summary) => void;
}

export interface Surroundings {
  trans: Translation;
  host: Host;
}

export const SurroundingsContext = React.createContext<Surroundings>({ trans: english, host: {} });

export function useTranslation(): Translation {
  return React.useContext(SurroundingsContext).trans;
}

export function useHost(): Host {
  return React.useContext(SurroundingsContext).host;
}
