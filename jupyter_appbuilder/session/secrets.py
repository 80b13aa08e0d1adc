"""The secrets of one app: set by the person, asked for by its code, given to its functions."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import AppBuilderError, Conflict, InvalidInput
from ..tools.names import REQUEST_SECRET
from ..vault.base import NAME, check_name
from ..vault.mask import Mask

if TYPE_CHECKING:
    from ..events import Event
    from ..vault.vault import Vault
    from ..workspace import Workspace

FOLDERS = ("functions/", "lib/", "api/", "app/")
SOURCES = (".ts", ".tsx", ".js", ".mjs", ".py")
DOTENV = ".env"
EXAMPLE = ".env.example"
MOST_FILES = 300
LARGEST_FILE = 300_000  # bytes of a source file that is looked through
MOST_NAMES = 200
READ = re.compile(r"""(?<!process\.)\benv\s*(?:\?\.|\.|\[\s*["'`])\s*([A-Z][A-Z0-9_]{0,63})\b""", re.ASCII)
CALLED = re.compile(r"""\bsecret\(\s*["'`]([A-Z][A-Z0-9_]{0,63})["'`]""", re.ASCII)
"""How servers that have no functions read one."""
TAKEN_APART = re.compile(r"\{([^{}]{1,1000})\}\s*=\s*(?:\w+\.)?env\b", re.ASCII)
WRITTEN = re.compile(r"^[ \t]*(?:export[ \t]+)?([A-Z][A-Z0-9_]{0,63})[ \t]*=", re.ASCII | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Secret:
    """``at`` and ``where`` are empty while it is not set. ``why``: what the agent said that it is for."""

    name: str
    at: str = ""
    where: str = ""
    used_by: tuple[str, ...] = ()
    why: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "set": bool(self.at),
            "at": self.at or None,
            "where": self.where or None,
            "used_by": list(self.used_by),
            "why": self.why,
        }


@dataclass(slots=True)
class AppSecrets:
    """Of one session. ``takes``: whether the app's server gives secrets to anything. ``stored`` are its events.
    ``mask`` knows all values that this process has seen."""

    session: str
    vault: Vault
    workspace: Workspace
    takes: bool
    stored: Callable[[], Sequence[Event]] = tuple
    mask: Mask = field(default_factory=Mask)
    _stamp: tuple[object, ...] = ()

    async def values(self) -> Mapping[str, str]:
        """The values as they are now, by name; what is told from now on does not hold them."""

        def read() -> dict[str, str]:
            self._stamp = self.vault.stamp(self.session)
            return self.vault.values(self.session)

        found = await asyncio.to_thread(read)
        self.mask.learn(found.values())
        return found

    async def changed(self) -> bool:
        """True if some were set or removed since ``values``, perhaps by another process."""
        return await asyncio.to_thread(self.vault.stamp, self.session) != self._stamp

    async def all(self) -> list[Secret]:
        """Those that are asked for and not set first; then those that are set."""
        used, written = await self._used()
        asked = asked_for(self.stored())
        kept = {one.name: one for one in await asyncio.to_thread(self.vault.kept, self.session)}
        lacking = [name for name in {**used, **asked} if name not in kept and name not in written]
        return [
            *(Secret(name, "", "", used.get(name, ()), asked.get(name, "")) for name in sorted(lacking)),
            *(
                Secret(name, one.at, one.where, used.get(name, ()), asked.get(name, ""))
                for name, one in sorted(kept.items())
            ),
        ]

    async def where(self) -> str:
        """Where a value that is set now is kept. Raises ``Unavailable``."""
        return await asyncio.to_thread(lambda: self.vault.where)

    async def set(self, name: str, value: str) -> None:
        """Raises ``InvalidInput``, ``Unavailable``, and ``Conflict`` for an app that gives secrets to nothing."""
        self.require()
        await asyncio.to_thread(self.vault.set, self.session, name, value)
        await self.values()

    async def remove(self, name: str) -> None:
        """Raises ``NotFound``."""
        await asyncio.to_thread(self.vault.remove, self.session, name)

    async def forget(self) -> None:
        await asyncio.to_thread(self.vault.forget, self.session)

    async def example(self) -> dict[str, str]:
        """What an export has beside the app's own files: the names that its code reads, unless it says so itself."""
        names = [one.name for one in await self.all()] if self.takes else []
        if not names or await _text(self.workspace, EXAMPLE):
            return {}
        head = "# Keys and passwords that the code reads. Copy this file to .env, and fill it in.\n"
        return {EXAMPLE: head + "".join(f"{name}=\n" for name in names)}

    async def has_example(self) -> bool:
        """True if the app itself says what an ``.env`` of its holds."""
        return bool(await _text(self.workspace, EXAMPLE))

    def ask(self, name: str) -> str:
        """The code needs a secret of that name: the log says so. Raises ``InvalidInput``, ``Conflict``."""
        self.require()
        return check_name(name)

    async def is_set(self, name: str) -> bool:
        kept = await asyncio.to_thread(self.vault.kept, self.session)
        return any(one.name == name for one in kept)

    async def any(self) -> bool:
        return bool(await asyncio.to_thread(self.vault.kept, self.session))

    def require(self) -> None:
        if not self.takes:
            raise Conflict(
                "This app gives secrets to nothing: it has no server of its own.",
                hint="Apps of the templates serverless, fastapi-react and nextjs have one, which is given them.",
                reason="no_functions",
            )

    async def _used(self) -> tuple[dict[str, tuple[str, ...]], frozenset[str]]:
        """Which files ask for which names, and the names that the app's ``.env`` has."""
        if not self.takes:
            return {}, frozenset()
        used: dict[str, list[str]] = {}
        listed = [
            info.path
            for folder in FOLDERS
            for info in await _listed(self.workspace, folder)
            if info.path.endswith(SOURCES) and not info.binary and info.size <= LARGEST_FILE
        ]
        for path in listed[:MOST_FILES]:
            for name in names_in(await _text(self.workspace, path)):
                if len(used) < MOST_NAMES or name in used:
                    used.setdefault(name, []).append(path)
        written = WRITTEN.findall(await _text(self.workspace, DOTENV))
        return {name: tuple(paths) for name, paths in used.items()}, frozenset(written)


def asked_for(events: Sequence[Event]) -> dict[str, str]:
    """What the agent asked for, with its reason."""
    calls = [event.data for event in events if event.type == "tool.started" and event.data["tool"] == REQUEST_SECRET]
    given = [call["arguments"] for call in calls]
    return {name: str(one.get("why", "")) for one in given if NAME.fullmatch(name := str(one.get("name", "")))}


def names_in(text: str) -> list[str]:
    """The names that code asks ``env`` or ``secret`` for, each once."""
    found = READ.findall(text) + CALLED.findall(text)
    for taken in TAKEN_APART.findall(text):
        found += [name for part in taken.split(",") if NAME.fullmatch(name := part.split(":")[0].split("=")[0].strip())]
    names: list[str] = []
    for name in dict.fromkeys(found):
        try:
            names.append(check_name(name))
        except InvalidInput:
            continue
    return names


async def _listed(workspace: Workspace, folder: str) -> Iterable[Any]:
    try:
        return await workspace.list(folder.rstrip("/"))
    except (AppBuilderError, OSError):
        return ()


async def _text(workspace: Workspace, path: str) -> str:
    try:
        return await workspace.read_text(path)
    except (AppBuilderError, OSError, UnicodeDecodeError):
        return ""
