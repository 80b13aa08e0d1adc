from __future__ import annotations

from pathlib import Path

import pytest
from preview.stage import BASE_URL, Target

from jupyter_appbuilder.preview import PageStorage


@pytest.fixture
def target(tmp_path: Path) -> Target:
    return Target(PageStorage(tmp_path / "storage" / "s1.json"))


@pytest.fixture
def jp_base_url() -> str:
    return BASE_URL
