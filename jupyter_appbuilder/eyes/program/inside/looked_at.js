// Runs in the app's page where a person's preview looks at it, before the app's code, in the scope of the preview's own
// script (preview/probe) and after the others here: does what the preview around it asks
// (labextension/src/core/session/looking.ts), and says what came of it.

const REST_MS = 4_000; // at most, after the load
const QUIET_MS = 150; // without a change or an open request: the page has come to rest
const CALM_MS = 1_000;
const SHOWN_MS = 700; // a control that is used next, to somebody who watches
const MOST = 30_000; // characters of an answer's description

const request = window.fetch;

let changed = performance.now();
let requests = 0;
let leaving = false;
let pace = 0;

new MutationObserver(() => (changed = performance.now())).observe(document, { childList: true, subtree: true, characterData: true });
addEventListener("beforeunload", () => (leaving = true));
window.fetch = function fetch(...values) {
  requests += 1;
  return request.apply(this, values).finally(() => {
    requests -= 1;
    changed = performance.now();
  });
};

const page = {
  base: config.base,
  frame: locators.frame,
  frames: () => [locators.frame],
  page: { keyboard: locators.keyboard },
  saved: [],
  left: [],
  asked: [],
  answers: false,
  inside: (address) => (address.startsWith(location.origin + config.base) ? `/${address.slice((location.origin + config.base).length)}` : address),
  async hear() {},
  async description() {
    return tree.described();
  },
  async state() {
    return { title: document.title.slice(0, 200), path: page.inside(location.href) };
  },
  async rest(most) {
    const until = performance.now() + most;
    while (performance.now() < until + (leaving ? REST_MS : 0) && (leaving || requests > 0 || performance.now() - changed < QUIET_MS)) {
      document.querySelector("appbuilder-error")?.style.setProperty("display", "none", "important"); // our own card
      await locators.pause(30);
    }
    await eyes.calm(CALM_MS);
  },
  /** Another document does not come back here: the next one says hello. */
  async load(address) {
    const here = location.href.split("#")[0];
    location.assign(address);
    if (new URL(address, location.href).href.split("#")[0] !== here) await new Promise(() => {});
  },
};

// What a page asks in a dialog is answered by the step.
window.alert = (text = "") => void answered(page, "alert", String(text));
window.confirm = (text = "") => !!answered(page, "confirm", String(text));
window.prompt = (text = "", given = "") => answered(page, "prompt", String(text), String(given)).text ?? null;

// A frame around what is used next.
locators.pointWith(async (one) => {
  if (!pace) return;
  const { left, top, width, height } = one.getBoundingClientRect();
  const mark = document.createElement("appbuilder-pointer");
  const style = { left: `${left - 4}px`, top: `${top - 4}px`, width: `${width + 8}px`, height: `${height + 8}px` };
  Object.assign(mark.style, { all: "initial", position: "fixed", zIndex: "2147483647", boxSizing: "border-box", border: "3px solid #f37726", borderRadius: "8px", boxShadow: "0 0 0 3px #fffc", pointerEvents: "none", ...style });
  document.documentElement.append(mark);
  await locators.pause(pace);
  mark.remove();
});

const acts = {
  async rest() {
    await page.rest(REST_MS);
    const until = performance.now() + REST_MS;
    while (performance.now() < until && eyes.isBlank()) await page.rest(REST_MS / 4); // a page that draws later than it loads
    return page.state();
  },
  /** After a step that led to another document, this one. */
  async arrived() {
    const state = await acts.rest();
    const appeared = tree.described().split("\n").map((line) => line.trim());
    return { ok: true, message: "", appeared: appeared.slice(0, MOST_CHANGES), gone: [], ...state };
  },
  async describe() {
    return { ...(await page.state()), description: tree.described().slice(0, MOST) };
  },
  async look() {
    const { overflow, overlap, cut, covered } = eyes.measure();
    return { ...(await page.state()), blank: eyes.isBlank(), seen: [...overflow, ...overlap, ...cut, ...covered] };
  },
  async step({ step, watched }) {
    pace = watched ? SHOWN_MS : 0;
    if (step.is === "download") return { ok: false, message: "The person's preview does not tell what the page saves; a browser does.", ...(await page.state()) };
    const done = await perform(page, step);
    if (watched && step.do === "expect" && done.ok) await shown(step);
    return done;
  },
};

/** What was expected, to somebody who watches. */
async function shown({ role, name, text }) {
  const located = text !== undefined && name === undefined ? locators.frame.getByText(text) : role ? locators.frame.getByRole(role, { name }) : null;
  const found = located?.filter({ visible: true });
  if (found && (await found.count())) await found.nth(0).show();
}

addEventListener("message", async (event) => {
  if (event.source !== window.parent || event.data?.source !== "jupyter-appbuilder" || event.data.type !== "look") return;
  event.stopImmediatePropagation();
  const { number, act, ...more } = event.data;
  let answer;
  try {
    answer = await acts[act](more);
  } catch (error) {
    answer = { error: String(error?.message ?? error).slice(0, 500) };
  }
  tell("looked", { number, answer: JSON.stringify(answer) });
});

addEventListener("load", () => tell("looked", { number: 0, answer: "" })); // ready to be asked
