"""The running app in a frame below a cell.

The frame's address is a capability, so it must not be stored with the notebook: the front end asks for it over the
comm, whose messages are not saved.
"""

from __future__ import annotations

from typing import Any

import anywidget
import traitlets

from . import bundled


class PreviewWidget(anywidget.AnyWidget):
    """Shows ``url``; ``height`` is in pixels."""

    _esm = bundled.script("preview.js")
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
