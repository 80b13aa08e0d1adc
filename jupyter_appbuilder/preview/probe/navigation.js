// Where the page is, for the panel's address line; and the panel's buttons, which cannot reach into this origin.

function navigated() {
  const path = "/" + location.pathname.slice(config.base.length) + location.search + location.hash;
  tell("navigated", { path, title: document.title });
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
  const { type, path, on } = event.data;
  if (type === "back") history.back();
  else if (type === "forward") history.forward();
  else if (type === "reload") location.reload();
  else if (type === "where") navigated();
  else if (type === "point") on ? pointing.begin() : pointing.end();
  else if (type === "navigate") location.assign(config.base + String(path).replace(/^\/+/, ""));
});
