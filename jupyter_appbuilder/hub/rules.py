"""Rules that hold for everybody: set in the configuration or on the administrator's page, kept by number, given to
every server with the answer to its report."""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import Conflict, Unavailable
from ..usage.hub_rules import read_rules
from . import audit
from .database import Database
from .ledger import micros

FRESH_SECONDS = 2.0
"""For how long rules are taken from memory: another service on the same database may have set others."""


@dataclass(frozen=True, slots=True)
class Version:
    """``number`` 0: nothing was ever set."""

    number: int
    at: float
    by: str
    rules: Mapping[str, Any]


@dataclass
class RuleBook:
    """``configured``: of the configuration, which the page cannot change; ``required``: a server without rules starts
    no turn."""

    database: Database
    configured: Mapping[str, Any]
    required: bool = False
    clock: Callable[[], float] = time.time
    _read: tuple[float, Version | None] = (float("-inf"), None)

    async def now(self) -> Version:
        """What was set on the page last."""
        rows = await self.database.read("SELECT * FROM rules ORDER BY version DESC LIMIT 1")
        return _version(rows[0]) if rows else Version(0, 0.0, "", {})

    async def versions(self, limit: int = 20) -> list[Version]:
        """The newest first."""
        rows = await self.database.read("SELECT * FROM rules ORDER BY version DESC LIMIT ?", limit)
        return [_version(row) for row in rows]

    async def set(self, rules: Mapping[str, Any], by: str, seen: int) -> int:
        """Replace what the page set; the new number. ``seen``: the version that they looked at, so that two
        administrators do not undo each other unseen. Raises ``InvalidInput`` naming the rule, or ``Conflict``."""
        checked = read_rules(rules)
        async with self.database.transaction() as t:
            if self.database.dialect == "postgresql":
                await t.run("LOCK TABLE rules IN EXCLUSIVE MODE")
            last = await t.run("SELECT version, rules FROM rules ORDER BY version DESC LIMIT 1")
            if (last[0]["version"] if last else 0) != seen:
                raise Conflict(
                    "Somebody else has changed the rules since this page was loaded.",
                    hint="Look at theirs below, and save yours again if they still hold.",
                    reason="rules_changed",
                )
            [made] = await t.run(
                "INSERT INTO rules (at, set_by, rules) VALUES (?, ?, ?) RETURNING version",
                *(self.clock(), by, json.dumps(checked)),
            )
            before: dict[str, Any] = json.loads(last[0]["rules"]) if last else {}
            changed = sorted(key for key in {*before, *checked} if before.get(key) != checked.get(key))
            await audit.note(t, by, "rules.set", f"version {made['version']}", changed=changed)
        self._read = (float("-inf"), self._read[1])
        return made["version"]

    async def holding(self) -> Mapping[str, Any]:
        """The rules that hold: the configuration's before the page's. While the database is away, those that were read
        last. Raises ``Unavailable`` where there are none."""
        at, last = self._read
        if last is None or time.monotonic() - at >= FRESH_SECONDS:
            try:
                last = await self.now()
            except Unavailable:
                if last is None:
                    raise
            else:
                self._read = (time.monotonic(), last)
        return {**last.rules, **self.configured}

    async def ceiling(self) -> int | None:
        """Micro-dollars that nobody may spend more of in a day."""
        most = (await self.holding()).get("day_budget")
        return None if most is None else micros(most)

    async def given(self) -> dict[str, Any]:
        """What servers are given. ``version`` is another for others."""
        given = {"required": self.required, "rules": await self.holding()}
        return {"version": zlib.crc32(json.dumps(given, sort_keys=True).encode()) & 0x7FFF_FFFF, **given}


def _version(row: Mapping[str, Any]) -> Version:
    return Version(row["version"], row["at"], row["set_by"], json.loads(row["rules"]))
