"""``install_packages``: adds packages to the app."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from ..errors import InvalidInput
from .base import Arguments, CellLine, Tool, ToolContext, ToolResult, tool
from .commands import ended, ending, printed, succeeded

# A name from the registry with a version or range. No URL, folder or option: those would go round the allow-list.
PACKAGES = {
    "npm": re.compile(r"(?:@[a-z0-9~][a-z0-9._~-]*/)?[a-z0-9~][a-z0-9._~-]*(?:@[\w.^~<>=*|+ -]+)?", re.IGNORECASE),
    "python": re.compile(
        r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?(?:\[[a-z0-9._, -]+\])?\s*(?:[=<>!~]=?=?\s*[\w.*+!,<>=~ -]+)?", re.IGNORECASE
    ),
}


class InstallPackages(Arguments):
    packages: list[str] = Field(
        min_length=1,
        max_length=50,
        description="Names, with a version if it matters: zod, date-fns@4 (npm); polars, scikit-learn>=1.5 (Python)",
    )
    kind: Literal["npm", "python"] | None = Field(
        default=None, description="Needed only where the app has packages of both kinds. Otherwise leave it out."
    )
    dev: bool = Field(default=False, description="npm only: needed only while developing (devDependencies).")


def _cell(arguments: Mapping[str, Any]) -> CellLine:
    options = {"dev": ""} if arguments.get("dev") else {}
    options |= {"kind": arguments["kind"]} if arguments.get("kind") else {}
    return CellLine("install", tuple(arguments.get("packages", ())), options)


@tool(effect="command", verb=("Installing", "Installed"), icon="box", atomic=True, cell=_cell)
async def install_packages(context: ToolContext, arguments: InstallPackages) -> ToolResult:
    """Add npm or Python packages to the app: package.json or requirements.txt and the lock file change, and the dev
    server restarts with them."""
    packages = [package.strip() for package in arguments.packages]
    patterns = [PACKAGES[arguments.kind]] if arguments.kind else list(PACKAGES.values())
    for position, package in enumerate(packages):
        if not any(pattern.fullmatch(package) for pattern in patterns):
            raise InvalidInput(
                f"{package[:200]!r} is not the name of a package.",
                hint="Give names such as zod or @tanstack/react-query@5, or for Python polars or scikit-learn>=1.5. "
                "URLs, folders and options are not taken.",
                field=f"packages.{position}",
            )
    names = ", ".join(packages)
    sandbox = await context.sandbox()
    result = await sandbox.install(packages, kind=arguments.kind, dev=arguments.dev, on_output=context.output)
    detail: dict[str, Any] = {"packages": packages, "dev": arguments.dev, **ended(result)}
    if not succeeded(result):
        return ToolResult(
            f"{names} could not be installed. {ending(result)}\n{printed(result)}",
            f"Could not install {names}",
            ok=False,
            detail=detail,
        )
    server = await context.app.restart()
    detail["server"] = {"state": server.state, "message": server.message}
    text = f"Installed {names}.\n{printed(result)}\n"
    if server.state == "failed":
        text += f"But the dev server does not start with them: {server.message}\n{server.log}".rstrip()
        return ToolResult(text, f"Installed {names}; the dev server failed", ok=False, detail=detail)
    return ToolResult(text + f"The dev server is {server.state}.", f"Installed {names}", detail=detail)


PACKAGE_TOOLS: list[Tool[Any]] = [install_packages]
