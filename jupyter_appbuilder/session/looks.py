"""Links by which other people look at a session, without any right on the server that shows it.

What is kept of them is one file of the data folder, ``looks.json``, for all its processes: a link that is taken back
opens nothing from the next request on. On a JupyterHub people are told apart by its service
(``publishing.look_service``); elsewhere whoever may use the server may follow a link.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import secrets
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ..errors import InvalidInput, NotFound, Unavailable, of_the_disk
from ..events import timestamp
from ..formats import strict_json
from ..publishing.jupyterhub import SERVICE, JupyterHub, Shares, hub_address, part, readers_asked
from ..settings import private_folder, write_settings

if TYPE_CHECKING:
    from collections.abc import Generator

PATH = "appbuilder/looks/"
"""Where a server shows them, below its own address."""
DAYS = 30
MOST_DAYS = 365
MOST = 500
"""Links that there are at a time, of all sessions."""
LARGEST = 4 * 1024 * 1024  # bytes of the file
ID = re.compile(r"[\w-]{22}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody whom the Hub knows."""

    name: str
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Look:
    """A link. ``everybody``: whoever has an account, beside ``users`` and ``groups``; ``copies``: who looks may make
    an app of their own of it; ``app``: they may open the app, as a copy of its newest version with its data."""

    id: str
    session: str
    created: float
    until: float
    everybody: bool
    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    copies: bool = True
    app: bool = True

    def admits(self, viewer: Viewer) -> bool:
        return self.everybody or viewer.name in self.users or not viewer.groups.isdisjoint(self.groups)

    def to_json(self) -> dict[str, Any]:
        """As the API shows it."""
        return {
            "id": self.id,
            "url": link_of(self.id),
            "readers": "everybody" if self.everybody else "people",
            "users": list(self.users),
            "groups": list(self.groups),
            "copies": self.copies,
            "app": self.app,
            "created_at": timestamp(self.created),
            "until": timestamp(self.until),
        }


def is_on_hub() -> bool:
    return JupyterHub.of_environment() is not None


def link_of(look: str) -> str:
    """What is sent to people: a path of this machine's address, or an address. "" where no service admits them."""
    if not is_on_hub():
        return PATH + look + "/"
    service = os.environ.get(SERVICE)
    if not service:
        return ""
    names = [os.environ.get("JUPYTERHUB_USER", ""), os.environ.get("JUPYTERHUB_SERVER_NAME", ""), look]
    return hub_address(f"{service}looks/{'/'.join(part(name) for name in names if name)}")


def unavailable() -> str:
    """Why nobody could follow a link; "" where they can."""
    if is_on_hub() and not os.environ.get(SERVICE):
        return (
            "This Hub runs no service of App Builder, and without it a server cannot tell other people apart. "
            "Ask the Hub's administrator for it (docs/hub.md), or send the saved conversation."
        )
    return ""


class Looks:
    """The links of a data folder. ``Unavailable`` where the disk refuses."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._path = folder / "looks.json"
        self._clock = clock

    def all(self, session: str = "") -> list[Look]:
        """Those that open something, the newest first. May block, as all methods here."""
        return [look for look in self._read() if session in ("", look.session)]

    def find(self, id: str) -> Look | None:
        """One that opens something."""
        return next((look for look in self._read() if look.id == id), None) if ID.fullmatch(id) else None

    def add(self, session: str, readers: Shares, *, everybody: bool, days: int, copies: bool, app: bool) -> Look:
        """Raises ``InvalidInput`` where there are too many."""
        now = self._clock()
        made = Look(
            secrets.token_urlsafe(16),
            session,
            now,
            now + days * 86400,
            everybody,
            tuple(sorted(readers.users)),
            tuple(sorted(readers.groups)),
            copies,
            app,
        )
        with self._changing() as known:
            if len(known) >= MOST:
                raise InvalidInput(
                    f"There are {MOST} links already.", hint="Take some of them back first.", reason="too_many_looks"
                )
            known.insert(0, made)
        return made

    def remove(self, session: str, id: str = "") -> None:
        """Take a link back, or all of a session. Raises ``NotFound`` for one that is not there."""
        with self._changing() as known:
            kept = [look for look in known if look.session != session or id not in ("", look.id)]
            if id and len(kept) == len(known):
                raise NotFound("There is no such link.", hint="It has ended, or was taken back.", reason="unknown_look")
            known[:] = kept

    @contextmanager
    def _changing(self) -> Generator[list[Look]]:
        try:
            private_folder(self._path.parent)
            lock = self._path.with_name(".looks.lock")
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise of_the_disk(error, self._path.parent) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            known = self._read()
            yield known
            write_settings(self._path, {"looks": [asdict(look) for look in known]})
        except OSError as error:
            raise of_the_disk(error, self._path.parent) from None
        finally:
            os.close(descriptor)

    def _read(self) -> list[Look]:
        try:
            if self._path.stat().st_size > LARGEST:
                raise ValueError("it is too large")
            told: Any = strict_json.parsed(self._path.read_bytes())
            found = [_look(one) for one in told["looks"]]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Unavailable(
                f"The links to sessions cannot be read: {error}.",
                hint=f"Mend or remove {self._path}.",
                reason="looks_damaged",
            ) from None
        now = self._clock()
        return [look for look in found if look.until > now]


async def add(
    looks: Looks,
    session: str,
    readers: str,
    users: Sequence[str] = (),
    groups: Sequence[str] = (),
    *,
    days: int = DAYS,
    copies: bool = True,
    app: bool = True,
) -> Look:
    """Make a link for ``people`` or ``everybody``. Raises ``InvalidInput``, also for people whom the Hub does not know,
    and ``Unavailable`` where nobody could follow it."""
    wanted, everybody = _asked(readers, users, groups, days)
    hub = JupyterHub.of_environment()
    if hub is not None:
        await hub.require(wanted)
    return await asyncio.to_thread(looks.add, session, wanted, everybody=everybody, days=days, copies=copies, app=app)


def _asked(readers: str, users: Sequence[str], groups: Sequence[str], days: int) -> tuple[Shares, bool]:
    if why := unavailable():
        raise Unavailable(why, reason="no_hub_service")
    if not 1 <= days <= MOST_DAYS:
        raise InvalidInput(f"'days' must be from 1 to {MOST_DAYS}, not {str(days)[:20]}.", field="days")
    if readers == "everybody":
        if users or groups:
            raise InvalidInput("Everybody needs no names.", hint="Leave them out, or name people alone.", field="users")
        return Shares(), True
    if readers != "people":
        raise InvalidInput(f"'readers' is people or everybody, not {readers[:40]!r}.", field="readers")
    if not is_on_hub():
        raise InvalidInput(
            "This server cannot tell people apart: it was not started by a JupyterHub.",
            hint="Make a link for everybody: whoever may use this server can follow it.",
            field="readers",
        )
    wanted = readers_asked("\n".join(users), "\n".join(groups))
    if not wanted.users and not wanted.groups:
        raise InvalidInput("Nobody is named who may look.", hint="Name users or groups of the Hub.", field="users")
    return wanted, False


def _look(told: dict[str, Any]) -> Look:
    def names(key: str) -> tuple[str, ...]:
        return tuple(str(name) for name in cast("Collection[Any]", told.get(key) or ()))

    return Look(
        str(told["id"]),
        str(told["session"]),
        float(told["created"]),
        float(told["until"]),
        told.get("everybody") is True,
        names("users"),
        names("groups"),
        told.get("copies") is True,
        told.get("app") is True,
    )
