// The open pages of one browser, by name. Each has a context of its own, which is thrown away with it.

import { readFile } from "node:fs/promises";
import { audit } from "./audit.mjs";
import { answered, perform } from "./steps.mjs";
import { trial } from "./trial.mjs";
import { within } from "./waiting.mjs";
import { World } from "./world.mjs";

const LOAD_MS = 25_000; // a dev server that is new to the app, on a machine with much to do
const REST_MS = 4_000; // at most, after the load
const DRAWN_MS = 15_000; // at most, until something is visible
const TURN_MS = 600;
const CALM_MS = 1_000; // at most, for what fades or slides
const QUIET_MS = 150; // without a change or an open request: the page has come to rest
const HANG_MS = 6_000; // a page that does not answer for so long hangs,
const HAD_SECONDS = 2; // once it has had the processor for so long more,
const BUSY_MS = 18_000; // or after so long anyway
const MOST_FRAMES = 8;
const LONGEST = 4_000; // characters of a finding's message
const MOST_FINDINGS = 60;
const MOST_TOLD = 40; // of them by the page itself: what is seen from outside has room, whatever a page tells
const MOST_REQUESTS = 300; // of one address in one look: a loop
const MOST_RESTLESS = 40; // of one address by a page that does not come to rest: a loop, too
const PIXELS = 750_000; // of a picture: about 1,000 tokens
const CUT_AROUND = 8; // CSS px around an element in its picture
const PORTRAIT_HEIGHT = 800; // CSS px, of the window that a portrait is taken in
const PORTRAIT_TALLEST = 2_400; // of a page that is longer the rest is left out
const PORTRAIT_LONGEST = 3_500_000; // characters of one in Base64
const THUMBNAIL = { width: 640, height: 480 }; // px, at most
const FRAMEWORK_OVERLAYS = ["vite-error-overlay", "nextjs-portal", "#webpack-dev-server-client-overlay"];

const MOST_HOSTS = 20;
const LATE_MS = 60; // our script in the page says more of an error than the browser does, and a little later
const NO_ROUTE = /(?:No routes matched location|No match found for location with path) "([^"]{1,300})"/;
const PICTURE = /^<img> could not load (\S+)/;
const UNREACHED = /Failed to fetch|NetworkError|Network Error|Load failed|\bERR_[A-Z_]+/;

export class Pages {
  static ACTS = ["open", "close", "describe", "picture", "portrait", "cut", "findings", "audit", "turn", "step", "trial"];

  constructor(browser, origin, axe) {
    this.browser = browser;
    this.origin = origin;
    this.axe = axe;
    this.open_ = new Map();
  }

  /** A page by its name, as `open` was given it. */
  at(name) {
    const page = this.open_.get(name);
    if (!page) throw new Error("That page is not open.");
    return page;
  }

  /** Load `address` (a path of the preview) in a new context. */
  async open({ page: name, address, width, height, theme }) {
    await this.close({ page: name });
    const context = await this.browser.newContext({
      viewport: { width, height },
      colorScheme: theme,
      hasTouch: width < 768,
      locale: "en-US",
      acceptDownloads: false,
    });
    const page = new Page(context, await context.newPage(), this.origin);
    this.open_.set(name, page);
    await page.load(address);
    // A dev server may keep what it said last for the next page that opens, when it is long mended.
    if (await page.isBroken()) {
      page.forget();
      await page.load(address);
    }
    return page.state();
  }

  async close({ page: name }) {
    const page = this.open_.get(name);
    this.open_.delete(name);
    // A page that hangs can keep its context from closing: it goes with the browser then.
    if (page) await within(HANG_MS, page.context.close()).catch(() => {});
  }

  /** What a screen reader would tell: the tree of roles, names and texts. */
  async describe({ page: name, most }) {
    const page = this.at(name);
    const text = await page.description();
    return { ...(await page.state()), description: text.slice(0, most), cut: text.length > most };
  }

  /** A PNG of what is in view, `data` in Base64. */
  async picture({ page: name }) {
    return this.at(name).picture();
  }

  /** What is in a box of the page, or the one element that a selector finds; nothing where it shows something else. */
  async cut({ page: name, ...wanted }) {
    return this.at(name).cut(wanted);
  }

  /** How the page looks in a window of that width: `whole` from its top down, and a `thumbnail`. */
  async portrait({ page: name, width }) {
    return this.at(name).portrait(width);
  }

  async findings({ page: name }) {
    const page = this.at(name);
    return { ...(await page.state()), findings: await page.findings() };
  }

  /** What eyes would see. */
  async audit({ page: name }) {
    const page = this.at(name);
    const found = await this.audited(page);
    if (!found.length) return { findings: [] };
    // On a busy machine a page is looked at while it is still being drawn: what it shows twice counts.
    await page.rest(TURN_MS);
    const before = new Set(found.map(still));
    return { findings: (await this.audited(page)).filter((one) => before.has(still(one))) };
  }

  async audited(page) {
    return page.hangs ? [] : audit(page, await this.axeSource());
  }

  async axeSource() {
    this.source ??= this.axe ? await readFile(this.axe, "utf8") : "";
    return this.source;
  }

  /** Prefer another theme. */
  async turn({ page: name, theme }) {
    const page = this.at(name);
    await page.page.emulateMedia({ colorScheme: theme });
    await page.rest(TURN_MS);
  }

  /** One step of `use_app`. */
  async step({ page: name, step }) {
    return perform(this.at(name), step);
  }

  async trial({ page: name, most, seconds }) {
    return trial(this.at(name), most, seconds);
  }
}

/** A page as `Pages` has it: the app in a frame, as the panel shows it, so that what it may not do is the same. */
export class Page {
  constructor(context, page, origin) {
    this.context = context;
    this.page = page;
    this.origin = origin;
    this.world = new World(page);
    this.found = new Map();
    this.saved = [];
    this.left = [];
    this.late = [];
    this.missed = new Set(); // paths without a route
    this.pictures = new Set(); // addresses of broken ones that an audit has named
    this.hosts = new Set(); // others that the page asked
    this.lacksScripts = false; // of theirs
    this.answers = false; // to what the page asks in a dialog: yes, no, or a text
    this.asked = []; // what it asked, and what was answered
    this.inFlight = new Set();
    this.counts = new Map(); // requests by address
    this.loading = new Map(); // those since it was loaded, by method and URL
    this.total = 0;
    this.bytes = 0; // that came; the page itself is not told, having an origin of its own
    this.loads = 0;
    this.hangs = false;
    this.gone = false;
    page.on("request", (request) => this.requested(request));
    page.on("requestfinished", (request) => this.arrived(request));
    page.on("requestfailed", (request) => this.inFlight.delete(request));
    context.on("weberror", (error) => this.thrown(error));
    page.on("crash", () => {
      this.gone = true;
      this.find({ kind: "page", message: "The page made the browser's tab crash: it takes too much memory." });
    });
    page.on("dialog", (dialog) => void this.answer(dialog).catch(() => {}));
    page.on("filechooser", () => {}); // nobody is there to choose
    page.on("console", (message) => this.warned(message));
    page.on("requestfailed", (request) => this.notReached(request));
    page.on("popup", (popup) => void popup.close().catch(() => {}));
  }

  requested(request) {
    if (["websocket", "eventsource"].includes(request.resourceType())) return; // open for good
    if (request.url().includes("/__appbuilder/")) return; // our own script's
    this.inFlight.add(request);
    this.total += 1;
    const address = request.url().replace(/[?#].*$/, "");
    if (counted(this.counts, address) === MOST_REQUESTS) this.loops(request.method(), address);
    counted(this.loading, `${request.method()} ${request.url()}`);
  }

  loops(method, address) {
    this.find({ kind: "network", message: `${method} ${this.inside(address)} is asked for again and again: a loop?` });
  }

  arrived(request) {
    if (!this.inFlight.delete(request)) return;
    request.sizes().then(({ responseBodySize }) => (this.bytes += Math.max(0, responseBodySize))).catch(() => {});
  }

  /** Nothing but the app can be reached from here: that another host does not answer is no fault of the app. */
  notReached(request) {
    if (!this.isAbroad(request.url())) return;
    if (this.hosts.size < MOST_HOSTS) this.hosts.add(new URL(request.url()).host);
    if (request.resourceType() === "script") this.lacksScripts = true;
  }

  async answer(dialog) {
    const kind = dialog.type();
    const answer = answered(this, kind, dialog.message(), dialog.defaultValue());
    await (answer ? dialog.accept(kind === "prompt" ? answer.text : undefined) : dialog.dismiss());
  }

  /** The app's frame and those in it, so many at most. */
  frames() {
    const found = [this.frame];
    for (const one of found) if (found.length < MOST_FRAMES) found.push(...one.childFrames());
    return found.slice(0, MOST_FRAMES);
  }

  /** Routers warn only where a link leads to no page. */
  warned(message) {
    if (message.type() !== "warning" || this.missed.size > 10) return;
    const missed = NO_ROUTE.exec(message.text());
    if (!missed) return;
    const path = this.inside(missed[1]);
    if (!this.missed.has(path)) this.find({ kind: "page", message: `No route of the app matches ${path}: a link or a redirect leads there.` });
    this.missed.add(path);
  }

  /** What our script in the page may not be told: errors of scripts without CORS, of workers and of frames in it. */
  thrown(told) {
    const error = told.error();
    const at = told.location?.();
    const source = at?.url ? `${this.inside(at.url).replace(/^\//, "").replace(/\?.*$/, "")}:${at.line + 1}:${at.column + 1}` : undefined;
    const message = `${error.name ? `${error.name}: ` : ""}${error.message}`;
    if (this.late.length < MOST_FINDINGS) this.late.push({ kind: "page", message, stack: error.stack, source });
  }

  find(finding, most = MOST_FINDINGS) {
    const key = `${finding.kind} ${finding.message}`;
    if (this.found.size < most && !this.found.has(key)) this.found.set(key, finding);
  }

  /** A URL as the app has it. */
  inside(url) {
    const path = url.startsWith(this.origin) ? url.slice(this.origin.length) : url;
    return this.base && path.startsWith(this.base) ? `/${path.slice(this.base.length)}` : path;
  }

  async load(address) {
    this.base ??= /^\/.*?appbuilder\/preview\/[^/]+\//.exec(address)[0];
    this.gone = this.hangs = false;
    this.inFlight.clear();
    this.loading.clear();
    this.frame = null;
    // As a whole: code that never pauses can keep any of these waiting.
    await within(LOAD_MS, this.enter(address)).catch(() => {
      this.find({ kind: "page", message: `The page did not finish loading within ${LOAD_MS / 1000} seconds.` });
    });
    if (!this.frame) return this.hung();
    if (!(await this.rest(REST_MS))) this.lookForLoops();
    await this.drawn();
    await this.lookForOverlay();
  }

  /** What keeps a page from coming to rest: the same request over and over. */
  lookForLoops() {
    for (const [asked, times] of this.loading) {
      const [method, url] = asked.split(" ");
      if (times >= MOST_RESTLESS) this.loops(method, url.replace(/[?#].*$/, ""));
    }
  }

  /** Whether the dev server says that the app's code is broken. */
  async isBroken() {
    await this.hear();
    return [...this.found.values()].some(({ kind }) => kind === "build");
  }

  /** As if it had not been loaded yet. */
  forget() {
    this.found.clear();
    this.late = [];
  }

  async enter(address) {
    this.loads += 1; // another address each time: of one that differs after the # alone nothing is loaded
    await this.page.goto(`${this.origin}/__eye?${this.loads}#${encodeURIComponent(address)}`, { timeout: LOAD_MS, waitUntil: "domcontentloaded" });
    const handle = await this.page.waitForSelector("iframe", { state: "attached", timeout: LOAD_MS });
    this.frame = await handle.contentFrame();
    await this.page.waitForFunction(() => globalThis.loaded, null, { timeout: LOAD_MS });
  }

  hung() {
    this.hangs = true;
    this.find({ kind: "page", message: `The page hangs: it ran code without a pause for more than ${HANG_MS / 1000} seconds (an endless loop?).` });
  }

  /** Wait until nothing moves any more: no change of the document, no request under way, nothing that fades. False where
   *  changes and requests go on. */
  async rest(most) {
    const quiet = await this.quiet(most);
    await this.look((most) => eyes.calm(most), CALM_MS);
    return quiet;
  }

  /** Wait for a page that draws later than it loads, as one that is sent over a socket: long where nothing went wrong,
   *  since on a busy machine that takes long. */
  async drawn() {
    const began = Date.now();
    while (await this.look(() => eyes.isBlank())) {
      await this.hear();
      if (Date.now() - began > (this.found.size ? REST_MS : DRAWN_MS)) return;
      await this.rest(REST_MS / 4);
      await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
    }
  }

  async quiet(most) {
    const until = Date.now() + most;
    let quietSince = 0;
    while (Date.now() < until && !this.gone) {
      const changed = await this.ask(() => {
        const card = document.querySelector("appbuilder-error"); // our own, over the app
        if (card) card.style.setProperty("display", "none", "important");
        if (!globalThis.__eyeChanges) {
          globalThis.__eyeChanges = { last: performance.now() };
          new MutationObserver(() => (globalThis.__eyeChanges.last = performance.now())).observe(document, {
            childList: true,
            subtree: true,
            characterData: true,
          });
        }
        return performance.now() - globalThis.__eyeChanges.last;
      });
      if (changed === undefined) return true; // it hangs, or navigates
      if (this.inFlight.size === 0 && changed >= QUIET_MS) {
        quietSince ||= Date.now();
        if (Date.now() - quietSince >= QUIET_MS / 3) return true;
      } else {
        quietSince = 0;
      }
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    return this.gone;
  }

  /** What a function gives in the app's page; undefined where it cannot be asked. A page that keeps it waiting hangs. */
  async ask(act, argument) {
    if (this.hangs || this.gone) return undefined;
    try {
      return await this.patiently(this.frame.evaluate(act, argument));
    } catch (error) {
      if (error.timedOut) this.hung();
      return undefined;
    }
  }

  /** What `work` in the page gives, or an error with `timedOut`. On a busy machine a page is late without a fault of its
   * own: after `milliseconds` it is waited for until it has had the processor for a while. */
  async patiently(work, milliseconds = HANG_MS) {
    const until = Date.now() + milliseconds + BUSY_MS;
    let before = null;
    for (let wait = milliseconds; ; wait = 500) {
      try {
        return await within(wait, work);
      } catch (error) {
        if (!error.timedOut || Date.now() > until) throw error;
        const now = await this.processorTimes();
        before ??= now;
        if (!now || [...now].some(([id, seconds]) => seconds - (before.get(id) ?? 0) >= HAD_SECONDS)) throw error;
      }
    }
  }

  /** Seconds that each of the browser's processes for pages has had the processor, by process; null where it does not
   * tell. */
  async processorTimes() {
    try {
      this.ofBrowser ??= await this.context.browser().newBrowserCDPSession();
      const { processInfo } = await this.ofBrowser.send("SystemInfo.getProcessInfo");
      return new Map(processInfo.filter(({ type }) => type === "renderer").map(({ id, cpuTime }) => [id, cpuTime]));
    } catch {
      return null;
    }
  }

  /** Whether it answers at all. */
  async isAnswering() {
    return this.patiently(this.frame.evaluate(() => true), 1_000).then(() => true, (error) => !error.timedOut);
  }

  /** What a function gives in a world of ours in the app's page (world.mjs); undefined where that fails or takes long. */
  async look(act, argument, milliseconds = HANG_MS) {
    if (this.hangs || this.gone) return undefined;
    return this.world.run(this.frame, act, argument, milliseconds).catch(() => undefined);
  }

  /** Whether a URL leads to another host. */
  isAbroad(url) {
    return /^(https?|wss?):/.test(url) && !url.replace(/^ws/, "http").startsWith(`${this.origin}/`);
  }

  /** What a framework shows over the page, where the page has not said it better. */
  async lookForOverlay() {
    if (await this.isBroken()) return;
    const told = await this.ask((selectors) => {
      for (const selector of selectors) {
        const found = document.querySelector(selector);
        const root = found?.shadowRoot ?? found;
        const text = root?.querySelector("[data-nextjs-dialog], .message-body, .message")?.textContent?.trim();
        if (text) return text;
      }
      return "";
    }, FRAMEWORK_OVERLAYS);
    if (told) this.find({ kind: "build", message: told.slice(0, LONGEST) });
  }

  /** Take what the frame's page heard from the app's. */
  async hear() {
    const heard = await within(HANG_MS, this.page.mainFrame().evaluate(() => globalThis.heard.splice(0))).catch(() => []);
    for (const message of heard) {
      if (message.type === "finding" && text(message.finding?.message)) this.find(told(message.finding), MOST_TOLD);
      if (message.type === "save") this.saved.push(message.saved);
      if (message.type === "open" && text(message.url)) this.left.push(text(message.url, 500));
    }
  }

  /** Take in what was found since, and say it as `reword` has it; those. */
  async gather(reword = ({ message }) => message) {
    const before = this.found.size;
    await this.hear();
    if (this.late.length) {
      await new Promise((resolve) => setTimeout(resolve, LATE_MS));
      await this.hear();
    }
    for (const finding of this.late.splice(0)) {
      const told = [...this.found.values()].some(({ message }) => message.includes(finding.message) || finding.message.includes(message));
      if (!told) this.find(finding);
    }
    const found = [...this.found.values()].slice(before).filter((one) => !this.isOthers(one));
    for (const one of found) one.message = reword(one);
    return found.map(bounded);
  }

  /** Whether something went wrong because another host cannot be reached from here. */
  isOthers({ message }) {
    if (!this.hosts.size) return false;
    if ([...this.hosts].some((host) => message.includes(`/${host}`))) return true;
    return UNREACHED.test(message) || (this.lacksScripts && /is not defined|page is blank|stays empty/.test(message));
  }

  async findings() {
    await this.gather();
    if (await this.look(() => eyes.isBlank())) this.find({ kind: "page", message: "The page is blank: once it had come to rest, nothing was visible on it." });
    const isToldBetter = ({ message }) => this.pictures.has(PICTURE.exec(message)?.[1]);
    return [...this.found.values()].filter((one) => !this.isOthers(one) && !isToldBetter(one)).map(bounded);
  }

  async state() {
    await this.ask(() => true); // whether it hangs
    const seen = (await this.look(async () => ({ title: document.title.slice(0, 200), path: location.href, ...(await speed.now()) }))) ?? {
      title: "",
      path: this.frame?.url() ?? "",
    };
    return { ...seen, path: this.inside(seen.path), requests: this.total, bytes: this.bytes, hangs: this.hangs, hosts: [...this.hosts] };
  }

  async description() {
    if (this.hangs || this.gone) return "";
    const snapshot = (frame, timeout) => within(timeout, frame.locator("body").ariaSnapshot({ timeout })).catch(() => "");
    const [app, ...inner] = this.frames();
    const parts = [await snapshot(app, HANG_MS)];
    for (const frame of inner) {
      const text = await snapshot(frame, HANG_MS / 6);
      if (text) parts.push(`- in an iframe:\n${text.replace(/^/gm, "  ")}`);
    }
    return parts.join("\n");
  }

  async picture() {
    const size = this.page.viewportSize();
    const scale = Math.min(1, Math.sqrt(PIXELS / (size.width * size.height)));
    const clip = { x: 0, y: 0, ...size, scale };
    return { data: await this.shot(clip, { format: "png" }) };
  }

  async portrait(width) {
    const before = this.page.viewportSize();
    try {
      await this.sized(width, PORTRAIT_HEIGHT);
      const small = Math.min(THUMBNAIL.width / width, THUMBNAIL.height / PORTRAIT_HEIGHT);
      const inView = { x: 0, y: 0, width, height: PORTRAIT_HEIGHT };
      const thumbnail = await this.shot({ ...inView, scale: small }, { format: "webp", quality: 80 });
      const tall = await this.tall();
      let height = Math.min(PORTRAIT_TALLEST, Math.max(PORTRAIT_HEIGHT, tall));
      if (height > PORTRAIT_HEIGHT) {
        await this.sized(width, height);
        if ((await this.tall()) > tall) {
          height = PORTRAIT_HEIGHT; // its parts are as high as the window: they would be drawn out
          await this.sized(width, height);
        }
      }
      const clip = { x: 0, y: 0, width, height, scale: 1 };
      let whole = await this.shot(clip, { format: "png" });
      // Photographs and noise: a PNG of those would be several MB.
      if (whole.length > PORTRAIT_LONGEST) whole = await this.shot(clip, { format: "webp", quality: 90 });
      if (whole.length > PORTRAIT_LONGEST) whole = await this.shot({ ...clip, scale: 0.5 }, { format: "webp", quality: 80 });
      return { whole, thumbnail };
    } finally {
      await this.sized(before.width, before.height);
    }
  }

  async cut(wanted) {
    const found = await this.look(({ selector, tag, text, box, left, top }) => {
      scrollTo({ left, top, behavior: "instant" });
      if (box) return { left: box[0] - scrollX, top: box[1] - scrollY, width: box[2], height: box[3] };
      const all = selector ? document.querySelectorAll(selector) : [];
      if (all.length !== 1 || all[0].localName.toLowerCase() !== tag) return null;
      const shows = all[0].textContent.slice(0, 20_000).replace(/\s+/g, " ").trim();
      if (shows && !shows.startsWith(text.replace(/…$/, ""))) return null;
      const isSeen = (one) => one.top < innerHeight && one.bottom > 0 && one.left < innerWidth && one.right > 0;
      if (!isSeen(all[0].getBoundingClientRect())) all[0].scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
      const { left: x, top: y, width, height } = all[0].getBoundingClientRect();
      return { left: x, top: y, width, height };
    }, wanted);
    if (!found) return {};
    await this.rest(TURN_MS);
    const size = this.page.viewportSize();
    const [x, y] = [found.left, found.top].map((one) => Math.max(0, Math.floor(Number(one)) - CUT_AROUND));
    const width = Math.min(size.width, Math.ceil(Number(found.left + found.width)) + CUT_AROUND) - x;
    const height = Math.min(size.height, Math.ceil(Number(found.top + found.height)) + CUT_AROUND) - y;
    if (!(width > 2 * CUT_AROUND && height > 2 * CUT_AROUND)) return {}; // nothing of it is in view
    const scale = Math.min(2, Math.sqrt(PIXELS / (width * height)));
    return { data: await this.shot({ x, y, width, height, scale }, { format: "png" }) };
  }

  /** How high the page is, in CSS px. */
  async tall() {
    return Math.ceil(Number(await this.look(() => Math.max(document.documentElement.scrollHeight, document.body?.scrollHeight ?? 0)))) || 0;
  }

  async sized(width, height) {
    await within(HANG_MS, this.page.setViewportSize({ width, height }));
    await this.rest(TURN_MS);
  }

  /** A picture of a part of the window, in Base64. */
  async shot(clip, options) {
    if (this.gone) throw new Error("The page crashed: there is nothing to take a picture of.");
    this.devtools ??= await this.context.newCDPSession(this.page);
    return (await within(2 * HANG_MS, this.devtools.send("Page.captureScreenshot", { ...options, clip }))).data;
  }
}

/** A value of the page's as a text of bounded length; "" for anything else. */
function text(value, most = LONGEST) {
  return typeof value === "string" ? value.slice(0, most) : "";
}

/** A finding as the page has it, which may say anything. */
function told({ kind, message, stack, source }) {
  return { kind: text(kind, 20), message: text(message), stack: text(stack, 2 * LONGEST), source: text(source, 500) };
}

/** One more of these; how many there are then. Counts a thousand different ones. */
function counted(counts, key) {
  const count = (counts.get(key) ?? 0) + 1;
  if (counts.size < 1000 || counts.has(key)) counts.set(key, count);
  return count;
}

/** A finding's message without its numbers, which may differ from one look to the next. */
const still = ({ message }) => message.replace(/\d+/g, "#");

/** A finding as it is told: of bounded length. */
function bounded({ kind, message, stack, source }) {
  return {
    kind,
    message: String(message).slice(0, LONGEST),
    ...(stack ? { stack: String(stack).slice(0, 2 * LONGEST) } : {}),
    ...(source ? { source: String(source).slice(0, 500) } : {}),
  };
}
