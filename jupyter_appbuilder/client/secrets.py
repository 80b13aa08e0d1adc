"""``app.secrets``: the secrets of an app by name. They are set and removed; a value is never read."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput

if TYPE_CHECKING:
    from ..events import ApprovalRequested
    from .aio import AsyncApp
    from .app import App


class AppSecrets:
    """``app.secrets["API_KEY"] = getpass()``, ``del app.secrets["API_KEY"]``; iterating names those that are set."""

    def __init__(self, app: AsyncApp) -> None:
        self._app = app

    def __setitem__(self, name: str, value: str) -> None:
        self._app.engine.run(self._app.set_secret(name, value))

    def __delitem__(self, name: str) -> None:
        self._app.engine.run(self._app.remove_secret(name))

    def __getitem__(self, name: str) -> str:
        raise InvalidInput(
            f"The value of {name} is shown to nobody.", hint=f"Functions of the app read it as env.{name}."
        )

    def __iter__(self) -> Iterator[str]:
        return iter([str(one["name"]) for one in self._all() if one["set"]])

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __contains__(self, name: object) -> bool:
        return name in list(iter(self))

    def __repr__(self) -> str:
        return f"<secrets: {', '.join(described(self._all())) or 'none'}>"

    def _all(self) -> list[dict[str, Any]]:
        return self._app.engine.run(self._app.secrets())


def described(secrets: list[dict[str, Any]]) -> list[str]:
    """A word or two for each."""
    return [str(one["name"]) + ("" if one["set"] else " (not set)") for one in secrets]


def typed(app: App, question: ApprovalRequested) -> dict[str, bool]:
    """The person types a secret that is asked for, or nothing; empty for any other question."""
    name = question.get("subject", "")
    if question.get("kind") != "secret" or not name:
        return {}
    if value := getpass.getpass(f"{question['question']} Its value (nothing: later): "):
        app.set_secret(name, value)
    return {"granted": bool(value)}
