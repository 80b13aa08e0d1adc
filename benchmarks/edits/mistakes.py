"""The mistakes that models make when they edit a file, each as a function from a place in a file to an edit.

Nothing here knows how the product matches: what the model meant is worked out by splicing lines.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

Outcome = Literal["right", "loud"]


@dataclass(frozen=True)
class Place:
    """``length`` lines of a file from ``start`` (counted from 0), and what a model wants them to become."""

    lines: tuple[str, ...]  # of the whole file, without line ends
    start: int
    length: int

    @property
    def region(self) -> list[str]:
        return list(self.lines[self.start : self.start + self.length])

    @property
    def wanted(self) -> list[str]:
        """The region with its last telling line changed and one put before it."""
        region = self.region
        at = max(index for index, line in enumerate(region) if re.search(r"\w", line))
        indentation = re.match(r"\s*", region[at])
        put = f"{indentation[0] if indentation else ''}// looked at: edited"
        return [*region[:at], put, f"{region[at]} // changed", *region[at + 1 :]]

    def spliced(self, new: Sequence[str]) -> list[str]:
        return [*self.lines[: self.start], *new, *self.lines[self.start + self.length :]]


@dataclass(frozen=True)
class Case:
    """``before`` is the file as the model read it, ``now`` as it stands when the edit comes; ``meant`` is what the
    model meant it to become. ``outcome``: what must come of it; where it is "loud", "right" will do as well."""

    before: str
    edits: tuple[tuple[str, str], ...]
    meant: str
    outcome: Outcome
    now: str = field(default="")

    @property
    def standing(self) -> str:
        return self.now or self.before


Make = Callable[[Place], "Case | None"]
"""None where the place does not lend itself to the mistake."""

MISTAKES: dict[str, Make] = {}


def mistake(make: Make) -> Make:
    MISTAKES[make.__name__.replace("_", " ")] = make
    return make


def text(lines: Sequence[str], end: str = "\n") -> str:
    return end.join(lines) + end


def simple(place: Place, search: str, replace: str, outcome: Outcome) -> Case:
    return Case(text(place.lines), ((search, replace),), text(place.spliced(place.wanted)), outcome)


def searching(place: Place, lines: Sequence[str], outcome: Outcome) -> Case | None:
    """The right replacement for a search that says something else than the file."""
    return None if list(lines) == place.region else simple(place, "\n".join(lines), "\n".join(place.wanted), outcome)


def both(place: Place, change: Callable[[str], str], outcome: Outcome) -> Case | None:
    """The same change in the search and in the replacement: how the model remembers the file."""
    search, replace = "\n".join(map(change, place.region)), "\n".join(map(change, place.wanted))
    return None if search == "\n".join(place.region) else simple(place, search, replace, outcome)


# What must land


@mistake
def none_at_all(place: Place) -> Case | None:
    return simple(place, "\n".join(place.region), "\n".join(place.wanted), "right")


@mistake
def a_final_line_end_more(place: Place) -> Case | None:
    return simple(place, "\n".join(place.region) + "\n", "\n".join(place.wanted) + "\n", "right")


@mistake
def a_part_of_a_line(place: Place) -> Case | None:
    words = [word for word in re.findall(r"\w{6,}", place.region[0]) if text(place.lines).count(word) == 1]
    if not words:
        return None
    before = text(place.lines)
    return Case(before, ((words[0], "renamed"),), before.replace(words[0], "renamed"), "right")


@mistake
def cut_in_the_middle_of_a_line(place: Place) -> Case | None:
    first, last = place.region[0], place.region[-1]
    if place.length < 2 or len(first.strip()) < 8 or len(last.strip()) < 8:
        return None
    head, tail = len(first) - len(first.lstrip()) + 3, len(last) - 3
    search = "\n".join([first[head:], *place.region[1:-1], last[:tail]])
    before = text(place.lines)
    if before.count(search) != 1:
        return None
    return Case(before, ((search, "/* put */"),), before.replace(search, "/* put */"), "right")


@mistake
def indentation_left_out(place: Place) -> Case | None:
    depth = min(len(line) - len(line.lstrip()) for line in place.region if line.strip())
    return both(place, lambda line: line[depth:], "right") if depth else None


@mistake
def indented_too_far(place: Place) -> Case | None:
    return both(place, lambda line: f"    {line}" if line.strip() else line, "right")


@mistake
def white_space_at_line_ends(place: Place) -> Case | None:
    return searching(place, [f"{line}  " for line in place.region], "right")


@mistake
def typographic_quotes(place: Place) -> Case | None:
    return searching(place, [line.replace('"', "\u201d").replace("'", "\u2019") for line in place.region], "right")


@mistake
def no_break_spaces(place: Place) -> Case | None:
    return searching(place, [re.sub(r"(?<=\S) ", "\u00a0", line) for line in place.region], "right")


@mistake
def a_file_with_carriage_returns(place: Place) -> Case | None:
    case = simple(place, "\n".join(place.region), "\n".join(place.wanted), "right")
    return Case(text(place.lines, "\r\n"), case.edits, text(place.spliced(place.wanted), "\r\n"), "right")


@mistake
def an_edit_with_carriage_returns(place: Place) -> Case | None:
    return simple(place, "\r\n".join(place.region), "\r\n".join(place.wanted), "right")


@mistake
def a_file_beyond_ascii(place: Place) -> Case | None:
    head = ("\ufeff// \U0001f388 na\u00efve \u4f60\u597d \u0645\u0631\u062d\u0628\u0627",)
    moved = Place(head + place.lines, place.start + 1, place.length)
    return simple(moved, "\n".join(moved.region), "\n".join(moved.wanted), "right")


@mistake
def a_huge_file(place: Place) -> Case | None:
    tail = tuple(f"export const generated{number} = compute({number});" for number in range(12_000))
    huge = Place(tail + place.lines, place.start + len(tail), place.length)
    return simple(huge, "\n".join(huge.region), "\n".join(huge.wanted), "right")


@mistake
def two_edits_at_once(place: Place) -> Case | None:
    first = place.lines[0]
    if place.start == 0 or place.lines.count(first) > 1 or not first.strip():
        return None
    new = [f"{first} // first", *place.spliced(place.wanted)[1:]]
    edits = (("\n".join(place.region), "\n".join(place.wanted)), (first, f"{first} // first"))
    return Case(text(place.lines), edits, text(new), "right")


# What may land right or must fail loudly


@mistake
def tabs_for_spaces(place: Place) -> Case | None:
    def tabbed(line: str) -> str:
        depth = len(line) - len(line.lstrip())
        return "\t" * (depth // 2) + " " * (depth % 2) + line.lstrip()

    return both(place, tabbed, "loud")


@mistake
def four_spaces_for_two(place: Place) -> Case | None:
    return both(place, lambda line: " " * (len(line) - len(line.lstrip())) + line, "loud")


@mistake
def indentation_flattened(place: Place) -> Case | None:
    return both(place, str.lstrip, "loud")


@mistake
def line_numbers_copied(place: Place) -> Case | None:
    return searching(place, [f"{place.start + n}\t{line}" for n, line in enumerate(place.region, 1)], "loud")


@mistake
def wrapped_in_a_fence(place: Place) -> Case | None:
    return searching(place, ["```js", *place.region, "```"], "loud")


@mistake
def lines_elided(place: Place) -> Case | None:
    if place.length < 4:
        return None
    return searching(place, [place.region[0], "  // ... existing code ...", place.region[-1]], "loud")


@mistake
def a_line_forgotten(place: Place) -> Case | None:
    if place.length < 3:
        return None
    return searching(place, [place.region[0], *place.region[2:]], "loud")


@mistake
def lines_in_another_order(place: Place) -> Case | None:
    if place.length < 3 or place.region[0] == place.region[1]:
        return None
    return searching(place, [place.region[1], place.region[0], *place.region[2:]], "loud")


@mistake
def the_wrong_quotes(place: Place) -> Case | None:
    return searching(place, [line.translate(str.maketrans("\"'", "'\"")) for line in place.region], "loud")


@mistake
def a_semicolon_forgotten(place: Place) -> Case | None:
    return searching(place, [line.removesuffix(";") for line in place.region], "loud")


@mistake
def another_case(place: Place) -> Case | None:
    return searching(place, [line.swapcase() for line in place.region], "loud")


@mistake
def a_name_misspelt(place: Place) -> Case | None:
    return searching(place, [re.sub(r"(\w)(\w)(\w{3,})", r"\2\1\3", line, count=1) for line in place.region], "loud")


@mistake
def white_space_within_lines(place: Place) -> Case | None:
    return searching(place, [re.sub(r"(?<=\S) (?=\S)", "  ", line) for line in place.region], "loud")


@mistake
def escaped_for_html(place: Place) -> Case | None:
    return searching(place, [html.escape(line) for line in place.region], "loud")


@mistake
def escaped_line_ends(place: Place) -> Case | None:
    return simple(place, "\\n".join(place.region), "\n".join(place.wanted), "loud") if place.length > 1 else None


@mistake
def a_place_that_occurs_twice(place: Place) -> Case | None:
    twice = Place((*place.lines, "", *place.region), place.start, place.length)
    return simple(twice, "\n".join(twice.region), "\n".join(twice.wanted), "loud")


@mistake
def made_already(place: Place) -> Case | None:
    done = text(place.spliced(place.wanted))
    return Case(done, (("\n".join(place.region), "\n".join(place.wanted)),), done, "loud")


@mistake
def nothing_to_change(place: Place) -> Case | None:
    before = text(place.lines)
    return Case(before, (("\n".join(place.region), "\n".join(place.region)),), before, "loud")


@mistake
def nothing_to_look_for(place: Place) -> Case | None:
    return simple(place, "", "\n".join(place.wanted), "loud")


@mistake
def one_of_two_edits_wrong(place: Place) -> Case | None:
    edits = (("\n".join(place.region), "\n".join(place.wanted)), ("this stands nowhere in the file", "x"))
    return Case(text(place.lines), edits, text(place.spliced(place.wanted)), "loud")


@mistake
def changed_by_a_person_meanwhile(place: Place) -> Case | None:
    theirs = [f"{place.region[0]} // theirs", *place.region[1:]]
    case = simple(place, "\n".join(place.region), "\n".join(place.wanted), "loud")
    return Case(case.before, case.edits, case.meant, "loud", now=text(place.spliced(theirs)))


@mistake
def changed_meanwhile_with_a_twin_elsewhere(place: Place) -> Case | None:
    """The model read the only place there was; a person moved on there and copied the lines to the end."""
    theirs = [f"{place.region[0]} // theirs", *place.region[1:]]
    case = simple(place, "\n".join(place.region), "\n".join(place.wanted), "loud")
    return Case(case.before, case.edits, case.meant, "loud", now=text([*place.spliced(theirs), "", *place.region]))
