"""The suites' pytest plugin: runs their async tests, and reports which requirement a failed test checks.

pytest loads it wherever App Builder is installed, so it imports nothing but pytest.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .suite import Suite

pytest.register_assert_rewrite(
    f"{__package__}.event_stores", f"{__package__}.sandboxes", f"{__package__}.tools", f"{__package__}.suite"
)


def pytest_configure(config: pytest.Config) -> None:
    """Make the suites' marker known."""
    config.addinivalue_line(
        "markers", "conformance: App Builder's suites for sandbox providers, tools and event stores"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run an async test of a suite, so that no other plugin is needed for it."""
    if suite_of(pyfuncitem) is None or not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add to the report of a test that failed what it holds an implementation to."""
    report = yield
    suite = suite_of(item)
    if report.failed and suite and isinstance(item, pytest.Function):
        report.sections.append((f"What {suite.about} must do", inspect.getdoc(item.obj) or ""))
    return report


def suite_of(item: pytest.Item) -> type[Suite] | None:
    """The suite that a test is of. While nobody has imported one, there is none."""
    module: Any = sys.modules.get(f"{__package__}.suite")
    cls = getattr(item, "cls", None)
    return cls if module and cls and issubclass(cls, module.Suite) else None
