"""A short animation of an app: what is to be seen while its scenarios are done, step by step."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

from ..errors import Conflict, Unavailable
from .base import HEIGHT, Eye, Look, Page, Shot
from .scenarios import Listed
from .steps import first_path, take

if TYPE_CHECKING:
    from PIL.Image import Image

Format = Literal["webp", "gif"]
FORMATS: tuple[Format, ...] = ("webp", "gif")
MEDIA_TYPES = {"webp": "image/webp", "gif": "image/gif"}
MOST_SCENARIOS = 4
MOST_FRAMES = 48
SECONDS = 45.0
"""How long the steps of one scenario may take."""
LARGEST = 5 * 1000 * 1000  # bytes of an animation: what messages and mails take
WIDTHS = (960, 720, 540, 400)  # px, the first that is small enough
FRAME, LAST = 900, 2200  # ms that a frame stands, and the last of a scenario
SILENT = frozenset({"expect", "wait"})
"""Steps that show nothing new."""


@dataclass(frozen=True, slots=True)
class Frame:
    shot: Shot
    duration: int  # ms


async def film(
    eye: Eye,
    scenarios: Sequence[Listed],
    *,
    trying: Callable[[], AbstractAsyncContextManager[None]],
    check: Callable[[Page], Awaitable[None]],
    on_progress: Callable[[str, float], None],
) -> list[Frame]:
    """The pictures of the first scenarios that work, one after the other. ``check`` is awaited before each picture and
    raises where one must not be taken. Raises ``Conflict`` where there is nothing to show."""
    wanted = [listed for listed in scenarios if listed.scenario][:MOST_SCENARIOS]
    if not wanted:
        raise Conflict(
            "The app has no scenarios yet, so there is nothing that moves.",
            hint="Ask the agent to write down what can be done with the app as scenarios; or save a still picture.",
            reason="no_scenarios",
        )
    frames: list[Frame] = []
    why = ""
    for number, listed in enumerate(wanted):
        on_progress(f"Filming “{listed.title}” …", number / (len(wanted) + 1))
        try:
            async with asyncio.timeout(SECONDS), trying():
                taken, why = await _one(eye, listed, check)
        except TimeoutError:
            why = f"“{listed.title}” took longer than {SECONDS:.0f} seconds."
            continue
        frames += taken
    if not frames:
        raise Conflict(
            f"No scenario could be filmed. {why}".strip(),
            hint="Have the scenarios mended first, or save a still picture.",
            reason="no_scenarios",
        )
    return _fewer(frames)


async def _one(eye: Eye, listed: Listed, check: Callable[[Page], Awaitable[None]]) -> tuple[list[Frame], str]:
    """The frames of one; none of one that does not work, and why."""
    scenario = listed.scenario
    assert scenario is not None
    shots: list[Shot] = []
    look = Look(first_path(scenario.steps), scenario.width, HEIGHT, scenario.theme)
    async with eye.open(look) as page:

        async def picture() -> None:
            if page.state.hangs or len(shots) >= MOST_FRAMES:
                return
            await check(page)
            shot = await page.picture()
            if shot and (not shots or shots[-1].data != shot.data):
                shots.append(shot)

        await picture()
        for number, step in enumerate(scenario.steps, 1):
            done = await take(page, number, step)
            if not done.ok:
                return [], f"“{listed.title}” does not work: {done.message}"
            if step.do not in SILENT:
                await picture()
    return [Frame(shot, LAST if shot is shots[-1] else FRAME) for shot in shots], ""


def _fewer(frames: list[Frame]) -> list[Frame]:
    """At most ``MOST_FRAMES`` of them, the last of each scenario among them as far as there is room."""
    while len(frames) > MOST_FRAMES:
        passing = [at for at, frame in enumerate(frames) if frame.duration == FRAME][1::2]
        if not passing:
            return frames[:MOST_FRAMES]
        over = len(frames) - MOST_FRAMES
        gone = set(passing[:over])
        frames = [frame for at, frame in enumerate(frames) if at not in gone]
    return frames


def why_not() -> str:
    """What is missing to make an animation; "" where nothing is."""
    if find_spec("PIL"):
        return ""
    return 'It needs Pillow, which is not installed: pip install "jupyter-appbuilder[files]".'


def animation(frames: Sequence[Frame], kind: Format) -> bytes:
    """The frames as one moving picture. Blocks. Raises ``Unavailable`` without Pillow, ``Conflict`` where it cannot be
    made small enough."""
    if missing := why_not():
        raise Unavailable(missing, reason="pillow_missing")
    for width in WIDTHS:
        images = _images(frames, width)
        for quality in (80, 50) if kind == "webp" else (0,):
            made = _encoded(images, [frame.duration for frame in frames], kind, quality)
            if len(made) <= LARGEST:
                return made
    raise Conflict(
        f"The animation has more than {LARGEST // 1_000_000} MB however small it is made.",
        hint="Save it as WebP, or a still picture.",
        reason="too_large",
    )


def _images(frames: Sequence[Frame], width: int) -> list[Image]:
    """Pictures of one size: those of narrower windows stand in the middle."""
    import PIL.Image as pillow

    opened: list[Image] = []
    for frame in frames:
        try:
            with pillow.open(io.BytesIO(frame.shot.data), formats=["PNG", "WEBP"]) as found:
                opened.append(found.convert("RGB"))
        except (OSError, ValueError, pillow.DecompressionBombError) as error:
            raise Unavailable(f"A picture of the page cannot be read: {error}.", hint="Try again.") from None
    most = max(image.width for image in opened)
    tallest = max(image.height for image in opened)
    scale = min(1.0, width / most)
    size = (round(most * scale), round(tallest * scale))
    made: list[Image] = []
    for image in opened:
        small = image.resize(
            (max(1, round(image.width * scale)), max(1, round(image.height * scale))), pillow.Resampling.LANCZOS
        )
        canvas = pillow.new("RGB", size, small.getpixel((0, 0)))
        canvas.paste(small, ((size[0] - small.width) // 2, 0))
        made.append(canvas)
    return made


def _encoded(images: Sequence[Image], durations: Sequence[int], kind: Format, quality: int) -> bytes:
    out = io.BytesIO()
    first, *rest = images
    options: dict[str, Any] = {"save_all": True, "append_images": rest, "duration": list(durations), "loop": 0}
    if kind == "webp":
        options |= {"quality": quality, "method": 2, "minimize_size": False}
    else:
        options |= {"optimize": False, "disposal": 1}
    first.save(out, kind.upper(), **options)
    return out.getvalue()


__all__ = ["FORMATS", "MEDIA_TYPES", "Format", "Frame", "animation", "film", "why_not"]
