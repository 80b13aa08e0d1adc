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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("conformance")
