"""What passes through of a model's answer, counted: the usage that it reports, or what was seen of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from ..models.completions import as_object, as_objects

BATCH = 16 * 1024  # bytes that are read at a time: what a stream's pieces cost is not noticed
LONGEST = 1024 * 1024  # bytes of a line; a longer one is counted by its length
DOCUMENT = 32 * 1024 * 1024  # bytes of an answer that is no stream; a longer one is counted by its length
CHARACTERS_A_TOKEN = 4
BLANK = b"\xef\xbb\xbf \t\r\n"
UNSAID = (b":", b"event:", b"id:", b"retry:")  # lines of a stream that are no text of an answer
MOST = 1_000_000_000


class Counter:
    """Takes an answer's bytes as they pass. Whether it is a stream or a document shows in how it begins: some providers
    answer with one where the other was asked for."""

    def __init__(self) -> None:
        self._stream: bool | None = None
        self._pieces: list[bytes] = []
        self._length = 0
        self._next = BATCH
        self._characters = 0
        self._events = 0
        self._usage: tuple[int, int, int] | None = None
        self._errors = 0
        self.bytes = 0

    def take(self, data: bytes) -> None:
        self.bytes += len(data)
        self._pieces.append(data)
        self._length += len(data)
        if self._stream is None and (begun := data.lstrip(BLANK)):
            self._stream = begun[:1] not in b"{["
        if self._stream is not False and self._length > self._next:
            self._read()
        elif self._length > DOCUMENT:
            self._characters += self._length
            self._pieces, self._length = [], 0

    def _read(self, *, last: bool = False) -> None:
        text = b"".join(self._pieces)
        if self._stream is not False:
            *lines, rest = text.split(b"\n")
            if last:
                lines, rest = [*lines, rest], b""
            if len(rest) > LONGEST:
                self._characters += len(rest)
                rest = b""
            for line in lines:
                if line.startswith(b"data:"):
                    self._count(line[5:])
                elif not line.startswith(UNSAID):
                    self._characters += len(line.strip())  # is no stream of events, whatever it is
            self._pieces, self._length = [rest] if rest else [], len(rest)
            self._next = max(BATCH, 2 * len(rest))  # a long line is not split anew for each piece of it
        elif last:
            self._pieces, self._length = [], 0
            self._count(text)

    def _count(self, data: bytes) -> None:
        try:
            event = as_object(json.loads(data))
        except (ValueError, RecursionError):
            if data.strip() != b"[DONE]":
                self._characters += len(data)
            return
        self._errors += bool(event.get("error"))
        usage = as_object(event.get("usage")) or as_object(as_object(event.get("x_groq")).get("usage"))
        if found := reported(usage):
            self._usage = found
        for choice in as_objects(event.get("choices")):
            self._events += 1
            self._characters += _characters(choice.get("delta") or choice.get("message"), 0)

    @property
    def reported(self) -> tuple[int, int, int] | None:
        """Input, output and cached tokens that the provider reported last, once everything has passed."""
        self.end()
        return self._usage

    @property
    def refused(self) -> bool:
        """An error came in place of an answer, once everything has passed: nobody is billed for that."""
        return self._errors > 0 and not self._characters and self._usage is None

    @property
    def output_tokens(self) -> int:
        """About how many tokens have passed."""
        self._read()
        return -(-self._characters // CHARACTERS_A_TOKEN)

    def end(self) -> None:
        """Nothing more comes."""
        self._read(last=True)


def reported(usage: Mapping[str, Any]) -> tuple[int, int, int] | None:
    """Input, output and cached tokens of a ``usage``; None where it reports nothing that can be."""
    asked, said = _number(usage.get("prompt_tokens")), _number(usage.get("completion_tokens"))
    details = as_object(usage.get("prompt_tokens_details"))
    cached = _number(details.get("cached_tokens")) or _number(usage.get("prompt_cache_hit_tokens"))
    return (asked, said, min(cached, asked)) if asked or said else None


def _number(value: Any) -> int:
    fine = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= MOST
    return int(value) if fine else 0


def _characters(value: Any, depth: int) -> int:
    """Of all texts of a delta but those that name things: content, reasoning, arguments."""
    if isinstance(value, str):
        return len(value)
    if depth > 6:
        return 0
    if isinstance(value, list):
        return sum(_characters(one, depth + 1) for one in cast("list[Any]", value))
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return sum(_characters(one, depth + 1) for key, one in fields.items() if key not in ("role", "id", "type"))
    return 0
