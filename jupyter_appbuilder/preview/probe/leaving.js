// Downloads, other sites and new tabs, which the sandbox forbids: the panel is asked, and offers them to the person. In a
// tab of its own nobody can be asked, so the page says that they are off.

const leaving = (() => {
  const SCHEMES = /^(https?|mailto|tel):$/;

  function refused(what) {
    overlay.note(`${what} is off in the preview's own tab. Use the preview in JupyterLab, or export the app.`);
  }

  async function save(url, name) {
    const file = name || (/^(blob|data):/.test(url) ? "" : new URL(url).pathname.split("/").pop()) || "download";
    if (!framed) return refused(`Saving “${file}”`);
    try {
      const answer = await nativeFetch(url, { credentials: "omit" });
      if (!answer.ok) throw new Error(`it answered ${answer.status}`);
      tell("save", { name: file, content: await answer.blob() });
    } catch (error) {
      found({ kind: "network", message: `The download ${file} failed: ${error.message}` });
    }
  }

  function open(url) {
    if (framed) tell("open", { url: url.href });
    else refused(`Opening ${shortened(url)}`);
  }

  /** Take over what following this link would do, where the sandbox forbids it. True if so. */
  function follow(link) {
    let url;
    try {
      url = new URL(link.href, document.baseURI);
    } catch {
      return false;
    }
    const ours = isOwn(url);
    const target = link.target || document.querySelector("base[target]")?.target;
    if (link.hasAttribute("download") && (ours || /^(blob|data):$/.test(url.protocol))) save(url.href, link.download);
    else if (SCHEMES.test(url.protocol) && (!ours || target === "_blank")) open(url);
    else return false;
    return true;
  }

  const linkOf = (event) => event.composedPath().find((part) => part instanceof HTMLAnchorElement && part.href);

  // Last, and only if the app did not prevent it: single-page apps handle their own links.
  addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button) return;
    const link = linkOf(event);
    if (link && follow(link)) event.preventDefault();
  });

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
    if (/^_(self|top|parent)$/.test(target ?? "")) return nativeOpen.call(window, url, target, ...more);
    try {
      const address = new URL(url ?? "", document.baseURI);
      if (url && SCHEMES.test(address.protocol)) open(address);
    } catch {
      // no address: as the sandbox has it
    }
    return null;
  };
})();
