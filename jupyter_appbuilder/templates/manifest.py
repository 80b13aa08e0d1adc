"""Reads ``template.toml``; errors name the file, the key and what belongs there."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, cast

from ..errors import InvalidInput
from ..formats.text import in_a_line

LARGEST = 256 * 1024  # bytes
ANY = "*"  # in place of a key: any name

SERVICE: Mapping[str, str] = {
    "command": "words",
    "base": "text",
    "ready": "text",
    "port": "number",
    "environment": "texts",
}

SPEED = ("load_ms", "lcp_ms", "cls", "long_tasks", "requests", "bytes")
"""What is measured of a page, and may have a budget: see docs/templates.md."""

KEYS: Mapping[str, Mapping[str, Any] | str] = {
    "title": "text",
    "summary": "text",
    "prompts": "lines",
    "data": "words",
    "datasets": {"folder": "text", "loader": "text", "hints": "text"},
    "export": {"runtime": "text"},
    "database": {"file": "text", "program": "text", "of": "text", "postgresql": {"hints": "text"}},
    "functions": {"control": "text"},
    "secrets": {"control": "text"},
    "live": {"control": "text", "of": "text", "server": "text"},
    "widget": {"bundler": "text"},
    "serve": SERVICE,
    "services": {ANY: {**SERVICE, "path": "text"}},
    "publish": {
        "kind": "text",
        "build": "words",
        "output": "words",
        "leave": "words",
        "serve": "words",
        "base": "text",
        "ready": "text",
        "environment": "texts",
        "assets": "texts",
        "deep": "words",
    },
    "check": {"command": "words", "budget": dict.fromkeys(SPEED, "amount")},
    "diagnostics": {"command": "words"},
    "install": {"lock": "text", "warm": "words"},
    "python": {"requirements": "text", "lock": "text"},
    "agent": {"hints": "text", "components": "text"},
    "environment": "texts",
    "e2b": {"image": "text", "apt": "words", "run": "words", "cpu": "number", "memory": "number"},
}
"""Every key with the kind of its value, or its table."""

KINDS = {
    "text": 'a text in quotes: "…"',
    "number": "a whole number",
    "amount": "a number, 0 or more",
    "lines": 'a list of short texts: ["A calendar of our meetings", "…"]',
    "words": 'a list of arguments: ["node", "server.js"]',
    "texts": 'a table of names and texts: NAME = "value"',
}


class Manifest:
    """A manifest whose keys and kinds of values are right. Keys are named with dots: ``serve.command``."""

    def __init__(self, path: Path) -> None:
        """Raises ``InvalidInput`` naming the file, the key and the next step."""
        self.path = path
        try:
            if path.stat().st_size > LARGEST:
                raise InvalidInput(
                    f"{path} has more than {LARGEST >> 10} KB.", hint="Put what is long into files of the app."
                )
            self._data = tomllib.loads(path.read_text(encoding="utf-8"))
        except RecursionError:
            raise InvalidInput(f"{path} has lists too deep in one another.", hint="Correct the file.") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise InvalidInput(f"{path} is not valid TOML: {error}.", hint="Correct the file.") from None
        except OSError as error:
            reason = f"{path} cannot be read: {error.strerror}."
            raise InvalidInput(reason, hint="A template is a folder with a template.toml in it.") from None
        self._check(self._data, KEYS, "")

    def text(self, key: str, default: str | None = None) -> str:
        """Without a ``default`` the key is needed, and not empty."""
        found = self._find(key)
        if default is None and (found is None or not found.strip()):
            raise self.wrong(key, "is missing", f'Add it: {key.rpartition(".")[2]} = "…".')
        return found if found is not None else default or ""

    def line(self, key: str, longest: int) -> str:
        """A text that is needed, of at most ``longest`` characters; told in one line."""
        found = in_a_line(self.text(key))
        if len(found) > longest:
            raise self.wrong(key, f"has {len(found):,} characters", f"Keep {longest} at most.")
        return found

    def number(self, key: str, default: int) -> int:
        found = self._find(key)
        return default if found is None else found

    def amounts(self, key: str) -> dict[str, float]:
        return dict(self._find(key) or {})

    def words(self, key: str) -> tuple[str, ...]:
        return tuple(self._find(key) or ())

    def lines(self, key: str, most: int, longest: int) -> tuple[str, ...]:
        """At most ``most`` texts of one line each, none of them empty or longer than ``longest`` characters."""
        found = self.words(key)
        if len(found) > most:
            raise self.wrong(key, f"has {len(found)} texts", f"Keep {most} at most.")
        for text in found:
            if not text.strip() or len(text) > longest or in_a_line(text) != text:
                raise self.wrong(key, f"has {text[:40]!r}", f"Write each in one line of {longest} characters at most.")
        return found

    def texts(self, key: str) -> dict[str, str]:
        return dict(self._find(key) or {})

    def tables(self, key: str) -> tuple[str, ...]:
        """The names of the tables below ``key``."""
        return tuple(self._find(key) or {})

    def has(self, key: str) -> bool:
        return self._find(key) is not None

    def folders(self, key: str) -> tuple[str, ...]:
        """Folders below files/, each with one slash at its end."""
        return tuple(self._folder(key, name) + "/" for name in self.words(key))

    def folder(self, key: str, default: str) -> str:
        """A folder below files/ whose name may stand in addresses and in code, without a slash at its end."""
        folder = self._folder(key, self.text(key, default))
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*", folder):
            raise self.wrong(key, f"is {folder!r}", "Use letters, digits, and . _ - within a name.")
        return folder

    def _folder(self, key: str, name: str) -> str:
        parts = name.rstrip("/").split("/")
        if any(part in ("", ".", "..") for part in parts):
            raise self.wrong(key, f"is no folder of the app: {name!r}", 'Name folders like this: "data/".')
        return "/".join(parts)

    def file(self, key: str, default: str) -> str:
        """The name of a file that lies directly in ``files/``: on a longer path generated code could put a link."""
        found = self.text(key, default)
        if PurePosixPath(found).name != found or found in ("", ".."):
            raise self.wrong(key, f"is no file's name: {found!r}", "Name a file that lies directly in files/.")
        return found

    def choice(self, key: str, choices: Sequence[str]) -> str:
        """One of ``choices``, the first unless told."""
        found = self.text(key, choices[0])
        if found not in choices:
            raise self.wrong(key, f"is {found!r}", f"Choose one of: {', '.join(choices)}.")
        return found

    def wrong(self, key: str, what: str, hint: str) -> InvalidInput:
        return InvalidInput(f"{self.path}: {key} {what}.", hint=f"{hint} See docs/templates.md.", field=key)

    def _find(self, key: str) -> Any:
        found: Any = self._data
        for part in key.split("."):
            found = found.get(part) if isinstance(found, dict) else None  # pyright: ignore[reportUnknownVariableType]
        return found  # pyright: ignore[reportUnknownVariableType]

    def _check(self, table: Mapping[str, Any], keys: Mapping[str, Any], prefix: str) -> None:
        for name, value in table.items():
            kind, key = keys.get(name, keys.get(ANY)), prefix + name
            if kind is None:
                near = difflib.get_close_matches(name, keys, 1)
                hint = f"Did you mean {prefix}{near[0]}?" if near else f"Known here: {', '.join(keys)}."
                raise self.wrong(key, "is not a key of a template", hint)
            if not isinstance(kind, str):
                if not isinstance(value, dict):
                    raise self.wrong(key, "must be a table", f"Write it as [{key}] with the keys {', '.join(kind)}.")
                self._check(cast("dict[str, Any]", value), kind, f"{key}.")
            elif not _is(kind, value):
                raise self.wrong(key, f"must be {KINDS[kind]}", "Correct it.")


def _is(kind: str, value: Any) -> bool:
    match kind:
        case "text":
            return isinstance(value, str)
        case "number":
            return isinstance(value, int) and not isinstance(value, bool)
        case "amount":
            return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
        case "words" | "lines":
            return isinstance(value, list) and all(isinstance(item, str) for item in cast("list[Any]", value))
        case "texts":
            return isinstance(value, dict) and all(
                isinstance(item, str) for item in cast("dict[str, Any]", value).values()
            )
        case _:
            return True
