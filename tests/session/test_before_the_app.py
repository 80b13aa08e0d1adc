"""What is shown while there is no app to see: how far an installation is, and why a sandbox cannot be made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from building import app_builder
from plain_app import plain

from jupyter_appbuilder.errors import Unavailable
from jupyter_appbuilder.preview.pages import status_of
from jupyter_appbuilder.sandbox.base import Progress


async def test_how_far_an_installation_has_come_is_shown_where_the_page_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with app_builder(tmp_path, **plain(tmp_path)) as builder:
        session = await builder.create(title="Installing")
        sandbox: Any = (await session.app.sandbox()).guarded  # type: ignore[attr-defined]
        shown: list[Any] = []

        async def prepare(on_progress: Callable[[Progress], None]) -> None:
            on_progress(Progress("Installing packages: 165 of 187", 165 / 187))
            shown.append(session.app.server.fraction)
            shown.append(session.app.preview["fraction"])
            on_progress(Progress("Starting"))
            shown.append(session.app.server.fraction)

        monkeypatch.setattr(sandbox, "prepare", prepare)
        await session.app.ensure()
        assert shown == [165 / 187, 165 / 187, None]


@pytest.mark.parametrize(
    ("refused", "said"),
    [
        (
            lambda: Unavailable("bubblewrap is not installed.", hint="Install it."),
            "is not installed. Install",
        ),
        (lambda: PermissionError(13, "Permission denied", "/var/cache/x"), "/var/cache/x"),
        (lambda: RuntimeError(), "RuntimeError"),
    ],
)
async def test_the_reason_is_shown_and_it_is_tried_again_on_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Callable[[], Exception], said: str
) -> None:
    async with app_builder(tmp_path, **plain(tmp_path)) as builder:
        provider = builder.sandboxes.provider()
        make = provider.create

        async def create(*_: Any) -> Any:
            raise refused()

        monkeypatch.setattr(provider, "create", create)
        session = await builder.create(title="Nowhere")
        await session.app.ensure()
        preview = session.app.preview
        assert (preview["state"], preview["cause"]) == ("failed", "sandbox")
        assert said in preview["message"]
        assert "doctor" in preview["message"] or "Install" in preview["message"]
        shown = status_of(builder.previews.visit(preview["url"].rstrip("/").rpartition("/")[2]).preview)  # type: ignore[union-attr]
        assert shown["state"] == "failed"
        assert said in shown["message"]
        assert [problem["message"] for problem in await session.app.problems()] == [preview["message"]]
        assert not [event for event in await session.events() if event.type == "preview.error"]

        monkeypatch.setattr(provider, "create", make)
        await session.app.restart()
        assert session.app.preview["state"] == "ready"
        assert "cause" not in session.app.preview
