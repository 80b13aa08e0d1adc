"""A person's open preview as an ``Eye``, where there is no browser: their own browser shows the app in a frame beside
their page, at an address and with a storage of its own, and does there what it is asked.

It takes no pictures, cannot set the theme, does not try every control and does not see what the page saves.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput, Unavailable
from ..preview.capabilities import Previews
from ..preview.storage import PageStorage
from .base import Look, PageState, Portrait, Shot, StepResult, Theme, Trial
from .browsers import INSTALL
from .reading import InSource, as_told, read_findings, read_text, read_texts
from .scenarios import HINT, Listed, Outcome, try_scenario
from .serving import Target
from .steps import Step, told
from .viewers import NOBODY, OFFER_SECONDS, Viewers

if TYPE_CHECKING:
    from ..pointing import Claim
    from ..sandbox.base import DevServer

PROGRAM = Path(__file__).parent / "program"
SCRIPTS = ("inside/sight.js", "inside/tree.js", "inside/locators.js", "waiting.mjs", "steps.mjs", "inside/looked_at.js")
WATCH_SECONDS = 1.0
"""How long a step lasts at least for somebody who watches."""
END_SECONDS = 2.0
"""How long the page is shown after the last one."""
PATIENCE_SECONDS = 15.0
"""How long a preview that is being opened to watch may take."""


@cache
def script() -> bytes:
    """What a page that is looked at runs beside our script: the parts share one scope, modules as the others."""
    parts = ((PROGRAM / part).read_text() for part in SCRIPTS)
    text = "\n".join(re.sub(r"^import .*;$|^export (?=\w)", "", part, flags=re.MULTILINE) for part in parts)
    return f"(() => {{\nconst Buffer = {{ from: (text) => text }};\n{text}\n}})();\n".encode()


class PreviewEye:
    """An ``Eye``. One page is open at a time."""

    name = "preview"

    def __init__(
        self,
        viewers: Viewers,
        previews: Previews,
        session: str,
        base_path: Callable[[], str],
        server_at: Callable[[str], DevServer],
        storage: PageStorage,
        shown: Callable[[], bool] = lambda: True,
        in_source: InSource = as_told,
    ) -> None:
        """``shown``: whether anybody has opened the app's page yet."""
        self.viewers = viewers
        self._previews = previews
        self._session = session
        self._base_path = base_path
        self._server_at = server_at
        self._storage = storage
        self._shown = shown
        self._in_source = in_source
        self._one = asyncio.Lock()

    async def ready(self, *, pictures: bool = False) -> PreviewEye:
        if pictures:
            raise Unavailable("The person's preview takes no pictures.", hint=INSTALL, reason="browser_missing")
        await self._choose(0)
        return self

    def open(self, look: Look) -> AbstractAsyncContextManager[PreviewPage]:
        return self.opened(look, PreviewPage)

    @asynccontextmanager
    async def opened(
        self, look: Look, make: Callable[[Viewers, str, InSource], PreviewPage], title: str = "", patience: float = 0
    ) -> AsyncGenerator[PreviewPage]:
        """As ``open``; ``title``: of a scenario that the person watches. ``patience``: how many seconds a preview may
        take to be there."""
        async with self._one:
            viewer = await self._choose(patience)
            storage = self._storage.of("looked-at")
            target = Target(self._session, self._server_at, storage)
            visitor = self._previews.open_apart(target, self._base_path(), script())
            try:
                page = make(self.viewers, viewer, self._in_source)
                address = visitor.path + look.path.lstrip("/")
                await page.ask("open", url=address, width=look.width, height=look.height, title=title)
                await page.ask("rest")
                yield page
            finally:
                self.viewers.tell("end", viewer)
                self._previews.close_apart(visitor)
                storage.clear()

    async def _choose(self, patience: float) -> str:
        if not patience and not self._shown():
            raise Unavailable(NOBODY, reason="no_preview")
        return await self.viewers.choose(patience or OFFER_SECONDS)

    async def close(self) -> None:
        """Nothing of it stays open."""


class PreviewPage:
    """See ``base.Page``."""

    def __init__(self, viewers: Viewers, viewer: str, in_source: InSource) -> None:
        self._viewers = viewers
        self.viewer = viewer
        self._in_source = in_source
        self.state = PageState("/")

    async def ask(self, act: str, **details: Any) -> dict[str, Any]:
        told = await self._viewers.ask(act, self.viewer, **details)
        if path := read_text(told.get("path"), 1000):
            self.state = PageState(path, read_text(told.get("title"), 200))
        return told

    async def describe(self, most: int = 8000) -> str:
        text = read_text((await self.ask("describe")).get("description"), 4 * most)
        return f"{text[:most]}\n… (more)" if len(text) > most else text

    async def findings(self) -> list[dict[str, Any]]:
        found = read_findings((await self.ask("findings")).get("findings"))
        if (await self.ask("look")).get("blank") is True:
            found.append({"kind": "page", "message": "The page is blank: nothing is visible on it."})
        return [await self._in_source(finding) for finding in found]

    async def audit(self) -> list[dict[str, Any]]:
        seen = read_texts((await self.ask("look")).get("seen"), 20)
        return [{"kind": "page", "message": message} for message in seen]

    async def turn(self, theme: Theme) -> None:
        """It stays in the theme that the person's browser prefers."""

    async def picture(self) -> Shot | None:
        return None

    async def portrait(self, width: int) -> Portrait | None:
        return None

    async def cut_out(self, claim: Claim) -> Shot | None:
        return None

    async def act(self, step: Mapping[str, Any], said: str = "") -> StepResult:
        """``said``: what somebody who watches is told of it."""
        told = await self.ask("step", step=dict(step), said=said)
        return StepResult(
            told.get("ok") is True,
            read_text(told.get("message"), 2000),
            read_texts(told.get("appeared"), 30),
            read_texts(told.get("gone"), 30),
            (),
            self.state.path,
        )

    async def trial(self, most: int = 40, seconds: float = 6.0) -> Trial:
        """None: what a trial does by the way is more than a frame of theirs should do unasked."""
        return Trial(0, ())


class _WatchedPage(PreviewPage):
    """A page that tells who watches which step it takes, and takes its time for it."""

    def __init__(self, viewers: Viewers, viewer: str, in_source: InSource, steps: Sequence[Step]) -> None:
        super().__init__(viewers, viewer, in_source)
        self._steps = steps
        self._number = int(steps[0].do == "open")  # done by loading the page

    async def act(self, step: Mapping[str, Any], said: str = "") -> StepResult:
        self._number += 1
        of = self._steps[self._number - 1]
        done, _ = await asyncio.gather(
            super().act(step, f"{self._number}/{len(self._steps)}: {told(of)}"), asyncio.sleep(WATCH_SECONDS)
        )
        return done


class _Watched:
    """An eye whose page is one to watch, for one scenario."""

    name = "preview"

    def __init__(self, eye: PreviewEye, listed: Listed) -> None:
        self._eye = eye
        self._listed = listed
        self.viewer = ""

    async def ready(self, *, pictures: bool = False) -> _Watched:
        return self

    @asynccontextmanager
    async def open(self, look: Look) -> AsyncGenerator[PreviewPage]:
        steps = self._listed.scenario.steps if self._listed.scenario else ()
        make = partial(_WatchedPage, steps=steps)
        async with self._eye.opened(look, make, self._listed.title, PATIENCE_SECONDS) as page:
            self.viewer = page.viewer
            yield page
            await asyncio.sleep(END_SECONDS)

    async def close(self) -> None:
        """Nothing of it stays open."""


async def watch(eye: PreviewEye, listed: Listed) -> Outcome:
    """Try one scenario in the person's preview at a pace that can be followed, and say there how it went.

    Raises ``Unavailable`` where no preview is open, and with the reason ``viewers.STOPPED`` when they stopped it;
    ``InvalidInput`` where there are no steps to show.
    """
    if listed.scenario is None:
        raise InvalidInput(listed.problem, hint=HINT)
    eye.viewers.allow()
    watched = _Watched(eye, listed)
    outcome = await try_scenario(watched, listed)
    eye.viewers.tell("outcome", watched.viewer, ok=outcome.ok, title=outcome.title, message=outcome.message)
    return outcome
