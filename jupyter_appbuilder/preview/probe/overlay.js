// The error shown over the page, in a shadow root so that neither styles the other. Outside <body>: the app owns that. It
// only tells: the page could press any button here, so what has it mended stands in the panel.

const overlay = (() => {
  const STYLE = `
    :host { all: initial; position: fixed; inset: auto 0 0 0; z-index: 2147483647; padding: 16px; pointer-events: none;
      display: grid; justify-items: center; color-scheme: light dark;
      --card: #fff; --text: #1c1d22; --dim: #5f6470; --line: #e0e1e7; --accent: #2f6fdb; --on: #fff; --bad: #b3261e; --code: #f5f6f9; }
    @media (prefers-color-scheme: dark) { :host { --card: #212329; --text: #eceef3; --dim: #a4aab8; --line: #3a3d47;
      --accent: #7aa7ff; --on: #0d1526; --bad: #ff9d94; --code: #17181c; } }
    * { box-sizing: border-box; }
    section { pointer-events: auto; width: min(720px, 100%); max-height: min(70vh, 560px); display: flex; flex-direction: column;
      background: var(--card); color: var(--text); border: 1px solid var(--line); border-radius: 12px; overflow: hidden;
      box-shadow: 0 12px 40px rgb(0 0 0 / .28); font: 14px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif;
      animation: rise .18s ease-out; }
    @keyframes rise { from { transform: translateY(10px); opacity: 0; } }
    @media (prefers-reduced-motion: reduce) { section { animation: none; } }
    header { display: flex; align-items: baseline; gap: 10px; padding: 14px 18px 0; }
    h2 { margin: 0; font-size: 14px; font-weight: 650; color: var(--bad); }
    .source { color: var(--dim); font-size: 12px; overflow-wrap: anywhere; }
    .body { padding: 6px 18px 14px; overflow: auto; }
    .note { margin: 0; padding: 12px 18px; overflow-wrap: anywhere; }
    .message { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; font-weight: 500; }
    pre { margin: 10px 0 0; padding: 10px 12px; background: var(--code); border-radius: 8px; overflow: auto; max-height: 30vh;
      font: 12px/1.55 ui-monospace, SFMono-Regular, Menlo, monospace; color: var(--dim); }
    footer { display: flex; align-items: center; gap: 10px; padding: 12px 18px; border-top: 1px solid var(--line); }
    .more { margin-inline-end: auto; color: var(--dim); font-size: 12px; }
    button { font: inherit; font-weight: 550; padding: 6px 14px; border-radius: 7px; cursor: pointer; color: var(--text);
      background: transparent; border: 1px solid var(--line); }
    :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
    [hidden] { display: none; }`;
  const NOTE_MS = 8000;
  const TITLES = { build: "The code could not be built", page: "The page ran into an error", server: "The server failed" };
  let host = null;
  let parts = null;
  let count = 0;
  let current = null;

  function element(tag, properties, ...children) {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  }

  function build() {
    host = document.createElement("appbuilder-error");
    const root = host.attachShadow({ mode: "open" });
    const title = element("h2");
    const source = element("span", { className: "source" });
    const message = element("p", { className: "message" });
    const stack = element("pre", { tabIndex: 0 });
    const more = element("span", { className: "more" });
    const dismiss = element("button", { textContent: "Dismiss", onclick: hide });
    const card = element(
      "section",
      { role: "alert" },
      element("header", {}, title, source),
      element("div", { className: "body" }, message, stack),
      element("footer", {}, more, dismiss),
    );
    card.addEventListener("keydown", (event) => event.key === "Escape" && hide());
    root.append(element("style", { textContent: STYLE }), card);
    parts = { title, source, message, stack, more };
  }

  function show(finding) {
    if (!host) build();
    count += 1;
    // The first error is the cause more often than what follows; broken code is the cause of everything.
    if (!current || (finding.kind === "build" && current.kind !== "build")) write(finding);
    parts.more.textContent = count > 1 ? `and ${count - 1} more` : "";
    if (!host.isConnected) document.documentElement.append(host);
  }

  function write(finding) {
    current = finding;
    parts.title.textContent = TITLES[finding.kind] ?? "Something went wrong";
    parts.source.textContent = finding.source ?? "";
    parts.message.textContent = finding.message;
    parts.stack.textContent = finding.stack ?? "";
    parts.stack.hidden = !finding.stack;
  }

  /** The same error, of which more is known. */
  function update(finding, known) {
    if (current === finding) write(known);
  }

  function hide() {
    host?.remove();
    current = null;
    count = 0;
  }

  /** A sentence at the lower edge, for some seconds: what the preview does not do. */
  function note(text) {
    const place = element("appbuilder-note");
    const root = place.attachShadow({ mode: "closed" });
    root.append(element("style", { textContent: STYLE }), element("section", { role: "status" }, element("p", { className: "note", textContent: text })));
    document.documentElement.append(place);
    setTimeout(() => place.remove(), NOTE_MS);
  }

  return { show, update, hide, note, get shown() { return !!host?.isConnected; } };
})();

// Ours says the same. Not through <head>, which frameworks may own.
try {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync("vite-error-overlay { display: none !important; }");
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
} catch {
  // an old browser shows both
}
