"""What a cloud is to the sandboxes in it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from traitlets import Bool, Int
from traitlets.config import LoggingConfigurable

from ...errors import Unavailable
from ..base import OnProgress

if TYPE_CHECKING:
    from .machine import Machine
    from .sandbox import CloudSandbox

SESSION = "appbuilder-session"
"""Names the session in a machine's metadata."""


class Gone(Exception):
    """The cloud sandbox does not exist, or does not run, any more."""


class Cloud(Protocol):
    """Access to a cloud. Every method raises ``Unavailable`` with the next step, or ``Gone``."""

    async def find(self, session: str) -> str | None:
        """The id of the session's machine, running or paused."""
        ...

    async def connect(self, sandbox_id: str, timeout: int) -> Any:
        """A machine that runs, resumed if it was paused."""
        ...


class CloudProvider(LoggingConfigurable):
    """A provider of ``CloudSandbox``es. ``allow`` are hosts that they may reach."""

    name = ""
    too_many_hint = "Stop a session you do not need, or let more run at once."

    timeout = Int(600, help="Seconds after which a sandbox that nobody uses is paused, or ends.").tag(config=True)
    max_concurrent = Int(20, help="Sandboxes that this server lets run at once.").tag(config=True)
    internet = Bool(False, help="Whether sandboxes reach the whole internet.")
    direct_preview = Bool(False, help="Whether their servers have a public address.")

    def __init__(self, allow: Iterable[str], **traits: Any) -> None:
        super().__init__(**traits)
        self.allow = tuple(allow)
        self.running: set[CloudSandbox] = set()
        self.made: set[CloudSandbox] = set()

    async def cloud(self) -> Any:
        """The way there, a ``Cloud``. Raises ``Unavailable``."""
        raise NotImplementedError

    async def obtain(
        self,
        cloud: Any,
        template: str,
        metadata: Mapping[str, str],
        hosts: Collection[str] | None,
        on_progress: OnProgress | None,
    ) -> Any:
        """Make a machine for apps of a template, which reaches ``hosts`` alone."""
        raise NotImplementedError

    def machine(self, cloud: Any, made: Any, sandbox: CloudSandbox) -> Machine:
        """What was made or found, to work with."""
        raise NotImplementedError

    def reserve(self, sandbox: CloudSandbox) -> None:
        """Count ``sandbox`` as running. Raises ``Unavailable`` where that would be too many."""
        if sandbox not in self.running and len(self.running) >= self.max_concurrent:
            raise Unavailable(
                f"{len(self.running)} cloud sandboxes run already, which is as many as this server lets run.",
                hint=self.too_many_hint,
                reason=f"{self.name}_too_many",
            )
        self.running.add(sandbox)

    async def close(self) -> None:
        await asyncio.gather(*(sandbox.stop() for sandbox in list(self.made)))
