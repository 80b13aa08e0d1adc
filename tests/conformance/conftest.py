"""Each test of this folder runs once for each provider."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from conformance.subjects import SUBJECTS, Subject

Provided = Callable[[], AbstractAsyncContextManager[Subject]]


@pytest.fixture(params=sorted(SUBJECTS))
def provided(request: pytest.FixtureRequest, tmp_path: Path) -> Provided:
    """``async with provided() as subject``: a provider; at the end it is closed and must have nothing left running."""

    @asynccontextmanager
    async def make() -> AsyncGenerator[Subject]:
        async with SUBJECTS[request.param](tmp_path) as subject:
            yield subject

    return make


LIVE = "e2b_live"
"""The subject that costs money: run only where it is asked for, by `pytest -m e2b_live`."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("conformance")
            if f"[{LIVE}" in item.name:
                item.add_marker(LIVE)
    if LIVE not in str(config.getoption("markexpr", "")):
        live = [item for item in items if item.get_closest_marker(LIVE)]
        config.hook.pytest_deselected(items=live)
        items[:] = [item for item in items if not item.get_closest_marker(LIVE)]
