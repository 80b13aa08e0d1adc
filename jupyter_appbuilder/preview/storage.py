"""Storage of a previewed app: localStorage, cookies, IndexedDB. Its opaque origin has none in the browser."""

from __future__ import annotations

import contextlib
import io
import json
import os
import secrets
import shutil
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any, TypedDict, cast

from ..errors import InvalidInput
from . import cookies as jar
from .cookies import Cookies

LOCAL_LIMIT = 5 * 1024 * 1024  # characters of keys and values, what browsers allow
COOKIE_LIMIT = 64 * 1024
CHANGE_LIMIT = 16 * 1024 * 1024  # bytes of one change: LOCAL_LIMIT of the widest characters
ENTRY_LIMIT = 50_000  # in localStorage
DATABASE_LIMIT = 50 * 1024 * 1024  # bytes of the serialised databases
VISITOR_FILES = 64
"""Files of visitors besides the person that are kept; what was left alone the longest goes first."""
VISITOR_BYTES = 256 * 1024 * 1024
"""What they come to at most, but for the latest one."""
READER_FILES = 4_000
"""The same of readers of a published app, who are more."""
IN_MEMORY = 64 * 1024 * 1024  # bytes
"""What is held in memory of all visitors of this process, but for the latest one; the rest is read again."""
ENTRY_BYTES = 200  # what an entry takes besides its text


class PageState(TypedDict):
    local: dict[str, str]
    cookies: dict[str, str]  # as ``cookies`` has them
    databases: bool  # whether IndexedDB holds something


_State = tuple[dict[str, str], Cookies, Cookies]


class PageStorage:
    """Stored data of one visitor of an app: the JSON file ``path`` and, for IndexedDB, ``<path>.indexeddb``.

    The one made with a session's own path is the person's; ``of`` gives those of other visitors, in a folder beside it.
    A file that cannot be read counts as empty: an app must not be locked out of its own preview by a damaged file.
    """

    def __init__(self, path: Path, *, among: int = 0) -> None:
        self._path = path
        self._among = among  # how many files its folder may have, of several visitors who share what it may hold
        self._databases = path.with_name(path.name + ".indexeddb")
        self._others = path.with_suffix("")
        self._changing = threading.Lock()
        # Replaced whole, never changed: it is read without the lock.
        self._state: _State | None = None

    def of(self, visitor: str, most: int = VISITOR_FILES) -> PageStorage:
        """The storage of another visitor, by a name that may stand in a path; the person's for the empty one.
        ``most``: files of visitors that are kept."""
        if not visitor:
            return self
        _tidy(self._others, most)
        return PageStorage(self._others / f"{visitor}.json", among=most)

    def read(self) -> PageState:
        local, cookies, _ = self._load()
        return {"local": dict(local), "cookies": jar.alive(cookies), "databases": self._databases.exists()}

    def change(self, change: Mapping[str, Any]) -> None:
        """Apply ``{"local"?: Change, "cookies"?: Change}``, as the page asks for it.

        A Change is ``{"clear"?: bool, "set"?: {key: value}, "remove"?: [key]}``, applied as clear, remove, set.

        Raises InvalidInput for another shape, and when the result would be over the limit; then nothing is changed.
        """
        with self._changing:  # two tabs may write at once, each from its own thread
            old_local, old_cookies, hidden = self._load()
            local = _changed(old_local, change.get("local"), "local", LOCAL_LIMIT)
            cookies = _changed(old_cookies, change.get("cookies"), "cookies", COOKIE_LIMIT)
            self._keep(local, jar.of_page(cookies, hidden), hidden)

    def cookie_header(self, path: str) -> str:
        """The ``Cookie`` header of a request for ``path`` of the app; empty when there is none."""
        _, cookies, hidden = self._load()
        return jar.header((cookies, hidden), path)

    def receive_cookies(self, lines: Iterable[str], path: str, base: str) -> dict[str, Any]:
        """Keep what ``Set-Cookie`` headers of an answer to ``path`` say; what the page may know of it, as a Change."""
        with self._changing:
            local, old_cookies, old_hidden = self._load()
            cookies, hidden = jar.received(old_cookies, old_hidden, lines, path, base)
            self._keep(local, cookies, hidden)
        return {
            "set": {key: value for key, value in cookies.items() if old_cookies.get(key) != value},
            "remove": [key for key in old_cookies if key not in cookies],
        }

    @property
    def folder(self) -> Path:
        """The folder of its files, created if needed."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        return self._path.parent

    def databases(self) -> bytes:
        """The databases as the page's script serialised them (JSON), empty when there are none."""
        found = self.open_databases()
        if found is None:
            return b""
        with found:
            return found.read()

    def open_databases(self) -> IO[bytes] | None:
        """The same as a file open for reading; None when there are none."""
        try:
            return self._databases.open("rb")
        except OSError:
            return None

    def write_databases(self, content: bytes | IO[bytes]) -> None:
        """Raises InvalidInput when ``content``, or what the file holds, is over the limit or no JSON array."""
        content = io.BytesIO(content) if isinstance(content, bytes) else content
        size = content.seek(0, os.SEEK_END)
        if size > DATABASE_LIMIT:
            raise InvalidInput(
                f"The app keeps more than {DATABASE_LIMIT // 1024 // 1024} MB in IndexedDB.",
                hint="Keep less, or keep it in the app's own database.",
                reason="quota_exceeded",
            )
        content.seek(max(0, size - 1))
        last = content.read(1)
        content.seek(0)
        if size < 2 or content.read(1) + last != b"[]":
            raise InvalidInput("The databases must be a JSON array.")
        content.seek(0)
        self._write(self._databases, content)

    def clear(self) -> None:
        """Forget everything, on disk too, and what other visitors keep."""
        self._state = None
        self._path.unlink(missing_ok=True)
        self._databases.unlink(missing_ok=True)
        shutil.rmtree(self._others, ignore_errors=True)

    def _load(self) -> _State:
        if (known := self._state) is not None:
            return known
        state: _State = {}, {}, {}
        size = 0
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
            content = self._path.read_bytes()
            stored: Any = json.loads(content)
            state = dict(stored["local"]), dict(stored["cookies"]), dict(stored.get("hidden", {}))
            size = len(content)
        self._remember(state, size)
        return state

    def _remember(self, state: _State, size: int) -> None:
        self._state = state
        if self._among:
            _memory.hold(self, size + ENTRY_BYTES * len(state[0]))

    def leave_memory(self) -> None:
        """It is on disk, and read again when it is asked for."""
        self._state = None

    def _keep(self, local: dict[str, str], cookies: Cookies, hidden: Cookies) -> None:
        state = (local, cookies, hidden)
        if state == self._load():
            return
        stored = json.dumps({"v": 1, "local": local, "cookies": cookies, "hidden": hidden})
        self._write(self._path, io.BytesIO(stored.encode()))
        self._remember(state, len(stored))

    def _write(self, path: Path, content: IO[bytes]) -> None:
        _write(path, content)
        if self._among:
            _tidy(path.parent, self._among)


class _Memory:
    """Which visitors' storages are in memory, and how much of it they take."""

    def __init__(self) -> None:
        self._changing = threading.Lock()
        self._held: OrderedDict[PageStorage, int] = OrderedDict()
        self._size = 0

    def hold(self, storage: PageStorage, size: int) -> None:
        """Count one that was read or written just now; those of the longest ago leave."""
        with self._changing:
            self._size += size - self._held.pop(storage, 0)
            self._held[storage] = size
            while self._size > IN_MEMORY and len(self._held) > 1:
                oldest, freed = self._held.popitem(last=False)
                self._size -= freed
                oldest.leave_memory()


_memory = _Memory()


def _tidy(folder: Path, most: int) -> None:
    """Keep the storage of the latest visitors only."""
    with contextlib.suppress(OSError):
        found = sorted(((file.stat(), file) for file in folder.glob("*.json*")), key=lambda one: -one[0].st_mtime_ns)
        size = 0
        for number, (status, file) in enumerate(found):
            size += status.st_size
            if number >= most or (number and size > VISITOR_BYTES):
                file.unlink(missing_ok=True)


def _changed(old: dict[str, str], change: Any, name: str, limit: int) -> dict[str, str]:
    if change is None:
        return old
    if not isinstance(change, dict):
        raise InvalidInput(f"A change of {name} must be an object.", field=name)
    change = cast("dict[str, Any]", change)
    remove: Any = change.get("remove") or []
    assigned: Any = change.get("set") or {}
    if not isinstance(remove, list) or not isinstance(assigned, dict):
        raise InvalidInput(f"A change of {name} holds a list to remove and an object to set.", field=name)
    removed, values = cast("list[Any]", remove), cast("dict[str, Any]", assigned)
    if not all(isinstance(text, str) for text in (*removed, *values.values())):
        raise InvalidInput(f"Keys and values of {name} must be texts.", field=name)
    new = {} if change.get("clear") else dict(old)
    for key in removed:
        new.pop(key, None)
    new.update(values)
    if len(new) > ENTRY_LIMIT or sum(len(key) + len(value) for key, value in new.items()) > limit:
        raise InvalidInput(
            f"The app keeps more than {limit // 1024} KB or {ENTRY_LIMIT} entries in {name}.", reason="quota_exceeded"
        )
    return new


def _write(path: Path, content: IO[bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with temporary.open("wb") as file:
            shutil.copyfileobj(content, file)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
