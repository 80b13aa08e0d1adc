// The steps of `use_app` and of scenarios: what a person does with a page, and what they expect of it.
//
// Controls are found by role and accessible name, as a screen reader has them; without a role by label, name or text.

import { within } from "./waiting.mjs";

const STEP_MS = 3_000; // at most, for one step
const OPEN_MS = 25_000; // for a step that loads a page: a machine with much to do has its time, as at the first load
const SETTLE_MS = 1_500; // for what it sets off
const DRAG_MOVES = 12; // lists that are sorted by pointer events follow where it goes, from some px on
const MOST_CHANGES = 30; // lines of the description
const LONGEST_LINE = 1_000; // characters
const MOST_NAMES = 12;
const LONGEST_NAME = 80; // characters of what a step names

const ROLES = ["button", "link", "textbox", "checkbox", "radio", "combobox", "switch", "tab", "menuitem", "option", "slider", "spinbutton", "searchbox"];

class Failed extends Error {}

const MOST_ASKED = 5; // dialogs of one step that are told

/** What a page's dialog is answered with, by what a step says of it (`page.answers`): false for Cancel, else OK, with a
 * text where it asks for one. Notes on the page what was asked, and how it was answered. */
export function answered(page, kind, said, given = "") {
  const { answers } = page;
  const text = kind !== "prompt" ? "" : typeof answers === "string" ? answers : given || "Sample";
  const how = kind === "alert" ? "" : answers === false ? ", answered with Cancel" : `, answered with ${kind === "prompt" ? `"${text}"` : "OK"}`;
  const what = kind === "beforeunload" ? "The page asks before it is left" : `The page ${kind === "alert" ? "says" : "asks"} "${said.slice(0, 300)}"`;
  if (page.asked.length < MOST_ASKED) page.asked.push(`${what}${how}.`);
  return answers === false ? false : { text };
}

/** Do one step. What came of it: `ok`, a message, lines of the description that appeared and disappeared. */
export async function perform(page, step) {
  const before = await page.description();
  const [saved, left] = [page.saved.length, page.left.length];
  let ok = true;
  let message = "";
  page.answers = step.answer ?? true;
  try {
    const act = ACTS[step.do];
    if (!act) throw new Failed(`There is no step "${step.do}".`);
    message = (await within(step.do === "open" ? OPEN_MS : 2 * STEP_MS, act(page, step))) ?? "";
    if (step.do !== "expect") await page.rest(SETTLE_MS);
  } catch (error) {
    ok = false;
    message = error instanceof Failed ? error.message : error.timedOut ? "It took too long." : plain(error);
  }
  await page.hear();
  const after = await page.description();
  const opened = page.left.slice(left).map((url) => `It opens ${page.inside(url)} in a new tab.`);
  message = [message, ...page.asked.splice(0), ...opened].filter(Boolean).join(" ");
  page.answers = false;
  return { ok, message, ...difference(before, after), saved: page.saved.slice(saved), ...(await page.state()) };
}

/** The first line of Playwright's message, without its call log. */
function plain(error) {
  return String(error?.message ?? error).replace(/\x1b\[[0-9;]*m/g, "").split("\n")[0].replace(/^(\w+(\.\w+)*: )+/, "").slice(0, 500);
}

function difference(before, after) {
  const [old, now] = [before, after].map((text) => text.split("\n").map((line) => line.trim()).filter(Boolean));
  const count = (lines) => lines.reduce((counts, line) => counts.set(line, (counts.get(line) ?? 0) + 1), new Map());
  const only = (lines, others) => {
    const left = count(others);
    return lines.filter((line) => {
      const there = left.get(line) ?? 0;
      left.set(line, there - 1);
      return there <= 0;
    });
  };
  const some = (lines) => lines.slice(0, MOST_CHANGES).map((line) => line.slice(0, LONGEST_LINE));
  return { appeared: some(only(now, old)), gone: some(only(old, now)) };
}

/** `button "Add"`, or only what it is. */
function described({ role, name, text }) {
  const called = name ?? text ?? "";
  const told = called.length > LONGEST_NAME ? `${called.slice(0, LONGEST_NAME - 1)}…` : called;
  return [role ?? (text ? "text" : "control"), told && `"${told}"`].filter(Boolean).join(" ");
}

/** Ways to find what a step names, the most exact first. */
function ways(frame, { role, name, text }) {
  if (text !== undefined && name === undefined) return [frame.getByText(text, { exact: true }), frame.getByText(text)];
  if (role) {
    if (name === undefined) return [frame.getByRole(role)];
    return [frame.getByRole(role, { name, exact: true }), frame.getByRole(role, { name })];
  }
  if (name === undefined) throw new Failed("The step names no control: give role and name, or text.");
  const exact = ROLES.map((each) => frame.getByRole(each, { name, exact: true })).reduce((all, one) => all.or(one));
  const loose = ROLES.map((each) => frame.getByRole(each, { name })).reduce((all, one) => all.or(one));
  return [exact, frame.getByLabel(name, { exact: true }), loose, frame.getByLabel(name), frame.getByPlaceholder(name), frame.getByText(name, { exact: true }), frame.getByText(name)];
}

/** What a step is about, in the app's page or a frame in it: those, and how many. */
async function matches(page, step, { hidden = false } = {}) {
  for (const frame of page.frames()) {
    for (const way of ways(frame, step)) {
      const those = hidden ? way : way.filter({ visible: true });
      const count = await those.count();
      if (count) return { those, count };
    }
  }
  return { those: null, count: 0 };
}

/** Find the one that a step is about. Waits for it a while: pages draw late. */
async function find(page, step, options) {
  const until = Date.now() + STEP_MS;
  const nth = step.nth ?? 1;
  for (;;) {
    const { those, count } = await matches(page, step, options);
    if (count > 1 && step.nth === undefined) {
      throw new Failed(`There are ${count} of ${described(step)}; say which with "nth" (1 is the first), or by a longer name.`);
    }
    if (count >= nth) return those.nth(nth - 1);
    if (Date.now() > until) {
      if (count) throw new Failed(`There is no ${described(step)} number ${nth} on the page, only ${count} of them.`);
      throw new Failed(`There is no ${described(step)} on the page.${await others(page, step.role)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Do something with a control. Where it does not take it, say what is in the way. */
async function use(step, control, act) {
  try {
    await act(control);
  } catch (error) {
    if (!/^(\w+(\.\w+)*: )*Timeout /.test(String(error?.message))) throw error;
    throw new Failed(`${described(step)} ${await within(STEP_MS, control.evaluate(hindrance)).catch(() => "is gone")}.`);
  }
}

/** Runs in the page. Why a control cannot be used. */
function hindrance(one) {
  if (one.disabled || one.closest("[aria-disabled=true], fieldset:disabled")) return "is disabled";
  if (one.readOnly || one.getAttribute("aria-readonly") === "true") return "cannot be changed: it is read-only";
  const { left, top, width, height } = one.getBoundingClientRect();
  const hit = one.getRootNode().elementFromPoint(left + width / 2, top + height / 2);
  if (!hit) return "cannot be scrolled to";
  if (hit === one || one.contains(hit)) return "does not come to rest, so that nothing can be done with it";
  const classes = String(hit.getAttribute("class") ?? "").trim().slice(0, 60);
  return `cannot be clicked: <${hit.localName}${hit.id ? ` id="${hit.id.slice(0, 40)}"` : ""}${classes ? ` class="${classes}"` : ""}> lies over it`;
}

/** What there is instead. */
async function others(page, role) {
  const found = [];
  for (const each of role ? [role] : ["button", "link", "textbox"]) {
    for (const line of (await page.description()).matchAll(new RegExp(`- ${each} "((?:[^"\\\\]|\\\\.)*)"`, "g"))) found.push(`${each} "${line[1]}"`);
  }
  return found.length ? ` There are: ${[...new Set(found)].slice(0, MOST_NAMES).join(", ")}.` : "";
}

const options = { timeout: STEP_MS };

const ACTS = {
  async open(page, { path = "/" }) {
    if (/^[a-z]+:|^\/\//i.test(path)) throw new Failed(`"${path}" is no path of the app.`);
    await page.load(page.base + path.replace(/^\//, ""));
  },
  async click(page, step) {
    await use(step, await find(page, step), (control) => control.click(options));
  },
  async fill(page, { value = "", ...step }) {
    const control = await find(page, step);
    await use(step, control, () => control.fill(String(value), options));
    const { type, taken } = await control.evaluate((one) => ({ type: one.type, taken: one.value }));
    if (FORMS[type] && taken !== String(value)) {
      throw new Failed(`${described(step)} did not take "${value}": it takes a ${type} such as ${FORMS[type]}.`);
    }
  },
  async select(page, { value, ...step }) {
    const control = await find(page, step);
    const tag = await control.evaluate((one) => one.localName);
    if (tag === "select") {
      const chosen = await control.selectOption([{ label: String(value) }], options).catch(() => control.selectOption(String(value), { timeout: 500 })).catch(() => null);
      if (!chosen) {
        const offered = await control.locator("option").allTextContents();
        throw new Failed(`${described(step)} has no option "${value}". It has: ${offered.slice(0, MOST_NAMES).join(", ")}.`);
      }
      return;
    }
    await use(step, control, () => control.click(options));
    const option = { role: "option", name: String(value) };
    await use(option, await find(page, option), (one) => one.click(options));
  },
  /** Where something is drawn in the box's place, it is that which people click: its label. */
  async check(page, { value = true, ...step }) {
    const [control, wanted] = [await find(page, step), value !== false && value !== "false"];
    await use(step, control, async () => {
      try {
        await control.setChecked(wanted, { timeout: STEP_MS / 3 });
      } catch (error) {
        if (!(await control.evaluate((one) => (one.labels?.[0]?.click(), !!one.labels?.length)))) throw error;
        if ((await control.isChecked()) !== wanted) throw error;
      }
    });
  },
  async press(page, { key, ...step }) {
    if (step.role || step.name !== undefined || step.text !== undefined) await use(step, await find(page, step), (control) => control.press(key, options));
    else await page.page.keyboard.press(key);
  },
  async drag(page, { to, ...step }) {
    const [from, target] = [await find(page, step), await find(page, typeof to === "string" ? { name: to } : (to ?? {}))];
    await use(step, from, () => from.dragTo(target, { ...options, steps: DRAG_MOVES }));
  },
  async upload(page, { files = [], ...step }) {
    const control = await find(page, step, { hidden: true });
    await control.setInputFiles(
      files.map(({ name, content }) => ({ name, mimeType: TYPES[name.split(".").pop()] ?? "application/octet-stream", buffer: Buffer.from(content) })),
      options,
    );
  },
  async wait(page, { text, ...step }) {
    await find(page, text === undefined ? step : { ...step, text });
  },
  async expect(page, step) {
    await until(page, () => expectation(page, step));
  },
};

const FORMS = { date: "2026-11-29", time: "14:30", "datetime-local": "2026-11-29T14:30", month: "2026-11", week: "2026-W48", color: "#1a2b3c" };
const TYPES = { csv: "text/csv", json: "application/json", txt: "text/plain", png: "image/png", html: "text/html" };

/** Wait until nothing is amiss; fails with what still is. */
async function until(page, look) {
  const end = Date.now() + STEP_MS;
  for (;;) {
    const amiss = await look();
    if (!amiss) return;
    if (Date.now() > end) throw new Failed(amiss);
    await page.hear();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** What keeps an expectation from being met; "" if nothing. */
async function expectation(page, step) {
  const { is = "visible", value, count } = step;
  if (is === "address") {
    const { path } = await page.state();
    return fits(path, value) ? "" : `The address is ${path}, not ${value}.`;
  }
  if (is === "download") {
    const names = page.saved.map(({ name }) => name);
    return page.saved.some(({ name }) => value === undefined || fits(name, value)) ? "" : names.length ? `What was saved is ${names.join(", ")}, not ${value}.` : "Nothing was saved.";
  }
  const { those, count: seen } = await matches(page, step);
  if (is === "count") return seen === count ? "" : `There are ${seen} of ${described(step)}, not ${count}.`;
  if (is === "hidden") return seen ? `${described(step)} is visible.` : "";
  if (seen < (step.nth ?? 1)) return `${described(step)} is not visible.`;
  if (is === "visible") return "";
  const first = those.nth((step.nth ?? 1) - 1);
  if (is === "disabled" || is === "enabled") return (await first.isDisabled({ timeout: 500 })) === (is === "disabled") ? "" : `${described(step)} is not ${is}.`;
  if (is === "checked" || is === "unchecked") return (await first.isChecked({ timeout: 500 })) === (is === "checked") ? "" : `${described(step)} is not ${is}.`;
  if (is === "value") {
    const has = await first.evaluate((one) => ("value" in one && one.localName !== "li" && one.localName !== "button" ? one.value : one.textContent.trim()));
    return fits(String(has), value) ? "" : `${described(step)} has the value "${String(has).slice(0, 200)}", not "${value}".`;
  }
  throw new Failed(`Nothing can be expected to be "${is}".`);
}

/** Whether a text is what was wanted; `*` in it stands for anything. */
function fits(text, wanted) {
  const [first, ...parts] = String(wanted).split("*");
  if (!parts.length) return text === first;
  const last = parts.pop();
  let at = first.length;
  if (!text.startsWith(first)) return false;
  for (const part of parts) {
    const found = text.indexOf(part, at); // the first place leaves most for the others
    if (found < 0) return false;
    at = found + part.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
}
