"""The service's databases: each test that takes one runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from postgres_server import Server, postgres_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    with postgres_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/hub.sqlite"
    server: Server = request.getfixturevalue("postgres")
    name = f"hub_{uuid.uuid4().hex[:12]}"
    server.ask(f"CREATE DATABASE {name}")
    return server.url.replace("/postgres?", f"/{name}?")
