"""The base of all handlers: errors as JSON, validated bodies, access to the builder.

Handlers stay thin: parse, call, answer. Each method carries ``@web.authenticated`` and ``@authorized``; a test walks
through all mounted routes and fails where one is missing.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Coroutine
from http.client import responses
from typing import TYPE_CHECKING, Any, TypeVar, cast

from jupyter_server.auth.decorator import authorized
from jupyter_server.auth.identity import IdentityProvider, PasswordIdentityProvider, User
from jupyter_server.base.handlers import APIHandler, JupyterHandler
from tornado import web

from ..errors import AppBuilderError, InvalidInput, NotFound
from ..events import Person
from ..formats import strict_json
from ..formats.text import in_a_line
from .body import Body

if TYPE_CHECKING:
    from ..builder import AppBuilder
    from ..session import Session

T = TypeVar("T")

AUTH_RESOURCE = "appbuilder"
"""What an authorizer sees as the resource of every request of ours."""

LARGEST = 2**53 - 1
"""Of whole numbers: JavaScript's largest. Panels ask for what comes after it, which is no history."""

MAX_NAME = 200  # characters of a person's name
_BY_CHANCE = re.compile("[0-9a-f]{32}")
"""What Jupyter calls whoever brings a shared token."""

_REASONS = {
    400: "invalid_input",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    412: "file_changed",
    413: "too_large",
    503: "unavailable",
}
_HINTS = {
    401: "Log in to the Jupyter server, or send its token in the Authorization header.",
    403: "Log in to the Jupyter server (or send its token), with the X-XSRFToken header if you use cookies. "
    "If you are logged in, ask the server's administrator for access to 'appbuilder'.",
    404: "See appbuilder/api/openapi.yaml for what there is.",
    405: "See appbuilder/api/openapi.yaml for what this address can do.",
    500: "The Jupyter server's log says more.",
}


def describe(status: int, error: BaseException | None) -> dict[str, Any]:
    """The JSON body of a failed request. Says nothing of an error we did not raise on purpose: it may hold secrets."""
    if isinstance(error, AppBuilderError):
        return error.to_json()
    message = responses.get(status, "Unknown error")
    body = {"message": f"{message}.", "reason": _REASONS.get(status, "internal"), "hint": _HINTS.get(status, "")}
    if isinstance(error, web.HTTPError) and status < 500:
        if error.log_message:
            body["message"] = error.log_message % error.args if error.args else error.log_message
        if isinstance(error, web.MissingArgumentError):
            body |= {"message": f"The argument {error.arg_name!r} is missing.", "field": error.arg_name}
    elif status >= 500:
        body["message"] = "Something went wrong inside the App Builder."
    return body


COMPACT = (",", ":")


def dumps(data: Any) -> str:
    """Compact JSON that every browser reads."""
    return strict_json.dumps(data, separators=COMPACT)


def line(data: Any) -> str:
    """The same in ASCII: many readers of lines also end one at U+0085 or U+2028, which JSON leaves as they are."""
    text = dumps(data)
    return text if text.isascii() else json.dumps(json.loads(text), separators=(",", ":"))


def whole_number(text: str, name: str) -> int:
    """A number that counts from 0. InvalidInput names it."""
    if not text.isascii() or not text.isdigit() or len(text) > 20 or int(text) > LARGEST:
        raise InvalidInput(f"{name!r} must be a whole number from 0, not {shortened(text)}.", field=name)
    return int(text)


def shortened(text: str) -> str:
    """The sent value, shortened for an error message."""
    return repr(text if len(text) <= 60 else text[:57] + "…")


class AppBuilderMixin(JupyterHandler):
    """The way to the builder, and errors as JSON; for API handlers and the WebSocket alike."""

    auth_resource = AUTH_RESOURCE

    @property
    def builder(self) -> AppBuilder:
        return self.settings["jupyter_appbuilder"].builder

    @property
    def by_whom(self) -> Person | None:
        """Who asks, as the server's identity provider says; None where it does not know people apart.

        Whoever brings a token or password that all share is given a name by chance, which no one else knows them by.
        """
        user: object = self.current_user
        if not isinstance(user, User):
            return None
        shared = type(self.identity_provider) in (IdentityProvider, PasswordIdentityProvider)
        if shared or (_BY_CHANCE.fullmatch(user.username) and user.name.startswith("Anonymous ")):
            return None
        id = in_a_line(user.username)[:MAX_NAME]
        return Person(id=id, name=in_a_line(user.display_name)[:MAX_NAME] or id) if id else None

    async def session(self, id: str) -> Session:
        """The session; NotFound. It may still be in the making, or belong to another process."""
        return await self.builder.session(id)

    async def ready_session(self, id: str) -> Session:
        """The session, once its files stand; what went wrong when they don't."""
        session = await self.session(id)
        await session.ready()
        return session

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        if isinstance(value, AppBuilderError):
            (self.log.warning if value.status >= 500 else self.log.debug)("%s: %s", self.request.path, value)
        else:
            super().log_exception(typ, value, tb)

    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:
        error = kwargs.get("exc_info", (None, None, None))[1]
        super().send_error(error.status if isinstance(error, AppBuilderError) else status_code, **kwargs)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        self.set_header("Content-Type", "application/json")
        self.finish(dumps(describe(status_code, kwargs.get("exc_info", (None, None, None))[1])))

    def number(self, name: str, default: int = 0) -> int:
        """A query argument that counts from 0. InvalidInput names it."""
        text = self.get_query_argument(name, "", strip=False)
        return whole_number(text, name) if text else default

    def decode_argument(self, value: bytes, name: str | None = None) -> str:
        """A part of the address, or of its query, as text."""
        try:
            text = value.decode()
        except UnicodeDecodeError:
            raise InvalidInput(f"{name or 'The address'!r} is not UTF-8 text.", field=name or "") from None
        if "\0" in text:
            raise InvalidInput(f"{name or 'The address'!r} must not hold a NUL character.", field=name or "")
        return text

    def flag(self, name: str) -> bool:
        """A query argument that is ``true`` or ``false`` (default). InvalidInput names it."""
        text = self.get_query_argument(name, "false")
        if text not in ("true", "false"):
            raise InvalidInput(f"{name!r} must be true or false, not {shortened(text)}.", field=name)
        return text == "true"


class AppBuilderHandler(AppBuilderMixin, APIHandler):
    """Base of the REST handlers."""

    _work: asyncio.Task[Any] | None = None

    async def while_heard(self, work: Coroutine[Any, Any, T]) -> T | None:
        """What ``work`` comes to, which may take its time; None once nobody is there to hear it: hanging up ends it."""
        task = self._work = asyncio.create_task(work)
        try:
            return await task
        except asyncio.CancelledError:
            if not task.cancelled():  # the server itself ends
                task.cancel()
                raise
            return None

    def on_connection_close(self) -> None:
        super().on_connection_close()
        if self._work:
            self._work.cancel()

    def body(self, *names: str) -> Body:
        """The request's JSON object, whose keys can only be ``names``. InvalidInput names what is wrong."""
        try:
            data: Any = strict_json.parsed(self.request.body) if self.request.body.strip() else {}
        except ValueError as error:
            raise InvalidInput(f"The body is not valid JSON: {error}.", hint="Send a JSON object.") from None
        if not isinstance(data, dict):
            raise InvalidInput("The body must be a JSON object.", hint=f"Its keys can be: {', '.join(names)}.")
        return Body(cast("dict[str, Any]", data), names)

    def answer(self, data: Any, status: int = 200) -> None:
        """Finish with JSON."""
        self.set_status(status)
        self.finish(dumps(data))

    def picture(self, media_type: str, data: bytes, caching: str = "private, no-cache") -> None:
        """Finish with a picture, which is nothing but one, whatever its bytes say."""
        self.set_header("Content-Type", media_type)
        self.set_header("Content-Security-Policy", "default-src 'none'; sandbox")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cache-Control", caching)
        self.finish(data)

    async def answer_long(self, data: Any) -> None:
        """Finish with JSON that grows with the session; the event loop does not wait for it to be written."""

        def encoded() -> bytes:
            # Programs print what is no text, too.
            return strict_json.dumps_long(data, separators=COMPACT).encode("utf-8", "replace")

        content = await asyncio.to_thread(encoded)
        self.set_header("Content-Type", "application/json")
        self.finish(content)

    def finish(self, *args: Any, **kwargs: Any) -> Any:
        # APIHandler.finish would make JSON of every answer, whatever type was set before.
        mine = self._headers.get("Content-Type", "")
        if not mine.startswith("text/html"):  # tornado's default
            kwargs.setdefault("set_content_type", mine)
        return super().finish(*args, **kwargs)


class UnknownRouteHandler(AppBuilderHandler):
    """Whatever is not a route below ``appbuilder/api``: JSON, where Jupyter would answer with a page."""

    def _unknown(self) -> None:
        raise NotFound(f"There is nothing at {self.request.path}.", hint=_HINTS[404], reason="unknown_route")

    @web.authenticated
    @authorized
    async def get(self) -> None:
        self._unknown()

    @web.authenticated
    @authorized
    async def post(self) -> None:
        self._unknown()

    @web.authenticated
    @authorized
    async def put(self) -> None:
        self._unknown()

    @web.authenticated
    @authorized
    async def patch(self) -> None:
        self._unknown()

    @web.authenticated
    @authorized
    async def delete(self) -> None:
        self._unknown()
