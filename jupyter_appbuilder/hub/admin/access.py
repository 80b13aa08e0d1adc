"""Who is an administrator: an admin of the Hub, or who has the role or is in a group that the configuration names."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...errors import AppBuilderError
from ...publishing.jupyterhub import JupyterHub

SCOPE = "custom:appbuilder:admin"
FRESH_SECONDS = 5.0
KNOWN = 1000

log = logging.getLogger(__name__)


@dataclass
class Administrators:
    """``groups``: whose members are administrators. ``hub``: asked, with the service's own token, who is an admin."""

    hub: JupyterHub
    groups: Collection[str] = ()
    _known: dict[str, tuple[float, bool]] = field(default_factory=dict[str, tuple[float, bool]])

    async def has(self, model: Mapping[str, Any], *, by_token: bool) -> bool:
        """Whether the user of a Hub's model may see the pages.

        A token has to say it by its own scopes: those of an administrator's server may use the service, and must not
        let what runs there administer it."""
        if model.get("kind", "user") != "user":
            return False
        scopes = set(map(str, model.get("scopes") or ()))
        if SCOPE in scopes:
            return True
        if by_token:
            return "admin:users" in scopes
        groups = set(map(str, model.get("groups") or ()))
        return bool(groups & set(self.groups)) or await self._is_admin(str(model["name"]))

    async def _is_admin(self, name: str) -> bool:
        at, known = self._known.get(name, (float("-inf"), False))
        if time.monotonic() - at < FRESH_SECONDS:
            return known
        try:
            found = await self.hub.is_admin(name)
        except AppBuilderError as error:
            if error.status != 403:
                raise
            log.warning("The service may not ask the Hub who is an admin: its role lacks read:users (docs/hub.md).")
            found = False
        if len(self._known) >= KNOWN:
            self._known.clear()
        self._known[name] = (time.monotonic(), found)
        return found
