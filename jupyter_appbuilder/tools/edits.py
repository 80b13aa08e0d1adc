"""Search-and-replace edits: all are applied or none, and ambiguous ones fail."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import InvalidInput
from ..workspace.workspace import LARGEST_TEXT
from .matching import PASSES, find_lines, nearest, numbered, reindented

MOST_NAMED = 10  # places listed in an error; more are not looked for


class EditFailed(InvalidInput):
    """An edit that cannot be made. Its message shows the nearest text."""

    default_reason = "edit_failed"


def apply_edits(text: str, edits: Sequence[Mapping[str, Any]], notes: list[str] | None = None) -> str:
    """``text`` after all ``edits`` (each ``search`` and ``replace``), one after the other.

    ``search`` must stand in the text once: as whole lines, or, exactly as given, within a line. With ``replace_all`` it
    may stand there more often, exactly as given, and is replaced everywhere. Line endings and the final newline stay as
    they are. ``notes`` gets a sentence for each edit that did not fit exactly. Raises
    ``EditFailed`` naming the edit; nothing is changed then.
    """
    notes = [] if notes is None else notes
    if not edits:
        raise EditFailed("There is no edit to make.", hint="Give at least one search and replace.", field="edits")
    for number, edit in enumerate(edits, 1):
        name = "The edit" if len(edits) == 1 else f"Edit {number} of {len(edits)}"
        everywhere = bool(edit.get("replace_all"))
        text = _apply(text, edit["search"], edit["replace"], everywhere, name, f"edits.{number - 1}", notes)
    return text


def _apply(text: str, search: str, replace: str, everywhere: bool, name: str, field: str, notes: list[str]) -> str:
    newline = "\r\n" if text.count("\r\n") * 2 > text.count("\n") else "\n"
    search, replace = search.replace("\r\n", "\n"), replace.replace("\r\n", "\n")
    if search == replace:
        raise EditFailed(f"{name} replaces a text with itself. Nothing was changed.", field=field)
    if not search:
        if text:
            raise EditFailed(
                f"{name} has an empty search. Nothing was changed.",
                hint="Copy the lines to replace from the file into search, or write the whole file.",
                field=field,
            )
        return replace.replace("\n", newline)

    file = _Lines(text, newline)
    if everywhere and (times := file.text.count(search)) > 1:
        if len(replace) > len(search) and replace.count(search) * file.text.count(replace) == times:
            raise _made(name, file.place(file.text.find(replace))[0] + 1, field)
        if len(text) + times * (len(replace) - len(search)) > LARGEST_TEXT:
            raise EditFailed(f"{name} would make the file larger than 2 MB. Nothing was changed.", field=field)
        notes.append(f"{name} was made in {times} places.")
        return file.with_all(search, replace)
    wanted, new = search.removesuffix("\n").split("\n"), replace.removesuffix("\n").split("\n")
    if not replace:
        new = []
    for position, (closeness, alike) in enumerate(PASSES):
        blank = not any(line.strip() for line in wanted)
        starts = [] if blank and position else find_lines(file.lines, wanted, alike, MOST_NAMED + 1)
        if len(starts) > 1:
            raise _ambiguous(name, [start + 1 for start in starts], closeness, field)
        if starts:
            found = file.lines[starts[0] : starts[0] + len(wanted)]
            if position >= 2:
                fitted = reindented(found, wanted, new)
                if fitted is None:
                    raise _misindented(name, found, starts[0] + 1, field)
                new = fitted
            if _lines_there_already(file.lines, starts[0], len(wanted), new):
                raise _made(name, starts[0] + 1, field)
            if position:
                notes.append(f"{name} fitted line {starts[0] + 1} {closeness}.")
            result = file.with_lines(starts[0], len(wanted), new)
            break
        if position == 0 and (hits := file.find(search)):
            if len(hits) > 1:
                raise _ambiguous(name, [file.place(hit)[0] + 1 for hit in hits], closeness, field)
            line, column = file.place(hits[0])
            head, tail = file.around(line, column, search)
            if not head.strip() and not tail and not _continues(head, wanted, new):
                continue  # whole lines, the first without its indentation: the new ones need theirs
            if doubled := _doubled(head, tail, search, replace):
                raise _partly(name, line + 1, doubled, field)
            if _there_already(file.text, hits[0], search, replace):
                raise _made(name, line + 1, field)
            result = file.with_text(line, column, search, replace)
            break
    else:
        raise _missed(name, file.lines, wanted, replace, field)
    if result == text:
        raise EditFailed(f"{name} changes nothing: the text is there as wanted already.", field=field)
    return result


class _Lines:
    """A text as lines, each with its own ending; ``newline`` is what new lines get."""

    def __init__(self, text: str, newline: str) -> None:
        pieces = text.split("\n")
        self.lines = [*(piece.removesuffix("\r") for piece in pieces[:-1]), pieces[-1]]
        self.ends = [*("\r\n" if piece.endswith("\r") else "\n" for piece in pieces[:-1]), ""]
        self.newline = newline
        self.text = "\n".join(self.lines)  # line endings taken for the same

    def find(self, search: str) -> list[int]:
        """Where in ``text`` the exact occurrences begin, up to one more than are named."""
        hits: list[int] = []
        position = self.text.find(search)
        while position >= 0 and len(hits) <= MOST_NAMED:
            hits.append(position)
            position = self.text.find(search, position + 1)
        return hits

    def place(self, position: int) -> tuple[int, int]:
        """Line index and column of a position in ``text``."""
        return self.text.count("\n", 0, position), position - self.text.rfind("\n", 0, position) - 1

    def around(self, line: int, column: int, search: str) -> tuple[str, str]:
        """What stands before ``search`` in its first line, and after it in its last."""
        last = self.lines[line + search.count("\n")]
        end = column + len(search) if "\n" not in search else len(search) - search.rfind("\n") - 1
        return self.lines[line][:column], last[end:]

    def with_lines(self, start: int, length: int, new: Sequence[str]) -> str:
        """The text with ``length`` lines from ``start`` replaced; the last keeps its ending."""
        stop = start + length
        put = "".join(line + self.newline for line in new[:-1]) + new[-1] + self.ends[stop - 1] if new else ""
        return self._joined(0, start) + put + self._joined(stop, len(self.lines))

    def with_text(self, line: int, column: int, search: str, replace: str) -> str:
        """The text with ``search``, found at ``line`` and ``column``, replaced."""
        last = line + search.count("\n")
        head, tail = self.around(line, column, search)
        put = head + replace.replace("\n", self.newline) + tail
        return self._joined(0, line) + put + self.ends[last] + self._joined(last + 1, len(self.lines))

    def with_all(self, search: str, replace: str) -> str:
        """The text with ``search`` replaced wherever it stands; what is between keeps its endings."""
        line, pieces = 0, list[str]()
        for kept in self.text.split(search):
            lines = kept.split("\n")
            stop = line + len(lines) - 1
            pieces.append("".join(map(str.__add__, lines, self.ends[line:stop])) + lines[-1])
            line = stop + search.count("\n")
        return replace.replace("\n", self.newline).join(pieces)

    def _joined(self, start: int, stop: int) -> str:
        return "".join(map(str.__add__, self.lines[start:stop], self.ends[start:stop]))


def _continues(head: str, wanted: Sequence[str], new: Sequence[str]) -> bool:
    """True if what replaces ``wanted``, which stands behind the indentation ``head``, is to stand there as it is: its
    first line behind ``head``, and all others with an indentation of their own."""
    if any(line.strip() for line in wanted[1:]):
        return True  # they were copied with theirs
    rest = [line for line in new[1:] if line.strip()]
    if not rest or not all(line.startswith(head) for line in rest):
        return False
    opens = new[0].rstrip().endswith((":", "{", "(", "[", "=>"))
    return not (opens and not rest[0].removeprefix(head)[:1].isspace())


def _doubled(head: str, tail: str, search: str, replace: str) -> str:
    """What would stand twice, where a search for part of a line comes with a replacement for all of it."""
    last = search.rpartition("\n")[2].lstrip()
    first = search.partition("\n")[0].rstrip()
    if tail.strip() and last and last + tail in replace:
        return tail.strip()
    if head.strip() and first and head.lstrip() + first in replace:
        return head.strip()
    return ""


def _there_already(text: str, position: int, search: str, replace: str) -> bool:
    """True if the replacement, which holds the search, stands around the place that was found."""
    longer = len(replace) - len(search)
    return longer > 0 and text.find(replace, max(0, position - longer), position + len(replace)) >= 0


def _lines_there_already(lines: list[str], start: int, length: int, new: list[str]) -> bool:
    if len(new) <= length:
        return False
    earliest = max(0, start + length - len(new))
    return bool(find_lines(lines[earliest : start + len(new)], new, str, 1))


def _made(name: str, line: int, field: str) -> EditFailed:
    return EditFailed(
        f"{name} is made already: its replacement stands at line {line}. Nothing was changed.",
        hint="Read the file to see what it holds now.",
        field=field,
    )


def _partly(name: str, line: int, doubled: str, field: str) -> EditFailed:
    return EditFailed(
        f"{name} finds only part of line {line}, and its replacement brings the rest of it too: {doubled[:100]!r} "
        "would stand there twice. Nothing was changed.",
        hint="Put the whole line into search.",
        field=field,
    )


def _ambiguous(name: str, numbers: list[int], closeness: str, field: str) -> EditFailed:
    more = len(numbers) > MOST_NAMED
    named = ", ".join(map(str, numbers[:MOST_NAMED])) + (" …" if more else "")
    count = f"more than {MOST_NAMED}" if more else str(len(numbers))
    return EditFailed(
        f"{name} fits {count} places ({closeness}): lines {named}. Nothing was changed.",
        hint="Put more of the lines around it into search, so that it fits only one; or set replace_all.",
        field=field,
    )


def _misindented(name: str, found: list[str], start: int, field: str) -> EditFailed:
    return EditFailed(
        f"{name} fits line {start} only when indentation is overlooked, and how its own differs does not tell what the "
        f"new lines should have. Nothing was changed.\nThe file has:\n{numbered(found[:40], start)}\n",
        hint="Copy the lines with their indentation as it is.",
        field=field,
    )


def _missed(name: str, lines: list[str], wanted: list[str], replace: str, field: str) -> EditFailed:
    message = f"{name} did not find its search text. Nothing was changed."
    done = find_lines(lines, replace.removesuffix("\n").split("\n"), str, 1) if replace.strip() else []
    if done:
        message += f" Its replacement is in the file already, at line {done[0] + 1}."
    plain = [html.unescape(line) for line in wanted]
    if plain != wanted and find_lines(lines, plain, str.strip, 1):
        message += (
            " The file has the characters themselves where the search has them escaped (&lt; for <): write them so, in "
            "the replacement too."
        )
        wanted = plain
    if near := nearest(lines, wanted):
        message += f"\nThe nearest text is:\n{near}\n"
    elif not any(line.strip() for line in lines):
        message += " The file is empty."
    else:
        message += " Nothing in the file is like it."
    return EditFailed(message, hint="Read the file and copy the lines as they are.", field=field)
