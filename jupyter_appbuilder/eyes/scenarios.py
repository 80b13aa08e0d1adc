"""Scenarios: what the person asked for, as steps that can be tried again. Files of the app, ``scenarios/*.yaml``:

    title: A task can be added
    steps:
      - {do: fill, name: New task, value: Milk}
      - {do: click, role: button, name: Add}
      - {do: expect, role: listitem, name: Milk}

The steps are those of ``use_app`` (``steps.py``).
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, cast

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..cancellation import ended
from ..errors import AppBuilderError, InvalidInput, Unavailable
from ..formats import strict_json
from ..workspace import Workspace
from .base import DESKTOP, HEIGHT, PAGES_AT_ONCE, Eye, Look, Theme
from .steps import Steps, Width, first_path, take, told

__all__ = [
    "FOLDER",
    "Listed",
    "Outcome",
    "Scenario",
    "digest",
    "list_scenarios",
    "name_for",
    "name_of",
    "read_scenario",
    "scenarios_of",
    "written",
]

FOLDER = "scenarios/"
MOST = 100
"""Scenarios of one app."""
LONGEST_FILE = 64 * 1024  # characters
MOST_VALUES = 4000  # of one file: lists, objects, names and values
DEEPEST = 12  # lists and objects in each other
SECONDS = 60.0
"""How long one may take."""
SECONDS_FOR_ALL = 300.0
"""No other is begun after that long."""
NOT_TRIED = f"Not tried: those before it took {SECONDS_FOR_ALL:.0f} seconds together."
HINT = "A scenario has a title and steps; the steps are those of use_app."
FAILS = ("page", "build")
"""Kinds of findings that make a scenario fail, though its steps went well."""


class Scenario(BaseModel):
    """What can be done with the app, and what is to be seen then."""

    model_config = ConfigDict(extra="forbid")

    title: str = Field(min_length=3, max_length=120)
    width: Width = DESKTOP
    theme: Theme = "light"
    steps: Steps


@dataclass(frozen=True, slots=True)
class Listed:
    """A scenario's file; ``problem`` says why there is no ``scenario`` in it."""

    name: str
    scenario: Scenario | None
    problem: str = ""

    @property
    def path(self) -> str:
        return f"{FOLDER}{self.name}.yaml"

    @property
    def title(self) -> str:
        return self.scenario.title if self.scenario else self.name


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one scenario. ``step`` is the failed one, from 1; 0 if none failed."""

    name: str
    title: str
    ok: bool
    message: str = ""
    step: int = 0
    digest: str = ""
    duration_ms: int = 0
    tried: bool = True

    @property
    def why(self) -> str:
        """Why it failed, and at which step."""
        return f"Step {self.step}: {self.message}" if self.step else self.message

    def to_json(self) -> dict[str, Any]:
        shown: dict[str, Any] = {"name": self.name, "title": self.title, "ok": self.ok}
        if not self.ok:
            shown |= {"message": self.message, "step": self.step}
        return shown | {"digest": self.digest, "duration_ms": self.duration_ms}


class _Loader(yaml.SafeLoader):
    """YAML with values as JSON has them: 12:30 and 2024-01-01 are texts, and no number takes long to read. Without
    aliases and tags, and bounded: a file of a few lines could stand for millions of steps."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._values = self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases (*name) are not read here")
        if getattr(cast("yaml.Event", self.peek_event()), "tag", None):
            raise yaml.YAMLError("tags (!name) are not read here")
        self._values += 1
        if self._values > MOST_VALUES or self._depth > DEEPEST:
            raise yaml.YAMLError(f"it holds over {MOST_VALUES} values, or nests them more than {DEEPEST} deep")
        self._depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


_Loader.yaml_implicit_resolvers = {}
for _kind, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(?:0|[1-9][0-9]{0,308})", list("-+0123456789")),
    ("float", r"[-+]?(?:0|[1-9][0-9]{0,17})\.[0-9]{1,20}(?:e[-+][0-9]{2})?", list("-+0123456789")),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_kind}", re.compile(f"(?:{_pattern})$"), _first)


def read_scenario(name: str, text: str) -> Scenario:
    """Raises ``InvalidInput`` naming the file, what is wrong and where."""
    path = f"{FOLDER}{name}.yaml"
    if len(text) > LONGEST_FILE:
        raise _too_long(name)
    try:
        data: Any = yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise InvalidInput(f"{path} is not valid YAML{_fault(error)}.", hint=HINT) from None
    try:
        return Scenario.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        at = _place(first["loc"])
        raise InvalidInput(f"{path}: {f'{at}: ' if at else ''}{first['msg']}.", hint=HINT) from None


def _fault(error: Exception) -> str:
    """Where a file is no YAML, counted from 1, and why: as little as helps to mend it."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return f": {' '.join(str(error).split())[:300]}"
    mark = error.problem_mark or error.context_mark
    at = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    why = ", ".join(part for part in (error.context, error.problem) if part)
    return f"{at}: {' '.join(why.split())[:300]}"


def _too_long(name: str) -> InvalidInput:
    return InvalidInput(f"{FOLDER}{name}.yaml is longer than {LONGEST_FILE // 1024} KB.", hint=HINT)


def _place(loc: Sequence[int | str]) -> str:
    words: list[str] = []
    for part in loc:
        if isinstance(part, int) and words and words[-1] == "steps":
            words[-1] = f"step {part + 1}"
        else:
            words.append(str(part))
    return ", ".join(words)


def written(name: str, scenario: Scenario) -> str:
    """A scenario as its file's text. Raises ``InvalidInput`` where it is too long to be read again."""
    head: dict[str, Any] = {"title": scenario.title}
    if scenario.width != DESKTOP:
        head["width"] = scenario.width
    if scenario.theme != "light":
        head["theme"] = scenario.theme
    options: dict[str, Any] = {"allow_unicode": True, "sort_keys": False, "width": 1_000_000}
    lines: list[str] = [yaml.safe_dump(head, **options).rstrip(), "steps:"]
    for step in scenario.steps:
        lines.append(f"  - {yaml.safe_dump(step.to_json(), default_flow_style=True, **options).strip()}")
    text = "\n".join(lines) + "\n"
    if len(text) > LONGEST_FILE:
        raise _too_long(name)
    return text


def name_for(title: str, listed: Sequence[Listed]) -> str:
    """The name of the file for a scenario of this title beside others: that of the same title has one already."""
    for one in listed:
        if one.scenario and one.title.casefold() == title.casefold():
            return one.name
    name = name_of(title)
    taken = any(one.scenario and one.name == name for one in listed)
    return f"{name}-{_short(title)}" if taken else name


def name_of(title: str) -> str:
    """The name of a scenario's file, from its title. Those of two titles may be the same."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:60].strip("-") or _short(title)


def digest(scenario: Scenario) -> str:
    """Tells whether a scenario is still the same."""
    return _short(strict_json.dumps(scenario.model_dump(mode="json", by_alias=True, exclude_none=True)))


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


async def list_scenarios(workspace: Workspace) -> list[Listed]:
    """The app's scenarios by name, at most ``MOST``. A file that cannot be read is listed with its problem."""
    try:
        files = await workspace.list(FOLDER.rstrip("/"))
    except AppBuilderError:
        return []

    async def read(path: str) -> str:
        if sizes[path] > 4 * LONGEST_FILE:
            raise _too_long(_file_name(path))
        return await workspace.read_text(path)

    sizes = {file.path: file.size for file in files}
    return await _listed(sizes, read)


async def scenarios_of(workspace: Workspace, version: str) -> list[Listed]:
    """Those that a version of the app has, as ``list_scenarios``."""
    contents = await workspace.contents_in(version, FOLDER, 4 * LONGEST_FILE)

    async def read(path: str) -> str:
        if (content := contents[path]) is None:
            raise _too_long(_file_name(path))
        return content.decode(errors="replace")

    return await _listed(contents, read)


async def _listed(paths: Iterable[str], read: Callable[[str], Awaitable[str]]) -> list[Listed]:
    found: list[Listed] = []
    for path in paths:
        name = _file_name(path)
        if not path.endswith(".yaml") or "/" in name or len(found) >= MOST:
            continue
        try:
            found.append(Listed(name, await asyncio.to_thread(read_scenario, name, await read(path))))
        except AppBuilderError as error:
            found.append(Listed(name, None, error.message))
    return sorted(found, key=lambda one: one.name)


def _file_name(path: str) -> str:
    return path.removeprefix(FOLDER).removesuffix(".yaml")


async def try_all(
    eye: Eye,
    scenarios: Sequence[Listed],
    on_outcome: Callable[[Outcome], None] | None = None,
    *,
    trying: Callable[[], AbstractAsyncContextManager[None]] = nullcontext,
) -> list[Outcome]:
    """Try them, several at once unless ``trying``, which surrounds each, holds the others back: it is
    ``RunningApp.trying``, so that each finds the app's data as they were. Raises ``Unavailable`` where nobody can look
    at the app."""
    room = asyncio.Semaphore(PAGES_AT_ONCE)
    until = time.monotonic() + SECONDS_FOR_ALL

    async def one(listed: Listed) -> Outcome:
        async with room, trying():
            if listed.scenario and time.monotonic() >= until:
                outcome = _not_tried(listed.name, listed.scenario)
            else:
                outcome = await try_scenario(eye, listed)
        if on_outcome:
            on_outcome(outcome)
        return outcome

    tries = [asyncio.create_task(one(listed)) for listed in scenarios]
    try:
        return await asyncio.gather(*tries)
    finally:
        await ended(tries)


def _not_tried(name: str, scenario: Scenario) -> Outcome:
    return Outcome(name, scenario.title, False, NOT_TRIED, digest=digest(scenario), tried=False)


async def try_scenario(eye: Eye, listed: Listed) -> Outcome:
    """Do the steps of one, in a browser with nothing stored, until one fails."""
    scenario = listed.scenario
    if scenario is None:
        return Outcome(listed.name, listed.title, False, listed.problem)
    began = time.monotonic()

    def outcome(message: str = "", step: int = 0) -> Outcome:
        spent = round((time.monotonic() - began) * 1000)
        return Outcome(listed.name, listed.title, not message, message, step, digest(scenario), spent)

    number = 0
    look = Look(first_path(scenario.steps), scenario.width, HEIGHT, scenario.theme)
    try:
        async with asyncio.timeout(SECONDS):
            async with eye.open(look) as page:
                for number, step in enumerate(scenario.steps, 1):
                    done = await take(page, number, step)
                    if not done.ok:
                        return outcome(f"{told(step)}: {done.message}", number)
                if thrown := [one for one in await page.findings() if one["kind"] in FAILS]:
                    return outcome(f"The steps went well, but the page reported: {thrown[0]['message'][:500]}")
    except TimeoutError:
        return outcome(f"It took longer than {SECONDS:.0f} seconds.", number)
    except Unavailable as error:
        if error.reason == "browser_failed":
            return outcome(error.message, number)
        raise
    return outcome()


@dataclass(frozen=True, slots=True)
class Comparison:
    """What became of scenarios since they were tried before: by name."""

    regressions: Sequence[Outcome]
    changed: Sequence[str]  # titles of those that worked, with other steps now
    deleted: Sequence[str]


def compared(before: Mapping[str, Mapping[str, Any]], now: Sequence[Outcome]) -> Comparison:
    """``before``: the last outcomes, by name (``turns.tried.last_tried``)."""
    worked = {name: one for name, one in before.items() if one.get("worked")}
    names = {one.name for one in now}
    return Comparison(
        [one for one in now if not one.ok and one.name in worked and one.tried],
        [one.title for one in now if one.name in worked and worked[one.name]["worked"] != one.digest],
        [str(one.get("title", name)) for name, one in worked.items() if name not in names],
    )
