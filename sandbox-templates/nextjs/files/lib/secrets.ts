/**
 * Keys and passwords that the server's code needs, by name: secret("…"), in route handlers, server actions and server
 * components. Read them where they are used, not when a module loads.
 *
 * In the App Builder people set them, and only the running server is given them. Elsewhere they are variables of the
 * environment, or lines of the file .env, which Next.js reads: API_KEY=…. No value belongs into code, a page or a log.
 */
const given = globalThis as typeof globalThis & { appSecrets?: Record<string, string> };

/** A secret's value, undefined while it is not set: answer 503 with a sentence that names it then. */
export function secret(name: string): string | undefined {
  const secrets = given.appSecrets;
  return (secrets && Object.hasOwn(secrets, name) ? secrets[name] : undefined) ?? process.env[name];
}
