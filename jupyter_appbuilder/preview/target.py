"""The protocol between preview and session: dev server, page storage, and reports of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from ..sandbox.base import DevServer
    from .data_news import DataNews
    from .storage import PageStorage


class PreviewTarget(Protocol):
    """One session as its preview sees it."""

    @property
    def session(self) -> str:
        """The session's id."""
        ...

    @property
    def server(self) -> DevServer:
        """The dev server as it stands now. Cheap: read for every request."""
        ...

    def server_at(self, path: str) -> DevServer:
        """The server that answers for ``path`` below the preview's own: an app may have several. As cheap."""
        ...

    @property
    def changed_at(self) -> float:
        """When files of the app changed last, by ``time.monotonic``."""
        ...

    @property
    def storage(self) -> PageStorage: ...

    @property
    def data_news(self) -> DataNews: ...

    async def arrives(self) -> None:
        """The person is about to open the page; nobody else is told of so."""
        ...

    async def ensure(self) -> DevServer:
        """Start the dev server, or wake it, unless it runs; wait until it is ready or has failed."""
        ...

    async def report(self, finding: dict[str, Any]) -> dict[str, Any] | None:
        """Take a finding of the page's probe.

        Either ``{"kind": "ready", "duration_ms": int}`` or an ``events.PreviewError`` payload, with how long ago the
        page began to load, and whether it was used: ``{"kind": "build"|"page"|"network", "message": str,
        "stack"?: str, "source"?: str, "age_ms"?: int, "acted"?: True}``.
        Gives the finding in the lines of the app's own files, where these are known.
        """
        ...
