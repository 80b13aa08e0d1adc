"""Reads and writes the files of a session's app.

Contents are never sent as a type that a browser would run: a generated page must not act on Jupyter's origin.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import mimetypes
from collections.abc import Generator
from typing import TYPE_CHECKING

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..errors import AppBuilderError, Conflict, InvalidInput, NotFound
from ..events import timestamp
from .base import AppBuilderHandler

if TYPE_CHECKING:
    from ..session import Session
    from ..workspace.workspace import Expected

PICTURES = {f"image/{name}" for name in ("png", "jpeg", "gif", "webp", "avif", "x-icon", "vnd.microsoft.icon")}


class FileChanged(AppBuilderError):
    status = 412
    default_reason = "file_changed"


class FilesHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def get(self, session: str) -> None:
        found = await self.ready_session(session)
        files = await found.workspace.list(self.get_query_argument("under", ""))
        self.answer(
            [
                {"path": file.path, "size": file.size, "modified": timestamp(file.modified), "binary": file.binary}
                for file in files
            ]
        )


class FileHandler(AppBuilderHandler):
    etag = ""

    @web.authenticated
    @authorized
    async def get(self, session: str, path: str) -> None:
        self.check_xsrf_cookie()  # as Jupyter does for file contents: other sites must not include them
        content = await (await self.ready_session(session)).workspace.read(path)
        self.etag = etag_of(content)
        self.set_header("Content-Security-Policy", "sandbox; default-src 'none'; frame-ancestors 'none'")
        self.set_header("Cache-Control", "no-cache")
        self.set_header("Content-Type", content_type(path, content))
        self.finish(content)

    @web.authenticated
    @authorized
    async def put(self, session: str, path: str) -> None:
        content = self.content()
        found = await self.changeable(session)
        # The session's own workspace takes what is written through it for the agent's work. One beside it is to it
        # what an editor is: it finds the change and tells it as the person's, whether a turn runs or not.
        with self.only_if_matching(path):
            change = await found.workspace.beside().write(path, content, replacing=self.expected())
        await found.look_for_edits()
        self.etag = etag_of(content)
        self.set_header("Etag", self.etag)
        self.answer(
            {"path": change.path, "change": change.change, "added": change.added, "removed": change.removed},
            201 if change.change == "created" else 200,
        )

    @web.authenticated
    @authorized
    async def delete(self, session: str, path: str) -> None:
        found = await self.changeable(session)
        with self.only_if_matching(path):
            await found.workspace.beside().delete(path, replacing=self.expected())
        await found.look_for_edits()
        self.set_status(204)
        self.finish()

    def compute_etag(self) -> str | None:
        return self.etag or None

    def content(self) -> bytes:
        """The content to write: from a JSON envelope, or the body itself."""
        if self.request.headers.get("Content-Type", "").partition(";")[0].strip() != "application/json":
            return self.request.body
        body = self.body("content", "encoding")
        encoding = body.choice("encoding", ("utf-8", "base64"), "utf-8")
        content = body.data.get("content")
        if not isinstance(content, str):
            raise InvalidInput(
                "'content' must be text.", hint="Send {content, encoding}, or the file itself.", field="content"
            )
        try:
            return base64.b64decode(content, validate=True) if encoding == "base64" else content.encode()
        except (binascii.Error, UnicodeEncodeError) as error:
            raise InvalidInput(f"'content' is not {encoding}: {error}.", field="content") from None

    async def changeable(self, id: str) -> Session:
        session = await self.ready_session(id)
        session.require_owned()
        return session

    def expected(self) -> Expected | None:
        """True if a file is one that ``If-Match`` names; None without that header."""
        wanted = self.request.headers.get("If-Match")
        if wanted is None:
            return None
        tags = [tag.strip() for tag in wanted.split(",")]
        return lambda held: held is not None and ("*" in tags or etag_of(held) in tags)

    @contextlib.contextmanager
    def only_if_matching(self, path: str) -> Generator[None]:
        try:
            yield
        except Conflict as error:
            if error.reason != "file_changed":
                raise
            raise FileChanged(
                f"{path} has changed since you read it.",
                hint="Read it again and redo your change.",
                field="If-Match",
            ) from None
        except NotFound:
            if self.expected() is None:
                raise
            raise FileChanged(
                f"{path} was deleted meanwhile.",
                hint="Send it without If-Match if it is to be there.",
                field="If-Match",
            ) from None


def etag_of(content: bytes) -> str:
    return f'"{hashlib.sha256(content).hexdigest()}"'


def content_type(path: str, content: bytes) -> str:
    """Plain text, a picture, or bytes."""
    guess = mimetypes.guess_type(path)[0] or ""
    if guess in PICTURES:
        return guess
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return "application/octet-stream"
    return "application/octet-stream" if b"\0" in content else "text/plain; charset=UTF-8"
