"""The layout of an app, ``ui.json``, as the template's program tells of it in the sandbox, for those who edit it.

Generated code says what stands here: all of it is bounded and made of the kinds that are expected.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

from ..errors import Unavailable
from ..sandbox.base import Sandbox
from ..templates.templates import RUNTIME
from .words import items, names_of

SECONDS = 60.0
MOST_PARTS = 500
MOST_PROPS = 100
MOST_PROBLEMS = 30
LONGEST = 300  # characters of a name


@dataclass(frozen=True, slots=True)
class Prop:
    """What a component takes. ``needed``: it does not work without."""

    name: str
    needed: bool


@dataclass(frozen=True, slots=True)
class Part:
    """What may stand in a layout: a component of the app (``own``) or of the template's shell. ``known``: whether its
    source tells its props."""

    name: str
    own: bool
    known: bool
    props: Sequence[Prop]


@dataclass(frozen=True, slots=True)
class Problem:
    """``at``: a JSON pointer into the layout, "" for all of it."""

    at: str
    message: str


@dataclass(frozen=True, slots=True)
class Layout:
    """``layout`` is what ``ui.json`` holds, empty where that cannot be read, which ``problems`` then say."""

    layout: Mapping[str, Any]
    problems: Sequence[Problem]
    parts: Sequence[Part]
    functions: Sequence[str]

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "layout": dict(self.layout)}


def layout_in(answer: Mapping[str, Any]) -> Layout:
    """What ``blueprint.mjs known`` said."""
    layout: Any = answer.get("layout")
    return Layout(
        cast("dict[str, Any]", layout) if isinstance(layout, dict) else {},
        [
            Problem(str(one.get("at") or "")[:1000], str(one.get("message") or "")[:1000])
            for one in items(answer, "problems")[:MOST_PROBLEMS]
        ],
        [
            Part(
                str(one.get("name"))[:LONGEST],
                one.get("own") is True,
                isinstance(one.get("props"), list),
                [
                    Prop(str(prop.get("name"))[:LONGEST], prop.get("needed") is True)
                    for prop in items(one, "props")[:MOST_PROPS]
                ],
            )
            for one in items(answer, "parts")[:MOST_PARTS]
        ],
        [name[:LONGEST] for name in names_of(answer, "functions")[:MOST_PARTS]],
    )


async def ask_program(sandbox: Sandbox, program: str, *arguments: str) -> dict[str, Any]:
    """What a program of the template says, in the sandbox: one line of JSON at its end. Raises ``Unavailable``."""
    ran = await sandbox.exec(["node", f"{RUNTIME}/{program}", *arguments], timeout=SECONDS)
    lines = ran.stdout.strip().split("\n")
    try:
        answer = json.loads(lines[-1])
    except (ValueError, RecursionError):
        answer = None
    if ran.exit_code != 0 or not isinstance(answer, dict):
        said = (ran.stderr or ran.stdout).strip()[-1000:]
        raise Unavailable(f"The template's {program} did not answer. {said}".strip(), reason="no_answer")
    return answer  # pyright: ignore[reportUnknownVariableType]
