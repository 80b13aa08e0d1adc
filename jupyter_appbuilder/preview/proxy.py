"""The HTTP proxy between a preview's frame and its dev server, streaming both ways."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from jupyter_server.auth.decorator import allow_unauthenticated
from tornado import web

from ..sandbox.base import Address
from . import pages, probe
from .capabilities import Visit, new_key
from .handlers import WAKE_SECONDS, PreviewHandler, is_from_page, wants_page
from .relay import BODILESS, Relay
from .renaming import renamed
from .upstream import COOKIES, request_headers, response_headers

if TYPE_CHECKING:
    import httpcore

log = logging.getLogger(__name__)

MOST_DOWNLOADS_TOLD = 20
NOTE_SECONDS = 0.3
"""A page that takes longer to wake is told so; whatever else is asked for is held until it is there."""


@web.stream_request_body
class ProxyHandler(Relay, PreviewHandler):
    """``<capability>/…`` to the same path on the session's dev server."""

    script = "probe.js"
    """Of ours in each page."""
    _visit: Visit | None = None
    _address: Address | None = None

    async def begin(self) -> None:
        if self.preflight():
            return
        visit = self.visited(self.path_kwargs["capability"])
        if visit is None:
            return
        if self.request.path == visit.path[:-1]:
            self.redirect(visit.path)
            return
        if wants_page(self.request.headers) and not self._is_welcome(visit):
            if visit.visitor and visit.path == visit.visitor.path and "Sec-Fetch-Dest" not in self.request.headers:
                self.answer(pages.framed(visit), "")
            else:
                self._send_in(visit)
            return
        preview = visit.preview
        server = await preview.awake(
            NOTE_SECONDS if wants_page(self.request.headers) else WAKE_SECONDS,
            self.request.path.removeprefix(visit.path),
        )
        if server.state != "ready" or server.address is None:
            if server.state in ("stopped", "asleep") and not preview.problem:
                preview.start()
            self._wait(visit)
            return
        if visit.visitor and wants_page(self.request.headers):
            visit.visitor.loading = time.monotonic()
            if visit.visitor.key == self.previews.person:
                await preview.target.arrives()
        if self.request.method not in BODILESS:
            self.previews.act(preview)
        self._visit = visit
        self._address = server.address
        self._send_on(visit, server.address)

    def _is_welcome(self, visit: Visit) -> bool:
        """True if a navigation may go on at this address: one of a visitor's own, and by whom it belongs to.

        What an address bar shows gets copied: whoever opens it elsewhere is another visitor.
        """
        visitor, headers = visit.visitor, self.request.headers
        if visitor is None or visit.path != visitor.path:
            return False
        if self.previews.expects(visitor) or self._known_key == visitor.key:
            return True
        # The browser sends no cookie where the page itself navigates its frame, or posts a form.
        return headers.get("Sec-Fetch-Dest", "document") != "document" or self.request.method not in ("GET", "HEAD")

    def _send_in(self, visit: Visit) -> None:
        """Send a navigation to the address of the visitor whose browser it is."""
        previews = self.previews
        rest = (self.request.uri or "").removeprefix(visit.path)
        key = self._known_key
        framed = self.request.headers.get("Sec-Fetch-Dest", "document") != "document"
        if key is None and previews.framed_is_person and framed:
            key = previews.person
        status = 302 if self.request.method in ("GET", "HEAD") else 307
        if key is None and previews.entry and status == 302:
            self.redirect(previews.entry + visit.preview.path.removeprefix(previews.prefix) + rest)
            return
        key = key or new_key()
        self.remember(key)
        self.redirect(previews.enter(visit.preview, key).path + rest, status=status)

    def _wait(self, visit: Visit) -> None:
        """Say that there is no dev server yet, to people with a page that goes away by itself."""
        status = pages.status_of(visit.preview)
        # A page that says so is no failed request: browsers write those into their console.
        if status["state"] == "failed" or not wants_page(self.request.headers):
            self.set_status(503)
            self.set_header("Retry-After", "1")
        self.answer(pages.waiting(visit), f"{status['message'] or 'The app is starting.'}\n")

    def _send_on(self, visit: Visit, address: Address) -> None:
        known, here = visit.renames or ("", "")
        cookie = ""
        if visit.visitor and (self._known_key == visit.visitor.key or is_from_page(self.request.headers)):
            cookie = visit.visitor.storage.cookie_header(visit.inside(self.request.path))
        headers = request_headers(self.request.headers, address, cookie)
        if here:
            headers = [(name, value.replace(here, known)) for name, value in headers]
        if wants_page(self.request.headers):
            # The page is changed on its way, so it must come whole.
            unwanted = ("if-none-match", "if-modified-since", "range", "if-range")
            headers = [item for item in headers if item[0].lower() not in unwanted]

        def changed(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
            return renamed(body, here.encode(), known.encode()) if here else body

        self.send_on(address, visit.known(self.request.uri or "/"), headers, changed)

    async def _relayed(self, capability: str) -> None:
        await self.relay()

    get = head = post = put = patch = delete = options = allow_unauthenticated(_relayed)  # pyright: ignore[reportAssignmentType]

    def ending(self, visit: Visit) -> bytes:
        """What each page ends with."""
        return b""

    def unanswered(self, error: Exception) -> None:
        assert self._visit is not None
        log.info("The dev server of session %s does not answer: %s", self._visit.preview.target.session, error)
        self._wait(self._visit)

    def broke_off(self, error: Exception) -> None:
        assert self._visit is not None
        log.info("The dev server of session %s broke off: %s", self._visit.preview.target.session, error)

    async def hand_back(self, response: httpcore.Response) -> None:
        visit, address = self._visit, self._address
        assert visit is not None
        assert address is not None
        self.say_status(response)
        passed, cookies = response_headers(response.headers, address)
        known, here = visit.renames or ("", "")
        if cookies:
            passed[COOKIES] = await self._keep(cookies, visit)
        injecting = (
            visit.visitor is not None
            and passed.get("Content-Type", "").lower().startswith("text/html")
            and "Content-Encoding" not in passed
            and wants_page(self.request.headers)
        )
        if injecting:
            for name in ("Content-Length", "ETag", "Last-Modified", "Accept-Ranges"):
                passed.pop(name, None)
            passed["Cache-Control"] = "no-store"  # it carries what the app has stored
        for name in passed:
            values = [value.replace(known, here) if here else value for value in passed.get_list(name)]
            self.set_header(name, values[0])
            for value in values[1:]:
                self.add_header(name, value)
        if self.request.method == "HEAD" or response.status in (204, 304):
            self.finish()
            return
        await self._tell_download(response, visit)
        chunks = response.aiter_stream()
        if here and "Content-Encoding" not in passed:
            chunks = renamed(chunks, known.encode(), here.encode())
        if injecting and (visitor := visit.visitor):
            replaced = dict(visit.preview.target.data_news.replaced)

            async def insert(start: bytes) -> bytes:
                self.set_header("Content-Type", probe.content_type(passed["Content-Type"], start))
                return await asyncio.to_thread(
                    probe.tags, visitor, replaced, self.script
                )  # a page may have stored megabytes

            chunks = probe.injected(chunks, insert)
        async for chunk in chunks:
            self.write(chunk)
            await self.flush()
        self.finish(self.ending(visit) if injecting else b"")

    async def _tell_download(self, response: httpcore.Response, visit: Visit) -> None:
        """Say that a navigation to a file came to nothing: the sandbox has the browser drop it without a word."""
        asked = [value for name, value in response.headers if name.lower() == b"content-disposition"]
        kind = asked[0].partition(b";")[0].strip().lower() if asked else b"inline"
        path, told = visit.inside(self.request.path)[:200], visit.preview.downloads
        if kind == b"inline" or "allow-downloads" in self.previews.policy or not wants_page(self.request.headers):
            return
        if path in told or len(told) >= MOST_DOWNLOADS_TOLD:
            return
        told.add(path)
        message = (
            f"{path} was answered as a file to save, and a page in the preview cannot save it by going there. "
            "With <a href=… download> the person is asked, and it works wherever the app runs."
        )
        await visit.preview.target.report({"kind": "network", "message": message, "source": path})

    async def _keep(self, cookies: list[str], visit: Visit) -> str:
        """Put what the app's server set into the visitor's jar; what the page may know of it, as a header's value."""
        if visit.visitor is None:
            key = new_key()
            self.remember(key)
            visit.visitor = self.previews.visitor(visit.preview, key)
        path = visit.inside(self.request.path)
        change = await asyncio.to_thread(visit.visitor.storage.receive_cookies, cookies, path, visit.preview.path)
        return json.dumps(change)
