"""The running app in a frame below a cell.

The frame's address is a capability, so it must not be stored with the notebook: the front end asks for it over the
comm, whose messages are not saved. It asks ``{"method": "url"}`` and is told ``{"url": …, "picture": …}``; once a newer
cell shows the same app ``{"elsewhere": true, "picture": …}``, until the person has it shown there as well (``"here"``).
So a notebook of many cells runs the app's page once.
"""

from __future__ import annotations

import base64
import contextlib
import weakref
from typing import Any

import anywidget
import traitlets

from . import bundled

LEAST, MOST = 120, 3000  # px of height


class PreviewWidget(anywidget.AnyWidget):
    """Shows ``url``; ``height`` is in pixels, and the person's to drag. ``app`` is the name of its folder."""

    _esm = bundled.script("preview.js")
    _css = bundled.styles("preview.css")
    title = traitlets.Unicode("Preview of the app").tag(sync=True)
    open_label = traitlets.Unicode("Open in a tab").tag(sync=True)
    app = traitlets.Unicode("").tag(sync=True)
    height = traitlets.Int(600).tag(sync=True)

    def __init__(self, url: str, picture: bytes | None = None, **traits: Any) -> None:
        """``picture``: of the app as it is now, a PNG."""
        super().__init__(**traits)
        self._url = url
        self._picture = picture
        self._here = True
        before = _NEWEST.get(url)
        _NEWEST[url] = self
        if before is not None:
            before.make_room()
        self.on_msg(self._take)

    @traitlets.validate("height")
    def _bounded(self, proposal: Any) -> int:
        return min(MOST, max(LEAST, int(proposal["value"])))

    def make_room(self) -> None:
        """A newer cell shows the app."""
        self._here = False
        with contextlib.suppress(Exception):  # nobody may look at it any more
            self.send(self._told())

    def _told(self) -> dict[str, Any]:
        picture = base64.b64encode(self._picture).decode() if self._picture else ""
        return ({"url": self._url} if self._here else {"elsewhere": True}) | {"picture": picture}

    def _take(self, widget: object, content: Any, buffers: object) -> None:
        if content == {"method": "here"}:
            self._here = True
        elif content != {"method": "url"}:
            return
        self.send(self._told())


_NEWEST: weakref.WeakValueDictionary[str, PreviewWidget] = weakref.WeakValueDictionary()
"""By address, the widget of the newest cell."""
