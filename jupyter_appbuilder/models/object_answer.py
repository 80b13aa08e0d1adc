"""Reads answers that are JSON objects naming a tool, as they arrive: a file shows while it is being written.

What models get wrong is understood as far as it can be: words or fences around the object, other names for its fields,
arguments that are JSON within a string, line breaks inside strings, several objects, an object that was cut off.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from ..formats.text import encodable, made_encodable
from .base import TextDelta, ToolCallDelta, ToolCallRequest
from .tool_objects import ANSWER

NAMES = ("tool", "name", "tool_name", "function", "action")
ARGUMENTS = ("arguments", "parameters", "args", "params", "input", "action_input")
MOST_WORK = 6_000_000  # characters that are decoded in search of objects in one answer
DEEPEST = 500  # lists and objects in each other that are followed
ATTEMPT = 1000  # characters that an object which cannot be read counts as, beside its own
LONGEST_START = 400  # characters before the text of an answer
MOST_BLANKS = 400  # characters of white space outside strings after which a model has lost its way
_DECODER = json.JSONDecoder(strict=False)
_TAGGED = re.compile(r"<function=([\w.-]+)>\s*(?=\{)")  # Llama's way of writing calls
_OBJECT = re.compile(r"\{\s*(?=[\"}])")
_PLAIN = re.compile(r'[^"{}\[\],:]*')
_IN_STRING = re.compile(r'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_TO_ESCAPE = re.compile(r'[^"\\]*')
_FIRST_HALF = re.compile(r"\\u[dD][89abAB]")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


@dataclass(frozen=True, slots=True)
class Answer:
    """``calls`` and ``text`` as understood; ``understood`` is False for text that names no tool at all."""

    text: str = ""
    calls: tuple[ToolCallRequest, ...] = ()
    understood: bool = True


class ObjectReader:
    """Takes the pieces of one answer and gives the deltas that they add; ``close`` gives the whole.

    Only the first object is shown while it comes, and only once its tool is known.
    """

    def __init__(self, tools: Collection[str]) -> None:
        self._tools = frozenset(tools)
        self._said: list[str] = []
        self._top = _TopLevel()
        self._name = ""
        self._shown = False  # a call was shown
        self._text: list[str] = []  # of the answer, as far as shown
        self._words = _TextField()
        self._kept: list[str] = []  # arguments that came before the name
        self._blanks = 0

    @property
    def lost(self) -> bool:
        """True if the model writes nothing but white space any more: a schema allows it for ever."""
        return self._blanks > MOST_BLANKS

    @property
    def showing(self) -> bool:
        """True if something of it was given as a delta."""
        return self._shown or bool(self._text)

    def feed(self, text: str) -> list[TextDelta | ToolCallDelta]:
        self._said.append(text)
        deltas: list[TextDelta | ToolCallDelta] = []
        for key, piece, done in self._top.feed(text):
            if key in NAMES and done and not self._name:
                self._take_name(piece)
                if self._name and self._kept:
                    deltas += self._argue("".join(self._kept))
            elif key in ARGUMENTS and not done:
                if self._name:
                    deltas += self._argue(piece)
                else:
                    self._kept.append(piece)
        self._blanks = 0 if text.strip() or self._top.in_string else self._blanks + len(text)
        return deltas

    def close(self) -> Answer:
        said = "".join(self._said)
        if not said.strip():
            return Answer()
        found = list(self._found(said))
        if not found and (cut := self._cut_off()):
            found = [cut]
        if not found:
            return Answer(said.strip(), understood=False)
        words = [text for name, arguments in found if name == ANSWER and (text := _text_of(arguments))]
        calls = [(name, arguments) for name, arguments in found if name != ANSWER]
        requests = tuple(ToolCallRequest(f"call_{n}", name, raw(given)) for n, (name, given) in enumerate(calls))
        return Answer("\n\n".join(words), requests)

    def _take_name(self, raw: str) -> None:
        try:
            name: Any = json.loads(raw)
        except ValueError:
            return
        if isinstance(name, str) and (name == ANSWER or name in self._tools):
            self._name = name

    def _argue(self, piece: str) -> list[TextDelta | ToolCallDelta]:
        if self._name == ANSWER:
            text = self._words.feed(piece)
            if text:
                self._text.append(text)
            return [TextDelta(text)] if text else []
        if not self._shown:
            if not piece.lstrip().startswith("{"):
                return []  # JSON within a string, or nothing: shown when it is whole
            self._shown = True
            return [ToolCallDelta(0, piece.lstrip(), "call_0", self._name)]
        return [ToolCallDelta(0, piece)]

    def _found(self, said: str) -> Iterator[tuple[str, Any]]:
        """Every call in the text, in order."""
        place = work = 0
        while work < MOST_WORK and (begun := _OBJECT.search(said, place)):
            start = begun.start()
            tagged = _TAGGED.search(said, place, start + 1)
            try:
                value, end = _DECODER.raw_decode(said, start)
            except (ValueError, RecursionError) as error:
                if isinstance(error, json.JSONDecodeError):
                    work += ATTEMPT + error.pos - start + error.pos // 16  # it counts the lines before it
                else:
                    work += 20 * ATTEMPT
                place = start + 1
                if self._in_cut_off(start):
                    return
                continue
            work += end - start
            place = end
            if tagged and tagged.end() == start:
                yield tagged[1], value
                continue
            call = as_call(cast("dict[str, Any]", value), self._tools)
            if call:
                yield call
            else:
                place = start + 1  # it may hold one

    def _in_cut_off(self, start: int) -> bool:
        """True if an object that cannot be read is the one being shown: what stands inside it is its content."""
        return bool(self._name) and start >= self._top.begun_at and not self._top.ended

    def _cut_off(self) -> tuple[str, Any] | None:
        """The call whose object did not come to its end, its arguments as far as they came."""
        if not self._name or self._top.ended:
            return None
        if self._name == ANSWER:
            return (ANSWER, {"text": "".join(self._text)}) if self._text else None
        return self._name, _Cut(self._top.raw(ARGUMENTS))


@dataclass(frozen=True, slots=True)
class _Cut:
    raw: str


@dataclass(slots=True)
class _TopLevel:
    """Follows a JSON text and tells, for each field of its first object, the pieces of its value."""

    in_string: bool = False
    ended: bool = False
    begun_at: int = -1
    _at: int = 0
    _depth: int = 0
    _escaped: bool = False
    _key: str | None = None  # whose value is being read
    _string: list[str] = field(default_factory=list[str])
    _value: list[str] = field(default_factory=list[str])
    _values: dict[str, str] = field(default_factory=dict[str, str])

    def raw(self, keys: tuple[str, ...]) -> str:
        """The value of the first of ``keys`` that is there, as far as it came."""
        if self._key in keys:
            return "".join(self._value).strip()
        return next((self._values[key] for key in keys if key in self._values), "")

    def feed(self, text: str) -> Iterator[tuple[str, str, bool]]:
        """``(key, piece, False)`` as values come, ``(key, whole value, True)`` at the end of each."""
        pieces: list[str] = []
        place = 0
        while place < len(text) and not self.ended:
            if self._depth == 0:
                begun = text.find("{", place)
                end = begun + 1 if begun >= 0 else len(text)
                self._at, place = self._at + end - place, end
                if begun >= 0:
                    self._depth, self.begun_at = 1, self._at - 1
                continue
            end = self._run_from(text, place)
            if end > place:
                self._keep(text[place:end], pieces)
                self._at, place = self._at + end - place, end
                continue
            character = text[place]
            self._at, place = self._at + 1, place + 1
            ends = False
            if character == '"':
                self.in_string = not self.in_string
            elif character in "{[":
                self._depth += 1
                if self._depth > DEEPEST:
                    self.ended = True  # no tool takes that
                    return
            elif character in "}]":
                self._depth -= 1
                ends = self._depth == 0
            elif self._depth == 1 and character == ",":
                ends = True
            if self._key is None and character == ":" and not self.in_string:
                self._read_key()
            elif self._key is None or not ends:
                self._keep(character, pieces)
            if ends:
                if self._key is not None:
                    if pieces:
                        yield self._key, "".join(pieces), False
                        pieces = []
                    whole = "".join(self._value).strip()
                    self._values.setdefault(self._key, whole)
                    yield self._key, whole, True
                self._key, self._value, self._string = None, [], []
                self.ended = self._depth == 0
        if pieces and self._key is not None:
            yield self._key, "".join(pieces), False

    def _run_from(self, text: str, place: int) -> int:
        """The end of the characters from ``place`` on that change nothing."""
        if not self.in_string:
            return _PLAIN.match(text, place).end()  # pyright: ignore[reportOptionalMemberAccess]
        if self._escaped:
            self._escaped = False
            return place + 1
        end = _IN_STRING.match(text, place).end()  # pyright: ignore[reportOptionalMemberAccess]
        self._escaped = text.startswith("\\", end)  # whose character is still to come
        return end + self._escaped

    def _keep(self, run: str, pieces: list[str]) -> None:
        if self._key is None:
            self._string.append(run)
        else:
            pieces.append(run)
            self._value.append(run)

    def _read_key(self) -> None:
        try:
            self._key = str(json.loads("".join(self._string).strip()))
        except (ValueError, RecursionError):
            self._key = ""
        self._string = []


class _TextField:
    """Decodes the string of ``{"text": "…"}`` as it comes."""

    _START = re.compile(r'^\s*\{\s*"text"\s*:\s*"')

    def __init__(self) -> None:
        self._rest: str = ""
        self._state = "before"

    def feed(self, piece: str) -> str:
        if self._state == "after":
            return ""
        rest, place = self._rest + piece, 0
        if self._state == "before":
            start = self._START.match(rest)
            if not start:
                self._rest = rest
                self._state = "before" if len(rest) < LONGEST_START else "after"
                return ""
            self._state, place = "inside", start.end()
        text: list[str] = []
        while place < len(rest):
            end = _TO_ESCAPE.match(rest, place).end()  # pyright: ignore[reportOptionalMemberAccess]
            if end > place:
                text.append(rest[place:end])
                place = end
            elif rest[place] == '"':
                self._state = "after"
                break
            elif (taken := self._escape(rest, place, text)) == 0:
                break  # its end has not come yet
            else:
                place += taken
        self._rest = rest[place:]
        return "".join(text)

    def _escape(self, rest: str, place: int, text: list[str]) -> int:
        """Decode one escape into ``text``; how many characters it takes, 0 while it is not whole."""
        if len(rest) < place + 2:
            return 0
        if rest[place + 1] != "u":
            text.append(_ESCAPES.get(rest[place + 1], rest[place + 1]))
            return 2
        length = 12 if _FIRST_HALF.match(rest, place) else 6
        if len(rest) < place + length:
            return 0
        try:
            text.append(made_encodable(json.loads(f'"{rest[place : place + length]}"')))
        except ValueError:
            text.append("\N{REPLACEMENT CHARACTER}")
        return length


def as_call(value: Mapping[str, Any], tools: Collection[str]) -> tuple[str, Any] | None:
    """The tool that an object names, and its arguments. A "name" alone is none: many objects have one."""
    for key in NAMES:
        name = value.get(key)
        if key == "function" and isinstance(name, dict):
            return as_call(cast("dict[str, Any]", name), tools)  # {"type": "function", "function": {…}}
        if not isinstance(name, str) or not name:
            continue
        given = next((value[key] for key in ARGUMENTS if key in value), None)
        known = name == ANSWER or name in tools
        if given is not None and (known or key == "tool"):
            return name, given
        if known and (key == "tool" or len(value) > 1):
            return name, {field: content for field, content in value.items() if field != key}
        if known:
            return name, {}
    return None


def raw(arguments: Any) -> str:
    """Arguments as JSON text. What is JSON within a string is unpacked."""
    if isinstance(arguments, _Cut):
        return arguments.raw or "{"
    if isinstance(arguments, str):
        try:
            inner: Any = _DECODER.decode(arguments)
        except (ValueError, RecursionError):
            return arguments
        arguments = cast("Any", inner) if isinstance(inner, dict) else arguments
    raw = json.dumps(arguments, ensure_ascii=False)
    return raw if encodable(raw) else json.dumps(arguments)


def _text_of(arguments: Any) -> str:
    if isinstance(arguments, str):
        return made_encodable(arguments.strip())
    if not isinstance(arguments, dict):
        return ""
    texts = [value for value in cast("dict[str, Any]", arguments).values() if isinstance(value, str)]
    return made_encodable("\n\n".join(texts).strip())


class Thoughts:
    """Takes what a model thinks aloud at the start of its answer (``<think>…</think>``) out of the stream."""

    _OPEN = re.compile(r"\s*<(think|thinking|thought|reasoning)>")
    _MAY_OPEN = re.compile(r"\s*(<[a-z]{0,9})?$")

    def __init__(self) -> None:
        self._rest: str = ""
        self._state = "before"
        self._end = ""
        self._thought: list[str] = []

    def taken(self) -> str:
        """What was taken out since this was asked last."""
        thought, self._thought = "".join(self._thought), []
        return thought

    def feed(self, text: str) -> str:
        """What of ``text`` is to be shown."""
        rest, place = self._rest + text, 0
        while self._state != "after":
            if self._state == "before":
                opened = self._OPEN.match(rest, place)
                if not opened:
                    if len(rest) - place <= MOST_BLANKS and self._MAY_OPEN.match(rest, place):
                        self._rest = rest[place:]
                        return ""
                    break
                self._state, self._end, place = "inside", f"</{opened[1]}>", opened.end()
            end = rest.find(self._end, place)
            if end < 0:
                kept = max(place, len(rest) - len(self._end))
                self._thought.append(rest[place:kept])
                self._rest = rest[kept:]
                return ""
            self._thought.append(rest[place:end])
            place = end + len(self._end)
            self._state = "before"  # some think twice
        self._rest = rest[place:]
        return self.rest()

    def rest(self) -> str:
        """What is still held back at the end."""
        rest, self._rest = ("" if self._state == "inside" else self._rest), ""
        self._state = "after"
        return rest


def without_thoughts(text: str) -> str:
    """A whole answer without them; also without what stands before an end that has no beginning."""
    thoughts = Thoughts()
    text = thoughts.feed(text) + thoughts.rest()
    return text.rpartition("</think>")[2].lstrip() if "</think>" in text else text
