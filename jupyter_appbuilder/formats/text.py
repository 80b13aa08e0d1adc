"""Text that files and other programs accept: valid UTF-8, lines that end with a line break."""

from __future__ import annotations

import re

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]+")
"""Control characters, and those that break lines or turn the direction of what follows."""


def in_a_line(text: str) -> str:
    """``text`` in one line: without control characters, with single spaces."""
    return " ".join(CONTROL.sub(" ", text).split())


JOINER = "\u200d"  # of some emoji, and in some scripts


def showable(text: str) -> bool:
    """True if every sign of a line can be seen, or joins two that can."""
    return text.replace(JOINER, "").isprintable()


def encodable(text: str) -> bool:
    """True if a text can be stored as UTF-8: not with half a surrogate pair in it, which JSON may bring."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def made_encodable(text: str) -> str:
    """``text`` with a question mark in place of each half of a surrogate pair."""
    return text.encode("utf-8", "replace").decode()


def lines(text: str) -> list[str]:
    """The lines of a file that people and programs write, without their ends: LF, CRLF or CR.

    Not ``str.splitlines``: to Python lines end at form feeds and seven other characters as well, which stand within a
    line to whoever reads the file. Formats that know LF alone (git's, the kernel's) are split at it.
    """
    found = re.split(r"\r\n|\n|\r", text)
    return found if found[-1] else found[:-1]
