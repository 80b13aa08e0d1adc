"""Starts, restarts or stops a session's preview (progress goes to the channel), and opens it for the person."""

from __future__ import annotations

import asyncio
import traceback
from typing import Any

from jupyter_server.auth.decorator import allow_unauthenticated, authorized
from jupyter_server.utils import ensure_async
from tornado import web

from ..errors import InvalidInput
from ..eyes.base import DESKTOP, HEIGHT, Look
from ..eyes.viewers import LONGEST_ANSWER
from ..formats.text import encodable, in_a_line
from ..preview.capabilities import new_key, redacted
from ..preview.handlers import remember
from .base import AUTH_RESOURCE, AppBuilderHandler, AppBuilderMixin
from .body import Body

AT_ONCE = 0.05  # seconds
WIDTHS, HEIGHTS = range(200, 2561), range(200, 2001)
"""CSS px of a window that is pictured."""


class PreviewHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def post(self, session: str) -> None:
        action = self.body("action").choice("action", ("start", "restart", "stop"))
        found = await self.session(session)
        if action == "stop":
            await found.stop_preview()
        else:
            starting = asyncio.ensure_future(found.start_preview(restart=action == "restart"))
            # What fails at once is the answer; how the rest goes is told on the channel.
            if (await asyncio.wait({starting}, timeout=AT_ONCE))[0]:
                starting.result()
            else:
                self.builder.background.run(starting)
        self.answer(found.app.preview, 200 if action == "stop" else 202)


class ScreenshotHandler(AppBuilderHandler):
    """What is in view of a page of the app, as a picture. Nothing is kept."""

    @web.authenticated
    @authorized
    async def post(self, session: str) -> None:
        body = self.body("path", "width", "height", "theme")
        look = Look(
            _path(body.text("path", max_length=500)),
            _side(body, "width", DESKTOP, WIDTHS),
            _side(body, "height", HEIGHT, HEIGHTS),
            "dark" if body.choice("theme", ("light", "dark"), "light") == "dark" else "light",
        )
        shot = await (await self.session(session)).app.screenshot(look)
        self.picture(shot.media_type, shot.data)


class ShownHandler(AppBuilderHandler):
    """A picture of the app for a message, still or moving. It takes its time: hanging up ends it."""

    @web.authenticated
    @authorized
    async def post(self, session: str) -> None:
        from ..session.showing import SHOWN_AS, shown

        body = self.body("format", "theme")
        chosen = body.choice("format", SHOWN_AS)
        kind = SHOWN_AS[[str(one) for one in SHOWN_AS].index(chosen)]
        theme = "dark" if body.choice("theme", ("light", "dark"), "light") == "dark" else "light"
        found = await self.ready_session(session)
        if (made := await self.while_heard(shown(found, kind, theme))) is not None:
            self.set_attachment_header(f"{found.summary.name}.{kind}")
            self.picture(*made)


def _path(path: str) -> str:
    if not path.startswith("/") or path != in_a_line(path) or not encodable(path):
        raise InvalidInput("'path' is no path of the app.", hint="It begins with a slash: /settings.", field="path")
    return path


def _side(body: Body, name: str, default: int, sizes: range) -> int:
    if (side := body.number(name, default)) not in sizes:
        raise InvalidInput(f"{name!r} must be from {sizes[0]} to {sizes[-1]}, not {side}.", field=name)
    return side


class LookHandler(AppBuilderHandler):
    """What an open preview answers, which was asked over the channel to look at the app."""

    @web.authenticated
    @authorized
    async def post(self, session: str) -> None:
        body = self.body("number", "viewer", "answer")
        number, viewer = body.number("number"), body.text("viewer", max_length=100)
        answer = body.text("answer", max_length=LONGEST_ANSWER)
        (await self.session(session)).app.viewers.answered(number, viewer, answer)
        self.set_status(204)
        self.finish()


class EntryHandler(AppBuilderMixin):
    """Where a browser that opens a preview is sent once: who is logged in here is the person, anybody else a visitor.

    The preview's own routes know nothing of logins, and its capability is what opens it; here is only found out whose
    storage and cookies its page gets.
    """

    @allow_unauthenticated
    async def get(self, capability: str, rest: str) -> None:
        previews = self.builder.previews
        self.set_header("Cache-Control", "no-store")
        visit = previews.visit(capability)
        person = await self._is_person()
        if visit is None and not person:
            raise web.HTTPError(403)
        if visit is None:
            self.redirect(f"{previews.prefix}{capability}/")  # which says that it has ended
            return
        key = previews.person if person else new_key()
        remember(self, previews, key)
        query = f"?{self.request.query}" if self.request.query else ""
        path = self.request.path[len(previews.entry + capability) + 1 :]
        self.redirect(previews.enter(visit.preview, key).path + path + query)

    async def _is_person(self) -> bool:
        user = self.current_user
        return bool(user) and await ensure_async(self.authorizer.is_authorized(self, user, "read", AUTH_RESOURCE))

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        text = redacted("".join(traceback.format_exception(typ, value, tb))).replace(
            self.path_kwargs["capability"], "…"
        )
        self.log.error("Opening a preview failed\n%s", text)

    def _log(self) -> None:
        """Nothing: the server's request log would write the capability down."""
