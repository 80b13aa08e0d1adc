"""Fixtures shared by every layer. Async tests are run by pytest-jupyter's own plugin."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from programs import WATCH

pytest_plugins = ["pytest_jupyter.jupyter_server"]

sys.addaudithook(WATCH)


@pytest.fixture(autouse=True)
def only_programs_that_are_installed() -> Iterator[None]:
    """A test starts only what a bare machine has or ``make system-test`` installs."""
    WATCH.strangers()
    yield
    strangers = WATCH.strangers()
    assert not strangers, (
        f"Not installed on a bare machine: {', '.join(strangers)}. Name them in the Makefile's system-test."
    )
