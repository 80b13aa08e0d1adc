"""A Jupyter server with the extension, and a client that holds every answer against openapi.yaml."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from json import dumps, loads
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from building import share_dependencies
from model_server import ModelServer, model_server_in_thread
from tornado.httputil import HTTPHeaders
from traitlets.config import Config

from jupyter_appbuilder.builder import AppBuilder

from .contract import judge

TEMPLATES = Path(__file__).parent / "templates"

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
def model() -> Iterator[ModelServer]:
    """The model's server; set its ``steps``."""
    with model_server_in_thread() as server:
        yield server


@pytest.fixture
def app_config(model: ModelServer, jp_data_dir: Path) -> dict[str, Any]:
    """Sessions on a small template, with the scripted model. Tests override it."""
    share_dependencies(jp_data_dir / "appbuilder")
    return {
        "AppBuilder": {
            "model": "custom:scripted",
            "providers": {"custom": {"base_url": model.url, "api_key": "sk-test-not-a-secret"}},
            "template": "page",
            "template_path": [str(TEMPLATES)],
        },
        "LocalSandbox": {"pool_size": 0},
    }


@pytest.fixture
def jp_server_config(app_config: dict[str, Any]) -> Config:
    server = {"jpserver_extensions": {"jupyter_appbuilder": True}, "allow_unauthenticated_access": False}
    config = Config({"ServerApp": server, "AppBuilder": {"browser": "none"}})
    config.merge(Config(app_config))
    return config


@pytest.fixture
def builder(jp_serverapp: Any) -> AppBuilder:
    """The builder behind the API."""
    return jp_serverapp.web_app.settings["jupyter_appbuilder"].builder


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


@pytest.fixture
def new_session(call: Call) -> Callable[..., Awaitable[str]]:
    """``await new_session(title="Board")``: the id of a session whose files stand."""

    async def create(**body: Any) -> str:
        created = await call("POST", "sessions", json=body)
        assert created.status == 201, created.body
        id = created.data["id"]
        assert (await call("GET", "sessions", id, "files")).status == 200
        return id

    return create
