"""A session as one HTML file to hand on: what was asked and answered, what was done in lines, how the app looked.

The file runs nothing and fetches nothing, is light or dark as whoever reads it prefers, and holds no secret, no rows
and no output of a command; of an app with private data or secrets no picture, since one could show them.
"""

from __future__ import annotations

import asyncio
import base64
import html
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from ..datasets.record import datasets_of
from ..events import Event, KeptPicture, MessageUser
from ..formats.rasters import raster
from ..log.pictures import MEDIA_TYPES, pictures_with
from ..turns.requests import without_dropped
from .feed import Feed

if TYPE_CHECKING:
    from ..builder import AppBuilder
    from ..log.summary import Summary

MOST_TURNS = 500
LONGEST = 20_000  # characters of a text that is laid out; of a longer one its beginning
LONGEST_LINE = 500
MOST_STEPS = 300  # of a turn
MOST_TEXT = 4 * 1024 * 1024  # characters of the file, without pictures
MOST_PICTURES = 6 * 1024 * 1024  # bytes of all pictures
LARGEST_PICTURE = 1024 * 1024
WIDTH = 1280  # CSS px: of the window in which the app is shown

STYLE = """
:root { color-scheme: light dark; --faint: color-mix(in srgb, CanvasText 70%, Canvas); }
:root { --edge: 1px solid color-mix(in srgb, CanvasText 22%, Canvas); }
body { max-width: 48rem; margin: 2rem auto; padding: 0 1rem; font: 16px/1.5 system-ui, sans-serif; }
body { overflow-wrap: anywhere; }
header p, time, .who, details, .left { color: var(--faint); font-size: .875rem; }
.request { margin: 2.5rem 0 1rem; padding: .75rem 1rem; border-radius: 8px; }
.request { background: color-mix(in srgb, CanvasText 8%, Canvas); }
.request .text, .note { white-space: pre-wrap; }
.failed { color: color-mix(in srgb, #c00 70%, CanvasText); }
summary { cursor: pointer; }
details ul { padding-inline-start: 1.25rem; list-style: none; }
pre { overflow: auto; padding: .75rem; border-radius: 6px; }
pre { background: color-mix(in srgb, CanvasText 6%, Canvas); }
pre, code { font: .875em/1.45 ui-monospace, monospace; }
table { display: block; overflow: auto; border-collapse: collapse; }
td, th { padding: .25rem .5rem; border: var(--edge); }
img { display: block; max-width: 100%; height: auto; border: var(--edge); border-radius: 6px; }
figure { margin: 1rem 0; }
@media print { .request { break-inside: avoid; } }
"""

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""What its reader's browser lets the file do, whatever stands in it."""

ReadPicture = Callable[[str], Awaitable[bytes | None]]
Heading = Callable[[Callable[[str], str]], str]


@dataclass
class _Turn:
    feed: Feed = field(default_factory=Feed)
    messages: list[tuple[str, MessageUser]] = field(default_factory=list[tuple[str, MessageUser]])
    tree: str = ""  # of the version that it left


@dataclass
class _Room:
    """What is left of it."""

    text: int = MOST_TEXT
    pictures: int = MOST_PICTURES


async def transcript_of(
    builder: AppBuilder, summary: Summary, events: Sequence[Event], heading: Heading | None = None
) -> str:
    """The transcript of a session, also of one that another process owns. ``heading`` makes HTML that stands above what
    was asked, with what hides secrets in a text."""
    from ..vault.mask import Mask

    mask = Mask()
    secrets = await asyncio.to_thread(builder.vault.values, summary.id)
    mask.learn(secrets.values())
    private = any(dataset.private for dataset in datasets_of(events).values())
    why = "private data" if private else "secrets" if secrets else ""

    async def read(sha256: str) -> bytes | None:
        return await builder.pictures.read(sha256) or await builder.log_store.blob(sha256)

    return await transcript(events, summary.title, summary.template, mask.text, read, withheld=why, heading=heading)


async def transcript(
    events: Sequence[Event],
    title: str,
    template: str,
    mask: Callable[[str], str],
    read: ReadPicture,
    *,
    withheld: str = "",
    heading: Heading | None = None,
) -> str:
    """``withheld``: what the app has that no picture may show."""
    turns, left_out = await asyncio.to_thread(_turns, events)
    seen = _seen(events)
    pictures: dict[str, str] = {}
    room = _Room(pictures=0 if withheld else MOST_PICTURES)
    for turn in reversed(turns):  # the newest have the room first
        wanted = [picture for _, message in turn.messages for picture in pictures_with(message)]
        if turn.tree in seen:
            wanted.append(seen[turn.tree])
        for picture in wanted:
            if picture["sha256"] not in pictures and (data := await _data(picture, read, room)):
                pictures[picture["sha256"]] = data
    above = await asyncio.to_thread(heading, mask) if heading else ""
    document = _Document(title, template, mask, seen, pictures, renderer(), withheld, above)
    return await asyncio.to_thread(document.page, turns, left_out, room)


def _turns(events: Sequence[Event]) -> tuple[list[_Turn], int]:
    """The last requests, and how many before them are left out."""
    kept = without_dropped(events)
    starts = [at for at, event in enumerate(kept) if event.type == "turn.started"]
    left_out = max(0, len(starts) - MOST_TURNS)
    turns: list[_Turn] = []
    for event in kept[starts[left_out] if starts else 0 :]:
        if event.type == "turn.started":
            turns.append(_Turn())
        if not turns:
            continue
        turn = turns[-1]
        if event.type == "message.user":
            turn.messages.append((event.to_json()["at"], event.data))
        elif event.type == "checkpoint.created" and event.data["turn"] == turn.feed.turn:
            turn.tree = event.data["tree"]
        turn.feed.take({"kind": "events", "events": [cast("Any", event.to_json())]})
    return turns, left_out


def _seen(events: Sequence[Event]) -> Mapping[str, KeptPicture]:
    """How the app looked, by the tree of its files: what was in view, small."""
    found: dict[str, KeptPicture] = {}
    for event in events:
        if event.type == "preview.pictured":
            widest = max(event.data["pictures"], key=lambda one: one["width"] if one["width"] <= WIDTH else 0)
            found[event.data["tree"]] = widest["thumbnail"]
    return found


async def _data(picture: KeptPicture, read: ReadPicture, room: _Room) -> str:
    """A picture as an address that holds it; "" where it is gone, is none, or there is no room."""
    data = await read(picture["sha256"]) if picture["media_type"] in MEDIA_TYPES else None
    found = raster(data) if data and len(data) <= min(LARGEST_PICTURE, room.pictures) else None
    if data is None or found is None or found.media_type != picture["media_type"]:
        return ""
    room.pictures -= len(data)
    return f"data:{found.media_type};base64,{base64.b64encode(data).decode()}"


@dataclass(frozen=True)
class _Document:
    title: str
    template: str
    mask: Callable[[str], str]
    seen: Mapping[str, KeptPicture]
    pictures: Mapping[str, str]
    markdown: Callable[[str], str]
    withheld: str
    above: str = ""

    def page(self, turns: Sequence[_Turn], left_out: int, room: _Room) -> str:
        people = {person["id"] for turn in turns for _, message in turn.messages if (person := message.get("by_whom"))}
        sections: list[str] = []
        for turn in reversed(turns):  # the newest have the room first
            parts = self._section(turn, several=len(people) > 1)
            room.text -= sum(len(part) for part in parts if not part.startswith("<figure>"))
            if room.text < 0:
                break
            sections.append("".join(parts))
        left_out += len(turns) - len(sections)
        facts = [f"{len(sections):,} request{'' if len(sections) == 1 else 's'}", self.template]
        facts += [turns[0].feed.began[:10]] if turns else []
        notes = [f"The first {left_out:,} requests are left out."] if left_out else []
        notes += [f"There are no pictures: the app has {self.withheld}."] if self.withheld else []
        notes += [] if turns else ["Nothing was asked yet."]
        name = html.escape(" ".join(self.mask(self.title).split())[:200]) or "App"
        return "\n".join(
            [
                "<!doctype html>",
                '<html lang="en">',
                '<meta charset="utf-8">',
                f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
                '<meta name="viewport" content="width=device-width">',
                '<meta name="referrer" content="no-referrer">',
                f"<title>{name}</title>",
                f"<style>{STYLE}</style>",
                f'<header><h1 dir="auto">{name}</h1>',
                f"<p>{html.escape(' · '.join(filter(None, facts)))} · made with Jupyter App Builder</p></header>",
                "<main>",
                self.above,
                *(f'<p class="left">{html.escape(note)}</p>' for note in notes),
                *reversed(sections),
                "</main>",
                "</html>",
                "",
            ]
        )

    def _section(self, turn: _Turn, *, several: bool) -> list[str]:
        parts = [f'<section id="{html.escape(turn.feed.turn)}">']
        for at, message in turn.messages:
            parts += self._request(at, message, several=several)
        steps: list[str] = []
        for entry in turn.feed.entries:
            text = self.mask(entry.text)
            if entry.kind == "tool":
                steps.append(f"<li>{entry.mark} {html.escape(' '.join(text.split())[:LONGEST_LINE])}</li>")
                continue
            parts += _folded(steps)
            steps = []
            if entry.kind == "text":
                parts.append(f'<div dir="auto">{self.markdown(_cut(text))}</div>')
            else:
                failed = " failed" if entry.state == "failed" else ""
                parts.append(f'<p class="note{failed}" dir="auto">{entry.mark} {html.escape(_cut(text))}</p>')
        parts += _folded(steps)
        if turn.tree in self.seen:
            parts.append(self._figure(self.seen[turn.tree]))
        return [*parts, "</section>"]

    def _request(self, at: str, message: MessageUser, *, several: bool) -> list[str]:
        who = message.get("by_whom")
        name = f'<span class="who">{html.escape(self.mask(who["name"]))}</span> · ' if several and who else ""
        about = [one["name"] for one in message.get("attachments", ()) if "picture" not in one]
        for place in message.get("pointed", ()):
            where = f", {place['file']}:{place.get('line', 1)}" if "file" in place else ""
            about.append(f"{place.get('name') or place['tag']}{where}")
        return [
            f'<div class="request">{name}<time datetime="{html.escape(at)}">{html.escape(_moment(at))}</time>',
            f'<div class="text" dir="auto">{html.escape(_cut(self.mask(message["text"])))}</div>',
            *(f'<div class="who">{html.escape(self.mask(text)[:300])}</div>' for text in about),
            *(self._figure(picture) for picture in pictures_with(message)),
            "</div>",
        ]

    def _figure(self, picture: KeptPicture) -> str:
        alt = html.escape(self.mask(picture["alt"])[:300])
        if (data := self.pictures.get(picture["sha256"])) is None:
            return "" if self.withheld or not alt else f'<p class="left">A picture that is not here: {alt}</p>'
        size = f'width="{int(picture["width"])}" height="{int(picture["height"])}"'
        return f'<figure><img alt="{alt}" {size} src="{data}"></figure>'


def _moment(at: str) -> str:
    return f"{at[:16].replace('T', ' ')} UTC"


def _folded(steps: Sequence[str]) -> list[str]:
    if not steps:
        return []
    said = f"{len(steps):,} step{'' if len(steps) == 1 else 's'}"
    more = [f"<li>and {len(steps) - MOST_STEPS:,} more</li>"] if len(steps) > MOST_STEPS else []
    return [f"<details><summary>{said}</summary><ul>{''.join([*steps[:MOST_STEPS], *more])}</ul></details>"]


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} …"


def renderer() -> Callable[[str], str]:
    """Markdown as HTML: without any tag of the text's own, pictures as their names, links that open in the web."""
    import mistune

    class Renderer(mistune.HTMLRenderer):
        def image(self, text: str, url: str, title: str | None = None) -> str:
            return html.escape(text)

        def link(self, text: str, url: str, title: str | None = None) -> str:
            if not re.match(r"https?://", url):
                return text
            return f'<a rel="noopener noreferrer nofollow" href="{html.escape(url)}">{text}</a>'

    made = mistune.create_markdown(renderer=Renderer(escape=True), plugins=["table", "strikethrough"])

    def render(text: str) -> str:
        try:
            return str(made(text))
        except (RecursionError, ValueError, IndexError):  # laid out or not, it is said
            return f"<pre>{html.escape(text)}</pre>"

    return render
