"""What the service's pages and answers have in common."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from tornado.web import HTTPError, RequestHandler

from ..errors import AppBuilderError
from .ledger import Person

if TYPE_CHECKING:
    from .service import Hub


class HubHandler(RequestHandler):
    """A page or answer of the service. Everything but health asks who it is for: ``person()`` or ``admin()``."""

    @property
    def hub(self) -> Hub:
        return cast("Hub", self.application.settings["hub"])

    def set_default_headers(self) -> None:
        self.set_header("Server", "Jupyter App Builder")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cache-Control", "no-store")

    async def person(self) -> Person:
        """Who asks, by the Hub token in ``Authorization``. Raises ``HTTPError`` 401 or 403, or ``Unavailable``."""
        kind, _, token = self.request.headers.get("Authorization", "").partition(" ")
        if kind.lower() not in ("token", "bearer") or not token.strip():
            raise HTTPError(401, "Send your JupyterHub token: Authorization: token …")
        person = await self.hub.people.of_token(token.strip())
        if person is None:
            raise HTTPError(
                403, "This token may not use the service: it needs the scope access:services!service=appbuilder."
            )
        return person

    def expect_body(self, most: int) -> None:
        """Take up to so many bytes, more than the server does of who is not known yet. In ``prepare``, of a handler
        that streams its request."""
        length = self.request.headers.get("Content-Length", "")
        if length.isdecimal() and int(length) > most:
            raise HTTPError(413, f"The request has {int(length):,} bytes; the service takes {most:,}.")
        cast("Any", self.request.connection).set_max_body_size(most)

    def check_xsrf_cookie(self) -> None:
        """Nothing that a browser sends by itself is looked at: callers name their token."""

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        _, error, _ = kwargs.get("exc_info") or (None, None, None)
        if isinstance(error, AppBuilderError):
            self.set_status(error.status)
            body = error.to_json()
        elif isinstance(error, HTTPError):
            body = {"message": error.log_message or HTTPStatus(status_code).phrase, "reason": "refused", "hint": ""}
        else:
            body = {"message": "The service failed; its log says how.", "reason": "internal", "hint": ""}
        self.finish(body)

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        if not isinstance(value, (AppBuilderError, HTTPError)):
            super().log_exception(typ, value, tb)
