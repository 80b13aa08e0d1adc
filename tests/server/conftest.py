"""A Jupyter server with the extension, and a client that holds every answer against openapi.yaml."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from json import dumps, loads
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from tornado.httputil import HTTPHeaders
from traitlets.config import Config

from .contract import judge

Call = Callable[..., Awaitable["Answer"]]


@dataclass
class Answer:
    status: int
    headers: HTTPHeaders
    body: bytes

    @property
    def data(self) -> Any:
        return loads(self.body)


@pytest.fixture
def jp_base_url() -> str:
    return "/user/jane/"


@pytest.fixture
def app_config() -> dict[str, Any]:
    """More configuration; tests override it."""
    return {}


@pytest.fixture
def jp_server_config(app_config: dict[str, Any]) -> Config:
    server = {"jpserver_extensions": {"jupyter_appbuilder": True}, "allow_unauthenticated_access": False}
    config = Config({"ServerApp": server})
    config.merge(Config(app_config))
    return config


@pytest.fixture
def call(jp_serverapp: Any, http_server_client: Any, jp_auth_header: dict[str, str], jp_base_url: str) -> Call:
    """``await call("POST", "sessions", json={…})``: an ``Answer``, whatever its status; it keeps the contract.

    Path parts are quoted whole. ``auth=False`` sends no token.
    """

    async def fetch(
        method: str,
        *parts: str,
        json: Any = None,
        body: bytes | str | None = None,
        headers: dict[str, str] | None = None,
        auth: bool = True,
        **query: Any,
    ) -> Answer:
        path = "/" + "/".join(quote(part, safe="") for part in parts)
        url = f"{jp_base_url}appbuilder/api{path}" + (f"?{urlencode(query)}" if query else "")
        headers = dict(headers or {}) | (jp_auth_header if auth else {})
        if json is not None:
            body = dumps(json)
            headers.setdefault("Content-Type", "application/json")
        response = await http_server_client.fetch(
            url,
            method=method,
            headers=headers,
            body=body,
            allow_nonstandard_methods=True,
            follow_redirects=False,
            request_timeout=60,
            raise_error=False,
        )
        judge(method, path, response.code, response.headers.get("Content-Type", ""), response.body)
        return Answer(response.code, response.headers, response.body)

    return fetch
