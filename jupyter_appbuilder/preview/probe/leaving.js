// Downloads, other sites and new tabs, which the sandbox forbids: the panel is asked, and offers them to the person. In a
// tab of its own nobody can be asked, so the page says that they are off.

const leaving = (() => {
  const SCHEMES = /^(https?|mailto|tel):$/;

  function refused(what) {
    overlay.note(`${what} is off in the preview's own tab. Use the preview in JupyterLab, or export the app.`);
  }

  // Many apps revoke a blob's address as soon as it was clicked: the blob itself is at hand then.
  const blobs = new Map();
  const nativeCreate = URL.createObjectURL;
  URL.createObjectURL = function createObjectURL(object) {
    const url = nativeCreate.call(URL, object);
    if (object instanceof Blob) blobs.set(url, object);
    return url;
  };
  const nativeRevoke = URL.revokeObjectURL;
  URL.revokeObjectURL = function revokeObjectURL(url) {
    blobs.delete(String(url));
    nativeRevoke.call(URL, url);
  };

  async function save(url, name) {
    const file = name || (/^(blob|data):/.test(url) ? "" : new URL(url).pathname.split("/").pop()) || "download";
    if (!framed) return refused(`Saving “${file}”`);
    const blob = blobs.get(url);
    if (blob) return tell("save", { name: file, content: blob });
    try {
      const answer = await nativeFetch(url, { credentials: "omit" });
      if (!answer.ok) throw new Error(`it answered ${answer.status}`);
      tell("save", { name: file, content: await answer.blob() });
    } catch (error) {
      found({ kind: "network", message: `The download ${file} failed: ${error.message}` });
    }
  }

  function open(url) {
    // Jupyter's own page: nobody meant it, so it is a mistake to tell and no place to go to.
    if (isOutside(url)) {
      found({ kind: "network", message: `The link to ${shortened(url)} leaves the app${hint(url)}` });
      return overlay.note(`${shortened(url)} is outside the app.`);
    }
    if (framed) tell("open", { url: url.href });
    else refused(`Opening ${shortened(url)}`);
  }

  /** Whether a target is a tab of its own: neither this page nor a frame in it. */
  function elsewhere(target) {
    target = (target || document.querySelector("base[target]")?.target || "").trim();
    if (target === "" || target.toLowerCase() === "_self") return false;
    return ![...document.querySelectorAll("iframe[name]")].some((frame) => frame.getAttribute("name") === target);
  }

  /** Take over what following this link would do, where the sandbox forbids it. True if so. */
  function follow(link, event) {
    let url;
    try {
      url = new URL(link.href, document.baseURI);
    } catch {
      return false;
    }
    const ours = isOwn(url);
    const away = elsewhere(link.target) || event?.ctrlKey || event?.metaKey || event?.shiftKey || event?.button === 1;
    if (link.hasAttribute("download") && (ours || /^(blob|data):$/.test(url.protocol))) save(url.href, link.download);
    else if (away && /^(blob|data):$/.test(url.protocol)) save(url.href, "");
    else if (SCHEMES.test(url.protocol) && (away || (framed ? !ours : !/^https?:$/.test(url.protocol)))) open(url);
    else return false;
    return true;
  }

  const LINK = (part) => (part instanceof HTMLAnchorElement || part instanceof HTMLAreaElement) && part.href;
  const seen = new WeakSet();
  function clicked(link, event) {
    if (seen.has(event)) return;
    seen.add(event);
    if (!event.defaultPrevented && follow(link, event)) event.preventDefault();
  }

  for (const type of ["click", "auxclick"]) {
    const linkOf = (event) => event.button < 2 && event.composedPath().find(LINK);
    // Last, and only if the app did not prevent it: single-page apps handle their own links, or set the address just then.
    addEventListener(type, (event) => {
      const link = linkOf(event);
      if (link) clicked(link, event);
    });
    // Also where the app stops the event on its way; what the sandbox forbids has then not happened either.
    addEventListener(type, (event) => {
      const link = linkOf(event);
      if (link) setTimeout(() => clicked(link, event));
    }, true);
  }

  addEventListener("submit", (event) => {
    const form = event.target;
    const given = (name) => event.submitter?.getAttribute(`form${name}`) ?? form.getAttribute(name) ?? "";
    const url = absolute(given("action") || location.href);
    if (event.defaultPrevented || /^dialog$/i.test(given("method")) || !SCHEMES.test(url.protocol)) return;
    if (!elsewhere(given("target")) && (!framed || isOwn(url))) return;
    event.preventDefault();
    if (/^post$/i.test(given("method"))) return overlay.note("A form that sends to another page is off in the preview.");
    const values = [...new FormData(form, event.submitter)].filter(([, value]) => typeof value === "string");
    url.search = new URLSearchParams(values).toString();
    open(url);
  });

  // They refuse in every frame: libraries that find none save by a link instead.
  for (const name of ["showSaveFilePicker", "showOpenFilePicker", "showDirectoryPicker"]) delete window[name];

  // A link that is in no document is often made, clicked and dropped; its events reach nobody.
  const nativeClick = HTMLAnchorElement.prototype.click;
  HTMLAnchorElement.prototype.click = function click() {
    if (this.isConnected || !this.href || !follow(this)) nativeClick.call(this);
  };
  const nativeDispatch = EventTarget.prototype.dispatchEvent;
  HTMLAnchorElement.prototype.dispatchEvent = function dispatchEvent(event) {
    const sent = nativeDispatch.call(this, event);
    if (sent && event?.type === "click" && !this.isConnected && this.href) follow(this);
    return sent;
  };

  const nativeOpen = window.open;
  window.open = function (url, target, ...more) {
    const address = url ? absolute(url) : null;
    if (target && !elsewhere(target) && (!framed || !address || isOwn(address))) {
      return nativeOpen.call(window, url, target, ...more);
    }
    if (!address) overlay.note("A window of its own is off in the preview.");
    else if (/^(blob|data):$/.test(address.protocol)) save(address.href, "");
    else if (SCHEMES.test(address.protocol)) open(address);
    return null;
  };
})();
