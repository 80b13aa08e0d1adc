"""Capabilities of models at custom endpoints: how each calls tools, and its context window.

Found out once for each model and kept in a file of the data folder. The key is the provider, the address and the
model's name, so that another endpoint under the same name starts with nothing known.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from ..settings import write_settings
from .dialects import learned_fields

if TYPE_CHECKING:
    from .openai_compatible import Endpoint

Calling = Literal["", "native", "schema", "loose_schema", "object", "text"]
"""How a model is made to call tools. "": not known yet. native: through the endpoint's own ``tools``. The others answer
with one JSON object instead: schema and loose_schema (older servers' spelling) are held to a schema while they write,
object to valid JSON, text to nothing."""

CALLINGS: tuple[Calling, ...] = ("", "native", "schema", "loose_schema", "object", "text")
SMALLEST_WINDOW, LARGEST_WINDOW = 256, 100_000_000  # tokens; anything else is no context window


@dataclass(frozen=True, slots=True)
class Capabilities:
    """``proven``: the model has called a tool natively when it mattered, not only in a trial. ``asked``: what the
    endpoint tells of the model was asked for, and it answered."""

    calling: Calling = ""
    proven: bool = False
    context_window: int | None = None  # tokens
    images: bool | None = None
    asked: bool = False
    dialect: Mapping[str, Any] = field(default_factory=dict[str, Any])  # what refusals taught: ``dialects.Dialect``

    @property
    def known(self) -> bool:
        return self.calling != ""


class CapabilityStore:
    """The file. A damaged or missing one counts as empty; one that cannot be written costs a trial next time."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._changed = -1
        self._entries: dict[str, dict[str, Any]] = {}

    def of(self, endpoint: Endpoint, model: str) -> Capabilities:
        return _capabilities(self._read().get(_key(endpoint, model), {}))

    def learn(self, endpoint: Endpoint, model: str, **found: Any) -> Capabilities:
        """Keep what was found out; fields that are not named stay as they were. The capabilities as they are now."""
        before = self.of(endpoint, model)
        now = replace(before, **found)
        if now != before:
            entries = {**self._read(), _key(endpoint, model): asdict(now)}
            place = _key(endpoint, "")
            # The same provider at an address it had before: nothing of that holds any more.
            kept = {
                key: entry
                for key, entry in entries.items()
                if not key.startswith(f"{endpoint.provider} ") or key.startswith(place)
            }
            self._write(kept)
        return now

    def forget(self, endpoint: Endpoint, model: str) -> None:
        entries = dict(self._read())
        if entries.pop(_key(endpoint, model), None) is not None:
            self._write(entries)

    def _read(self) -> dict[str, dict[str, Any]]:
        if self._file is None:
            return self._entries
        try:
            changed = self._file.stat().st_mtime_ns
        except OSError:
            return self._entries if self._changed == -1 else {}
        if changed != self._changed:
            try:
                data: Any = json.loads(self._file.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                data = {}
            entries = cast("dict[str, Any]", data) if isinstance(data, dict) else {}
            self._entries = {key: cast("dict[str, Any]", e) for key, e in entries.items() if isinstance(e, dict)}
            self._changed = changed
        return self._entries

    def _write(self, entries: dict[str, dict[str, Any]]) -> None:
        self._entries = entries
        if self._file is None:
            return
        with contextlib.suppress(OSError):  # it is found out again
            write_settings(self._file, entries)
            self._changed = self._file.stat().st_mtime_ns


def _key(endpoint: Endpoint, model: str) -> str:
    """The address as a digest: it may hold secrets."""
    place = hashlib.sha256(endpoint.base_url.encode()).hexdigest()[:16]
    return f"{endpoint.provider} {place} {model}"


def _capabilities(entry: dict[str, Any]) -> Capabilities:
    """An entry as far as it has the right shape."""
    known = {field.name: entry[field.name] for field in fields(Capabilities) if field.name in entry}
    window = known.get("context_window")
    return Capabilities(
        calling=known["calling"] if known.get("calling") in CALLINGS else "",
        proven=known.get("proven") is True,
        asked=known.get("asked") is True,
        context_window=as_window(window),
        images=known["images"] if isinstance(known.get("images"), bool) else None,
        dialect=learned_fields(known.get("dialect")),
    )


def as_window(value: Any) -> int | None:
    """A context window, if the value can be one."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return int(value) if SMALLEST_WINDOW <= value <= LARGEST_WINDOW else None
