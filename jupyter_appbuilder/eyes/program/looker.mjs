// Looks at an app in headless Chromium. Runs inside the sandbox's wall, with the browser: what a generated page can make
// of either ends there. Reads requests from stdin, one JSON object a line, and answers on stdout the same way:
//   {"id": 1, "do": "open", "page": "a", ...}  ->  {"id": 1, "ok": {...}} or {"id": 1, "error": "..."}

import { createInterface } from "node:readline";
import { createRequire } from "node:module";
import { Pages } from "./pages.mjs";

const [playwright, executablePath, axe] = process.argv.slice(2);
const origin = process.env.APPBUILDER_WAY_OUT;
const { chromium } = createRequire(import.meta.url)(playwright);

/** What the browser itself said, of all that Playwright tells of a start that failed. */
function ofTheBrowser(error) {
  const said = [...String(error?.message).matchAll(/^.*\[err\] (.*)$/gm)].map(([, line]) => line);
  return said.slice(0, 5).join(" ") || String(error?.message).split("\n")[0];
}

const launched = chromium.launch({
  executablePath,
  headless: true,
  chromiumSandbox: false, // the wall is around all of it, and lets nobody make another inside
  args: [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-crash-reporter",
    "--no-proxy-server",
  ],
});
const browser = await launched.catch((error) => {
  process.stderr.write(`${ofTheBrowser(error)}\n`);
  process.exit(4);
});
browser.on("disconnected", () => process.exit(3));

const pages = new Pages(browser, origin, axe);
const MOST = 8 * 1024 * 1024; // characters of an answer

function answer(message) {
  let line = JSON.stringify(message);
  if (line.length > MOST) line = JSON.stringify({ id: message.id, error: "What there is to tell of the page is too much." });
  process.stdout.write(`${line}\n`);
}

async function handle({ id, do: act, ...request }) {
  try {
    if (!Pages.ACTS.includes(act)) throw new Error(`There is no ${act}.`);
    answer({ id, ok: (await pages[act](request)) ?? {} });
  } catch (error) {
    answer({ id, error: String(error?.message ?? error).slice(0, 2000) });
  }
}

answer({ id: 0, ok: { browser: browser.version() } });
const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => void handle(JSON.parse(line)));
lines.on("close", () => process.exit(0)); // whoever started it is gone
