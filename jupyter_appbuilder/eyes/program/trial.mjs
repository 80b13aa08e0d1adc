// A bounded trial: every visible control is tried once, as somebody would who wants to know what breaks. The page's
// context is thrown away afterwards, so what is deleted here is nobody's.

import { within } from "./waiting.mjs";

const QUIET_MS = 60; // without a change: what an action did is done
const ACTION_MS = 450; // at most, for what it sets off
const HANG_MS = 6_000;
const FETCH_MS = 400; // for a request that it began
const ARRIVE_MS = 3_000; // for a page that it leads to
const REDRAWN_MS = 700; // for a server that draws the page anew after an action, without a sign of it in the page
const LOADS = 8; // times that the page is loaded anew
const LONGEST = 4_000;

const RANK_DESTROY = 6;
const SAVES = /\b(download|export|save as|herunterladen|exportieren|t[eé]l[eé]charger|exporter|descargar|exportar|scarica|esporta|baixar|downloaden|exporteren|pobierz|eksportuj|ladda ner|exportera)\b/i;
const TO_TOP = /\b(top|oben|anfang|haut|arriba|inicio|su|topo|boven|góry)\b/i;
const NOT_FOUND = /\b404\b|\bnot found\b|nicht gefunden|introuvable|no encontrad|non trovat|n[aã]o encontrad|niet gevonden/i;
const NOT_SAVED = /: The download .* failed: it answered 4\d\d/;
const FILLED = { plausible: "", beyond: " with values out of range", empty: " with nothing" };

/** Try what is visible: so many actions and seconds at most. `{ actions, findings }`. */
export async function trial(page, most, seconds) {
  const run = new Trial(page, most, Date.now() + seconds * 1000);
  page.answers = true; // "Really delete?"
  try {
    await run.all();
  } finally {
    page.answers = false;
    page.asked.length = 0;
  }
  return { actions: run.actions, findings: run.findings };
}

class Trial {
  constructor(page, most, until) {
    this.page = page;
    this.most = most;
    this.until = until;
    this.actions = 0;
    this.loads = 0;
    this.found = new Map();
    this.known = { tried: {}, places: {}, spares: true };
    this.unfinished = new Set(); // paths of pages that had more to try when they were left
    this.spared = new Set(); // of pages with what destroys: it comes once all others were tried
    this.openers = new Map(); // what was done just before a form was first there
    this.sent = new Set(); // forms that loaded the page anew
    this.last = null;
    this.doubted = new Map(); // findings of a control that is tried once more, by its key
  }

  get findings() {
    return [...this.found.values(), ...[...this.doubted.values()].flat()];
  }

  get over() {
    return this.actions >= this.most || Date.now() >= this.until || this.page.gone || this.page.hangs;
  }

  async all() {
    const { path } = await this.page.state();
    this.start = path;
    this.began = 0; // actions before the page was loaded last
    await this.page.gather(); // what went wrong before is told already
    while (!this.over) {
      const next = await this.page.look((known) => controls.next(known), this.known);
      if (!next) {
        if (!(await this.again())) return;
      } else if (next.key) {
        await this.attempt(next);
      } else if (!(await this.elsewhere(next))) {
        return;
      }
    }
  }

  /** Nothing can be reached any more: close what lies over the page, or go on elsewhere. False when all was tried. */
  async elsewhere({ url, left, spared }) {
    const covered = left + (this.known.spares ? 0 : spared);
    if (covered && !this.escaped) {
      this.escaped = true;
      await this.page.page.keyboard.press("Escape").catch(() => {});
      await this.settled();
      return true;
    }
    if (covered || this.reopen()) return this.again();
    const fresh = this.began === this.actions;
    if (fresh) this.unfinished.delete(this.page.inside(url));
    const [unfinished] = this.unfinished;
    if (unfinished !== undefined) return this.again(unfinished);
    if (this.known.spares) {
      this.known.spares = false;
      if (spared) return true;
    }
    if (fresh) this.spared.delete(this.page.inside(url));
    const [page] = this.spared;
    return page !== undefined && this.again(page);
  }

  /** Remember what else there was where an action is done, which may lead away. */
  leave({ url, left, spared }) {
    const path = this.page.inside(url);
    for (const [pages, count] of [[this.unfinished, left], [this.spared, spared]]) {
      if (count) pages.add(path);
      else pages.delete(path);
    }
  }

  /** Forms that are gone before all was tried in them are opened once more. */
  reopen() {
    let any = false;
    for (const [unit, { opener, times }] of this.openers) {
      if (times >= 2 || ["beyond", "empty"].every((way) => this.known.tried[`${way} ${unit}`])) continue;
      this.openers.set(unit, { opener, times: times + 1 });
      delete this.known.tried[opener];
      any = true;
    }
    return any;
  }

  /** Load a page afresh: the one that the trial began with, unless told. */
  async again(path = this.start) {
    if (this.over || this.loads >= LOADS) return false;
    this.loads += 1;
    this.escaped = false;
    this.last = null;
    this.began = this.actions;
    await this.page.load(this.page.base + path.replace(/^\//, "")).catch(() => {});
    await this.page.gather();
    return true;
  }

  async attempt(next) {
    this.actions += 1;
    this.escaped = false;
    this.count(next);
    this.leave(next);
    const before = { saved: this.page.saved.length, left: this.page.left.length, total: this.page.total };
    const what = described(next);
    let after = (await this.carryOut(next)) ? await this.outcome(next) : null;
    if (!after && !this.page.gone && (await this.page.isAnswering())) after = await this.outcome(next);
    if (!after) {
      if (!this.page.gone) this.find({ kind: "page", message: `After ${what}, the page hangs: its code ran for more than ${HANG_MS / 1000} seconds without a pause (an endless loop?).` });
      await this.page.gather((finding) => `After ${what}: ${finding.message}`).then((found) => found.forEach((one) => this.find(one)));
      await this.again();
      return;
    }
    await this.judge(next, what, before, after);
  }

  count({ key, place, submit, unit, way }) {
    const { tried, places } = this.known;
    tried[key] = (tried[key] ?? 0) + 1;
    places[place] = (places[place] ?? 0) + 1;
    if (submit) tried[submit] = (tried[submit] ?? 0) + 1;
    if (unit && way === "plausible" && this.last) this.openers.set(unit, { opener: this.last, times: 0 });
    this.last = unit ? null : key;
  }

  /** Click, or press Enter where no button belongs to a field. False when the page does not answer. */
  async carryOut({ point, enter }) {
    try {
      if (point) await within(HANG_MS, this.page.page.mouse.click(point.x, point.y));
      else if (enter) await within(HANG_MS, this.page.page.keyboard.press("Enter"));
      return true;
    } catch (error) {
      return !error.timedOut;
    }
  }

  /** What is there once an action was done. */
  async outcome(next) {
    let after = await this.settled();
    if (await this.arrived()) after = await this.settled();
    if (!after?.blank || after.since === next.since) return after;
    await this.page.drawn();
    return this.settled();
  }

  /** Wait for a page that is on its way here; false if none was. */
  async arrived() {
    const isOnItsWay = () => [...this.page.inFlight].some((request) => request.isNavigationRequest());
    const end = Date.now() + ARRIVE_MS;
    if (!isOnItsWay()) return false;
    while (isOnItsWay() && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 20));
    return true;
  }

  async settled() {
    const seen = await this.page.look((times) => controls.settled(times), { quiet: QUIET_MS, most: ACTION_MS }, HANG_MS);
    const end = Date.now() + FETCH_MS;
    while (seen && this.page.inFlight.size && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 20));
    return seen;
  }

  /** What was wrong with what an action did. */
  async judge(next, what, before, after) {
    const { page } = this;
    const all = await page.gather((finding) => `After ${what}${after.blank ? ", the page went blank" : ""}: ${finding.message}`);
    const lost = all.filter(({ message }) => NOT_SAVED.test(message));
    const thrown = all.filter((finding) => !lost.includes(finding));
    if (this.doubted.has(next.key)) {
      // What was answered is told a moment after the request has ended.
      const end = Date.now() + ARRIVE_MS;
      while (!lost.length && page.saved.length === before.saved && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 20));
      if (page.saved.length > before.saved) this.doubted.delete(next.key);
    } else if (lost.length) {
      // A server that was still drawing the page for what was done before may give the file another address.
      this.doubted.set(next.key, lost);
      delete this.known.tried[next.key];
      await new Promise((resolve) => setTimeout(resolve, REDRAWN_MS));
    }
    for (const finding of thrown) this.find(finding);
    if (after.blank) {
      if (!thrown.length) this.find({ kind: "page", message: `After ${what}, the page went blank.` });
      await this.again();
      return;
    }
    if (page.isAbroad(page.frame.url())) {
      this.find({ kind: "page", message: `After ${what}, the page left the app for ${page.frame.url().slice(0, 300)}.` });
      await this.again();
      return;
    }
    const anew = after.since !== next.since;
    const nowhere = next.href === null ? "" : leadsNowhere(next, after, anew, page);
    if (nowhere) this.find({ kind: "page", message: `The ${next.label} leads nowhere: ${nowhere}.` });
    if (next.unit && anew && samePage(page.inside(after.url), this.start) && !this.sent.has(next.unit)) {
      this.sent.add(next.unit);
      this.find({ kind: "page", message: `After ${what}, the page was loaded anew and what was entered is lost: the form is sent to the server (is preventDefault missing?).` });
    }
    const nothing = !anew && !after.changed && page.saved.length === before.saved && page.left.length === before.left && page.total === before.total;
    if ((next.saves || SAVES.test(next.name)) && next.way === "click" && nothing && !all.length) {
      this.find({ kind: "page", message: `After ${what}, nothing happened: no file was given to save.` });
    }
    if (anew && after.status >= 400) await this.again();
  }

  find(finding) {
    if (!this.found.has(finding.message)) this.found.set(finding.message, { ...finding, message: finding.message.slice(0, LONGEST) });
  }
}

function leadsNowhere({ href, name, title, rank }, after, anew, page) {
  const to = href.slice(0, 300);
  if (anew && after.status >= 400) return `${page.inside(after.url)} answers ${after.status}`;
  if (anew && href === "") return 'its address is empty (href=""), so that a click loads the page anew';
  if (!after.changed && href === "#" && rank < RANK_DESTROY && !TO_TOP.test(name)) return 'its address is "#", and a click does nothing';
  if (!after.changed && !anew && !after.target && href.includes("#")) return `there is no ${to.slice(to.indexOf("#"))} on the page`;
  if (NOT_FOUND.test(after.title) && !NOT_FOUND.test(title)) return `at ${page.inside(after.url)} the app says "${after.title}"`;
  return "";
}

const samePage = (one, other) => one.replace(/[?#].*$/, "") === other.replace(/[?#].*$/, "");

function described({ way, label }) {
  if (way === "click") return `clicking ${label}`;
  if (way === "file") return `choosing a file in ${label}`;
  const fields = label.fields.map((name) => `"${name}"`).join(", ");
  return `filling in ${fields}${FILLED[way]}${label.button ? ` and clicking ${label.button}` : ""}`;
}
