"""Whose browser it is that opens a preview below a real Jupyter server."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from preview.stage import Target

from jupyter_appbuilder.preview import PageStorage

from .test_access import DenyAll, fetch

NAVIGATION = {"Accept": "text/html", "Sec-Fetch-Dest": "iframe"}


@pytest.fixture
def previews(jp_serverapp: Any) -> Any:
    return jp_serverapp.web_app.settings["jupyter_appbuilder"].builder.previews


async def arrive(client: Any, path: str, headers: dict[str, str]) -> tuple[str, dict[str, str]]:
    """Follow the way in as a browser does: the visitor's address, and the headers with the cookie that it has then."""
    headers = NAVIGATION | headers
    for _ in range(5):
        answer = await fetch(client, "GET", path, headers=headers)
        if answer.code != 302:
            return path, headers
        path = answer.headers["Location"]
        for cookie in answer.headers.get_list("Set-Cookie"):
            if cookie.startswith("appbuilder-visitor"):
                headers = headers | {"Cookie": cookie.partition(";")[0]}
    raise AssertionError("sent round in circles")


async def test_who_is_logged_in_is_one_visitor_everywhere_and_others_are_not(
    previews: Any, http_server_client: Any, jp_auth_header: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    shared = previews.open(Target(PageStorage(tmp_path / "s1.json")))
    page = f"{shared}a/b?x=1"
    panel, _ = await arrive(http_server_client, page, dict(jp_auth_header))
    second, cookie = await arrive(http_server_client, page, dict(jp_auth_header))
    assert panel == second != page
    assert panel.endswith("/a/b?x=1")
    tab = {"Accept": "text/html", "Sec-Fetch-Dest": "document", "Cookie": cookie["Cookie"]}
    assert (await arrive(http_server_client, page, tab))[0] == panel
    stranger, known = await arrive(http_server_client, page, {})
    assert stranger not in (panel, page)
    assert known["Cookie"] != cookie["Cookie"]
    fresh, _ = await arrive(http_server_client, panel, {"Sec-Fetch-Dest": "document"})
    assert fresh not in (panel, stranger, page)
    logged = "\n".join(logging.Formatter().format(record) for record in caplog.records)
    for path in (shared, panel, stranger):
        assert path.split("/")[5] not in logged
    previews.close("s1")
    assert (await fetch(http_server_client, "GET", page, headers=NAVIGATION)).code == 404
    entry = await fetch(http_server_client, "GET", page.replace("/preview/", "/open/"), headers=NAVIGATION)
    assert entry.code == 403


class TestAnAuthorizer:
    @pytest.fixture
    def app_config(self) -> dict[str, Any]:
        return {"ServerApp": {"authorizer_class": DenyAll}}

    async def test_that_refuses_makes_nobody_the_person(
        self, previews: Any, http_server_client: Any, jp_auth_header: Any, tmp_path: Path
    ) -> None:
        shared = previews.open(Target(PageStorage(tmp_path / "s1.json")))
        address, headers = await arrive(http_server_client, shared, dict(jp_auth_header))
        visit = previews.visit(address.split("/")[5])
        assert visit.visitor.key != previews.person
        assert visit.visitor.key in headers["Cookie"]


class TestAPortal:
    @pytest.fixture
    def app_config(self) -> dict[str, Any]:
        policy = "default-src 'self'; frame-ancestors 'self' https://portal.example"
        return {"ServerApp": {"tornado_settings": {"headers": {"Content-Security-Policy": policy}}}}

    async def test_may_frame_the_preview_of_the_jupyterlab_in_it(
        self, previews: Any, http_server_client: Any, tmp_path: Path
    ) -> None:
        shared = previews.open(Target(PageStorage(tmp_path / "s1.json")))
        answer = await fetch(http_server_client, "GET", shared)
        policy = answer.headers["Content-Security-Policy"]
        assert policy == "frame-ancestors 'self' https://portal.example; sandbox allow-scripts allow-forms allow-modals"
