"""Who may use the API: every route that is mounted, found by walking through them."""

from __future__ import annotations

import json
import logging
import re
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from jupyter_server.auth import Authorizer
from tornado.routing import PathMatches
from tornado.web import RequestHandler

from .contract import validate_as

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
PREVIEW = {"ProxyHandler", "ProxySocketHandler", "PageRequestHandler", "DataNewsHandler", "PythonCallHandler"}
"""The one exception: what a preview's unguessable address answers needs no login."""
PUBLISHED = {"ReaderRequestHandler", "ReaderPageHandler", "ReaderFileHandler"}
"""The other: a reader's own address of a published app, which they are sent to once they are let in."""
LOOKED_AT = {"LookEntryHandler"}
"""The third: where the Hub's service sends who looks at a session, with a code that tells once who it is."""


def mounted(web_app: Any) -> Iterator[tuple[str, type[RequestHandler]]]:
    """Every route below ``appbuilder/``: an address that matches it, and its handler."""

    def walk(rules: Any) -> Iterator[tuple[str, type[RequestHandler]]]:
        for rule in rules:
            if hasattr(rule.target, "rules"):
                yield from walk(rule.target.rules)
            elif isinstance(rule.matcher, PathMatches) and "appbuilder" in rule.matcher.regex.pattern:
                pattern = (
                    rule.matcher.regex.pattern.removesuffix("$").replace(r"(?:/.*)?", "/nothing").replace(".*", "x")
                )
                pattern = pattern.replace("(?P<capability>[^/~]+/~[^/]+)", "x/~x")
                address = re.sub(r"\(\?P<\w+>(yaml)?[^)]*\)", lambda m: m[1] or "x", pattern).replace("\\", "")
                assert rule.matcher.regex.fullmatch(address), f"{address} should match {pattern}"
                yield address, rule.target

    yield from walk(web_app.default_router.rules)


def requests(web_app: Any) -> list[tuple[str, str, type[RequestHandler]]]:
    """Every method of every route."""
    return [
        (method, address, handler)
        for address, handler in mounted(web_app)
        for method in METHODS
        if getattr(handler, method.lower()) is not RequestHandler._unimplemented_method
    ]


async def fetch(client: Any, method: str, address: str, **options: Any) -> Any:
    return await client.fetch(
        address, method=method, allow_nonstandard_methods=True, follow_redirects=False, raise_error=False, **options
    )


async def test_every_route_refuses_who_is_not_logged_in(jp_serverapp, http_server_client):
    found = requests(jp_serverapp.web_app)
    assert len([handler for _, _, handler in found if handler.__name__ not in PREVIEW | PUBLISHED]) > 25
    for method, address, handler in found:
        if handler.__name__ in PUBLISHED:
            assert address.startswith("/user/jane/appbuilder/apps/x/~x/"), f"{handler} is no reader's own address"
            continue
        if handler.__name__ in PREVIEW:
            assert address.startswith("/user/jane/appbuilder/preview/"), f"{handler} is no preview"
            continue
        response = await fetch(http_server_client, method, address, body="{}" if method in METHODS[2:5] else None)
        assert response.code in (401, 403), f"{method} {address} answers {response.code} without a login"
        if method != "HEAD":
            validate_as(json.loads(response.body), "Error")


class DenyAll(Authorizer):
    asked: list[tuple[str, str]] = []  # noqa: RUF012

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        self.asked.append((action, resource))
        return False


class TestAnAuthorizer:
    @pytest.fixture
    def app_config(self) -> dict[str, Any]:
        DenyAll.asked.clear()
        return {"ServerApp": {"authorizer_class": DenyAll}}

    async def test_is_asked_about_every_route_and_obeyed(self, jp_serverapp, http_server_client, jp_auth_header):
        for method, address, handler in requests(jp_serverapp.web_app):
            if handler.__name__ in PREVIEW | PUBLISHED | LOOKED_AT:
                continue
            DenyAll.asked.clear()
            body = "{}" if method in METHODS[2:5] else None
            response = await fetch(http_server_client, method, address, body=body, headers=dict(jp_auth_header))
            assert response.code == 403, f"{method} {address} answers {response.code} to who is not authorized"
            expected = "read" if method in ("GET", "HEAD") else "write"
            assert DenyAll.asked == [(expected, "appbuilder")], f"{method} {address} asked for {DenyAll.asked}"


class TestACookie:
    """A browser that is logged in by cookie must also show that the request is its own."""

    @pytest.fixture
    def app_config(self) -> dict[str, Any]:
        return {"IdentityProvider": {"token": "secret"}}

    async def login(self, client: Any) -> str:
        page = await fetch(client, "GET", "/user/jane/login?token=secret")
        cookies = [cookie.partition(";")[0] for cookie in page.headers.get_list("Set-Cookie")]
        assert any(cookie.startswith("username-") for cookie in cookies)
        return "; ".join(cookies)

    async def test_alone_changes_nothing(self, jp_serverapp, http_server_client):
        cookie = await self.login(http_server_client)
        reading = await fetch(http_server_client, "GET", "/user/jane/appbuilder/api/health", headers={"Cookie": cookie})
        assert reading.code == 200
        for method, address, handler in requests(jp_serverapp.web_app):
            if handler.__name__ in PREVIEW | PUBLISHED or method in ("GET", "HEAD"):
                continue
            response = await fetch(http_server_client, method, address, body="{}", headers={"Cookie": cookie})
            assert response.code == 403, f"{method} {address} answers {response.code} without an XSRF token"
            assert "_xsrf" in json.loads(response.body)["message"]

    async def test_with_the_xsrf_token_is_let_through(self, jp_serverapp, http_server_client):
        cookie = await self.login(http_server_client)
        page = await fetch(http_server_client, "GET", "/user/jane/login")
        token = re.search(r"_xsrf=([^;]+)", page.headers["Set-Cookie"])
        assert token
        response = await fetch(
            http_server_client,
            "POST",
            "/user/jane/appbuilder/api/sessions/none/messages",
            body='{"text": "hello"}',
            headers={"Cookie": f"{cookie}; {token[0]}", "X-XSRFToken": token[1]},
        )
        assert response.code == 404
        assert json.loads(response.body)["reason"] == "unknown_session"


def test_the_server_starts_without_a_warning(jp_configurable_serverapp, caplog):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        server = jp_configurable_serverapp()
    assert server.allow_unauthenticated_access is False
    assert server.extension_manager.extensions["jupyter_appbuilder"].enabled
    assert "jupyter_appbuilder" in server.extension_manager.extension_apps
    # What pytest, tornado and jupyter_server's own terminals warn about is not ours.
    foreign = ("TermSocket", "unclosed", "event loop")
    assert [w for w in caught if not any(word in str(w.message) for word in foreign)] == []
    assert not any(word in str(w.message) for w in caught for word in ("appbuilder/api", "appbuilder/preview"))
    assert [r.getMessage() for r in caplog.records if r.levelno in (logging.WARNING, logging.ERROR)] == []
