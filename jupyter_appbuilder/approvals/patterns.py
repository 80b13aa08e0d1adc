"""Matches patterns against commands.

A pattern is words. The first is the command's name. A word that begins with ``-`` is an option that the command has to
have, wherever it stands (``-r`` is found in ``-rf`` as well). Other words are its operands, in order. ``a|b`` is one or
the other; ``*``, ``?`` and ``[…]`` within a word stand for any letters; ``*`` alone for any further words, or none: a
pattern without it names the whole command. ``{source}``, ``{existing}`` and ``{others}`` fit where any operand is of
that kind (see ``rules``), whatever else there is.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Literal

from .rules import EXISTING, MAX_PATTERN, OTHERS, SOURCE, split_pattern
from .shell import Command, Word

Fit = Literal["no", "maybe", "yes"]
"""maybe: it depends on what a variable or another command comes to."""

CLASSES = (SOURCE, EXISTING, OTHERS)

APP = "/workspace"  # where an app lies in a sandbox

BUILD_NAMES = """dist build out coverage htmlcov node_modules target tmp temp .next .nuxt .output .svelte-kit .astro
    .vite .vinxi .cache .parcel-cache .turbo .angular .nyc_output storybook-static playwright-report test-results
    __pycache__ .pytest_cache .mypy_cache .ruff_cache .ipynb_checkpoints .venv venv"""
BUILD_OUTPUT = frozenset(BUILD_NAMES.split())
"""Folders whose content can be made again."""

OUTPUT = (".txt", ".log", ".out", ".err", ".tmp", ".pid")
"""What commands print into again and again."""

ELSEWHERE = ("/tmp", "/var/tmp", "/dev", "/run", "/proc")
"""What is no part of an app, and goes with the sandbox."""

MAX_OPERANDS = 400  # of more, the match is not looked for: it asks


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command line runs: ``exists`` tells of paths relative to the app; ``bases`` are the folders it may be in
    when it runs (None: one that cannot be told)."""

    exists: Callable[[str], bool]
    bases: tuple[str | None, ...] = ("",)


def fit(pattern: str, command: Command, place: Place) -> Fit:
    """True if ``pattern`` fits ``command``."""
    name, *rest = _alternatives(pattern)
    if name == ("*",) and not rest:
        return "yes"
    if not _any(name, command.name):
        return "no"
    options = [word for word in rest if word[0].startswith("-") and word[0] not in ("-", "--")]
    operands = [word for word in rest if word not in options]
    kinds = [word[0] for word in operands if word[0] in CLASSES]
    open_ended = bool(kinds) or ("*",) in operands
    wanted = [word for word in operands if word[0] not in CLASSES]
    found = _in_order([*wanted, ("*",)] if kinds else wanted, command.operands)
    for kind in kinds:
        found = _worse(found, _of_kind(kind, command, place))
    return _worse(found, _options(options, command, open_ended))


def exactly(command: Command) -> str | None:
    """The pattern of this very command, of the one it is part of where it is a part that is not written; None where it
    cannot be told what it is, or would be too long for a rule."""
    written = command.origin or (() if command.derived else command.words)
    words: list[str] = []
    length = 0
    for word in written:
        if not word.known or length > MAX_PATTERN:
            return None
        escaped = _escaped(word.text)
        words.append(shlex.quote(escaped) if escaped == "" or re.search(r"[\s'\"\\]", escaped) else escaped)
        length += len(words[-1]) + 1
    return " ".join(words) or None


def is_source(path: str, bases: Sequence[str | None] = ("",)) -> bool:
    """True if a path, from any of these folders, may be part of the app and is no build output."""
    return any(base is None or _is_source(posixpath.join(base, path)) for base in bases)


def _is_source(path: str) -> bool:
    if path.startswith("~"):
        return True
    path = posixpath.normpath(posixpath.join(APP, path))
    if not path.startswith(f"{APP}/"):
        return not any(path == place or path.startswith(f"{place}/") for place in ELSEWHERE)
    parts = path.removeprefix(f"{APP}/").split("/")
    return not any(part in BUILD_OUTPUT or part.endswith((".egg-info", ".tsbuildinfo")) for part in parts)


def _exists(path: str, place: Place) -> bool:
    for base in place.bases:
        if base is None:
            return True
        whole = posixpath.normpath(posixpath.join(APP, base, path))
        if whole.startswith(f"{APP}/") and place.exists(whole.removeprefix(f"{APP}/")):
            return True
        if not whole.startswith(f"{APP}/") and is_source(whole):
            return True
    return False


def _of_kind(kind: str, command: Command, place: Place) -> Fit:
    found: Fit = "no"
    for word in command.operands:
        if word.text == "--":
            continue
        if kind == OTHERS:
            its: Fit = "no" if word.own or word.text.startswith("%") else "yes"
        elif not word.known:
            its = "maybe"
        elif kind == SOURCE:
            its = "yes" if is_source(word.text, place.bases) else "no"
        elif not is_source(word.text, place.bases) or word.text.endswith(OUTPUT):
            its = "no"
        else:
            its = "yes" if word.glob or _exists(word.text, place) else "no"
        if its == "yes":
            return "yes"
        found = "maybe" if its == "maybe" else found
    return found


def _options(wanted: Sequence[tuple[str, ...]], command: Command, open_ended: bool) -> Fit:
    """True if the command has all options of the pattern and, unless that is open, no others."""
    given = [word.text for word in command.options]
    letters = {letter for text in given if not text.startswith("--") for letter in text[1:]}
    unsure = any(word.option for word in command.operands)
    found: Fit = "yes"
    for alternatives in wanted:
        if any(_has(option, given, letters) for option in alternatives):
            continue
        if not unsure:
            return "no"
        found = "maybe"
    if open_ended:
        return found
    covered = {option for alternatives in wanted for option in alternatives}
    short = {letter for option in covered if not option.startswith("--") for letter in option[1:]}
    for text in given:
        if not _any(tuple(covered), text) and (text.startswith("--") or not set(text[1:]) <= short):
            return "no"
    return "maybe" if unsure else found


def _has(option: str, given: Sequence[str], letters: set[str]) -> bool:
    if any(text == option or fnmatchcase(text, option) for text in given):
        return True
    if option.startswith("--"):
        # Programs take the beginning of a long option for the whole.
        names = [text.partition("=")[0] for text in given if text.startswith("--")]
        return any(name == option or (len(name) > 4 and option.startswith(name)) for name in names)
    return set(option[1:]) <= letters


def _in_order(wanted: Sequence[tuple[str, ...]], operands: Sequence[Word]) -> Fit:
    if len(operands) > MAX_OPERANDS:
        return "maybe"
    # Row by row, as in comparing two texts: ``reached[n]`` is how well the words so far fit the first n operands.
    reached: list[Fit] = ["yes", *("no" for _ in operands)]
    for alternatives in wanted:
        if alternatives == ("*",):
            for at in range(1, len(reached)):
                reached[at] = _better(reached[at], reached[at - 1])
            continue
        following: list[Fit] = ["no"] * len(reached)
        for at, word in enumerate(operands, 1):
            its: Fit = ("yes" if _any(alternatives, word.text) else "no") if word.known else "maybe"
            following[at] = (
                "no" if "no" in (its, reached[at - 1]) else "maybe" if "maybe" in (its, reached[at - 1]) else "yes"
            )
        reached = following
    return reached[-1]


def _worse(*fits: Fit) -> Fit:
    return "no" if "no" in fits else "maybe" if "maybe" in fits else "yes"


def _better(one: Fit, other: Fit) -> Fit:
    return "yes" if "yes" in (one, other) else "maybe" if "maybe" in (one, other) else "no"


@lru_cache(maxsize=1000)
def _alternatives(pattern: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(re.findall(r"(?:\[[^\]]\]|[^|])+", word)) or (word,) for word in split_pattern(pattern))


def _any(alternatives: Sequence[str], text: str) -> bool:
    return any(fnmatchcase(text, alternative) or text == alternative for alternative in alternatives)


def _escaped(word: str) -> str:
    return re.sub(r"[*?|\[]", lambda found: f"[{found[0]}]", word)
