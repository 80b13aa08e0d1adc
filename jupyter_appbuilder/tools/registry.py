"""Every tool there is: ours, and those other packages bring."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from .app import APP_TOOLS
from .base import Tool
from .commands import COMMAND_TOOLS
from .files import FILE_TOOLS
from .network import NETWORK_TOOLS
from .packages import PACKAGE_TOOLS
from .plans import PLAN_TOOLS
from .search import SEARCH_TOOLS

GROUP = "jupyter_appbuilder.tools"

log = logging.getLogger(__name__)


@cache
def load_tools() -> dict[str, Tool[Any]]:
    """The tools of this process by name, loaded once; a log may name others, of packages that are gone.

    An entry point (a list of tools) that cannot be loaded, or a name that is taken, is passed over with a warning: one
    broken package must not take all tools away.
    """
    tools: dict[str, Tool[Any]] = {
        tool.name: tool
        for tool in [
            *FILE_TOOLS,
            *SEARCH_TOOLS,
            *COMMAND_TOOLS,
            *PACKAGE_TOOLS,
            *APP_TOOLS,
            *NETWORK_TOOLS,
            *PLAN_TOOLS,
        ]
    }
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        try:
            brought: Iterable[Any] = point.load()
            for tool in brought:
                if not isinstance(tool, Tool):
                    raise TypeError(f"{tool!r} is not a Tool; make it with @tool")
                if tool.name in tools:
                    log.warning("Tool %r of %s is passed over: the name is taken.", tool.name, point.value)
                    continue
                tools[tool.name] = tool
        except Exception:
            log.warning("The tools of %s cannot be loaded.", point.value, exc_info=True)
    return tools
