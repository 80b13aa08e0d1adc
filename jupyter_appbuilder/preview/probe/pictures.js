// The app's own pictures and videos. To the browser they come from another origin (the page's own is opaque), and a
// canvas that they are drawn on could not be read. Asked for with CORS, which the preview's server allows, it can.

const asked = new WeakSet(); // elements that got the attribute from us

function askWithCors(element, address) {
  if (!address || element.hasAttribute("crossorigin") || !isOwn(absolute(address))) return;
  asked.add(element);
  element.crossOrigin = "anonymous";
  element.addEventListener("error", askWithout, true); // for one that is in no document
}

/** A picture of ours may lead to another host, which allows no CORS: then without, and nobody hears of the first try. */
function askWithout(event) {
  if (!asked.delete(event.target)) return;
  event.stopImmediatePropagation();
  event.target.removeAttribute("crossorigin");
}
addEventListener("error", askWithout, true);

for (const { prototype } of [HTMLImageElement, HTMLMediaElement]) {
  const src = Object.getOwnPropertyDescriptor(prototype, "src");
  Object.defineProperty(prototype, "src", {
    ...src,
    set(value) {
      askWithCors(this, String(value));
      src.set.call(this, value);
    },
  });
  const { setAttribute } = Element.prototype;
  Object.defineProperty(prototype, "setAttribute", {
    configurable: true,
    writable: true,
    value: function (name, value) {
      if (String(name).toLowerCase() === "src") askWithCors(this, String(value));
      return setAttribute.call(this, name, value);
    },
  });
}

// Those that stand in HTML load anew with the attribute. Next.js compares the page that its server wrote with its own
// and complains of an attribute that is not its own: there they have to wait until that is done.
function hydrates() {
  return !!document.querySelector('script[src*="/_next/"], link[href*="/_next/"]');
}

function look(nodes) {
  for (const node of nodes) {
    if (node instanceof HTMLImageElement) askWithCors(node, node.getAttribute("src"));
    else if (node instanceof Element) for (const image of node.getElementsByTagName("img")) askWithCors(image, image.getAttribute("src"));
  }
}

let later = true; // what is found now is looked at later as well
new MutationObserver((changes) => {
  if (later && hydrates()) return;
  for (const { addedNodes } of changes) look(addedNodes);
}).observe(document, { childList: true, subtree: true });
addEventListener("load", () =>
  setTimeout(() => {
    later = false;
    look([document.documentElement]);
  }, hydrates() ? 1500 : 0),
);
