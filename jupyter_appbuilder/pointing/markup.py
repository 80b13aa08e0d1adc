"""Where an element stands in a page that is served as it is written."""

from __future__ import annotations

from contextlib import suppress
from html.parser import HTMLParser

from .texts import plain

VOID = frozenset(["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"])
MOST = 5000  # elements of a page
COMPARED = ("id", "name", "type", "src", "href", "alt", "placeholder", "class")


class Written:
    """An element of the source."""

    __slots__ = ("attributes", "column", "line", "tag", "texts")

    def __init__(self, tag: str, attributes: dict[str, str], line: int, column: int) -> None:
        self.tag = tag
        self.attributes = attributes
        self.line = line
        self.column = column
        self.texts: list[str] = []

    @property
    def text(self) -> str:
        return plain("".join(self.texts))


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.elements: list[Written] = []
        self._open: list[Written] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if len(self.elements) >= MOST:
            return
        line, column = self.getpos()
        element = Written(tag, {name: value or "" for name, value in attrs}, line, column + 1)
        self.elements.append(element)
        if tag not in VOID and len(self._open) < 200:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if self._open and self._open[-1].tag == tag:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        for at in range(len(self._open) - 1, -1, -1):
            if self._open[at].tag == tag:
                del self._open[at:]
                return

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.texts.append(data)


def place_in(source: str, tag: str, text: str, attributes: dict[str, str]) -> tuple[int, int] | None:
    """The line and column, from 1, of the only element that is so; of several by one text, the one whose attributes
    agree."""
    reader = _Reader()
    with suppress(AssertionError):  # of a declaration that there is not: what stands before it counts
        reader.feed(source)
    same = [one for one in reader.elements if one.tag == tag]
    given = {name: attributes[name] for name in COMPARED if name in attributes}
    whole = text.removesuffix("…") if text.endswith("…") else None
    by_text = [one for one in same if (one.text.startswith(whole) if whole is not None else one.text == text)]
    by_all = [one for one in by_text if all(one.attributes.get(name) == value for name, value in given.items())]
    by_id = [one for one in same if given.get("id") and one.attributes.get("id") == given["id"]]
    for found in (by_all, by_id, by_text if text else []):
        if len(found) == 1:
            return found[0].line, found[0].column
    return None
