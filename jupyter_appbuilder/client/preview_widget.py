"""The running app in a frame below a cell.

The frame's address is a capability, so it must not be stored with the notebook: the front end asks for it over the
comm, whose messages are not saved.
"""

from __future__ import annotations

from typing import Any

import anywidget
import traitlets

SCRIPT = """\
export default { render({ model, el }) {
  const frame = document.createElement("iframe");
  frame.title = model.get("title");
  frame.style.cssText = "width:100%;border:1px solid var(--jp-border-color1,#ccc);height:" + model.get("height") + "px";
  frame.setAttribute("sandbox", "allow-scripts allow-forms allow-modals");
  frame.allow = "clipboard-write; fullscreen";
  frame.referrerPolicy = "no-referrer";
  const link = document.createElement("a");
  link.textContent = model.get("open_label");
  link.target = "_blank";
  link.rel = "noopener noreferrer";
  const show = message => {
    if (message && typeof message.url === "string") { frame.src = message.url; link.href = message.url; }
  };
  model.on("msg:custom", show);
  el.append(frame, link);
  model.send({ method: "url" });
  return () => model.off("msg:custom", show);
} };
"""


class PreviewWidget(anywidget.AnyWidget):
    """Shows ``url``; ``height`` is in pixels."""

    _esm = SCRIPT
    title = traitlets.Unicode("Preview of the app").tag(sync=True)
    open_label = traitlets.Unicode("Open in a tab").tag(sync=True)
    height = traitlets.Int(600).tag(sync=True)

    def __init__(self, url: str, **traits: Any) -> None:
        super().__init__(**traits)
        self._url = url
        self.on_msg(self._take)

    def _take(self, widget: object, content: Any, buffers: object) -> None:
        if content == {"method": "url"}:
            self.send({"url": self._url})
