"""Finds the installed sandbox providers and chooses one."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from ..errors import InvalidInput, Unavailable
from .base import SandboxProvider

GROUP = "jupyter_appbuilder.sandboxes"
AUTO = ("local", "e2b")  # what "auto" tries, in this order: a person chooses by name what else is installed


def find_providers() -> dict[str, EntryPoint]:
    """Every registered provider by name, not yet imported."""
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def find_provider(name: str) -> Callable[..., SandboxProvider]:
    """The provider class called ``name``.

    Raises ``InvalidInput`` naming those there are, ``Unavailable`` for one that cannot be imported.
    """
    found = find_providers()
    entry = found.get(name)
    if entry is None:
        raise InvalidInput(
            f"There is no sandbox provider {name!r}.",
            hint=f"Choose one of: {', '.join(['auto', *sorted(found)])}.",
            reason="unknown_sandbox",
            field="sandbox",
        )
    try:
        provider: Any = entry.load()
    except Unavailable:
        raise  # it knows why
    except Exception as error:  # it is another package's: anything may go wrong
        package = entry.dist.name if entry.dist else "the package that brings it"
        raise Unavailable(
            f"Sandbox provider {name!r} cannot be loaded: {type(error).__name__}: {error}.",
            hint=f"Update or uninstall {package}, or choose another sandbox.",
            reason="sandbox_broken",
        ) from error
    return provider


async def first_usable(provider: Callable[[str], SandboxProvider]) -> str:
    """The provider that ``auto`` stands for here: the first that isolates, tried for real.

    Raises ``Unavailable`` naming what would make each of them work.
    """
    refused: list[Unavailable] = []
    for name in AUTO:
        try:
            await provider(name).describe_isolation()
        except InvalidInput:
            continue  # not installed
        except Unavailable as error:
            refused.append(error)
        else:
            return name
    if not refused:
        raise Unavailable("No sandbox provider is installed.", hint="Install jupyter_appbuilder again.")
    first, *others = refused
    hint = " ".join([first.hint, *(f"Or use another sandbox: {error.message} {error.hint}" for error in others)])
    raise Unavailable(first.message, hint=hint.strip(), reason=first.reason)
