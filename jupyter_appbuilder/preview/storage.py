"""What a previewed app keeps: localStorage, cookies, IndexedDB. Its opaque origin cannot have them in the browser."""

from __future__ import annotations

import json
import os
import secrets
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict, cast

from ..errors import InvalidInput

LOCAL_LIMIT = 5 * 1024 * 1024  # characters of keys and values, what browsers allow
COOKIE_LIMIT = 64 * 1024
DATABASE_LIMIT = 50 * 1024 * 1024  # bytes of the serialised databases


class PageState(TypedDict):
    local: dict[str, str]
    cookies: dict[str, str]  # name -> value
    databases: bool  # whether IndexedDB holds something


class PageStorage:
    """One session's page storage: the JSON file ``path`` and, for IndexedDB, ``<path>.indexeddb`` beside it.

    A file that cannot be read counts as empty: an app must not be locked out of its own preview by a damaged file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._databases = path.with_name(path.name + ".indexeddb")
        self._changing = threading.Lock()
        self._state: tuple[dict[str, str], dict[str, str]] | None = None

    def read(self) -> PageState:
        local, cookies = self._load()
        return {"local": dict(local), "cookies": dict(cookies), "databases": self._databases.exists()}

    def change(self, change: Mapping[str, Any]) -> None:
        """Apply ``{"local"?: Change, "cookies"?: Change}``.

        A Change is ``{"clear"?: bool, "set"?: {key: value}, "remove"?: [key]}``, applied as clear, remove, set.

        Raises InvalidInput for another shape, and when the result would be over the limit; then nothing is changed.
        """
        with self._changing:  # two tabs may write at once, each from its own thread
            old_local, old_cookies = self._load()
            local = _changed(old_local, change.get("local"), "local", LOCAL_LIMIT)
            cookies = _changed(old_cookies, change.get("cookies"), "cookies", COOKIE_LIMIT)
            if (local, cookies) == (old_local, old_cookies):
                return
            _write(self._path, json.dumps({"v": 1, "local": local, "cookies": cookies}).encode())
            self._state = (local, cookies)

    def databases(self) -> bytes:
        """The databases as the page's script serialised them (JSON), empty when there are none."""
        try:
            return self._databases.read_bytes()
        except OSError:
            return b""

    def write_databases(self, content: bytes) -> None:
        """Raises InvalidInput when ``content`` is over the limit or no JSON array."""
        if len(content) > DATABASE_LIMIT:
            raise InvalidInput(
                f"The app keeps more than {DATABASE_LIMIT // 1024 // 1024} MB in IndexedDB.",
                hint="Keep less, or keep it in the app's own database.",
                reason="quota_exceeded",
            )
        if not (content.startswith(b"[") and content.endswith(b"]")):
            raise InvalidInput("The databases must be a JSON array.")
        _write(self._databases, content)

    def clear(self) -> None:
        """Forget everything, on disk too."""
        self._state = None
        self._path.unlink(missing_ok=True)
        self._databases.unlink(missing_ok=True)

    def _load(self) -> tuple[dict[str, str], dict[str, str]]:
        if self._state is None:
            try:
                stored: Any = json.loads(self._path.read_bytes())
                self._state = (dict(stored["local"]), dict(stored["cookies"]))
            except (OSError, ValueError, TypeError, KeyError):
                self._state = ({}, {})
        return self._state


def _changed(old: dict[str, str], change: Any, name: str, limit: int) -> dict[str, str]:
    if change is None:
        return old
    if not isinstance(change, dict):
        raise InvalidInput(f"A change of {name} must be an object.", field=name)
    change = cast("dict[str, Any]", change)
    new = {} if change.get("clear") else dict(old)
    for key in change.get("remove") or ():
        new.pop(str(key), None)
    assigned: dict[Any, Any] = change.get("set") or {}
    for key, value in assigned.items():
        new[str(key)] = str(value)
    if sum(len(key) + len(value) for key, value in new.items()) > limit:
        raise InvalidInput(f"The app keeps more than {limit // 1024} KB in {name}.", reason="quota_exceeded")
    return new


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
