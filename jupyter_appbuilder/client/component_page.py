"""The page that shows a component of an app below a cell: a frame with an origin of its own, which reaches nothing.

The component is generated code, and a notebook's page can do all that its reader can. So it never runs there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; "
    "media-src data: blob:; form-action 'none'"
)

BRIDGE = """
(() => {
  const LONGEST = 1000000;
  const tell = (type, more) => parent.postMessage({ source: "jupyter-appbuilder-component", type, ...more }, "*");
  // Events are told by their value: what else they hold is of the page.
  function plain(one) {
    if (one && typeof one === "object" && one.target && typeof one.target === "object") {
      return one.target.type === "checkbox" ? one.target.checked : (one.target.value ?? null);
    }
    return one === undefined ? null : one;
  }
  function call(name, args) {
    let told = "[]";
    try {
      told = JSON.stringify(args.map(plain)) ?? "[]";
    } catch (error) {
      return componentHost.failed(new Error(`What ${name} was called with cannot be told: ${error.message}`));
    }
    if (told.length > LONGEST) return componentHost.failed(new Error(`${name} was called with more than 1 MB.`));
    tell("called", { name, args: told });
  }
  let show = null;
  let given = JSON.parse(document.getElementById("props").textContent);
  // What did not change stays the same object, functions too: effects that depend on them do not run again.
  const functions = new Map();
  const functionOf = (name) => functions.get(name) ?? functions.set(name, (...args) => call(name, args)).get(name);
  const kept = new Map();
  function same(name, value) {
    const text = JSON.stringify(value);
    if (kept.get(name)?.text !== text) kept.set(name, { text, value });
    return kept.get(name).value;
  }
  function draw() {
    if (!show || !given) return;
    const props = Object.entries(given.props).map(([name, value]) => [name, same(name, value)]);
    show(Object.fromEntries([...props, ...given.functions.map((name) => [name, functionOf(name)])]));
  }
  globalThis.componentHost = {
    failed: (error) => tell("failed", { message: String(error?.message ?? error).slice(0, 2000) }),
    ready(how) {
      show = how;
      draw();
      tell("ready");
    },
  };
  addEventListener("message", ({ source, data }) => {
    if (source !== parent || data?.type !== "props") return;
    given = JSON.parse(data.given);
    draw();
  });
  addEventListener("error", ({ error, message }) => componentHost.failed(error ?? message));
  addEventListener("unhandledrejection", ({ reason }) => componentHost.failed(reason));
  const root = document.getElementById("root");
  new ResizeObserver(() => tell("height", { height: Math.ceil(root.getBoundingClientRect().bottom) })).observe(root);
})();
"""


def document(script: str, styles: str, given: str = "null") -> str:
    """The page. ``given`` is what ``encoded`` returns; without it the component waits until it is told its props."""
    props = given.replace("<", "\\u003c")
    return f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Component</title>
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<style>{_in_element(styles, "style")}</style>
<style>html,body{{background:transparent;margin:0;min-height:0}}#root{{overflow:auto}}</style></head>
<body><div id="root"></div><script type="application/json" id="props">{props}</script>
<script>{BRIDGE}</script><script type="module">{_in_element(script, "script")}</script></body></html>"""


def encoded(props: Mapping[str, Any], functions: list[str]) -> str:
    """Props that are plain JSON, and the names of those that are functions in Python."""
    return json.dumps({"props": props, "functions": functions}, allow_nan=False, separators=(",", ":"))


def _in_element(text: str, element: str) -> str:
    """``text`` so that it cannot end the element that it is in."""
    text = re.sub(rf"</({element})", r"<\\/\1", text, flags=re.IGNORECASE)
    return text.replace("<!--", "<\\!--") if element == "script" else text
