/**
 * People who sign up and log in. app/api/accounts/[[...path]]/route.ts has them:
 *
 *     export { GET, POST } from "@/lib/accounts";
 *     export const dynamic = "force-dynamic";
 *
 * A route handler asks userOf(request), a page or server action await currentUser(); null is nobody. Tables of what
 * people have refer to them: owner INTEGER NOT NULL REFERENCES _users(id). Pages use components/sign-in.tsx and
 * lib/account.ts.
 */
import { headers } from "next/headers";

import { Accounts, answer, Gate } from "./accounts/core.mjs";
import { connect } from "./database";

export interface User {
  id: number;
  name: string;
}

interface Settings {
  /** What people log in with. "hub": on a JupyterHub the person is who they are there; elsewhere by name. */
  by: "email" | "name" | "hub";
  /** Whether anybody may make an account. */
  signUp: boolean;
}
const SETTINGS: Settings = { by: "email", signUp: true };

const kept = globalThis as typeof globalThis & {
  appAccounts?: { file: number; accounts: Accounts };
  /** In a preview on a JupyterHub: whom it sends with a ticket that only it knows. */
  appArrival?: (ticket: string) => string | undefined;
};
const gate = new Gate();

function accounts(): Accounts {
  const { connection, file } = connect(kept.appAccounts?.file);
  if (connection) {
    kept.appAccounts?.accounts.db.close();
    kept.appAccounts = { file, accounts: new Accounts(connection) };
  }
  return kept.appAccounts!.accounts;
}

/** Who sent a request to a route handler, or null. What another site's page sends is nobody's. */
export function userOf(request: Request): User | null {
  return accounts().userOf(request);
}

/** Who asks for a page or calls a server action, or null. */
export async function currentUser(): Promise<User | null> {
  return accounts().userOf({ method: "GET", headers: await headers() });
}

/** The row if it is the user's, by its column owner; otherwise undefined, as if it were not there: answer 404. */
export function own<Row extends { owner: number }>(row: Row | undefined, user: User): Row | undefined {
  return row?.owner === user.id ? row : undefined;
}

/** The answer for nobody: if (!user) return logInFirst(). */
export function logInFirst(): Response {
  return Response.json({ detail: "Log in first." }, { status: 401 });
}

/** The answer for what is not there, or another's. */
export function notThere(): Response {
  return Response.json({ detail: "There is no such thing." }, { status: 404 });
}

/** The address that guesses are counted by: with TRUST_PROXY the proxy's word, else none. */
function clientOf(request: Request): string {
  if (!process.env.TRUST_PROXY) return "";
  return (request.headers.get("x-forwarded-for") ?? "").split(",").at(-1)?.trim() ?? "";
}

/** Who is logged in, and what the form asks for. */
export async function GET(request: Request): Promise<Response> {
  const answered = await answer(request, accounts(), SETTINGS, clientOf(request));
  if (!answered.ok) return answered;
  return Response.json({ ...(await answered.json()), ...SETTINGS }, { headers: { "cache-control": "no-store" } });
}

/** Signs up, logs in and out; a few at a time, since a password costs memory. */
export async function POST(request: Request): Promise<Response> {
  const arrives = SETTINGS.by === "hub" && kept.appArrival?.(request.headers.get("x-appbuilder-ticket") ?? "");
  if (arrives) return accounts().enter(request, arrives);
  if (!(await gate.enter())) {
    return Response.json({ detail: "Too many people are logging in. Try again in a moment." }, { status: 503 });
  }
  try {
    return await answer(request, accounts(), SETTINGS, clientOf(request));
  } finally {
    gate.leave();
  }
}
