/** What components need of the place they live in. */

import * as React from 'react';
import type { PageId } from '../panel';
import { english, type Translation } from './translation';
import type { Summary } from '../wire/wire';
import type { MenuEntry } from './Menu';

/** A page, and the way there. */
export interface PageLink extends MenuEntry {
  /** It is about the open session. */
  ofSession?: boolean;
}

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
  /** The pages that can take the panel's place. */
  pages?: Readonly<Record<PageId, PageLink>>;
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
