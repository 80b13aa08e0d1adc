"""Takes secrets out of what is told: logs, errors, results, events."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, cast
from urllib.parse import quote, quote_plus

MARK = "•••"
HEAD = 8  # characters by which the beginning of a long secret is looked for
LINE = re.compile(r"[A-Za-z0-9+/=_-]{32,}")
"""Of a value with several lines, such as a private key: what is masked by itself as well."""

T = TypeVar("T")


class Mask:
    """Knows the values of one session's secrets, also those that were replaced since: what was printed stays printed.

    A value is found as it is, escaped as in JSON or in a URL, and as base64 or hexadecimal digits.
    """

    def __init__(self) -> None:
        self._values: set[str] = set()
        self._forms: tuple[str, ...] = ()

    def learn(self, values: Iterable[str]) -> None:
        """Mask these as well, from now on."""
        if new := {value for value in values if value} - self._values:
            self._values |= new
            forms = {form for value in self._values for form in forms_of(value)}
            self._forms = tuple(sorted(forms, key=len, reverse=True))  # the longest first: one may hold another

    def text(self, text: str) -> str:
        for form in self._forms:
            if form in text:
                text = text.replace(form, MARK)
        return text

    def data(self, value: T) -> T:
        """JSON without secrets in its texts; the very same where there are none."""
        return cast("T", self._masked(value)) if self._forms else value

    def _masked(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            fields = cast("Mapping[Any, Any]", value)
            return {self._masked(key): self._masked(item) for key, item in fields.items()}
        if isinstance(value, list | tuple):
            return [self._masked(item) for item in cast("list[Any]", value)]
        return value

    def begun(self, text: str) -> int:
        """How many of the last characters of ``text`` may be the first ones of a secret."""
        return max((_begun(text, form) for form in self._forms), default=0)


class Stream:
    """A text that comes in pieces, also where one ends in the middle of a secret."""

    def __init__(self, mask: Mask) -> None:
        self._mask = mask
        self._rest = ""

    def feed(self, text: str) -> str:
        """What of the text so far may be shown, and has not been."""
        text = self._mask.text(self._rest + text)
        held = self._mask.begun(text)
        shown, self._rest = text[: len(text) - held], text[len(text) - held :]
        return shown

    def rest(self) -> str:
        """What was held back."""
        rest, self._rest = self._rest, ""
        return rest


def _begun(text: str, form: str) -> int:
    head = form[:HEAD]
    at = text.find(head, max(0, len(text) - len(form) + 1))
    while at >= 0:
        if form.startswith(text[at:]):
            return len(text) - at
        at = text.find(head, at + 1)
    return next((n for n in range(min(HEAD, len(form)) - 1, 0, -1) if text.endswith(form[:n])), 0)


def forms_of(value: str) -> set[str]:
    """How ``value`` may stand in a text."""
    raw = value.encode()
    forms = {value, quote(value, safe=""), quote_plus(value), raw.hex(), raw.hex().upper()}
    forms |= {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
    for before in range(3):  # what stands before it in what is encoded decides which digits it has
        digits = base64.b64encode(bytes(before) + raw).decode().rstrip("=")
        first, rest = -(-before * 8 // 6), (before + len(raw)) % 3
        inner = digits[first : len(digits) - (1 if rest else 0)]
        if len(inner) >= 8:
            forms |= {inner, inner.translate(str.maketrans("+/", "-_"))}
    if "\n" in value or "\\n" in value:
        forms |= set(LINE.findall(value.replace("\\n", "\n")))
    return {form for form in forms if len(form) >= 6}
