// Runs in the app's page, in a world of its own (../world.mjs). What is visible there, how it is called, and what of it a
// person could not read or reach. Bounded: a page may have any number of elements.

var eyes = (() => {
  const MOST_ELEMENTS = 8_000;
  const MOST_TEXTS = 2_000;
  const MOST_LINES = 20; // of one text
  const MOST_OF_A_KIND = 4;
  const MOST_SIBLINGS = 50; // that one thing is compared with
  const NAME = 60; // characters
  const OURS = /^(appbuilder-|vite-error-overlay|nextjs-portal|next-route-announcer)/;

  /** All elements, also in shadow trees, in the document's order; so many at most. */
  function everything() {
    const found = [];
    const roots = [document.documentElement];
    while (roots.length && found.length < MOST_ELEMENTS) {
      const walker = document.createTreeWalker(roots.shift(), NodeFilter.SHOW_ELEMENT, (one) =>
        OURS.test(one.localName) ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT,
      );
      for (let one = walker.currentNode; one && found.length < MOST_ELEMENTS; one = walker.nextNode()) {
        if (one instanceof Element) found.push(one);
        if (one.shadowRoot) roots.push(one.shadowRoot);
      }
    }
    return found;
  }

  const parentOf = (one) => one.assignedSlot ?? one.parentElement ?? (one.getRootNode() instanceof ShadowRoot ? one.getRootNode().host : null);

  function isVisible(one) {
    if (!one.checkVisibility({ visibilityProperty: true, opacityProperty: true })) return false;
    const { width, height } = one.getBoundingClientRect();
    return width > 1 && height > 1;
  }

  const short = (text, most = NAME) => {
    const plain = String(text ?? "").replace(/\s+/g, " ").trim();
    return plain.length > most ? `${plain.slice(0, most - 1)}…` : plain;
  };

  const INPUTS = { button: "button", submit: "button", reset: "button", image: "button", checkbox: "checkbox", radio: "radio", range: "slider", number: "spinbutton", search: "searchbox" };
  const ROLES = { a: "link", button: "button", select: "combobox", textarea: "textbox", img: "image", p: "paragraph", li: "listitem", summary: "button", table: "table" };

  function roleOf(one) {
    const role = one.getAttribute("role")?.trim().split(/\s+/)[0];
    if (role) return role;
    if (one.localName === "input") return INPUTS[one.type] ?? "textbox";
    if (/^h[1-6]$/.test(one.localName)) return "heading";
    return ROLES[one.localName] ?? one.localName;
  }

  function nameOf(one) {
    const root = one.getRootNode();
    const told = (one.getAttribute("aria-labelledby") ?? "").split(/\s+/).map((id) => id && root.getElementById?.(id)?.textContent).filter(Boolean).join(" ");
    const labels = [...(one.labels ?? [])].map((label) => label.textContent).join(" ");
    const value = one.localName === "input" && ["button", "submit", "reset"].includes(one.type) ? one.value : "";
    const field = /^(input|select|textarea)$/.test(one.localName);
    const text = field ? "" : one.innerText || one.textContent;
    const inner = field ? "" : one.querySelector?.("img[alt], [aria-label], svg > title");
    return short(
      [told, one.getAttribute("aria-label"), labels, one.getAttribute("alt"), value, text, inner && (inner.getAttribute("alt") || inner.getAttribute("aria-label") || inner.textContent), one.getAttribute("title"), one.getAttribute("placeholder")].find((each) => each?.trim()) ?? "",
    );
  }

  /** One step of a selector: what a person would look for in the code. */
  function step(one) {
    if (one.id && /^[a-z][\w-]{0,30}$/i.test(one.id)) return `#${one.id}`;
    const classes = (typeof one.className === "string" ? one.className : "").split(/\s+/).filter((each) => /^[a-z][\w-]{1,24}$/i.test(each));
    return one.localName + (classes.length ? `.${classes[0]}` : "");
  }

  function selectorOf(one) {
    const steps = [];
    for (let each = one; each && each !== document.body && each !== document.documentElement && steps.length < 3; each = parentOf(each)) {
      steps.unshift(step(each));
      if (steps[0].startsWith("#")) break;
    }
    return steps.join(" > ") || one.localName;
  }

  /** `button "Save" (form > button.primary)`. */
  function told(one) {
    const name = nameOf(one);
    return `${roleOf(one)}${name ? ` "${name}"` : ""} (${selectorOf(one)})`;
  }

  // What is laid out.

  const HIDES = /hidden|clip/;
  const SCROLLS = /auto|scroll/;
  const isRoot = (one) => one === document.body || one === document.documentElement;
  const screen = () => ({ left: 0, top: 0, right: document.documentElement.clientWidth, bottom: document.documentElement.clientHeight });

  function styles() {
    const known = new Map();
    return (one) => known.get(one) ?? (known.set(one, getComputedStyle(one)), known.get(one));
  }

  function inner(one, style) {
    if (isRoot(one)) return screen();
    const box = one.getBoundingClientRect();
    return {
      left: box.left + parseFloat(style.borderLeftWidth),
      top: box.top + parseFloat(style.borderTopWidth),
      right: box.right - parseFloat(style.borderRightWidth),
      bottom: box.bottom - parseFloat(style.borderBottomWidth),
    };
  }

  /** What cuts what lies in `one`: the boxes that hide what leaves them, until one that can be scrolled; by axis. */
  function clipsOf(one, styleOf) {
    const clips = [];
    const open = { x: true, y: true };
    for (let each = one; each; each = parentOf(each)) {
      const style = styleOf(each);
      if (style.display === "contents" || style.display === "inline") continue;
      for (const [axis, overflow] of [["x", style.overflowX], ["y", style.overflowY]]) {
        if (SCROLLS.test(overflow)) {
          clips.push({ axis, box: inner(each, style), one: each, scrolls: true, style });
          open[axis] = false;
        } else if (HIDES.test(overflow) && (!isRoot(each) || open[axis])) {
          clips.push({ axis, box: inner(each, style), one: each, scrolls: !open[axis], style });
        }
      }
      if (style.position === "fixed") break;
    }
    return clips;
  }

  function within(rect, clips) {
    const shown = { left: rect.left, top: rect.top, right: rect.right, bottom: rect.bottom };
    for (const { axis, box, one } of clips) {
      if (isRoot(one)) continue; // what is further down is visible once it is scrolled to
      if (axis === "x") Object.assign(shown, { left: Math.max(shown.left, box.left), right: Math.min(shown.right, box.right) });
      else Object.assign(shown, { top: Math.max(shown.top, box.top), bottom: Math.min(shown.bottom, box.bottom) });
    }
    return shown;
  }

  const isThere = ({ left, top, right, bottom }) => right - left > 2 && bottom - top > 2;

  /** Every visible text: its node's parent, its lines, and what may cut it. */
  function texts(elements, styleOf) {
    const found = [];
    const range = document.createRange();
    const clipped = new Map();
    for (const one of elements) {
      if (/^(script|style|noscript|option|optgroup|title|template|textarea)$/.test(one.localName)) continue;
      for (const node of one.childNodes) {
        if (node.nodeType !== 3 || !node.data.trim()) continue;
        if (found.length >= MOST_TEXTS) return found;
        if (!isVisible(one)) break;
        range.selectNodeContents(node);
        const lines = [...range.getClientRects()].slice(0, MOST_LINES).filter(isThere);
        if (!lines.length) continue;
        if (!clipped.has(one)) clipped.set(one, clipsOf(one, styleOf));
        const clips = clipped.get(one);
        const shown = lines.map((line) => within(line, clips));
        if (!shown.some(isThere)) continue; // for screen readers alone, or scrolled away
        if (/inset|rect/.test(styleOf(one).clipPath + styleOf(one).clip)) continue;
        found.push({ one, text: node.data, lines, shown, clips });
      }
    }
    return found;
  }

  const blockOf = (one, styleOf) => {
    while (parentOf(one) && styleOf(one).display === "inline") one = parentOf(one);
    return one;
  };

  /** Whether this clips on purpose: by an ellipsis, after so many lines, by fading out, or as something moves. */
  function meansTo(clip, text, styleOf) {
    if (clip.style.maskImage !== "none" || clip.one.getAnimations?.().length) return true;
    for (let each = text.one; each; each = parentOf(each)) {
      const style = styleOf(each);
      if (clip.axis === "x" && style.textOverflow !== "clip") return true;
      if (style.webkitLineClamp !== "none") return true;
      if (each === clip.one) return false;
      if (style.transform !== "none" || style.translate !== "none" || style.position === "absolute") return true; // slides in and out
    }
    return false;
  }

  function cut(all, styleOf) {
    const found = [];
    for (const text of all) {
      const clip = text.clips.find((each) => !each.scrolls && (each.axis === "x" ? isCutAcross : isCutDown)(text, each, styleOf) && !meansTo(each, text, styleOf));
      if (!clip) continue;
      const block = blockOf(text.one, styleOf);
      if (found.some((other) => other.block === block)) continue;
      found.push({ block, message: `Text is cut off${clip.axis === "y" ? " at the bottom" : ""}: "${short(text.text)}" in ${told(block)}.` });
      if (found.length >= MOST_OF_A_KIND) break;
    }
    return found.map(({ message }) => message);
  }

  /** Text of which only a part is shown. In a row of things alike that is the next one, beside the edge, unless it sticks out of its own block. */
  function isCutAcross({ one, lines }, { box, one: clipping }, styleOf) {
    const block = blockOf(one, styleOf);
    const own = block.getBoundingClientRect();
    const isOneOfARow = block !== clipping && !isRoot(clipping) && isInRow(one, clipping);
    return lines.some(({ left, right, width }) => {
      const hidden = Math.max(right - box.right, box.left - left);
      return hidden > Math.max(4, parseFloat(styleOf(one).fontSize) / 3) && hidden < width && (!isOneOfARow || right > own.right + 2);
    });
  }

  /** Whether it lies in one of several things of a kind side by side in a box, as slides and tabs do; the cells of a table are no such row. */
  function isInRow(one, box) {
    for (let each = one; each && each !== box; each = parentOf(each)) {
      if (/^t[dh]$/.test(each.localName)) continue;
      const { top, bottom } = each.getBoundingClientRect();
      const beside = (other) => other !== each && other.localName === each.localName && other.className === each.className && other.getBoundingClientRect().top < bottom && other.getBoundingClientRect().bottom > top;
      const siblings = [...(parentOf(each)?.children ?? [])].slice(0, MOST_SIBLINGS);
      if (siblings.some(beside)) return true;
    }
    return false;
  }

  function isCutDown({ lines }, { box, one: clipping }) {
    if (isRoot(clipping)) return false;
    const hidden = lines.map(({ top, bottom, height }) => (Math.min(height, Math.max(0, bottom - box.bottom)) + Math.min(height, Math.max(0, box.top - top))) / height);
    const some = hidden.some((part) => part < 0.2);
    return hidden.some((part) => (part > 0.35 && part < 0.9) || (part >= 0.9 && some));
  }

  /** Two texts on each other, none of them behind something. */
  function overlapping(all) {
    const lines = all
      .flatMap((text) => text.shown.filter(isThere).map((line) => ({ text, ...core(line) })))
      .filter(({ bottom }) => bottom > 0)
      .sort((a, b) => a.top - b.top);
    const found = [];
    const named = new Set();
    for (let i = 0; i < lines.length && found.length < MOST_OF_A_KIND; i++) {
      for (let j = i + 1; j < lines.length && lines[j].top < lines[i].bottom; j++) {
        const [a, b] = [lines[i], lines[j]];
        if (a.text.one === b.text.one || named.has(a.text.one) || named.has(b.text.one) || !meet(a, b) || !areBothSeen(a, b)) continue;
        named.add(a.text.one).add(b.text.one);
        found.push(`Two texts lie on each other: "${short(a.text.text, 40)}" in ${told(a.text.one)} and "${short(b.text.text, 40)}" in ${told(b.text.one)}.`);
        break;
      }
    }
    return found;
  }

  /** Where the letters are: a line's box is higher. */
  function core({ left, top, right, bottom }) {
    const space = (bottom - top) * 0.22;
    return { left, right, top: top + space, bottom: bottom - space };
  }

  function meet(a, b) {
    const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    return width > 6 && height > 0.4 * Math.min(a.bottom - a.top, b.bottom - b.top);
  }

  function areBothSeen(a, b) {
    const x = (Math.max(a.left, b.left) + Math.min(a.right, b.right)) / 2;
    const y = (Math.max(a.top, b.top) + Math.min(a.bottom, b.bottom)) / 2;
    const left = new Set([a.text.one, b.text.one]);
    for (const one of document.elementsFromPoint(x, y)) {
      left.delete(one);
      if (!left.size) return true;
      if (isOpaque(getComputedStyle(one))) return false;
    }
    return false;
  }

  function isOpaque({ backgroundColor, backgroundImage, backdropFilter }) {
    const alpha = /[,/]\s*([\d.]+%?)\)$/.exec(backgroundColor.startsWith("rgb(") ? "" : backgroundColor);
    const clear = backgroundColor === "transparent" || (alpha && parseFloat(alpha[1]) < (alpha[1].endsWith("%") ? 50 : 0.5));
    return !clear || backgroundImage !== "none" || (backdropFilter && backdropFilter !== "none");
  }

  const CONTROLS = "button, a[href], input:not([type=hidden]), select, textarea, [role=button], [role=link], [role=tab], [role=menuitem]";

  /** Controls that no click reaches, as something that shows nothing lies over all of them. */
  function covered(elements, styleOf) {
    const { right, bottom } = screen();
    const found = [];
    for (const one of elements) {
      if (found.length >= MOST_OF_A_KIND) break;
      if (!one.matches(CONTROLS) || one.disabled || !isVisible(one) || styleOf(one).pointerEvents === "none") continue;
      const box = one.getBoundingClientRect();
      if (box.left < 0 || box.top < 0 || box.right > right || box.bottom > bottom) continue; // there is more to see of it
      const over = [[0.5, 0.5], [0.2, 0.3], [0.8, 0.3], [0.2, 0.7], [0.8, 0.7]].map(([x, y]) => veilOver(one, box.left + x * box.width, box.top + y * box.height, styleOf));
      if (over.every(Boolean)) found.push(`A click does not reach ${told(one)}: ${told(over[0])} lies over it and shows nothing.`);
    }
    return found;
  }

  /** What takes a click on `one` at this point though nobody sees it; null if nothing does. */
  function veilOver(one, x, y, styleOf) {
    const there = one.getRootNode().elementsFromPoint(x, y);
    const above = there.slice(0, Math.max(0, there.indexOf(one)));
    const isPart = (each) => one.contains(each) || [...(one.labels ?? [])].some((label) => label.contains(each)) || (one.getRootNode() !== document && each === one.getRootNode().host);
    if (!above.length || above.some((each) => isPart(each) || each.contains(one) || isMeant(each, styleOf(each)))) return null;
    return above[0];
  }

  /** Whether something is there to be seen or used. */
  const isMeant = (one, style) =>
    one.matches(`${CONTROLS}, label, canvas, svg, svg *, img, video, iframe, [role=dialog] *, dialog *`) || style.cursor === "pointer" || style.backdropFilter !== "none" || style.backgroundImage !== "none" || !/^rgba\(.*, 0\)$/.test(style.backgroundColor) || !!one.textContent.trim();

  /** What makes the page wider than the screen. */
  function overflowing(elements, all, styleOf) {
    const page = document.scrollingElement ?? document.documentElement;
    const width = document.documentElement.clientWidth;
    const over = page.scrollWidth - width;
    const keeps = [document.documentElement, document.body].some((one) => one && HIDES.test(styleOf(one).overflowX));
    if (over <= 1 || keeps) return [];
    const out = new Set();
    for (const one of elements) {
      const { right, width: own } = one.getBoundingClientRect();
      const position = styleOf(one).position;
      if (isRoot(one) || own < 1 || right <= width + 1 || position === "fixed") continue;
      if (out.has(parentOf(one)) || clipsOf(parentOf(one), styleOf).some(({ axis, one: each }) => axis === "x" && !isRoot(each))) continue;
      out.add(one);
      if (out.size >= 200) break;
    }
    const outermost = [...out].filter((one) => {
      for (let each = parentOf(one); each; each = parentOf(each)) if (out.has(each)) return false;
      return true;
    });
    const wide = outermost.length ? outermost : all.filter(({ lines }) => lines.some(({ right }) => right > width + 1)).map(({ one }) => one);
    const named = [...new Set(wide)].slice(0, 3).map((one) => `${told(one)} by ${Math.round(widest(one) - width)} px`);
    return [`The page is ${over} px wider than the screen (${width} px) and scrolls sideways.${named.length ? ` It sticks out: ${named.join(", ")}.` : ""}`];
  }

  const widest = (one) => Math.max(one.getBoundingClientRect().right, one.getBoundingClientRect().left + one.scrollWidth);

  function brokenPictures(elements) {
    const found = [];
    for (const one of elements) {
      if (found.length >= MOST_OF_A_KIND) break;
      if (one.localName !== "img" || !one.complete || one.naturalWidth || !one.checkVisibility()) continue;
      const address = one.currentSrc || one.src;
      if (/\.svg([?#]|$)|^data:image\/svg/.test(address) && one.getBoundingClientRect().width > 1) continue; // may have no size of its own
      found.push({ address: address.slice(0, 2000), told: told(one) });
    }
    return found;
  }

  const MEDIA = "img, svg, canvas, video, iframe, input, button, textarea, select, object, embed";

  /** Whether nothing is visible on the page. */
  function isBlank() {
    return !everything().some(
      (one) =>
        one !== document.documentElement &&
        isVisible(one) &&
        (one.matches(MEDIA) || [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim())),
    );
  }

  /** Wait for what fades or slides, so long at most: half-way its colours and places are nobody's. */
  async function calm(most) {
    const ending = document.getAnimations().filter(({ playState, effect }) => playState === "running" && effect?.getComputedTiming().endTime < 5_000);
    await Promise.race([Promise.allSettled(ending.map(({ finished }) => finished)), new Promise((resolve) => setTimeout(resolve, most))]);
  }

  /** `{ kinds: [messages], pictures, elements }`. */
  function measure() {
    const elements = everything();
    const styleOf = styles();
    const all = texts(elements, styleOf);
    return {
      elements: elements.length,
      overflow: overflowing(elements, all, styleOf),
      overlap: overlapping(all),
      cut: cut(all, styleOf),
      covered: covered(elements, styleOf),
      pictures: brokenPictures(elements),
    };
  }

  return { calm, everything, isBlank, isVisible, roleOf, nameOf, selectorOf, told, short, parentOf, measure };
})();
