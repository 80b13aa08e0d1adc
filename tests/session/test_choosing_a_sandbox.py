"""Which sandbox a session gets: by name, by configuration, or the first that can be used here."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from building import app_builder
from plain_app import plain
from traitlets.config import Config

from jupyter_appbuilder.errors import InvalidInput, Unavailable
from jupyter_appbuilder.sandbox.e2b import E2BSandbox
from jupyter_appbuilder.sandbox.providers import find_providers

MODULE = """
from jupyter_appbuilder.sandbox.base import Isolation
from jupyter_appbuilder.sandbox.local import LocalSandbox

class Elsewhere:
    name = "elsewhere"

    def __init__(self, cache_dir, *, allow=(), parent=None):
        self.local = LocalSandbox(cache_dir, allow=allow, parent=parent)
        self.created = []

    async def create(self, session, workspace, template):
        self.created.append(session)
        return await self.local.create(session, workspace, template)

    async def describe_isolation(self):
        return Isolation("elsewhere", "Somewhere else.")

    async def check(self):
        return []

    async def close(self):
        await self.local.close()
"""


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Another package is installed, with two sandbox providers: one that works, one that cannot be imported."""
    site = tmp_path / "site"
    info = site / "faraway-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: faraway\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[jupyter_appbuilder.sandboxes]\nelsewhere = faraway:Elsewhere\nbroken = faraway:NoSuchThing\n"
    )
    (site / "faraway.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(site))
    yield
    sys.modules.pop("faraway", None)


async def test_another_packages_provider_is_found_and_used(elsewhere: None, tmp_path: Path) -> None:
    assert {"local", "e2b", "elsewhere"} <= find_providers().keys()
    async with app_builder(tmp_path, **plain(tmp_path)) as builder:
        session = await builder.create(title="There", sandbox="elsewhere")
        await session.ready()
        _, result = await session.call("run_command", {"command": "echo works"}, by="person")
        assert "works" in result.text
        assert session.summary.sandbox == "elsewhere"
        assert builder.sandboxes.provider("elsewhere").created == [session.id]  # type: ignore[attr-defined]
        here = await builder.create(title="Here")
        assert here.summary.sandbox == "local"
        shown = {it["name"]: it for it in await builder.sandboxes.describe_providers()}
        assert shown["elsewhere"]["available"]
        assert not shown["broken"]["available"]
    async with app_builder(tmp_path, sandbox="elsewhere", **plain(tmp_path)) as builder:
        again = await builder.create(title="By configuration")
        assert again.summary.sandbox == "elsewhere"
        assert (await builder.find("here")).summary.sandbox == "local"  # a session keeps its own


async def test_an_unknown_name_lists_those_there_are(elsewhere: None, tmp_path: Path) -> None:
    async with app_builder(tmp_path, **plain(tmp_path)) as builder:
        with pytest.raises(InvalidInput) as refused:
            await builder.create(title="Nowhere", sandbox="no-such")
        assert "'no-such'" in refused.value.message
        assert "auto, broken, e2b, elsewhere, kubernetes, local" in refused.value.hint
        assert refused.value.field == "sandbox"
        assert await builder.sessions() == []
        with pytest.raises(Unavailable) as broken:
            await builder.create(title="Nowhere", sandbox="broken")
        assert "faraway" in broken.value.hint


async def test_auto_takes_the_cloud_where_this_machine_cannot_isolate_and_a_key_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("E2B_API_KEY", "e2b_" + "0" * 40)
    monkeypatch.setenv("PATH", str(tmp_path))  # where there is no bubblewrap
    settings = Config({"LocalSandbox": {"isolation": "bubblewrap"}})
    async with app_builder(tmp_path, **plain(tmp_path)) as builder:
        builder.update_config(settings)
        assert isinstance(await builder.sandboxes.choose(), E2BSandbox)
        assert (await builder.sandboxes.choose("local")).name == "local"


async def test_where_nothing_isolates_both_remedies_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("E2B_API_KEY", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    async with app_builder(tmp_path, **plain(tmp_path)) as builder:
        builder.update_config(Config({"LocalSandbox": {"isolation": "bubblewrap"}}))
        with pytest.raises(Unavailable) as refused:
            await builder.create(title="Nowhere")
        assert "bubblewrap" in str(refused.value)
        assert "E2B_API_KEY" in refused.value.hint
        assert await builder.sessions() == []
        assert not list((tmp_path / "root").rglob("index.html"))
