"""Problems in an app's code: parses a checker's output, compares it with earlier output, formats it.

One line a problem, as compilers and linters print it: ``src/a.ts(3,5): error TS2322: …`` (tsc, vue-tsc),
``[error] src/a.css: SyntaxError: … (3:5)`` (Prettier) or ``api/main.py:3:5: F821 …`` (Ruff, mypy, Pyright, ESLint's
unix form, and most others).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .commands import CONTROLS

LONGEST_MESSAGE = 300  # characters
MOST_READ = 500  # problems; what a checker finds beyond is not looked at
MOST_OUTPUT = 1_000_000  # characters of what a checker prints, which may be the app's own program
LONGEST_LINE = 20_000  # characters; of a longer one the start and the end are read

# Each of these takes time in proportion to the line: nothing repeated within it can be split in more than one way.

PAIR = re.compile(r"(?P<path>[^\s:][^:]*?)\((?P<line>\d+),(?P<column>\d+)\): (?P<rest>.+)")
COLONS = re.compile(r"(?P<path>[^\s:][^:]*\.\w+)(?::(?P<line>\d+))?(?::(?P<column>\d+))?(?: -|:) (?P<rest>.+)")
PRETTIER = re.compile(
    r"\[error\] (?P<path>\S[^:]*): (?>(?:\w*SyntaxError: )+)(?P<rest>.+) \((?P<line>\d+):(?P<column>\d+)\)$"
)
NOWHERE = re.compile(r"(?P<rest>error TS\d+: .+)")
SEVERITY = re.compile(r"(?P<severity>error|warning|information|info|note|hint)\b[: ]\s*", re.IGNORECASE)
CODE = re.compile(r"(?P<code>[A-Z]{1,8}\d{2,6}|invalid-syntax)(?::|\s)\s*(?:\[\*\]\s*)?")
CODE_LAST = re.compile(r"(?<!\s)\s*+[\[(](?P<code>[A-Za-z][\w./@-]*)[\])]$")
FOREIGN = ("node_modules", ".next", ".venv")


@dataclass(frozen=True, slots=True)
class Problem:
    """``path`` is relative to the app, empty for what lies in no file. ``line`` and ``column`` count from 1, 0 where
    not known; they are no part of what it is: an edit above moves them."""

    path: str
    line: int
    column: int
    code: str
    message: str

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.path, self.code, self.message)

    def to_json(self) -> dict[str, Any]:
        return {"path": self.path, "line": self.line, "column": self.column, "code": self.code, "message": self.message}

    def __str__(self) -> str:
        place = ":".join([self.path, *(str(number) for number in (self.line, self.column) if number)])
        code = f" ({self.code})" if self.code else ""
        return f"{place}: {self.message}{code}" if self.path else f"{self.message}{code}"


def read_problems(output: str) -> list[Problem]:
    """The problems in a checker's output, in its order. Lines of another form are passed over, but for indented ones,
    which go on with the message before them."""
    found: list[Problem] = []
    last: Problem | None = None
    for line in CONTROLS.sub("", output[:MOST_OUTPUT].replace("\r\n", "\n")).split("\n"):
        if line.startswith((" ", "\t")):
            if last is not None and line.strip() and found[-1] is last:
                found[-1] = last = _with(last, f"{last.message} {line.strip()}")
            continue
        last = _read(line)
        if last is not None:
            if len(found) == MOST_READ:
                break
            found.append(last)
    return found


def _with(problem: Problem, message: str) -> Problem:
    return Problem(problem.path, problem.line, problem.column, problem.code, _short(message))


def _read(line: str) -> Problem | None:
    if len(line) > LONGEST_LINE:
        line = f"{line[: LONGEST_LINE - 1000]}…{line[-999:]}"
    matched = PAIR.match(line) or PRETTIER.match(line) or COLONS.match(line) or NOWHERE.match(line)
    if matched is None:
        return None
    parts, rest, code = matched.groupdict(), matched["rest"].strip(), ""
    path = (parts.get("path") or "").removeprefix("/workspace/").removeprefix("./")
    if path.startswith("/") or any(part in FOREIGN for part in path.split("/")):
        return None
    if said := SEVERITY.match(rest):
        if said["severity"].lower() not in ("error", "warning"):
            return None
        rest = rest[said.end() :]
    if named := CODE.match(rest) or CODE_LAST.search(rest):
        code, rest = named["code"], rest[: named.start()] + rest[named.end() :]
    elif not said and not parts.get("line"):
        return None  # some text with a colon in it
    return Problem(path, int(parts.get("line") or 0), int(parts.get("column") or 0), code, _short(rest))


def _short(message: str) -> str:
    return message if len(message) <= LONGEST_MESSAGE else message[: LONGEST_MESSAGE - 1] + "…"


MOST_TOLD = 10  # problems at a time
LONGEST = 2000  # characters of what is told at a time


@dataclass(frozen=True, slots=True)
class News:
    """What changed since it was last told: problems that are new, and how many told before are ``gone`` of how many."""

    new: Sequence[Problem]
    gone: int = 0
    remaining: int = 0  # told before and still there

    def told(self) -> list[Problem]:
        """The new problems that there is room for."""
        room, kept = LONGEST - 500, list[Problem]()
        for problem in self.new[:MOST_TOLD]:
            room -= len(str(problem)) + 3
            if room < 0:
                break
            kept.append(problem)
        return kept

    def text(self) -> str:
        """For the model. At most ``LONGEST`` characters."""
        lines: list[str] = []
        if self.new:
            told = self.told()
            lines.append(f"[Checked in the background: {_count(len(self.new))} since your last changes.]")
            lines += [f"- {problem}" for problem in told]
            if more := len(self.new) - len(told):
                lines.append(f"- and {more} more")
            lines.append("If you are in the middle of a change, go on with it: what is still missing may explain them.")
        if self.gone and not self.remaining and not self.new:
            lines.append("[Checked in the background: all problems reported before are gone.]")
        elif self.gone:
            left = f"; {self.remaining} remain" if self.remaining else ""
            lines.append(f"[Checked in the background: {self.gone} reported before gone{left}.]")
        return "\n".join(lines)

    def detail(self, length: int) -> dict[str, Any]:
        """For a result's detail. ``length``: characters that were added to the result's text."""
        told = self.told()
        return {
            "problems": [problem.to_json() for problem in told],
            "more": len(self.new) - len(told),
            "gone": self.gone,
            "remaining": self.remaining,
            "length": length,
        }


def without_news(text: str, detail: Mapping[str, Any]) -> str:
    """The text of a result as its tool gave it, without what was found in the background."""
    length = sum(detail[name]["length"] for name in ("page_news", "diagnostics") if name in detail)
    return text[:-length] if length else text


def headline(detail: Mapping[str, Any]) -> str:
    """What a result's detail tells of problems, in a few words for people; empty where it tells nothing."""
    page, news = detail.get("page_news"), detail.get("diagnostics")
    if page:
        count = len(page["findings"]) + page["more"]
        said = f"{count} new error{'' if count == 1 else 's'} of the page"
        return f"{said} · {headline({'diagnostics': news})}" if news else said
    if not news:
        return ""
    if count := len(news["problems"]) + news["more"]:
        return _count(count)
    return f"{news['gone']} of the new problems gone" if news["remaining"] else "the new problems are gone"


def by_key(problems: Iterable[Problem]) -> dict[tuple[str, str, str], Problem]:
    """The first of each kind, in their order."""
    found: dict[tuple[str, str, str], Problem] = {}
    for problem in problems:
        found.setdefault(problem.key, problem)
    return found


def _count(number: int) -> str:
    return f"{number} new problem" + ("" if number == 1 else "s")
