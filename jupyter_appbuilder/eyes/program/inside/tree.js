// Runs in the app's page, after sight.js: the page as a screen reader has it. For pages that are looked at from inside, as
// a person's preview; from outside, Playwright knows it.

var tree = (() => {
  const MOST_NODES = 3_000;
  const MOST_TEXT = 400; // characters of one name or text

  const ROLES = {
    address: "group", article: "article", aside: "complementary", dd: "definition", details: "group", dialog: "dialog", dt: "term", fieldset: "group", figure: "figure",
    hr: "separator", img: "img", main: "main", menu: "list", meter: "meter", nav: "navigation", ol: "list", optgroup: "group", option: "option", output: "status",
    progress: "progressbar", search: "search", tbody: "rowgroup", td: "cell", tfoot: "rowgroup", th: "columnheader", thead: "rowgroup", tr: "row", ul: "list",
  };
  const FROM_CONTENT = /^(button|cell|columnheader|gridcell|heading|link|menuitem(checkbox|radio)?|option|radio|row|rowheader|switch|checkbox|tab|tooltip|treeitem)$/;
  const FIELD = /^(input|select|textarea)$/;
  const UNREAD = /^(script|style|noscript|template|head|select|textarea|input|option|datalist)$/;
  const TAKES_TEXT = /^(textbox|searchbox|spinbutton|combobox|slider)$/;

  const plain = (text) => String(text ?? "").replace(/\s+/g, " ").trim();

  /** Whether a screen reader tells of it. */
  function isTold(one) {
    return one.checkVisibility({ visibilityProperty: true }) && !one.closest("[aria-hidden=true]");
  }

  function roleOf(one) {
    const given = one.getAttribute("role")?.trim().split(/\s+/)[0];
    if (given) return given === "image" ? "img" : given;
    const name = one.localName;
    if (name === "a") return one.hasAttribute("href") ? "link" : "";
    if (name === "select") return one.multiple || one.size > 1 ? "listbox" : "combobox";
    if (name === "input" && one.type === "file") return "button";
    if (name === "input" && one.list) return "combobox";
    if (name === "section" || name === "form") return labelOf(one) ? (name === "form" ? "form" : "region") : "";
    if (name === "header" || name === "footer") return one.closest("article, aside, main, nav, section") ? "" : name === "header" ? "banner" : "contentinfo";
    const role = ROLES[name] ?? eyes.roleOf(one);
    return role === name && !/^(article|button|dialog|main|option|search|table)$/.test(name) ? "" : role; // of no role of its own
  }

  /** The texts in it, in the order in which they stand. */
  function contentOf(one) {
    let text = "";
    for (const node of one.localName === "slot" ? one.assignedNodes() : (one.shadowRoot ?? one).childNodes) {
      if (text.length > 4 * MOST_TEXT) break;
      if (node.nodeType === 3) text += node.data;
      if (node.nodeType !== 1 || UNREAD.test(node.localName) || !isTold(node)) continue;
      const inner = node.getAttribute("aria-label") || node.getAttribute("alt") || (node.localName === "svg" ? node.querySelector("title")?.textContent : contentOf(node)) || "";
      text += /^(inline|contents)/.test(getComputedStyle(node).display) ? inner : ` ${inner} `;
    }
    return text;
  }

  /** The name that the page gives it, beside its content. */
  function labelOf(one) {
    const root = one.getRootNode();
    const by = (one.getAttribute("aria-labelledby") ?? "").split(/\s+/).map((id) => id && root.getElementById?.(id)).filter(Boolean);
    return plain(by.map(contentOf).join(" ")) || plain(one.getAttribute("aria-label")) || plain([...(one.labels ?? [])].map(contentOf).join(" "));
  }

  function nameOf(one) {
    const own = () => {
      if (one.localName === "input" && /^(button|submit|reset)$/.test(one.type)) return one.value || (one.type === "submit" ? "Submit" : "");
      if (one.localName === "fieldset") return contentOf(one.querySelector("legend") ?? document.createElement("i"));
      if (one.localName === "table") return contentOf(one.caption ?? document.createElement("i"));
      return FROM_CONTENT.test(roleOf(one)) && !FIELD.test(one.localName) ? contentOf(one) : "";
    };
    const name = labelOf(one) || plain(one.getAttribute("alt")) || plain(own()) || plain(one.getAttribute("title")) || plain(one.getAttribute("placeholder"));
    return name.slice(0, MOST_TEXT);
  }

  const isChecked = (one) => one.checked ?? one.getAttribute("aria-checked") === "true";
  const isDisabled = (one) => one.matches(":disabled") || !!one.closest("[aria-disabled=true]");

  function marksOf(one, role) {
    const marks = [];
    if (role === "heading") marks.push(`level=${/^h(\d)$/.exec(one.localName)?.[1] ?? one.getAttribute("aria-level") ?? 2}`);
    if (/^(checkbox|radio|switch|menuitemcheckbox|menuitemradio)$/.test(role) && isChecked(one)) marks.push("checked");
    if (isDisabled(one)) marks.push("disabled");
    for (const state of ["expanded", "pressed", "selected"]) if (one.getAttribute(`aria-${state}`) === "true") marks.push(state);
    return marks.map((mark) => ` [${mark}]`).join("");
  }

  function valueOf(one, role) {
    if (one.localName === "select") return plain([...one.selectedOptions].map(({ label }) => label).join(", "));
    return TAKES_TEXT.test(role) && "value" in one && one.type !== "password" ? plain(one.value) : "";
  }

  /** What is below, as `{ head, text, children }` and texts. */
  function partsOf(one, room) {
    const parts = [];
    const add = (part) => {
      if (typeof part === "string" && typeof parts.at(-1) === "string") parts[parts.length - 1] += part;
      else parts.push(part);
    };
    for (const node of one.localName === "slot" ? one.assignedNodes() : (one.shadowRoot ?? one).childNodes) {
      if (room.left <= 0) break;
      if (node.nodeType === 3) add(node.data);
      if (node.nodeType !== 1 || /^(script|style|noscript|template|head|appbuilder-.*|vite-error-overlay|nextjs-portal)$/.test(node.localName) || !isTold(node)) continue;
      room.left -= 1;
      const role = roleOf(node);
      if (!role || /^(none|presentation|generic)$/.test(role)) {
        const inline = /^(inline|contents)/.test(getComputedStyle(node).display);
        for (const part of [inline ? "" : " ", ...(FIELD.test(node.localName) ? [] : partsOf(node, room)), inline ? "" : " "]) if (part) add(part);
        continue;
      }
      const name = nameOf(node);
      const field = FIELD.test(node.localName) || role === "img";
      const children = field ? [] : partsOf(node, room).map((part) => (typeof part === "string" ? plain(part).slice(0, MOST_TEXT) : part)).filter(Boolean);
      const said = children.length === 1 && children[0] === name;
      add({ head: `${role}${name ? ` ${JSON.stringify(name)}` : ""}${marksOf(node, role)}`, text: valueOf(node, role), children: said ? [] : children });
    }
    return parts;
  }

  function written(parts, indent) {
    const lines = [];
    for (const part of parts) {
      if (typeof part === "string") {
        if (plain(part)) lines.push(`${indent}- text: ${plain(part).slice(0, MOST_TEXT)}`);
        continue;
      }
      const [only] = part.children;
      const text = part.text || (part.children.length === 1 && typeof only === "string" ? only : "");
      lines.push(`${indent}- ${part.head}${text ? `: ${text}` : part.children.length ? ":" : ""}`);
      if (!text) lines.push(...written(part.children, `${indent}  `));
    }
    return lines;
  }

  /** The page's roles, names and texts, as an ARIA snapshot of Playwright's. */
  function described() {
    return document.body ? written(partsOf(document.body, { left: MOST_NODES }), "").join("\n") : "";
  }

  return { described, isChecked, isDisabled, isTold, labelOf, nameOf, plain, roleOf };
})();
