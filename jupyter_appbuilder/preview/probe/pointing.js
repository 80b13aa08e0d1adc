// The person points at an element, or drags a box around a region: the panel is told what it is and where it is written,
// as far as the page knows. On only while the panel says so; the app hears nothing of the pointer and the keys meanwhile.

const pointing = (() => {
  const STYLE = `
    :host { all: initial !important; position: fixed !important; inset: 0 !important; z-index: 2147483647 !important;
      pointer-events: none !important; }
    .box { position: absolute; border: 2px solid #2f6fdb; border-radius: 3px; background: rgb(47 111 219 / .14); }
    .box.region { border-style: dashed; }
    .label { position: absolute; max-width: min(90vw, 520px); padding: 2px 7px; border-radius: 4px; background: #1d4fa8; color: #fff;
      font: 12px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
    [hidden] { display: none; }`;
  const DRAG = 6; // pixels
  const MOST_POSITIONS = 8;
  const MOST_TEXTS = 8;
  const MOST_ELEMENTS = 3000;
  const MOST_KNOWN = 20;
  const MOST_FIBERS = 400;
  const BROUGHT = "data-appbuilder-at"; // by Next.js's server (given.cjs)
  const UNNAMED = "component";
  const PARTS = /(^|\/)ui\//; // ready-made parts: what uses one says more
  const ATTRIBUTES = ["id", "name", "type", "role", "href", "src", "alt", "placeholder", "class", "aria-label"];
  const EVENTS = [
    "pointermove", "pointerdown", "pointerup", "pointercancel", "pointerover", "pointerout", "mousedown", "mouseup", "mousemove",
    "mouseover", "mouseout", "click", "auxclick", "dblclick", "contextmenu", "touchstart", "touchend", "dragstart", "submit", "keydown",
    "keyup", "keypress", "focusin", "scroll", "resize",
  ];
  let on = false;
  let host = null;
  let parts = null;
  let sheet = null;
  let current = null;
  let from = null; // where the button went down
  let region = null;
  let above = null; // the dialog or popover that the mark was last put over
  const known = new Map(); // elements that were pointed at, by their selectors
  let worn = new Map(); // elements that a style is tried on, with what they had before

  function build() {
    host = document.createElement("appbuilder-pointing");
    host.setAttribute("aria-hidden", "true");
    const root = host.attachShadow({ mode: "closed" });
    const box = document.createElement("div");
    const label = document.createElement("div");
    const style = document.createElement("style");
    box.className = "box";
    label.className = "label";
    style.textContent = STYLE;
    root.append(style, box, label);
    parts = { box, label };
    try {
      sheet = new CSSStyleSheet();
      sheet.replaceSync(`* { cursor: crosshair !important; touch-action: none !important; user-select: none !important; }
        appbuilder-pointing::backdrop { display: none !important; }`);
    } catch {
      // an old browser shows its own pointer
    }
  }

  function begin() {
    if (on) return;
    on = true;
    if (!host) build();
    for (const part of Object.values(parts)) part.hidden = true;
    document.documentElement.append(host);
    raise(null);
    if (sheet) document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
    for (const type of EVENTS) addEventListener(type, heard, { capture: true, passive: false });
  }

  /** Over the app's dialogs and popovers, which are above everything else; `layer` is the one that is pointed into. */
  function raise(layer) {
    above = layer;
    if (!host.showPopover) return; // an old browser
    host.popover = "manual";
    if (host.matches(":popover-open")) host.hidePopover();
    host.showPopover();
  }

  function end() {
    if (!on) return;
    on = false;
    current = from = region = null;
    host.remove();
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((one) => one !== sheet);
    for (const type of EVENTS) removeEventListener(type, heard, { capture: true });
  }

  function heard(event) {
    if (event.type === "scroll" || event.type === "resize") return current && !region && show(current);
    const tab = event.key === "Tab";
    event.stopImmediatePropagation();
    if (event.type === "focusin") return current !== event.target && event.target !== document.body && show(event.target);
    if (!tab && event.cancelable) event.preventDefault();
    switch (event.type) {
      case "pointermove":
        if (from && Math.hypot(event.clientX - from.x, event.clientY - from.y) > DRAG) drag(event);
        else if (!from) show(at(event.clientX, event.clientY));
        break;
      case "pointerdown":
        if (event.button === 0) from = { x: event.clientX, y: event.clientY };
        break;
      case "pointerup":
        if (event.button !== 0 || !from) break;
        if (region) takeRegion();
        else take(at(event.clientX, event.clientY));
        from = region = null;
        break;
      case "pointercancel":
        from = region = null;
        break;
      case "keydown":
        key(event);
        break;
    }
  }

  function key({ key }) {
    if (key === "Escape") {
      end();
      tell("pointing", { on: false });
    } else if (key === "Enter" || key === " ") take(current);
    else if (key === "ArrowUp" && current?.parentElement && current !== document.body) show(current.parentElement);
    else if (key === "ArrowDown" && current?.firstElementChild) show(current.firstElementChild);
    else if (key === "ArrowRight" && current?.nextElementSibling) show(current.nextElementSibling);
    else if (key === "ArrowLeft" && current?.previousElementSibling) show(current.previousElementSibling);
  }

  function at(x, y) {
    let found = document.elementFromPoint(x, y);
    while (found?.shadowRoot) {
      const inner = found.shadowRoot.elementFromPoint(x, y);
      if (!inner || inner === found) break;
      found = inner;
    }
    return found;
  }

  function show(element) {
    if (!element || element === document.documentElement || element === host) return;
    current = element;
    const layer = element.closest("dialog, [popover]");
    if (layer && layer !== above) raise(layer);
    const { left, top, width, height } = element.getBoundingClientRect();
    place(left, top, width, height, false);
    const position = best(positions(element));
    parts.label.textContent = position ? `${position.name} · ${position.file}:${position.line}` : element.localName;
  }

  function place(left, top, width, height, isRegion) {
    const { box, label } = parts;
    box.className = isRegion ? "box region" : "box";
    Object.assign(box.style, { left: `${left - 2}px`, top: `${top - 2}px`, width: `${width}px`, height: `${height}px` });
    const below = top < 26;
    Object.assign(label.style, {
      left: `${Math.max(2, Math.min(left - 2, innerWidth - 60))}px`,
      top: `${below ? Math.min(top + height + 4, innerHeight - 24) : top - 26}px`,
    });
    box.hidden = label.hidden = false;
  }

  function drag(event) {
    const left = Math.min(from.x, event.clientX);
    const top = Math.min(from.y, event.clientY);
    region = { left, top, width: Math.abs(event.clientX - from.x), height: Math.abs(event.clientY - from.y) };
    place(left, top, region.width, region.height, true);
    parts.label.textContent = `${Math.round(region.width)} × ${Math.round(region.height)}`;
  }

  function take(element) {
    if (!element || element === document.documentElement) return;
    const made = claim(element);
    known.delete(made.selector);
    known.set(made.selector, element);
    if (known.size > MOST_KNOWN) known.delete(known.keys().next().value);
    tell("pointed", { claim: made });
  }

  // A style that is tried on, before it is written

  /** Have what was pointed at, and all that is written at the same place, wear `css`; null: what they wore before. */
  function wear(selector, css) {
    for (const [element, before] of worn) {
      for (const [name, [value, priority]] of before) element.style.setProperty(name, value, priority);
    }
    worn = new Map();
    if (!css) return;
    const element = find(selector);
    const all = element ? alike(element) : [];
    for (const one of all) {
      const before = Object.keys(css).map((name) => [name, [one.style.getPropertyValue(name), one.style.getPropertyPriority(name)]]);
      worn.set(one, before);
      for (const [name, value] of Object.entries(css)) one.style.setProperty(name, String(value), "important");
    }
    tell("styled", { alike: all.length, flows: !!element && /flex|grid/.test(getComputedStyle(element).display) });
    if (on && current && !parts.box.hidden) show(current);
  }

  function find(selector) {
    const element = known.get(selector);
    if (element?.isConnected) return element;
    try {
      const found = document.querySelectorAll(selector);
      return found.length === 1 ? found[0] : null;
    } catch {
      return null;
    }
  }

  function alike(element) {
    const written = (one) => {
      const found = positions(one);
      return found.length ? JSON.stringify([found[0], best(found)]) : "";
    };
    const place = written(element);
    if (!place) return [element];
    const others = [...document.querySelectorAll(element.localName)].slice(0, MOST_ELEMENTS);
    return [element, ...others.filter((one) => one !== element && written(one) === place)];
  }

  function takeRegion() {
    const { left, top, width, height } = region;
    const holds = (outer) => outer.left <= left && outer.top <= top && outer.right >= left + width && outer.bottom >= top + height;
    let element = at(left + width / 2, top + height / 2) ?? document.body;
    while (element !== document.body && element.parentElement && !holds(element.getBoundingClientRect())) element = element.parentElement;
    const within = [];
    for (const one of [...element.querySelectorAll("*")].slice(0, MOST_ELEMENTS)) {
      const text = [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim()) ? words(one, 80) : "";
      const box = one.getBoundingClientRect();
      const inside = box.left >= left && box.top >= top && box.right <= left + width && box.bottom <= top + height;
      if (text && inside && box.width && within.length < MOST_TEXTS) within.push(text);
    }
    const box = [left + scrollX, top + scrollY, width, height].map((one) => Math.max(0, Math.round(one)));
    tell("pointed", { claim: { ...claim(element), text: "", box, within } });
  }

  function claim(element) {
    const found = positions(element);
    return {
      tag: element.localName.toLowerCase(),
      text: words(element, 200),
      path: "/" + location.pathname.slice(config.base.length) + location.search + location.hash,
      selector: selector(element),
      positions: found,
      props: props(element),
      view: [innerWidth, innerHeight, scrollX, scrollY].map((one) => Math.max(0, Math.round(one))),
      dark: matchMedia("(prefers-color-scheme: dark)").matches,
    };
  }

  function words(element, most) {
    const text = (element.textContent || element.getAttribute("aria-label") || element.getAttribute("alt") || element.placeholder || "")
      .slice(0, 20000)
      .replace(/\s+/g, " ")
      .trim();
    return text.length > most ? cut(text, most - 1) + "…" : text;
  }

  function selector(element) {
    const steps = [];
    for (let one = element; one && one !== document.body && steps.length < 8; one = one.parentElement) {
      if (one.id && document.querySelectorAll(`#${CSS.escape(one.id)}`).length === 1) {
        steps.unshift(`#${CSS.escape(one.id)}`);
        break;
      }
      const alike = [...(one.parentElement?.children ?? [])].filter((other) => other.localName === one.localName);
      steps.unshift(one.localName + (alike.length > 1 ? `:nth-of-type(${alike.indexOf(one) + 1})` : ""));
    }
    return steps.join(" > ");
  }

  function props(element) {
    const given = {};
    for (const name of ATTRIBUTES) {
      const value = element.getAttribute(name);
      if (value) given[name] = cut(value, 80);
    }
    return given;
  }

  // Where it is written

  /** The place of the element, then those of the components that it is in, from the inside out. */
  function positions(element) {
    try {
      return (react(element) ?? vue(element) ?? []).slice(0, MOST_POSITIONS);
    } catch {
      return []; // a framework of another version
    }
  }

  function best(found) {
    return found.find(({ file }) => !PARTS.test(file)) ?? found[0];
  }

  function position(name, written) {
    const [, file, line, column] = /^(.+):(\d+):(\d+)$/.exec(written ?? "") ?? [];
    return file ? { name: String(name || "").slice(0, 80), file, line: Number(line), column: Number(column) } : null;
  }

  function react(element) {
    const places = globalThis[Symbol.for("appbuilder.places")];
    const key = Object.keys(element).find((name) => name.startsWith("__reactFiber$"));
    if (!key) return element.parentElement && element !== document.body ? react(element.parentElement) : null;
    const found = [];
    for (const [steps, fiber] of fibers(element[key]).entries()) {
      if (found.length >= MOST_POSITIONS) break;
      const type = fiber.elementType;
      const isHost = typeof type === "string";
      if (isHost && steps > 0) continue; // what is around it is another element
      const name = isHost ? type : type?.displayName || type?.name || type?.render?.displayName || type?.render?.name || type?.type?.name;
      const props = fiber.memoizedProps && typeof fiber.memoizedProps === "object" ? fiber.memoizedProps : {};
      const written = places?.get(props);
      if (name && written) found.push(position(name, written));
      if (isHost) found.push(...brought(props[BROUGHT]));
      else if (!written) found.push(...brought(props[BROUGHT]).map((one, at) => one && (at ? one : { ...one, name })));
    }
    const known = new Map(); // one for each place; the server has no names of the page's components
    for (const one of found.filter(Boolean)) {
      const place = `${one.file}:${one.line}:${one.column}`;
      const before = known.get(place);
      known.set(place, before ? { ...before, name: before.name === UNNAMED ? one.name : before.name } : one);
    }
    return [...known.values()];
  }

  /**
   * A fiber and those around it, from the inside out, as they are shown now. React has up to two of each, which take turns;
   * what an element knows may be the one that was shown before.
   */
  function fibers(inner) {
    const path = [];
    for (let fiber = inner; fiber && path.length < MOST_FIBERS; fiber = fiber.return) path.push(fiber);
    let shown = path.at(-1)?.return ? null : path.at(-1)?.stateNode?.current;
    if (!shown) return path;
    for (let at = path.length - 2; at >= 0; at--) {
      const one = path[at];
      let child = one.alternate ? shown.child : one;
      while (child && child !== one && child !== one.alternate) child = child.sibling;
      shown = child ?? one;
      path[at] = shown;
    }
    return path;
  }

  /** The places that an element of the server's brings along, its own first: `h1 app/page.tsx:3:5; Title app/page.tsx:9:7`. */
  function brought(given) {
    return typeof given === "string" ? given.split("; ").map((one) => position(...(/^(\S+) (.+)$/.exec(one)?.slice(1) ?? []))) : [];
  }

  function vue(element) {
    let inner = element;
    while (inner && !inner.__vueParentComponent) inner = inner.parentElement;
    if (!inner) return null;
    const found = [position(inner.localName, inner.__vnode?.props?.ref_key)];
    for (let one = inner.__vueParentComponent; one && found.length < MOST_POSITIONS; one = one.parent) {
      found.push(position(one.type.__name || one.type.name || inner.localName, one.vnode.props?.ref_key));
    }
    return found.filter(Boolean);
  }

  return { begin, end, wear };
})();
