"""What is made ready before anybody asks for it: the imports of a session, and sandboxes for new ones."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

from ..errors import AppBuilderError

if TYPE_CHECKING:
    from ..apps.sandboxes import Sandboxes
    from ..preview.capabilities import Previews
    from ..sandbox.base import SandboxProvider
    from ..templates.library import TemplateLibrary
    from ..templates.templates import Template
    from .background import Background
    from .places import Places

PARTS = (".assembly", "..tools.registry")
"""What a session is put together from: not imported when a server starts (0.3 s), but before the first is opened."""


class Preparation:
    """Prepares for new sessions while a person is there."""

    def __init__(
        self,
        sandboxes: Sandboxes,
        library: TemplateLibrary,
        places: Places,
        previews: Callable[[], Previews],
        background: Background,
        *,
        pooling: bool,
        on_server: bool = False,
    ) -> None:
        """``pooling``: whether sandboxes may stand ready before they are asked for. ``on_server``: databases of new
        apps are on a server, and none that stands ready could be theirs."""
        self._sandboxes = sandboxes
        self._library = library
        self._places = places
        self._previews = previews
        self._background = background
        self._pooling = pooling
        self._on_server = on_server
        self._imported = False

    def list_was_asked_for(self) -> None:
        """Whoever looks at the list of apps is about to open one, or to make one."""
        if not self._imported:
            self._imported = True
            self._background.run(asyncio.to_thread(lambda: [import_module(part, __package__) for part in PARTS]))
        if self._pooling:
            with contextlib.suppress(AppBuilderError):
                self.expect(self._library.find(self._library.default), self._sandboxes.provider())

    def expect(self, template: Template, provider: SandboxProvider) -> None:
        """Somebody is there, and may want a new app from ``template`` soon."""
        if self._places.misplaced() or (self._on_server and template.can_be_on_server):
            return
        listening = self._sandboxes.prewarm(template, provider, self._places.shelf, self._previews().reserve)
        if listening:
            self._background.run(listening)
