"""The conformance suite of sandbox providers (``sandbox/base.py``), with a real dev server and preview.

class TestMyCloud(SandboxSuite):
    @asynccontextmanager
    async def subject(self, folder):
        provider = MyCloud(folder / "cache")

        async def lose(sandbox):
            await delete_the_machine_of(sandbox)

        try:
            yield Subject(folder, provider, lose)
        finally:
            await provider.close()
"""

from __future__ import annotations

from .background import Background
from .commands import Commands
from .dev_server import DevServers
from .files import Files
from .loss import Loss
from .services import Services
from .sleeping import Sleeping
from .stopping import Stopping
from .subject import Subject

__all__ = ["SandboxSuite", "Subject"]


class SandboxSuite(Background, Commands, DevServers, Files, Loss, Services, Sleeping, Stopping):
    """Every claim. A subclass says by ``subject`` how a provider is made."""
