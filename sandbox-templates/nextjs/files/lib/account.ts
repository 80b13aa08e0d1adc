/** Who is logged in, as lib/accounts.ts says; for client components. */
import { useEffect, useSyncExternalStore } from "react";

import { url } from "@/lib/utils";

export interface User {
  id: number;
  name: string;
}

let user: User | null | undefined;
let settings = { by: "email", signUp: true };
let asked = false;
const listeners = new Set<() => void>();

async function call(path: string, body?: unknown): Promise<void> {
  const response = await fetch(url(`/api/accounts${path}`), {
    method: body === undefined ? "GET" : "POST",
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } }),
  });
  const answer = (await response.json().catch(() => ({}))) as Partial<typeof settings> & { user?: User | null; detail?: unknown };
  if (!response.ok) {
    throw new Error(typeof answer.detail === "string" ? answer.detail : "That did not work. Try again.");
  }
  user = answer.user ?? null;
  settings = { by: answer.by ?? settings.by, signUp: answer.signUp ?? settings.signUp };
  for (const heard of listeners) heard();
}

const logIn = (name: string, password: string) => call("/log-in", { name, password });
const signUp = (name: string, password: string) => call("/sign-up", { name, password });
const logOut = () => call("/log-out", {});

function subscribe(heard: () => void): () => void {
  listeners.add(heard);
  return () => listeners.delete(heard);
}

/** `user` is null where nobody is logged in, and undefined until that is known. `by`: what people log in with, "email"
 * or a name; `mayJoin`: whether anybody may make an account. */
export function useAccount() {
  const now = useSyncExternalStore(
    subscribe,
    () => user,
    () => undefined,
  );
  useEffect(() => {
    if (asked) return;
    asked = true;
    call("").catch(() => {
      asked = false;
    });
  }, []);
  return { user: now, by: settings.by, mayJoin: settings.signUp, logIn, signUp, logOut };
}
