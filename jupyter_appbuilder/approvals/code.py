"""Classifies sed scripts: they can run commands and write files."""

from __future__ import annotations

from collections.abc import Iterator


def sed_effects(script: str) -> Iterator[tuple[str, str]]:
    """``("run", line)`` for each command that it runs, with "" where that comes from what it reads, and
    ``("write", path)`` for each file that it writes."""
    at = 0
    while at < len(script):
        letter = script[at]
        at += 1
        if letter in "/\\":  # an address: /…/ or \%…%
            mark = letter
            if letter == "\\":
                mark, at = script[at : at + 1], at + 1
            at = _past(script, at, mark)
        elif letter in "sy":
            mark = script[at : at + 1]
            middle = _past(script, at + 1, mark)
            end = _past(script, middle, mark)
            replacement, at = script[middle : end - 1], end
            while letter == "s" and at < len(script) and (script[at].isalnum()):
                flag, at = script[at], at + 1
                if flag == "w":
                    text, at = _line(script, at)
                    yield "write", text
                elif flag == "e":
                    fixed = not any(mark in replacement for mark in ("\\", "&"))
                    yield "run", replacement if fixed else ""
        elif letter in "ew":
            text, at = _line(script, at)
            if letter == "e" or text:
                yield ("run" if letter == "e" else "write"), text
        elif letter in "aicrRW#":
            while True:
                text, at = _line(script, at)
                if not text.endswith("\\"):
                    break
        elif letter in "btTv:":
            while at < len(script) and script[at] not in ";\n}":
                at += 1


def _past(script: str, at: int, mark: str) -> int:
    """Where it goes on after the next ``mark`` that is not escaped, and in no brackets."""
    while at < len(script) and script[at] != mark:
        at += 2 if script[at] == "\\" else 1
    return at + 1


def _line(script: str, at: int) -> tuple[str, int]:
    end = script.find("\n", at)
    end = len(script) if end < 0 else end
    return script[at:end].strip(), end + 1
