"""What the parts of the gate share: what is found, how much is looked at, what a person or administrator decides."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ...formats.text import in_a_line
from ..base import GateFinding, GateKind

Severity = Literal["high", "medium", "low"]
Where = Literal["app", "bundle", "history", "data", "page"]

MOST_OF_A_KIND = 100
"""Findings of one kind that are told; one that says how many more there are comes after them."""

MOST_PLACES = 5
"""Other places that a finding names."""

MARK = "•••"
SHORTEST_HIDDEN = 5  # characters of a secret that stands in another finding's excerpt

LONGEST_EXCERPT = 160  # characters


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is looked at. What is beyond is told as not looked at."""

    seconds: float = 180
    memory: int = 4 << 30  # bytes of the process that looks
    file: int = 64 << 20  # bytes of one file
    total: int = 1 << 30  # bytes of all files together, with what is unpacked
    files: int = 50_000
    depth: int = 64  # folders in folders
    rows: int = 200_000  # of one table
    history: int = 256 << 20  # bytes of all contents of earlier versions together


@dataclass(slots=True)
class Found:
    """A finding before all places of the same thing are put together. ``key`` tells things apart; ``secret``: the value
    by which it does, which never leaves this process."""

    kind: GateKind
    rule: str
    message: str
    path: str = ""
    line: int | None = None
    where: Where = "app"
    excerpt: str = ""
    hint: str = ""
    severity: Severity = "high"
    count: int | None = None
    key: str = ""
    secret: str = field(default="", repr=False)
    fixable: bool = True


def together(found: Sequence[Found]) -> list[GateFinding]:
    """One finding for each thing, told where it can be mended: in the app's files, else in what was built, else in the
    history. Bounded for each kind."""
    order: Sequence[Where] = ("app", "data", "bundle", "history", "page")
    groups: dict[tuple[str, str], list[Found]] = {}
    for one in found:
        groups.setdefault((one.kind, one.secret or one.key or f"{one.rule}\0{one.path}\0{one.line}"), []).append(one)
    hidden: dict[str, set[str]] = {}  # by the file in which they stand
    for one in found:
        hidden.setdefault(one.path, set()).update(part for part in one.secret.split() if len(part) >= SHORTEST_HIDDEN)
    kinds: dict[str, int] = {}
    findings: list[GateFinding] = []
    for (kind, key), ones in groups.items():
        kinds[kind] = kinds.get(kind, 0) + 1
        if kinds[kind] > MOST_OF_A_KIND:
            continue
        first = min(ones, key=lambda one: order.index(one.where))
        others = list(dict.fromkeys(_place(one) for one in ones if one.path and _place(one) != _place(first)))
        message = first.message
        if others:
            more = f" and {len(others) - MOST_PLACES:,} more" if len(others) > MOST_PLACES else ""
            message += f" Also at {', '.join(others[:MOST_PLACES])}{more}."
        findings.append(
            GateFinding(
                id=_identity(kind, "" if first.secret else key, secret=first.secret),
                kind=first.kind,
                message=in_a_line(message),
                path=first.path,
                line=first.line,
                where=first.where,
                excerpt=_without(_line(first.excerpt), hidden[first.path]),
                count=first.count if first.count is not None else (len(others) + 1 if others else None),
                hint=first.hint,
                fixable=first.fixable,
                severity=first.severity,
            )
        )
    for kind, count in kinds.items():
        if count > MOST_OF_A_KIND:
            findings.append(
                GateFinding(
                    id=_identity("not_looked_at", "more", kind),
                    kind="not_looked_at",
                    message=f"There are {count - MOST_OF_A_KIND:,} more findings of the kind {kind} than are shown.",
                    hint="Mend those that are shown, and publish again.",
                    count=count - MOST_OF_A_KIND,
                    fixable=False,
                )
            )
    return findings


def _place(one: Found) -> str:
    return f"{one.path}:{one.line}" if one.line else one.path


def _line(text: str) -> str:
    text = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return text if len(text) <= LONGEST_EXCERPT else text[: LONGEST_EXCERPT - 1] + "…"


def _without(excerpt: str, hidden: Collection[str]) -> str:
    """An excerpt without the other secrets that stand beside what it shows, also where it begins or ends in one."""
    for value in hidden:
        if value[:4] not in excerpt and value[-4:] not in excerpt:
            continue
        excerpt = excerpt.replace(value, MARK)
        most = min(len(value) - 1, len(excerpt))
        for length in range(most, SHORTEST_HIDDEN - 2, -1):
            if excerpt.startswith(value[-length:]):
                excerpt = MARK + excerpt[length:]
                break
        for length in range(min(most, len(excerpt)), SHORTEST_HIDDEN - 2, -1):
            if excerpt.endswith(value[:length]):
                excerpt = excerpt[:-length] + MARK
                break
    return excerpt


def _identity(*parts: str, secret: str = "") -> str:
    """That of a secret differs from another's at the same place. Who has the id learns nothing by trying what the
    secret might be: each try costs some milliseconds and 4 MB."""
    text = "\0".join(parts).encode("utf-8", "surrogatepass")
    if not secret:
        return hashlib.sha256(text).hexdigest()[:20]
    value = secret.encode("utf-8", "surrogatepass")
    return hashlib.scrypt(value, salt=text, n=1 << 12, r=8, p=1, dklen=10).hex()


def masked(value: str) -> str:
    """What is told of a secret: its first characters, four at most and never more than a quarter, and its length."""
    return f"{value[: min(4, len(value) // 4)]}{MARK} ({len(value):,} characters)"
