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

SLOW = "gvisor"
"""The subject that takes minutes, and that people ask for, too: run only by `pytest -m conformance -k gvisor`."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left_out: list[pytest.Item] = []
    for item in items:
        if Path(__file__).parent not in item.path.parents:
            continue
        item.add_marker("conformance")
        if f"[{LIVE}" in item.name:
            item.add_marker(LIVE)
            if LIVE not in str(config.getoption("markexpr", "")):
                left_out.append(item)
        elif f"[local-{SLOW}" in item.name and SLOW not in str(config.getoption("keyword", "")):
            left_out.append(item)
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]
