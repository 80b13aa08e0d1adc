"""What the preview needs of a session: its dev server, its page's storage, and an ear for what the page reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from ..sandbox.base import DevServer
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
    def storage(self) -> PageStorage: ...

    async def ensure(self) -> DevServer:
        """Start the dev server, or wake it, unless it runs; wait until it is ready or has failed."""
        ...

    async def report(self, finding: dict[str, Any]) -> None:
        """Take a finding of the page's probe.

        Either ``{"kind": "ready", "duration_ms": int}`` or an ``events.PreviewError`` payload:
        ``{"kind": "build"|"page"|"network", "message": str, "stack"?: str, "source"?: str}``.
        """
        ...
