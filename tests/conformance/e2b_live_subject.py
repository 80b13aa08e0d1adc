"""E2B's real cloud, with the key in ``E2B_API_KEY``: `pytest -m e2b_live`. It starts some hundred small sandboxes."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from conformance.subjects import Subject
from jupyter_appbuilder.sandbox.e2b import E2BSandbox


@asynccontextmanager
async def subject(folder: Path, **traits: Any) -> AsyncGenerator[Subject]:
    """Without a key its tests fail and say so: whoever asks for them wants to know."""

    async def lose(sandbox: Any) -> None:
        if sandbox._machine is not None:
            await sandbox._machine.sandbox.kill()

    provider = E2BSandbox(folder / "cache", **({"timeout": 300} | traits))
    try:
        yield Subject("e2b_live", folder, provider, lose)
    finally:
        await provider.close()
