"""The common base of the suites."""

from __future__ import annotations

from typing import ClassVar

import pytest


class Suite:
    """Claims about an interface, one a test; its docstring says what an implementation must do."""

    about: ClassVar[str]
    """Of whom the claims are: "a sandbox provider"."""

    pytestmark: ClassVar = [pytest.mark.conformance]
