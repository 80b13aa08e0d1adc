"""What a provider adds to an answer beside its text and calls, kept as it came: it has to stand on the same message
when the model is shown it again (signatures, reasoning, parts of the content that are no text).

Nothing here knows a provider. A field that is not the format's own is put together from the pieces of the stream as
such fields are everywhere: texts go on, lists grow by ``index``, objects are joined field by field.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from ..events import AddedData
from ..formats.text import made_encodable

MESSAGE_FIELDS = frozenset({"role", "content", "refusal", "tool_calls", "function_call", "name", "audio"})
CALL_FIELDS = frozenset({"index", "id", "type", "function"})
FUNCTION_FIELDS = frozenset({"name", "arguments"})

MOST = 1_000_000  # characters of one answer's additions; half of a signature is worth nothing, so more is dropped whole
DEEPEST = 24
LARGEST = 2**53  # beyond it a number is no longer the same everywhere
NAMES = frozenset({"type", "id", "format", "role", "name", "object"})  # texts that are said anew, never continued
GROWING = frozenset({"text", "thinking", "reasoning", "reasoning.text", "reasoning.summary"})
"""Kinds of list items that are continued by the next one where they have no index."""
LOOKED_BACK = 64  # items of a list among which the one to be continued is looked for

log = logging.getLogger(__name__)


class _Text:
    """A text that grows: adding to a string each time would take the square of its length."""

    __slots__ = ("pieces",)

    def __init__(self, *pieces: str) -> None:
        self.pieces = list(pieces)


class _TooMuch(Exception):
    pass


class Additions:
    """Grows with the pieces of one answer."""

    def __init__(self) -> None:
        self._message: dict[str, Any] = {}
        self._calls: dict[int, dict[str, Any]] = {}
        self._parts: list[Any] = []  # of the content, once there is one that is no text
        self._size = 0
        self._dropped = False

    def take_message(self, delta: Mapping[str, Any]) -> None:
        self._take(self._message, delta, MESSAGE_FIELDS)

    def take_call(self, place: int, call: Mapping[str, Any]) -> None:
        self._take(self._calls.setdefault(place, {}), call, CALL_FIELDS)
        function = call.get("function")
        if isinstance(function, dict) and function.keys() - FUNCTION_FIELDS:  # pyright: ignore[reportUnknownMemberType]
            inner = cast("dict[str, Any]", function)
            self._take(self._calls[place].setdefault("function", {}), inner, FUNCTION_FIELDS)

    def take_content(self, content: str | list[Any], before: Sequence[str]) -> None:
        """A piece of the content; ``before`` are the texts that came before it. Kept where the content has parts."""
        if isinstance(content, str):
            if content and self._parts:
                self._grow(self._parts, [{"type": "text", "text": content}])
            return
        if before and not self._parts and not self._dropped:
            self._grow(self._parts, [{"type": "text", "text": "".join(before)}])
        self._grow(self._parts, content)

    def whole(self, by: str, calls: int, clean: Callable[[str], str]) -> AddedData:
        """All of it, without secrets. ``calls``: how many the answer has."""
        message: dict[str, Any] = cleaned(self._message, clean)
        parts: list[Any] = cleaned(self._parts, clean)
        if any(kind != "text" for kind in _kinds(parts)):
            message["content"] = parts
        added: list[dict[str, Any]] = [cleaned(self._calls.get(place, {}), clean) for place in range(calls)]
        return {"by": by, "message": message, "calls": added if any(added) else []}

    def _take(self, into: dict[str, Any], fields: Mapping[str, Any], known: frozenset[str]) -> None:
        if self._dropped or fields.keys() <= known:
            return
        self._grow(into, {key: value for key, value in fields.items() if key not in known})

    def _grow(self, into: Any, more: Any) -> None:
        if self._dropped:
            return
        try:
            self._join(into, more, "", 0)
        except _TooMuch:
            self._dropped = True
            self._message, self._calls, self._parts = {}, {}, []
            log.debug("What the provider added to an answer is over %s characters or too deep: it is left out.", MOST)

    def _join(self, old: Any, new: Any, key: str, depth: int) -> Any:
        """``old`` with ``new`` added to it: dicts and lists in place. Raises ``_TooMuch``."""
        self._size += len(new) if isinstance(new, str) else 8
        if self._size > MOST or depth > DEEPEST:
            raise _TooMuch
        match new:
            case dict():
                fields = cast("dict[str, Any]", new)
                into: dict[str, Any] = cast("dict[str, Any]", old) if isinstance(old, dict) else {}
                for name, value in fields.items():
                    if _says_something(value):
                        into[name] = self._join(into.get(name), value, name, depth + 1)
                return into
            case list():
                items: list[Any] = cast("list[Any]", old) if isinstance(old, list) else []
                for item in cast("list[Any]", new):
                    place = _continued(items, item)
                    if place is None:
                        items.append(self._join(None, item, "", depth + 1))
                    else:
                        items[place] = self._join(items[place], item, "", depth + 1)
                return items
            case str() if not isinstance(old, (str, _Text)) or key in NAMES or _repeats(old, new, key):
                return new
            case str():
                text = old if isinstance(old, _Text) else _Text(cast("str", old))
                text.pieces.append(new)
                return text
            case _:
                return new


def _kinds(parts: list[Any]) -> list[str]:
    return [str(cast("dict[str, Any]", part).get("type")) for part in parts if isinstance(part, dict)]


def _says_something(value: Any) -> bool:
    """Not null, nor empty, nor a number that JSON does not have."""
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, int):
        return abs(value) <= LARGEST
    return value is not None and value not in ("", [], {})


def _continued(items: list[Any], item: Any) -> int | None:
    """Which of a list's items the new one goes on with, None for one of its own."""
    if not isinstance(item, dict):
        return None
    new = cast("dict[str, Any]", item)
    kind, index = new.get("type"), new.get("index")
    first = max(0, len(items) - (LOOKED_BACK if index is not None else 1))
    for place in range(len(items) - 1, first - 1, -1):
        old: Any = items[place]
        if not isinstance(old, dict):
            continue
        known = cast("dict[str, Any]", old)
        same = known.get("index") == index and (not kind or known.get("type") in (None, kind))
        other = new.get("id") and known.get("id") and new["id"] != known["id"]
        if same and not other and (index is not None or kind in GROWING):
            return place
    return None


def _repeats(old: Any, new: str, key: str) -> bool:
    """True if a signature is only said once more."""
    return "signature" in key and (old.pieces == [new] if isinstance(old, _Text) else old == new)


def cleaned(value: Any, clean: Callable[[str], str]) -> Any:
    """A value as JSON can hold it, each of its texts as ``clean`` gives it."""
    match value:
        case _Text():
            return cleaned("".join(value.pieces), clean)
        case str():
            return made_encodable(clean(value))
        case list():
            return [cleaned(item, clean) for item in cast("list[Any]", value)]
        case dict():
            return {
                cleaned(name, clean): cleaned(item, clean)
                for name, item in cast("dict[str, Any]", value).items()
                if _says_something(item)
            }
        case _:
            return value


def reasoning_in(delta: Mapping[str, Any]) -> str:
    """What of a piece of an answer is thinking, in words. Some servers say it in two fields: it counts once."""
    for key in ("reasoning_content", "reasoning"):
        if isinstance(delta.get(key), str) and delta[key]:
            return delta[key]
    listed = [delta.get("reasoning_details"), delta.get("content")]
    return "".join(_thought(cast("list[Any]", parts)) for parts in listed if isinstance(parts, list))


def text_in(content: Any) -> str:
    """The words of a content that is a text or a list of parts."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    words: list[str] = []
    for part in cast("list[Any]", content):
        if isinstance(part, str):
            words.append(part)
        elif isinstance(part, dict):
            fields = cast("dict[str, Any]", part)
            said: Any = fields.get("text")
            if fields.get("type", "text") in ("text", "output_text") and isinstance(said, str):
                words.append(said)
    return "".join(words)


def _thought(parts: list[Any], depth: int = 0) -> str:
    words: list[str] = []
    for part in parts:
        if not isinstance(part, dict):
            continue
        fields = cast("dict[str, Any]", part)
        if depth == 0 and fields.get("type") in ("text", "output_text", None):
            continue  # of the content
        for key in ("thinking", "text", "summary"):
            said: Any = fields.get(key)
            if isinstance(said, str):
                words.append(said)
            elif isinstance(said, list) and depth < 2:
                words.append(_thought(cast("list[Any]", said), depth + 1))
    return "".join(words)
