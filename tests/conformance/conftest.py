"""Subjects that run only where they are asked for: one costs money, one takes minutes."""

from __future__ import annotations

import pytest

ASKED_FOR_BY = {"TestE2BLive": ("markexpr", "e2b_live"), "TestGVisor": ("keyword", "gvisor")}
"""`pytest -m e2b_live`; `pytest -m conformance -k gvisor`."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left_out = [
        item
        for item in items
        if (cls := item.getparent(pytest.Class))
        and (asking := ASKED_FOR_BY.get(cls.name))
        and asking[1] not in str(config.getoption(asking[0], "")).lower()
    ]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]
