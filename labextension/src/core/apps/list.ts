/** The list of all apps as the server has it, and changes of it. */

import * as React from 'react';
import type { Translation } from '../controls/translation';
import type { Shelf } from '../wire/events.generated';
import type { Api, SessionChange } from '../wire/transport';
import { RequestFailed, type Summary } from '../wire/wire';

/** How often the list is read again while it is in view (ms). */
const REFRESH = 10_000;
/** Requests that are sent at once where several apps are changed. */
const AT_ONCE = 4;

export interface Apps {
  /** Null until they are known. */
  apps: readonly Summary[] | null;
  failure: RequestFailed | null;
  refresh: () => void;
  /** Change one; it is shown as it will be at once. */
  change: (id: string, change: SessionChange) => Promise<void>;
}

export function useApps(api: Api, shownIn: React.RefObject<HTMLElement>): Apps {
  const [apps, setApps] = React.useState<readonly Summary[] | null>(null);
  const [failure, setFailure] = React.useState<RequestFailed | null>(null);
  const [again, setAgain] = React.useState(0);
  // A list that was asked for before a change was done says nothing of it.
  const changes = React.useRef({ begun: 0, open: 0 });
  React.useEffect(() => {
    let wanted = true;
    const read = (): void => {
      const { begun } = changes.current;
      api.apps().then(
        found => {
          if (wanted && changes.current.begun === begun && changes.current.open === 0) {
            setApps(found);
          }
          if (wanted) {
            setFailure(null);
          }
        },
        (error: unknown) => wanted && setFailure(RequestFailed.from(error))
      );
    };
    read();
    const inView = (): boolean =>
      document.visibilityState === 'visible' && (shownIn.current?.getClientRects().length ?? 0) > 0;
    const timer = setInterval(() => inView() && read(), REFRESH);
    return () => {
      wanted = false;
      clearInterval(timer);
    };
  }, [api, again, shownIn]);
  const refresh = React.useCallback(() => setAgain(count => count + 1), []);
  const change = React.useCallback(
    async (id: string, wish: SessionChange): Promise<void> => {
      setApps(known => known?.map(app => (app.id === id ? { ...app, ...wish } : app)) ?? null);
      changes.current.begun += 1;
      changes.current.open += 1;
      try {
        const told = await api.update(id, wish);
        setApps(known => known?.map(app => (app.id === id ? told : app)) ?? null);
      } finally {
        changes.current.open -= 1;
      }
    },
    [api]
  );
  return { apps, failure, refresh, change };
}

/** Do something with each, a few at once. Rejects with the first failure once all were tried. */
export async function inTurn<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const left = [...items];
  const failures: unknown[] = [];
  const next = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) {
      await work(item).catch((error: unknown) => failures.push(error));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, next));
  if (failures.length > 0) {
    throw failures[0];
  }
}

/** What was done with some apps. */
export function said(shelf: Shelf, several: readonly Summary[], trans: Translation): string {
  const [only] = several;
  const still = shelf === 'trash' && several.some(app => app.published.length > 0);
  const stays = still ? ` ${trans.__('What is published stays so until it is unpublished, or the app deleted.')}` : '';
  if (several.length === 1 && only) {
    return {
      apps: trans.__('“%1” was put back.', only.title),
      archive: trans.__('“%1” was archived.', only.title),
      trash: trans.__('“%1” is in the trash.', only.title) + stays
    }[shelf];
  }
  return {
    apps: trans.__('%1 apps were put back.', several.length),
    archive: trans.__('%1 apps were archived.', several.length),
    trash: trans.__('%1 apps are in the trash.', several.length) + stays
  }[shelf];
}
