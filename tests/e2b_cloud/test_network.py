"""Who reaches an app in the cloud, and what its code reaches."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from .stage import Place, place


async def knock(here: Place) -> httpx.Response:
    """As a stranger who knows the app's address at E2B."""
    cloud = await here.provider.cloud()
    host = f"8765-{here.machine.id}.{here.there.domain}"
    async with httpx.AsyncClient() as http:
        return await http.get(f"{cloud.settings.sandbox_url}/base/", headers={"Host": host})


async def test_a_preview_is_private_unless_it_is_meant_to_be_public(tmp_path: Path):
    for public in (False, True):
        folder = tmp_path / str(public)
        folder.mkdir()
        async with place(folder, direct_preview=public) as here:
            sandbox = await here.create()
            server = await sandbox.serve("/base/")
            assert server.state == "ready"
            assert server.address
            async with httpx.AsyncClient() as http:  # as our proxy asks
                answer = await http.get(f"{server.address.url}/base/", headers=dict(server.address.headers))
            assert "first" in answer.text
            answer = await knock(here)
            assert answer.status_code == (200 if public else 403)
            assert ("first" in answer.text) is public
            assert ("https://8765-" in server.message) is public


@pytest.mark.parametrize("internet", [False, True])
async def test_code_reaches_what_was_allowed_and_packages_open_the_way_for_a_moment(tmp_path: Path, internet: bool):
    async with place(tmp_path, there={"internet": True}, internet=internet) as here:
        sandbox = await here.create()
        await sandbox.exec("true")
        closed = None if internet else ["0.0.0.0/0"]
        assert here.machine.network.get("denyOut") == closed
        await sandbox.allow(["api.example.org:443"])
        assert here.machine.network.get("denyOut") == closed
        assert here.machine.network.get("allowOut") == (None if internet else ["api.example.org"])
        asked = len(here.there.requests)
        result = await sandbox.install(["ms@2.1.3"])
        assert result.exit_code == 0, result.stderr
        changes = [
            line for line in here.there.requests[asked:] if line.startswith("PUT ") and line.endswith("/network")
        ]
        assert len(changes) == 2  # opened, and closed again
        assert here.machine.network.get("denyOut") == closed
        assert here.machine.network.get("allowPublicTraffic") is False
        assert '"ms": "' in (here.app / "package.json").read_text()
        assert "https://" not in (here.app / "package-lock.json").read_text()
