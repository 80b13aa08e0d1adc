"""Serves the contract, openapi.yaml, as it is and as JSON."""

from __future__ import annotations

import asyncio
import json
from functools import cache
from pathlib import Path
from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from .base import AppBuilderHandler

DOCUMENT = Path(__file__).parent / "openapi.yaml"


@cache
def contract() -> dict[str, Any]:
    """The OpenAPI document as data."""
    import yaml

    return yaml.safe_load(DOCUMENT.read_text(encoding="utf-8"))


class ContractHandler(AppBuilderHandler):
    _track_activity = False

    @web.authenticated
    @authorized
    async def get(self, format: str) -> None:
        if format == "json":
            # 50 ms of YAML: not on the event loop.
            text = await asyncio.to_thread(lambda: json.dumps(contract(), indent=2))
            self.finish(text)
        else:
            self.finish(await asyncio.to_thread(DOCUMENT.read_bytes), set_content_type="application/yaml")
