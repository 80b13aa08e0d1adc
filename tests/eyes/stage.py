"""A page of HTML, served as an app's dev server serves it, and a real browser behind the wall that looks at it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from jupyter_core.paths import jupyter_data_dir
from tornado import httpserver, netutil, web

from jupyter_appbuilder.errors import Unavailable
from jupyter_appbuilder.eyes.base import Look
from jupyter_appbuilder.eyes.browsers import find_browser
from jupyter_appbuilder.eyes.chromium import IDLE_SECONDS, Browsers, Chromium, ChromiumPage
from jupyter_appbuilder.sandbox.base import Address, DevServer
from jupyter_appbuilder.sandbox.local import LocalSandbox
from jupyter_appbuilder.sandbox.local.isolation.landlock import LEAST, landlock_version

BASE = f"/user/ada/appbuilder/preview/{'b' * 43}/"


class Site:
    """``pages`` by path below the app's base; what else is asked for is missing."""

    def __init__(self, **pages: str) -> None:
        self.pages = pages
        self.asked: list[str] = []

    def handler(self) -> type[web.RequestHandler]:
        site = self

        class Handler(web.RequestHandler):
            def get(self) -> None:
                path = self.request.path.removeprefix(BASE)
                site.asked.append(path)
                page = site.pages.get(path or "index")
                if page is None:
                    self.set_status(404)
                    self.finish("nothing")
                    return
                kind = "text/javascript" if path.endswith(".js") else "text/html"
                self.set_header("Content-Type", f"{kind}; charset=utf-8")
                self.finish(page)

        return Handler


def needs_landlock() -> None:
    if landlock_version() < LEAST:
        pytest.skip("This kernel has no Landlock that knows ports.")


def behind(isolation: str) -> dict[str, str]:
    """Options of ``eyes`` for this isolation. Skips a test where this machine has not what that takes."""
    if isolation != "landlock":
        return {}
    needs_landlock()
    try:
        shell = find_browser("", Path(jupyter_data_dir(), "appbuilder"), isolation).executable
    except Unavailable as error:
        pytest.skip(f"{error.message} {error.hint}")
    return {"isolation": isolation, "browser": str(shell)}


def html(body: str, *, head: str = "") -> str:
    return f'<!doctype html><html lang="en"><head><title>App</title>{head}</head><body>{body}</body></html>'


@asynccontextmanager
async def eyes(
    tmp_path: Path,
    site: Site,
    *,
    count: int,
    most: int = 2,
    idle_seconds: float = IDLE_SECONDS,
    browser: str = "",
    **options: Any,
) -> AsyncGenerator[list[Chromium]]:
    """Eyes of ``count`` sessions on ``site``; their provider is closed with them."""
    path = tmp_path / "app.sock"
    server = httpserver.HTTPServer(web.Application([(".*", site.handler())], log_function=lambda _: None))
    server.add_socket(netutil.bind_unix_socket(str(path)))
    provider = LocalSandbox(tmp_path / "cache", **options)
    browsers = Browsers(lambda: provider, browser, tmp_path, most, idle_seconds)
    app = DevServer("ready", Address(socket=path))
    those = [Chromium(browsers, f"s{number}", lambda: BASE, lambda _: app) for number in range(count)]
    try:
        yield those
    finally:
        for one in those:
            await one.close()
        await provider.close()
        server.stop()
        await server.close_all_connections()


@asynccontextmanager
async def eye(tmp_path: Path, site: Site, **options: Any) -> AsyncGenerator[Chromium]:
    async with eyes(tmp_path, site, count=1, **options) as (one,):
        yield one


@asynccontextmanager
async def opened(tmp_path: Path, body: str | Site, *, isolation: str = "", **look: Any) -> AsyncGenerator[ChromiumPage]:
    site = body if isinstance(body, Site) else Site(index=html(body))
    async with eye(tmp_path, site, **behind(isolation)) as chromium, chromium.open(Look(**look)) as page:
        yield page


def messages(findings: list[dict[str, Any]]) -> list[str]:
    return [finding["message"] for finding in findings]
