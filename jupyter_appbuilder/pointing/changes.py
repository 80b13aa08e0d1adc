"""A text that is changed where it is written, without a model: what `edit_file` is to do."""

from __future__ import annotations

from ..errors import Conflict, InvalidInput
from ..workspace import Workspace
from .claims import Claim
from .places import Found, found
from .texts import LONGEST, literal_at, plain, replaced_at, replaced_once


def is_literal(place: Found, text: str) -> bool:
    """Whether what the element shows is written at the place just so, and can be changed there."""
    try:
        _changed(place, text, text)
    except (Conflict, InvalidInput):
        return False
    return True


async def text_edit(workspace: Workspace, claim: Claim, text: str) -> tuple[str, dict[str, str]]:
    """The file, and the edit of it that has the element show ``text``.

    Raises ``Conflict`` (reason ``no_literal``) where the source does not hold the text that was pointed at exactly once
    at its place, ``InvalidInput`` for a text that cannot stand there.
    """
    text = plain(text)
    if not text or len(text) > LONGEST:
        raise InvalidInput(
            f"The text has {len(text):,} characters.", hint=f"1 to {LONGEST:,} can stand there.", field="text"
        )
    place, _ = await found(workspace, claim)
    if place is None:
        raise Conflict("Nobody knows where this is written.", hint="Ask for the change.", reason="no_literal")
    after = _changed(place, claim.text, text)
    if after == place.source:
        raise InvalidInput("The text stays as it is.", hint="Write another one.", field="text")
    return place.file, edit_of(place.source, after)


def _changed(place: Found, before: str, after: str) -> str:
    at_element = literal_at(place.source, place.offset) if place.source[place.offset] == "<" else None
    if place.by_text and at_element is None:
        return replaced_once(place.source, before, after)
    return replaced_at(place.source, place.offset, before, after)


def edit_of(before: str, after: str) -> dict[str, str]:
    """Search and replacement: the lines that differ, with as many around them as make the search unique. Ends of lines
    are those of the file, whichever the edit has."""
    before, after = before.replace("\r\n", "\n"), after.replace("\r\n", "\n")
    old, new = before.split("\n"), after.split("\n")
    shorter = min(len(old), len(new))
    start = end = 0
    while start < shorter and old[start] == new[start]:
        start += 1
    while end < shorter - start and old[-1 - end] == new[-1 - end]:
        end += 1
    more = 1
    while True:
        search = "\n".join(old[start : len(old) - end])
        if _is_once(before, search.removesuffix("\n")) or (start == 0 and end == 0):
            return {"search": search, "replace": "\n".join(new[start : len(new) - end])}
        start, end, more = max(0, start - more), max(0, end - more), 2 * more


def _is_once(text: str, part: str) -> bool:
    """Also where two that overlap are two: lines that repeat."""
    return bool(part) and text.find(part, text.find(part) + 1) < 0
