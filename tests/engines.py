"""Engines and kernels for tests: their own data folder, dependencies shared, recorded answers at once."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from building import share_dependencies

DEMO = "Build a task board with three columns that remembers my tasks in the browser"
FOLLOW_UP = "Add a dark mode and a search box"


def environment(folder: Path) -> dict[str, str]:
    """Variables for a process whose log, settings and caches lie below ``folder``."""
    data, config = folder / "data", folder / "config"
    share_dependencies(data / "appbuilder")
    config.mkdir(exist_ok=True)
    settings = {"AppBuilder": {"demo_pace": 0.0, "model": "demo:recorded", "browser": "none"}}
    (config / "jupyter_server_config.json").write_text(json.dumps(settings))
    (folder / "root").mkdir(exist_ok=True)
    return {
        "JUPYTER_DATA_DIR": str(data),
        "JUPYTER_CONFIG_DIR": str(config),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "APPBUILDER_ROOT": str(folder / "root"),
    }


@contextlib.contextmanager
def prepared(folder: Path) -> Iterator[Path]:
    """This process set up like that, for ``App``; the root. Engines that were started are closed afterwards."""
    from jupyter_appbuilder.client.engine import STARTED

    changed = environment(folder)
    before = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    try:
        yield folder / "root"
    finally:
        for engine in list(STARTED.values()):
            engine.close()
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
