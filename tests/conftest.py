"""Fixtures shared by every layer. Async tests are run by pytest-jupyter's own plugin."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator

import pytest
from programs import WATCH

pytest_plugins = ["pytest_jupyter.jupyter_server"]

sys.addaudithook(WATCH)

WALKS = ("eyes/", "templates/", "live/test_in_templates.py", "datasets/test_in_templates.py")
"""Tests that build apps and look at them: one that is run with several values may be run with every so-manieth."""

EVERY = int(os.environ.get("WALKS_EVERY", "1"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In CI each test of ``WALKS`` is run with its first value, and with every ``WALKS_EVERY`` th after it."""
    if EVERY == 1:
        return
    met: Counter[str] = Counter()
    left: list[pytest.Item] = []
    for item in items:
        path = item.path.relative_to(config.rootpath / "tests").as_posix()
        module = getattr(item, "module", None)
        if path.startswith(WALKS) and not hasattr(module, "EVERY"):  # those that have it choose by themselves
            test = f"{path}::{getattr(item, 'originalname', item.name)}"
            met[test] += 1
            if (met[test] - 1) % EVERY:
                left.append(item)
    config.hook.pytest_deselected(items=left)
    items[:] = [item for item in items if item not in set(left)]


@pytest.fixture(autouse=True)
def only_programs_that_are_installed() -> Iterator[None]:
    """A test starts only what a bare machine has or ``make system-test`` installs."""
    WATCH.strangers()
    yield
    strangers = WATCH.strangers()
    assert not strangers, (
        f"Not installed on a bare machine: {', '.join(strangers)}. Name them in the Makefile's system-test."
    )
