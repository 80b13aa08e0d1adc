"""Simple styles of an element, changed where it is written, without a model.

In an app with Tailwind they are classes of the element, elsewhere its ``style``. What is computed is left alone: the
agent changes that.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple, NotRequired, TypedDict

from ..errors import Conflict, InvalidInput
from ..workspace import Workspace
from .attributes import Attribute, Tag, closing, read_tag, split
from .changes import edit_of
from .claims import Claim
from .palette import Palette, palette
from .places import PARTS, Found, found
from .texts import is_markup, name_at, place_of

StyleProperty = Literal["size", "weight", "color", "padding", "margin", "gap"]
PROPERTIES: tuple[StyleProperty, ...] = ("size", "weight", "color", "padding", "margin", "gap")


class StyleStep(TypedDict):
    """A value that can be chosen, and the CSS that it comes to; ``swatch``: a colour to show for it."""

    name: str
    css: dict[str, str]
    swatch: NotRequired[str]


class StyleChoice(TypedDict):
    """``now``: what is written, the name of a step where it is one; "" for nothing. ``why``: it cannot be changed."""

    property: StyleProperty
    now: str
    steps: list[StyleStep]
    why: str


class Styles(TypedDict):
    """``why``: none can be changed here, and ``choices`` is empty then."""

    why: str
    choices: list[StyleChoice]
    name: NotRequired[str]
    file: NotRequired[str]
    line: NotRequired[int]


class Unable(Exception):
    """A style cannot be changed where the element is written; the text says why."""


SIZES = {
    "xs": ("0.75rem", "1.333"),
    "sm": ("0.875rem", "1.429"),
    "base": ("1rem", "1.5"),
    "lg": ("1.125rem", "1.556"),
    "xl": ("1.25rem", "1.4"),
    "2xl": ("1.5rem", "1.333"),
    "3xl": ("1.875rem", "1.2"),
    "4xl": ("2.25rem", "1.111"),
    "5xl": ("3rem", "1"),
    "6xl": ("3.75rem", "1"),
}
WEIGHTS = {"light": "300", "normal": "400", "medium": "500", "semibold": "600", "bold": "700", "extrabold": "800"}
SPACES = ("0", "1", "2", "3", "4", "5", "6", "8", "10", "12", "16", "20")

CSS = {
    "size": "font-size",
    "weight": "font-weight",
    "color": "color",
    "padding": "padding",
    "margin": "margin-block",
    "gap": "gap",
}
_SIDES = ("top", "right", "bottom", "left", "block", "inline", "block-start", "block-end", "inline-start", "inline-end")
REPLACED = {
    "padding": tuple(f"padding-{side}" for side in _SIDES),
    "margin": ("margin-top", "margin-bottom", "margin-block-start", "margin-block-end"),
    "gap": ("row-gap", "column-gap"),
}
"""What a property takes the place of, beside its own name."""

OUTWEIGHS = {"margin": "margin", "size": "font", "weight": "font"}
"""A shorthand that says the property, too, and more: it stays, and what is chosen comes after it."""

_PREFIXES = {
    "padding": ("p", "px", "py", "pt", "pr", "pb", "pl", "ps", "pe"),
    "margin": ("my", "mt", "mb"),
    "gap": ("gap", "gap-x", "gap-y"),
}
_CLASS = {"size": "text", "weight": "font", "color": "text", "padding": "p", "margin": "my", "gap": "gap"}
_NOT_COLOURS = frozenset(
    ["left", "center", "right", "justify", "start", "end", "wrap", "nowrap", "balance", "pretty", "ellipsis", "clip"]
)
_FONTS = frozenset([*WEIGHTS, "thin", "extralight", "black"])
_SIZE = re.compile(r"(?:xs|sm|base|lg|[2-9]?xl)(?:/.+)?|\[(?:length:|clamp\(|calc\(|[\d.]).*\](?:/.+)?|\(length:.+\)")
_WIDTHS = re.compile(r"(?:max-|min-|@)?(?:sm|md|lg|xl|2xl|\[[^\]]*\])|dark|light")
"""Variants that show an element otherwise on another screen: what is chosen holds on each."""

_WORD = re.compile(r"\S+")
_STRING = re.compile(r"\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)'|`((?:[^`\\]|\\.)*)`")
_MERGED = re.compile(r"\s*(?:cn|clsx|cx|classNames|classnames|twMerge|twJoin)\(\s*")
_ALONE = re.compile(r"\s*(?:\"[^\"\\]*\"|'[^'\\]*'|`[^`\\$]*`)\s*")
_VALUE = re.compile(r"\s*(?:\"[^\"\\]*\"|'[^'\\]*'|-?[\d.]+)\s*")

COMPUTED = "Its classes are computed there."


async def styles(workspace: Workspace, claim: Claim) -> Styles:
    """What can be chosen for what was pointed at."""
    held = await _place(workspace, claim)
    try:
        writer = await _writer(workspace, held)
    except Unable as error:
        return Styles(why=str(error), choices=[])
    choices = await asyncio.to_thread(lambda: [writer.choice(one) for one in PROPERTIES])
    place = writer.place
    return Styles(
        why="" if any(not choice["why"] for choice in choices) else choices[0]["why"],
        choices=choices,
        name=place.name or name_at(place.source, place.offset),
        file=place.file,
        line=place_of(place.source, place.offset)[0],
    )


async def style_edit(workspace: Workspace, claim: Claim, wanted: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The file, and the edit of it that gives the element the steps that are ``wanted``, by property.

    Raises ``Conflict`` (reason ``no_style``) where they cannot be written there, ``InvalidInput`` for what is no step.
    """
    held = await _place(workspace, claim)
    try:
        writer = await _writer(workspace, held)
        place = writer.place
        for property, name in wanted.items():
            if property not in PROPERTIES:
                raise InvalidInput(f"There is no style {property!r}.", hint=", ".join(PROPERTIES), field="style")
            writer = writer._replace(place=writer.place._replace(source=writer.written(property, name)))
    except Unable as error:
        raise Conflict(str(error), hint="Ask for the change.", reason="no_style") from None
    if writer.place.source == place.source:
        raise InvalidInput("The style stays as it is.", hint="Choose another one.", field="style")
    return place.file, edit_of(place.source, writer.place.source)


async def _place(workspace: Workspace, claim: Claim) -> list[Found]:
    """Where it is written, from the inside out."""
    best, others = await found(workspace, claim)
    said = [(one.file, one.line, one.column) for one in claim.positions]

    def order(one: Found) -> int:
        at = (one.file, *place_of(one.source, one.offset))
        return said.index(at) if at in said else -1

    return sorted([best, *others], key=order) if best else []


async def _writer(workspace: Workspace, held: Sequence[Found]) -> _Writer:
    place = _styled(held)
    if not is_markup(place.file):
        raise Unable(
            "This is written in Python, and drawn by its framework: there is no element whose style could be written."
            if place.file.endswith(".py")
            else "What it shows stands in a file that has no elements."
        )
    if place.by_text and not place.file.endswith((".tsx", ".jsx", ".vue")):
        raise Unable("A script makes it: only its text was found there.")
    if place.source[place.offset] != "<":
        raise Unable("Only its text was found, not the element that shows it.")
    tag = read_tag(place.source, place.offset)
    if tag is None:
        raise Unable("Its element could not be read there.")
    return _Writer(place, await palette(workspace))


def _styled(held: Sequence[Found]) -> Found:
    """The element itself, or the use of a ready-made part. Other components count where they are given a class already:
    they need not take one."""
    if not held:
        raise Unable("Nobody knows where this is written.")
    inside = next((at for at, one in enumerate(held) if not _is_part(one)), 0)
    place = held[inside]
    if inside == 0 and _is_component(place):
        tag = read_tag(place.source, place.offset)
        if tag is None or not (tag.get("className") or tag.get("class")):
            raise Unable(f"It is drawn by {name_at(place.source, place.offset)}, which need not take a style.")
    return place


def _is_part(one: Found) -> bool:
    return any(part in f"/{one.file}" for part in PARTS)


def _is_component(one: Found) -> bool:
    name = name_at(one.source, one.offset)
    return not one.file.endswith(".vue") and ("." in name or name != name.lower())


class _Writer(NamedTuple):
    """An element and what its app's style has; ``written`` gives the source with a step chosen."""

    place: Found
    palette: Palette

    @property
    def is_jsx(self) -> bool:
        return not self.place.file.endswith((".vue", ".html", ".htm", ".svelte"))

    @property
    def tag(self) -> Tag:
        tag = read_tag(self.place.source, self.place.offset)
        if tag is None:
            raise Unable("Its element could not be read there.")
        return tag

    def choice(self, property: StyleProperty) -> StyleChoice:
        steps = [step for step, _, _ in self._steps(property).values()]
        try:
            now, _ = self._target(property)
        except Unable as error:
            return StyleChoice(property=property, now="", steps=[], why=str(error))
        return StyleChoice(property=property, now=now, steps=steps, why="")

    def written(self, property: str, name: str) -> str:
        known = self._steps(property).get(name)
        if known is None:
            raise InvalidInput(
                f"There is no {property} {name[:60]!r} in this app.", hint="Choose a listed one.", field="style"
            )
        _, utility, value = known
        _, write = self._target(property)
        return write(utility, value)

    def _steps(self, property: str) -> dict[str, tuple[StyleStep, str, str]]:
        """By name: the step, the class of Tailwind that says it, the value that CSS has for it."""
        found: dict[str, tuple[StyleStep, str, str]] = {}
        css = CSS[property]
        prefix = _CLASS[property]
        if property == "color":
            for colour in self.palette.colours:
                utility = f"text-{colour.token}" if colour.token else f"text-[{colour.value.replace(' ', '_')}]"
                if colour.token in _NOT_COLOURS or colour.token in SIZES:
                    continue
                step = StyleStep(name=colour.name, css={css: colour.value}, swatch=colour.shown)
                found[colour.name] = (step, utility, colour.value)
            return found
        if property == "size":
            for name, (size, height) in SIZES.items():
                size = self.palette.theme.get(f"text-{name}", size) if self.palette.tailwind else size
                more = {"line-height": height} if self.palette.tailwind and not self._leads() else {}
                found[name] = (StyleStep(name=name, css={css: size, **more}), f"{prefix}-{name}", size)
            return found
        steps = WEIGHTS if property == "weight" else {name: _space(name) for name in SPACES}
        for name, value in steps.items():
            found[name] = (StyleStep(name=name, css={css: value}), f"{prefix}-{name}", value)
        return found

    def _leads(self) -> bool:
        """Whether its height of a line is its own."""
        attribute = self._attribute("className" if self.is_jsx else "class")
        return attribute is not None and "leading-" in self.place.source[attribute.start : attribute.end]

    # Where it is written

    def _target(self, property: str) -> tuple[str, Callable[[str, str], str]]:
        """What is written now, and what writes another."""
        for one in self.tag.attributes:
            if one.name in (":style", "v-bind:style"):
                entries = _entries(self.place.source, one)
                if entries is None or any(key in _names(property) for key, _, _, _ in entries):
                    raise Unable("Its style is computed there.")
        style = self._attribute("style")
        if style and not (self.palette.tailwind and not self._style_says(style, property)):
            return self._in_style(style, property)
        if not self.palette.tailwind:
            return self._in_style(style, property)
        return self._in_classes(property)

    def _attribute(self, name: str) -> Attribute | None:
        return self.tag.get(name)

    def _refuse_spread(self, after: int) -> None:
        for one in self.tag.attributes:
            if (one.name in ("", "v-bind")) and one.start > after:
                raise Unable("It is given attributes that are computed, and these may hold its style.")

    def _in_classes(self, property: str) -> tuple[str, Callable[[str, str], str]]:
        name = "className" if self.is_jsx else "class"
        source = self.place.source
        attribute = self._attribute(name)
        computed = next((one for one in self.tag.attributes if one.name in (":class", "v-bind:class")), None)
        if computed and _says(property, source[computed.start : computed.end]):
            raise Unable(COMPUTED)
        self._refuse_spread(attribute.start if attribute else 0)
        if attribute is None:
            at = self.tag.after_name
            return "", lambda utility, _: f'{source[:at]} {name}="{utility}"{source[at:]}'
        start, end = self._literal(attribute, property)
        text = source[start:end]
        said = [word for word in _WORD.findall(text) if _property_of(word) == property and not _variants(word)]
        now = _step_name(property, said[-1]) if said else ""
        return now, lambda utility, _: source[:start] + _with_class(text, property, utility) + source[end:]

    def _literal(self, attribute: Attribute, property: str) -> tuple[int, int]:
        """Where the classes stand that are written as they are."""
        source = self.place.source
        if not attribute.code:
            return attribute.start, attribute.end
        written = source[attribute.start : attribute.end]
        if _ALONE.fullmatch(written):
            start = attribute.start + len(written) - len(written.lstrip()) + 1
            return start, attribute.start + len(written.rstrip()) - 1
        call = _MERGED.match(written)
        if call is None:
            raise Unable(COMPUTED)
        opening = attribute.start + written.index("(")
        end = closing(source, opening, attribute.end)
        if end is None or source[end + 1 : attribute.end].strip():
            raise Unable(COMPUTED)
        (first, last), *others = split(source, opening + 1, end, ",")
        if not _ALONE.fullmatch(source[first:last]) or any(_says(property, source[a:b]) for a, b in others):
            raise Unable(COMPUTED)
        text = source[first:last]
        return first + len(text) - len(text.lstrip()) + 1, first + len(text.rstrip()) - 1

    def _style_says(self, style: Attribute, property: str) -> bool:
        """Whether the style holds the property, or may: then its classes do not count."""
        if self.is_jsx and style.code:
            entries = _entries(self.place.source, style)
            if entries is None:
                return True
            return any(key in _names(property) for key, _, _, _ in entries)
        declarations = _declarations(self.place.source, style)
        return declarations is None or any(key in _names(property) for key, _, _, _ in declarations)

    def _in_style(self, style: Attribute | None, property: str) -> tuple[str, Callable[[str, str], str]]:
        source = self.place.source
        self._refuse_spread(style.start if style else 0)
        if style is None:
            at = self.tag.after_name
            if self.is_jsx:
                key = _camel(CSS[property])
                return "", lambda _, value: f'{source[:at]} style={{{{ {key}: "{value}" }}}}{source[at:]}'
            return "", lambda _, value: f'{source[:at]} style="{CSS[property]}: {value}"{source[at:]}'
        entries = _entries(source, style) if self.is_jsx else _declarations(source, style)
        if entries is None or (self.is_jsx and not style.code):
            raise Unable("Its style is computed there.")
        said = [one for one in entries if one[0] in _names(property)]
        if self.is_jsx and any(not _VALUE.fullmatch(source[start:end]) for _, start, end, _ in said):
            raise Unable("Its style is computed there.")
        now = source[said[-1][1] : said[-1][2]].strip().strip("\"'") if said else ""
        now = next((name for name, (_, _, value) in self._steps(property).items() if value == now), now)

        def write(_: str, value: str) -> str:
            entry = f'{_camel(CSS[property])}: "{value}"' if self.is_jsx else f"{CSS[property]}: {value}"
            return _with_entry(source, style, entries, property, entry, self.is_jsx)

        return now, write


Entry = tuple[str, int, int, int]
"""A name as CSS has it, where its value begins and ends, and where the entry begins."""


def _entries(source: str, style: Attribute) -> list[Entry] | None:
    """Of an object of styles in JSX; None where it is no such object, or holds what is computed elsewhere, or comments,
    which can hold anything."""
    written = source[style.start : style.end]
    start = style.start + len(written) - len(written.lstrip())
    end = style.start + len(written.rstrip())
    if not source.startswith("{", start) or closing(source, start, end) != end - 1:
        return None
    if re.search(r"//|/\*", _STRING.sub("", written)):
        return None
    found: list[Entry] = []
    for first, last in split(source, start + 1, end - 1, ","):
        if not source[first:last].strip():
            continue
        key = re.match(r"\s*[\"']?([A-Za-z-]+)[\"']?\s*:", source[first:last])
        if key is None:
            return None
        found.append((_kebab(key[1]), first + key.end(), last, first))
    return found


def _declarations(source: str, style: Attribute) -> list[Entry] | None:
    """Of a style in HTML; None where it holds comments, or signs in the way of HTML, which have semicolons."""
    if re.search(r"/\*|&", source[style.start : style.end]):
        return None
    found: list[Entry] = []
    for first, last in split(source, style.start, style.end, ";"):
        name, colon, _ = source[first:last].partition(":")
        if colon:
            found.append((name.strip().lower(), first + len(name) + 1, last, first))
    return found


def _with_entry(source: str, style: Attribute, entries: Sequence[Entry], property: str, said: str, is_jsx: bool) -> str:
    """The style with ``said`` in place of what says the property alone, at its end where nothing does. Everything else
    stays as it is written."""
    if not entries:
        return source[: style.start] + (f"{{ {said} }}" if is_jsx else said) + source[style.end :]
    outweighs = OUTWEIGHS.get(property, "")
    own = [one for one in entries if one[0] in _names(property) and one[0] != outweighs]
    last = [one for one in entries if one[0] in _names(property)][-1:] or [entries[-1]]
    _, _, end, begin = last[0]
    text = source[begin:end]
    first, behind = begin + len(text) - len(text.lstrip()), begin + len(text.rstrip())
    if last[0] in own:
        changed = source[:first] + said + source[behind:]
    else:
        changed = f"{source[:behind]}{',' if is_jsx else ';'} {said}{source[behind:]}"
    for _, _, end, begin in reversed([one for one in own if one != last[0]]):  # each with the sign that ends it
        rest = changed[end + 1 :]
        changed = changed[:begin] + (rest.lstrip() if begin == style.start else rest)
    return changed


def _names(property: str) -> tuple[str, ...]:
    return (CSS[property], *REPLACED.get(property, ()), *([OUTWEIGHS[property]] if property in OUTWEIGHS else []))


def _with_class(text: str, property: str, utility: str) -> str:
    """``text`` with ``utility`` where a class of that property stood, or at its end."""
    done = False
    pieces: list[str] = []
    at = 0
    for word in _WORD.finditer(text):
        if _property_of(word[0]) != property or not all(_WIDTHS.fullmatch(one) for one in _variants(word[0])):
            continue
        if not done and not _variants(word[0]):
            pieces.append(text[at : word.start()] + utility)
            done = True
        else:
            pieces.append(text[at : word.start()].rstrip())
        at = word.end()
    rest = "".join(pieces) + text[at:]
    whole = rest if done else f"{rest.rstrip()} {utility}"
    return whole if text[:1].isspace() else whole.strip()


def _property_of(word: str) -> str:
    """What a class of Tailwind's sets, of ``PROPERTIES``; empty for another."""
    plain = _parts(word)[-1].strip("!")
    if plain.startswith("font-"):
        value = plain[5:]
        return "weight" if value in _FONTS or re.fullmatch(r"\[\d+\]", value) else ""
    if plain.startswith("text-"):
        value = plain[5:]
        if _SIZE.fullmatch(value):
            return "size"
        return "" if value in _NOT_COLOURS or value.startswith("shadow") else "color"
    for property, prefixes in _PREFIXES.items():
        if any(re.fullmatch(rf"-?{prefix}-(?:[\d.]+|px|auto|\[.+\]|\(.+\))", plain) for prefix in prefixes):
            return property
    return ""


def _variants(word: str) -> list[str]:
    return _parts(word)[:-1]


def _parts(word: str) -> list[str]:
    """``dark:hover:p-4`` at its colons, which in brackets are none."""
    parts, depth, first = list[str](), 0, 0
    for at, sign in enumerate(word):
        depth += (sign in "[(") - (sign in "])")
        if sign == ":" and depth == 0:
            parts.append(word[first:at])
            first = at + 1
    return [*parts, word[first:]]


def _step_name(property: str, word: str) -> str:
    """``2xl`` for ``text-2xl``; a class that is no step is its own name."""
    plain = word.strip("!")
    prefix = f"{_CLASS[property]}-"
    return plain.removeprefix(prefix) if plain.startswith(prefix) else plain


def _says(property: str, code: str) -> bool:
    """Whether a string in code has a class of that property."""
    return any(
        _property_of(word) == property for text in _STRING.findall(code) for word in " ".join(text).split() if word
    )


def _space(step: str) -> str:
    value = int(step) / 4
    return "0" if value == 0 else f"{value:g}rem"


def _camel(name: str) -> str:
    first, *others = name.split("-")
    return first + "".join(part.capitalize() for part in others)


def _kebab(name: str) -> str:
    return re.sub(r"[A-Z]", lambda sign: f"-{sign[0].lower()}", name)
