// Runs in the app's page, after tree.js: as much of Playwright's locators as steps.mjs uses, for pages that are looked at
// from inside. Events are the page's own to make here, so that a browser's own work beside them is done by hand.

var locators = (() => {
  const MOST_MS = 3_000;
  const UNREAD = /^(html|head|script|style|noscript|template|title|meta|link)$/;
  const CANNOT = "The person's preview cannot do that, a browser can: jupyter appbuilder doctor --install-browser.";

  // As they are before the app's code overrides them.
  const setters = new Map([HTMLInputElement, HTMLTextAreaElement].map(({ prototype }) => [prototype, Object.getOwnPropertyDescriptor(prototype, "value").set]));
  const pause = ((timer) => (milliseconds) => new Promise((resolve) => timer(resolve, milliseconds)))(setTimeout.bind(globalThis));

  let point = async () => {}; // shows the person what is used next

  const isSeen = (one) => {
    const { width, height } = one.getBoundingClientRect();
    return width > 0 && height > 0 && one.checkVisibility({ visibilityProperty: true });
  };
  const fits = (text, wanted, exact) => (exact ? tree.plain(text) === tree.plain(wanted) : tree.plain(text).toLowerCase().includes(tree.plain(wanted).toLowerCase()));
  const inOrder = (those) => [...new Set(those)].sort((a, b) => (a.compareDocumentPosition(b) & Node.DOCUMENT_POSITION_PRECEDING ? 1 : -1));
  const those = (test) => new Locator(() => eyes.everything().filter((one) => !UNREAD.test(one.localName) && test(one)));

  const frame = {
    getByRole: (role, { name, exact = false } = {}) => {
      const wanted = role === "image" ? "img" : role;
      return those((one) => tree.roleOf(one) === wanted && tree.isTold(one) && (name === undefined || fits(tree.nameOf(one), name, exact)));
    },
    getByLabel: (text, { exact = false } = {}) => those((one) => (one.labels?.length || one.hasAttribute("aria-label") || one.hasAttribute("aria-labelledby")) && fits(tree.labelOf(one), text, exact)),
    getByPlaceholder: (text, { exact = false } = {}) => those((one) => one.hasAttribute("placeholder") && fits(one.getAttribute("placeholder"), text, exact)),
    getByText: (text, { exact = false } = {}) =>
      new Locator(() => {
        const textOf = (one) => (one.localName === "input" && /^(button|submit|reset)$/.test(one.type) ? one.value : one.textContent);
        const found = eyes.everything().filter((one) => !UNREAD.test(one.localName) && fits(textOf(one), text, exact));
        const around = new Set(found.map((one) => eyes.parentOf(one)));
        return found.filter((one) => !around.has(one));
      }),
  };

  class Locator {
    constructor(all) {
      this.all = all;
    }

    get one() {
      const [one] = this.all();
      if (!one) throw new Error("What the step is about is gone.");
      return one;
    }

    filter() {
      return new Locator(() => this.all().filter(isSeen));
    }

    nth(number) {
      return new Locator(() => this.all().slice(number, number + 1));
    }

    or(other) {
      return new Locator(() => inOrder([...this.all(), ...other.all()]));
    }

    locator(selector) {
      return new Locator(() => [...this.one.querySelectorAll(selector)]);
    }

    async count() {
      return this.all().length;
    }

    async evaluate(act, argument) {
      return act(this.one, argument);
    }

    async allTextContents() {
      return this.all().map((one) => one.textContent);
    }

    async isDisabled() {
      return tree.isDisabled(this.one);
    }

    async isChecked() {
      return tree.isChecked(this.one);
    }

    async show() {
      await point(this.one);
    }

    async click() {
      clicked(await ready(this.one));
    }

    async fill(text) {
      const one = await ready(this.one, (each) => !each.readOnly);
      if (!isText(one)) throw new Error(`A ${one.localName}${one.type ? ` of type ${one.type}` : ""} cannot be filled.`);
      focus(one);
      write(one, text);
      one.dispatchEvent(new Event("change", { bubbles: true }));
    }

    async selectOption(wanted) {
      const one = await ready(this.one);
      const [{ label, value }] = [wanted].flat().map((each) => (typeof each === "string" ? { value: each, label: each } : each));
      const option = [...one.options].find((each) => !each.disabled && (tree.plain(each.label) === label || each.value === value));
      if (!option) throw new Error("There is no such option.");
      focus(one);
      if (one.multiple) for (const each of one.options) each.selected = each === option;
      else one.selectedIndex = option.index;
      for (const type of ["input", "change"]) one.dispatchEvent(new Event(type, { bubbles: true, composed: true }));
      return [option.value];
    }

    async setChecked(wanted) {
      if (tree.isChecked(this.one) === wanted) return;
      clicked(await ready(this.one));
      await pause(30);
      if (tree.isChecked(this.one) !== wanted) throw new Error("A click did not change it.");
    }

    async press(key) {
      const one = await ready(this.one);
      focus(one);
      press(one, key);
    }

    async dragTo() {
      throw new Error(`Dragging: ${CANNOT}`);
    }

    async setInputFiles(files) {
      const one = this.one;
      const given = new DataTransfer();
      for (const { name, mimeType, buffer } of files) given.items.add(new File([buffer], name, { type: mimeType }));
      one.files = given.files;
      for (const type of ["input", "change"]) one.dispatchEvent(new Event(type, { bubbles: true, composed: true }));
    }
  }

  /** Wait until it can be used, and show it. */
  async function ready(one, test = () => true) {
    const until = performance.now() + MOST_MS;
    for (;;) {
      if (isSeen(one) && !tree.isDisabled(one) && test(one)) {
        const { top, bottom, left, right } = one.getBoundingClientRect();
        if (top < 0 || left < 0 || bottom > innerHeight || right > innerWidth) one.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
        if (isReached(one)) break;
      }
      if (performance.now() > until) throw new Error("Timeout: it cannot be used.");
      await pause(50);
    }
    await point(one);
    return one;
  }

  const middleOf = (one) => {
    const { left, top, width, height } = one.getClientRects()[0] ?? one.getBoundingClientRect();
    return { clientX: left + width / 2, clientY: top + height / 2 };
  };

  /** Whether nothing lies over it. A frame that takes no clicks of the person's does not say: then it is. */
  function isReached(one) {
    const { clientX, clientY } = middleOf(one);
    const hit = one.getRootNode().elementFromPoint(clientX, clientY);
    if (!hit || hit === document.documentElement || hit === document.body) return true;
    for (let each = hit; each; each = eyes.parentOf(each)) if (each === one || each.control === one) return true;
    return one.contains(hit) || [...(one.labels ?? [])].some((label) => label.contains(hit));
  }

  // Focus: the frame may have none to give, so that no key of the person's goes there.

  const FOCUSABLE = "a[href], button, input, select, textarea, summary, [tabindex], [contenteditable=''], [contenteditable=true]";
  let active = null;

  function focus(one) {
    const target = one.closest(FOCUSABLE);
    if (active === target) return;
    const before = active;
    active = target;
    const told = (each, types, other) => types.forEach((type) => each.dispatchEvent(new FocusEvent(type, { bubbles: type.length > 5, composed: true, relatedTarget: other })));
    if (before?.isConnected && document.activeElement !== before) told(before, ["blur", "focusout"], target);
    target?.focus({ preventScroll: true });
    if (target && document.activeElement !== target) told(target, ["focus", "focusin"], before);
  }

  function clicked(one) {
    const at = { bubbles: true, cancelable: true, composed: true, view: window, detail: 1, ...middleOf(one) };
    const pointer = (type, more) => one.dispatchEvent(new PointerEvent(type, { ...at, pointerId: 1, pointerType: "mouse", isPrimary: true, ...more }));
    const mouse = (type, more) => one.dispatchEvent(new MouseEvent(type, { ...at, ...more }));
    pointer("pointerover");
    pointer("pointerenter", { bubbles: false });
    mouse("mouseover");
    pointer("pointermove");
    mouse("mousemove");
    pointer("pointerdown", { buttons: 1 });
    if (mouse("mousedown", { buttons: 1 })) focus(one);
    pointer("pointerup");
    mouse("mouseup");
    if (one.isConnected) mouse("click");
  }

  const isText = (one) => one.isContentEditable || one.localName === "textarea" || (one.localName === "input" && !/^(button|submit|reset|image|checkbox|radio|file|range|hidden)$/.test(one.type));

  function write(one, text) {
    const set = setters.get(Object.getPrototypeOf(one));
    if (one.isContentEditable) one.textContent = text;
    else if (set) set.call(one, text);
    else one.value = text;
    one.dispatchEvent(new InputEvent("input", { bubbles: true, composed: true, inputType: "insertText", data: text }));
  }

  // Keys, and what a browser does by itself when one is pressed.

  const MODIFIERS = { Control: "ctrlKey", Shift: "shiftKey", Alt: "altKey", Meta: "metaKey", ControlOrMeta: "ctrlKey" };
  const CODES = { " ": "Space", Space: "Space" };

  function press(one, keys) {
    const parts = keys.length > 1 ? keys.split("+") : [keys];
    const name = parts.pop() || "+";
    const key = name === "Space" ? " " : name;
    const held = Object.fromEntries(parts.map((part) => [MODIFIERS[part] ?? part, true]));
    const init = { key, code: CODES[key] ?? (/^[a-z]$/i.test(key) ? `Key${key.toUpperCase()}` : key), bubbles: true, cancelable: true, composed: true, view: window, ...held };
    const goesOn = one.dispatchEvent(new KeyboardEvent("keydown", init));
    if (goesOn) byItself(one, key, parts.length > 0);
    one.dispatchEvent(new KeyboardEvent("keyup", init));
  }

  function byItself(one, key, held) {
    if (held) return;
    if (/^(Arrow|Page|Home|End)/.test(key) && one.matches("select, input[type=radio], input[type=range], input[type=number], input[type=date], input[type=time]")) {
      throw new Error(`${key} in a ${one.localName}: ${CANNOT}`);
    }
    if (key === "Escape") return closeTop();
    if (key === "Tab") return tab();
    if (key === "Enter" && one.localName === "input" && isText(one)) return submit(one);
    if ((key === "Enter" && one.matches("button, a[href], summary, input[type=submit]")) || (key === " " && one.matches("button, summary, input[type=checkbox], input[type=radio], input[type=submit]"))) {
      return void one.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, composed: true, view: window, detail: 0 }));
    }
    if (!isText(one) || one.readOnly) return;
    const text = one.isContentEditable ? one.textContent : one.value;
    if (key === "Backspace") write(one, text.slice(0, -1));
    else if (key === "Enter") write(one, `${text}\n`);
    else if ([...key].length === 1) write(one, text + key);
  }

  function submit(one) {
    const form = one.form;
    if (!form) return one.dispatchEvent(new Event("change", { bubbles: true }));
    const button = [...form.elements].find((each) => each.matches("button:not([type=button], [type=reset]), input[type=submit], input[type=image]"));
    if (!button) form.requestSubmit();
    else if (!button.disabled) button.click();
  }

  function closeTop() {
    const dialog = [...document.querySelectorAll("dialog[open]")].at(-1);
    if (dialog?.dispatchEvent(new Event("cancel", { cancelable: true }))) dialog.close();
    document.querySelector("[popover]:popover-open")?.hidePopover();
  }

  function tab() {
    const all = eyes.everything().filter((each) => each.matches(FOCUSABLE) && each.tabIndex >= 0 && isSeen(each) && !tree.isDisabled(each));
    const next = all[all.indexOf(active) + 1] ?? all[0];
    if (next) focus(next);
  }

  const keyboard = { press: async (key) => press(active?.isConnected ? active : document.body, key) };
  return { frame, keyboard, isSeen, pause, pointWith: (act) => (point = act) };
})();
