// Where the page is, for the panel's address line; and the panel's buttons, which cannot reach into this origin.

/** A path as the app names it. */
function pathOf({ pathname, search, hash }) {
  return "/" + pathname.slice(config.base.length) + search + hash;
}

function navigated() {
  tell("navigated", { path: pathOf(location), title: document.title });
}

/** The pages of the app that links on this one lead to. A link within a page is none, unless the app routes by it. */
function linked() {
  const routes = new Map();
  for (const link of document.querySelectorAll("a[href]")) {
    const url = absolute(link.href);
    if (!isOwn(url) || link.hasAttribute("download")) continue;
    if (!/^#!?\//.test(url.hash)) url.hash = "";
    const path = pathOf(url);
    if (!routes.get(path)) routes.set(path, cut(link.textContent.trim().replace(/\s+/g, " "), 100));
    if (routes.size >= 60) break;
  }
  return [...routes].map(([path, title]) => ({ path: cut(path, 2000), title }));
}

for (const name of ["pushState", "replaceState"]) {
  const native = history[name];
  history[name] = function (...values) {
    const result = native.apply(this, values);
    navigated();
    return result;
  };
}
addEventListener("popstate", navigated);
addEventListener("hashchange", navigated);
addEventListener("load", navigated);

addEventListener("message", (event) => {
  if (!framed || event.source !== window.parent || event.data?.source !== "jupyter-appbuilder") return;
  if (event.data.type === "look") return; // for the script of who looks (eyes/program/inside/looked_at.js)
  event.stopImmediatePropagation();
  const { type, path, on, selector, css } = event.data;
  if (type === "back") history.back();
  else if (type === "forward") history.forward();
  else if (type === "reload") location.reload();
  else if (type === "where") navigated();
  else if (type === "point") on ? pointing.begin() : pointing.end();
  else if (type === "style") pointing.wear(String(selector), css);
  else if (type === "routes") tell("routes", { routes: linked() });
  else if (type === "navigate") location.assign(config.base + String(path).replace(/^\/+/, ""));
});
