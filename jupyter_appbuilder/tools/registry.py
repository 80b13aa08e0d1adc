"""The registry of tools: built-in ones and those of other packages."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from .app import APP_TOOLS
from .app_secrets import SECRET_TOOLS
from .attachments import ATTACHMENT_TOOLS
from .base import Need, Tool
from .commands import COMMAND_TOOLS
from .data import DATA_TOOLS
from .database import DATABASE_TOOLS
from .files import FILE_TOOLS
from .live import LIVE_TOOLS
from .looking import LOOKING_TOOLS
from .network import NETWORK_TOOLS
from .notebooks import NOTEBOOK_TOOLS
from .packages import PACKAGE_TOOLS
from .plans import PLAN_TOOLS
from .scenarios import SCENARIO_TOOLS
from .search import SEARCH_TOOLS
from .serverless import SERVERLESS_TOOLS

if TYPE_CHECKING:
    from ..templates.templates import Template

GROUP = "jupyter_appbuilder.tools"

log = logging.getLogger(__name__)


def load_tools() -> dict[str, Tool[Any]]:
    """The tools of this process by name, loaded once; a log may name others, of packages that are gone."""
    return find_tools()[0]


def tools_for(tools: Mapping[str, Tool[Any]], template: Template | None) -> dict[str, Tool[Any]]:
    """Those that fit an app of ``template``, None for one that is gone."""
    has: dict[Need, bool] = {
        "database": bool(template and template.database),
        "functions": bool(template and template.functions),
        "secrets": bool(template and template.control),
    }
    return {name: tool for name, tool in tools.items() if tool.needs is None or has[tool.needs]}


@cache
def find_tools() -> tuple[dict[str, Tool[Any]], list[str]]:
    """The tools, and what was passed over with a warning: an entry point (a list of tools) that cannot be loaded, a
    name that is taken. One broken package must not take all tools away."""
    tools: dict[str, Tool[Any]] = {
        tool.name: tool
        for tool in [
            *FILE_TOOLS,
            *SEARCH_TOOLS,
            *COMMAND_TOOLS,
            *PACKAGE_TOOLS,
            *APP_TOOLS,
            *LOOKING_TOOLS,
            *SCENARIO_TOOLS,
            *NETWORK_TOOLS,
            *PLAN_TOOLS,
            *DATA_TOOLS,
            *NOTEBOOK_TOOLS,
            *ATTACHMENT_TOOLS,
            *DATABASE_TOOLS,
            *SERVERLESS_TOOLS,
            *SECRET_TOOLS,
            *LIVE_TOOLS,
        ]
    }
    refused: list[str] = []
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        package = point.dist.name if point.dist else point.value
        try:
            brought: Iterable[Any] = point.load()
            for tool in brought:
                if not isinstance(tool, Tool):
                    raise TypeError(f"{tool!r} is not a Tool; make it with @tool")
                if tool.name in tools:
                    refused.append(f"{tool.name} of {package} is passed over: the name is taken.")
                    log.warning("Tool %s", refused[-1])
                    continue
                tools[tool.name] = tool
        except (Exception, SystemExit) as error:
            refused.append(f"The tools of {package} cannot be loaded: {type(error).__name__}: {error}")
            log.warning("%s", refused[-1], exc_info=True)
    return tools, refused
