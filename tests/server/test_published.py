"""Apps that are published on this server: who may open them, and what of this server their pages get."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from tornado.httpclient import HTTPResponse

PAGE = {"Accept": "text/html", "Sec-Fetch-Dest": "document"}
Fetch = Callable[..., Awaitable[HTTPResponse]]


@pytest.fixture
def fetch(jp_serverapp: Any, http_server_client: Any, jp_base_url: str) -> Fetch:
    """``await fetch("apps/board/")``, as a browser would that follows nothing by itself."""

    async def get(path: str, *, method: str = "GET", body: bytes | None = None, **headers: str) -> HTTPResponse:
        path = path if path.startswith("/") else f"{jp_base_url}appbuilder/{path}"
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return await http_server_client.fetch(
            path,
            method=method,
            body=body,
            headers=sent,
            follow_redirects=False,
            raise_error=False,
            allow_nonstandard_methods=True,
        )

    return get


@pytest.fixture
def log_in(fetch: Fetch, jp_serverapp: Any, jp_base_url: str) -> Callable[[], Awaitable[str]]:
    """``await log_in()``: the cookies of another browser that is logged in."""

    async def cookies() -> str:
        answer = await fetch(f"{jp_base_url}login?token={jp_serverapp.identity_provider.token}")
        return "; ".join(one.partition(";")[0] for one in answer.headers.get_list("Set-Cookie"))

    return cookies


async def publish(call: Any, id: str, **body: Any) -> dict[str, Any]:
    """Publish and say why whatever was found is published anyway."""
    begun = await call("POST", "sessions", id, "publishing", json=body)
    assert begun.status == 202, begun.body
    while True:
        status = (await call("GET", "sessions", id, "publishing")).data["running"]
        if status["state"] == "waiting":
            reasons = {one["id"]: "Nobody else sees it" for one in status["findings"]}
            await call("POST", "sessions", id, "publishing", "answer", json={"accepted": reasons})
        elif status["state"] != "running":
            return status
        await asyncio.sleep(0.02)


async def published_site(call: Any, new_session: Any) -> str:
    """A session whose app is published as ``site``."""
    id = await new_session(title="Site", template="static")
    status = await publish(call, id, name="site")
    assert (status["state"], status["number"]) == ("done", 1), status
    return id


async def own_address(fetch: Fetch, cookie: str, name: str = "site") -> str:
    sent = await fetch(f"apps/{name}/", Cookie=cookie, **PAGE)
    assert sent.code == 302, sent.body
    return sent.headers["Location"]


async def test_who_is_logged_in_gets_the_app_and_its_page_gets_nothing_of_this_server(
    call: Any, new_session: Any, fetch: Fetch, log_in: Any, builder: Any, jp_base_url: str
) -> None:
    await published_site(call, new_session)
    cookie = await log_in()
    # Whoever is not, gets the login page, or is refused.
    sent = await fetch("apps/site/about.html?a=1", **PAGE)
    assert sent.code == 302
    assert "login?next=" in sent.headers["Location"]
    assert "about.html" in sent.headers["Location"]
    assert (await fetch("apps/site/")).code == 403
    assert (await fetch("apps/site/css/style.css")).code == 403

    assert "~" not in (await fetch("apps/none/", Cookie=cookie, **PAGE)).headers.get("Location", "")
    own = await own_address(fetch, cookie)
    page = await fetch(own, Cookie=cookie, **PAGE)
    assert page.code == 200
    policy = page.headers["Content-Security-Policy"]
    assert "sandbox allow-scripts" in policy
    assert "allow-same-origin" not in policy
    assert "frame-ancestors 'self'" in policy
    assert page.headers["Cache-Control"] == "no-store"
    assert b"reader.js" in page.body
    assert b"probe.js" not in page.body
    # What the page fetches comes without a login, to whoever has this address.
    style = await fetch(f"{own}css/style.css", Origin="null", Sec_Fetch_Dest="style")
    assert (style.code, style.headers["Content-Type"]) == (200, "text/css; charset=utf-8")
    assert style.headers["Access-Control-Allow-Origin"] == "*"
    assert "immutable" in style.headers["Cache-Control"]
    assert "Set-Cookie" not in style.headers
    assert (await fetch(f"{own}css/style.css", If_None_Match=style.headers["Etag"])).code == 304
    part = await fetch(f"{own}css/style.css", Range="bytes=2-5")
    assert (part.code, part.body) == (206, style.body[2:6])
    head = await fetch(f"{own}css/style.css", method="HEAD")
    assert (head.code, head.headers["Content-Length"], head.body) == (200, str(len(style.body)), b"")
    # No source of ours, nothing above, no service worker.
    for path in ("dev/serve.mjs", "README.md", "../publication.json", "..%2fappbuilder.json", "%2e%2e/", ".git/config"):
        assert (await fetch(own + path)).code in (403, 404), path
        assert (await fetch(own + path, Cookie=cookie, **PAGE)).code in (302, 403, 404), path
    assert (await fetch(f"{own}js/main.js", Service_Worker="script")).code == 403
    assert (await fetch(f"{own}js/main.js", method="POST", body=b"")).code in (403, 405)
    missing = await fetch(f"{own}nothing.html", Cookie=cookie, **PAGE)
    assert missing.code == 404
    assert b"Open the app" in missing.body or b"html" in missing.body


async def test_a_page_that_is_too_large_for_its_storage_is_shown_from_disk(
    call: Any, new_session: Any, fetch: Fetch, log_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await published_site(call, new_session)
    cookie = await log_in()
    monkeypatch.setattr("jupyter_appbuilder.server.published.LARGEST_PAGE", 100)
    own = await own_address(fetch, cookie)
    for path in ("", "index.html"):
        page = await fetch(own + path, Cookie=cookie, **PAGE)
        assert (page.code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8"), path
        assert b"</html>" in page.body
        assert b"reader.js" not in page.body
        assert "sandbox" in page.headers["Content-Security-Policy"]


async def test_each_reader_has_a_storage_of_their_own(
    call: Any, new_session: Any, fetch: Fetch, log_in: Any, builder: Any, jp_base_url: str
) -> None:
    app, cookie = await published_site(call, new_session), await log_in()
    own = await own_address(fetch, cookie)
    stored = json.dumps({"local": {"set": {"colour": "teal"}}}).encode()
    assert (await fetch(f"{own}__appbuilder/storage", method="POST", body=stored)).code == 200
    assert b"teal" in (await fetch(own, Cookie=cookie, **PAGE)).body
    other = await log_in()
    theirs = await own_address(fetch, other)
    assert theirs != own
    assert b"teal" not in (await fetch(theirs, Cookie=other, **PAGE)).body
    # An address that was copied leads whoever opens it to their own.
    sent = await fetch(f"{own}about.html?x=1", Cookie=other, **PAGE)
    assert (sent.code, sent.headers["Location"]) == (302, f"{jp_base_url}appbuilder/apps/site/about.html?x=1")
    # Nor is it another app's.
    assert (await fetch(own.replace("/site/", "/sites/") + "css/style.css")).code == 404
    days = (await call("GET", "sessions", app, "publications", "here", "visits")).data["days"]
    assert [one["visits"] for one in days] == [2]


async def test_releases_change_whole_and_what_was_taken_down_opens_nothing(
    call: Any, new_session: Any, fetch: Fetch, log_in: Any, builder: Any, jp_base_url: str
) -> None:
    app, cookie = await published_site(call, new_session), await log_in()
    first = await own_address(fetch, cookie)
    page = "<!doctype html><title>Two</title><h1>Second</h1>"
    assert (await call("PUT", "sessions", app, "files", "index.html", body=page)).status < 300
    assert b"Second" not in (await fetch(first, Cookie=cookie, **PAGE)).body
    await (await builder.session(app)).checkpoint("Second")
    newest = (await call("GET", "sessions", app, "checkpoints")).data[0]["id"]
    assert (await publish(call, app, checkpoint=newest))["number"] == 2
    # A page that is open goes on with the files of its release; loaded again it is the new one.
    assert (await fetch(f"{first}css/style.css")).code == 200
    assert (await fetch(first, Cookie=cookie, **PAGE)).code == 302
    second = await own_address(fetch, cookie)
    assert b"Second" in (await fetch(second, Cookie=cookie, **PAGE)).body
    back = await call("POST", "sessions", app, "publications", "here", "rollback", json={"number": 1})
    assert (back.data["live"], [one["number"] for one in back.data["releases"]]) == (1, [2, 1])
    assert b"Second" not in (await fetch(await own_address(fetch, cookie), Cookie=cookie, **PAGE)).body
    (listed,) = (await call("GET", "sessions")).data
    assert [(one["target"], one["number"]) for one in listed["published"]] == [("here", 1)]
    assert (await call("DELETE", "sessions", app, "publications", "here")).status == 204
    assert (await fetch(f"{first}css/style.css")).code == 404
    assert (await fetch("apps/site/", Cookie=cookie, **PAGE)).code == 404
    assert (await call("DELETE", "sessions", app, "publications", "here")).status == 404
