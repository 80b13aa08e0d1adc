/** How each app's page is looked at: its size, its darkness, its drawer. There again after the page was loaded anew. */

import { DEVICES, FULL, NARROWEST, WIDEST, type FrameSize } from './frameSize';

export const LOWEST_DRAWER = 96; // px
const HIGHEST_DRAWER = 2000;
export type DrawerTab = 'console' | 'requests' | 'findings';

const PREFIX = 'jupyter-appbuilder:looks:';
const MOST = 100; // apps

export interface Look {
  readonly size: FrameSize;
  readonly dark: boolean;
  readonly drawer: { readonly tab: DrawerTab; readonly open: boolean; readonly height: number };
}

export const PLAIN: Look = { size: FULL, dark: false, drawer: { tab: 'console', open: false, height: 220 } };

export class Looks {
  /** `place` tells servers apart that share an origin; with null nothing is kept in the browser. */
  constructor(private readonly place: string | null = null) {}

  get(session: string): Look {
    return readLook(this.read().find(([name]) => name === session)?.[1]);
  }

  /** Those that were looked at last are kept. */
  set(session: string, look: Look): void {
    if (this.place === null) {
      return;
    }
    const others = this.read().filter(([name]) => name !== session);
    try {
      window.localStorage.setItem(PREFIX + this.place, JSON.stringify([[session, look], ...others].slice(0, MOST)));
    } catch {
      // The browser keeps nothing.
    }
  }

  private read(): [string, unknown][] {
    try {
      const kept: unknown =
        this.place === null ? [] : JSON.parse(window.localStorage.getItem(PREFIX + this.place) ?? '[]');
      return Array.isArray(kept) ? kept.filter((one): one is [string, unknown] => Array.isArray(one)) : [];
    } catch {
      return [];
    }
  }
}

/** What another version of ours, or someone else, has left there is taken as far as it makes sense. */
function readLook(given: unknown): Look {
  const { size, dark, drawer } = record(given);
  const { tab, open, height } = record(drawer);
  return {
    size: readSize(record(size)),
    dark: dark === true,
    drawer: {
      tab: tab === 'requests' || tab === 'findings' ? tab : 'console',
      open: open === true,
      height: within(height, LOWEST_DRAWER, HIGHEST_DRAWER) ?? PLAIN.drawer.height
    }
  };
}

function readSize({ device, width, height }: Record<string, unknown>): FrameSize {
  const wide = within(width, NARROWEST, WIDEST);
  if (wide === null || (device !== 'custom' && device !== 'phone' && device !== 'tablet')) {
    return DEVICES.desktop;
  }
  return { device, width: wide, height: within(height, NARROWEST, WIDEST) };
}

function within(given: unknown, least: number, most: number): number | null {
  return typeof given === 'number' && given >= least && given <= most ? Math.round(given) : null;
}

function record(given: unknown): Record<string, unknown> {
  return typeof given === 'object' && given !== null ? (given as Record<string, unknown>) : {};
}
