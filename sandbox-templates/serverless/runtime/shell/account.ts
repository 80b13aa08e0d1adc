// Who is logged in: asked of the server once, and again when it answers that nobody is.
import { useSyncExternalStore } from 'react';

import { call, refresh, whenDenied } from './app';

export interface User {
  id: number;
  name: string;
}

let user: User | null | undefined;
let asking: Promise<void> | null = null;
const watching = new Set<() => void>();

function become(next: User | null | undefined) {
  if (next?.id === user?.id && (next === null) === (user === null)) return;
  user = next;
  for (const heard of watching) heard();
}

/** Ask the server who is logged in. */
export function ask(): Promise<void> {
  asking ??= call('_auth')
    .then(
      (answer) => become((answer as { user: User | null }).user),
      () => become(null),
    )
    .finally(() => {
      asking = null;
    });
  return asking;
}

async function post(path: string, body: unknown) {
  const { user: now } = (await call(`_auth/${path}`, { method: 'POST', body })) as { user: User | null };
  become(now);
  refresh();
}

const logIn = (name: string, password: string) => post('log-in', { name, password });
const signUp = (name: string, password: string) => post('sign-up', { name, password });
const logOut = () => post('log-out', {});

function subscribe(heard: () => void): () => void {
  watching.add(heard);
  return () => watching.delete(heard);
}

whenDenied(() => {
  if (user) void ask();
});

/** Who is logged in (null: nobody, undefined: not known yet), and how that changes. */
export function useAccount() {
  const now = useSyncExternalStore(subscribe, () => user);
  return { user: now, logIn, signUp, logOut };
}
