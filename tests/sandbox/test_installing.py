"""The first installation of packages: what it tells meanwhile, how it ends, who does it, and that it is needed once."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from jupyter_appbuilder.errors import Unavailable
from jupyter_appbuilder.sandbox.base import Progress
from jupyter_appbuilder.sandbox.local.packages.dependencies import Unpacked

from .conftest import MakePlace, Place
from .test_dependencies import cut_off, registries, require

SEVERAL = {"is-odd": "3.0.1", "is-even": "1.0.0"}  # with those they need, six or more


async def locked(here: Place) -> None:
    """Packages with a lock file, all of them in npm's cache, none installed."""
    require(here, **SEVERAL)
    await here.sandbox.prepare()
    shutil.rmtree(here.provider.cache_dir / "deps")


def ruins(here: Place) -> list[Path]:
    return list((here.provider.cache_dir / "deps").glob(".*"))


def npm_runs() -> bool:
    """Whether a process below this one is npm."""
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if process.status() != psutil.STATUS_ZOMBIE and "npm-cli.js" in " ".join(process.cmdline()):
                return True
    return False


async def test_progress_counts_and_names_packages(place: MakePlace):
    async with place() as here:
        await locked(here)
        steps: list[Progress] = []
        await here.sandbox.prepare(steps.append)
        counted = [step for step in steps if "finishing" not in step.message]
        told = [re.match(r"Installing packages: (\d+) of (\d+)( \(.+\))?", step.message) for step in counted]
        assert all(told), steps
        assert all(step.fraction is not None for step in steps)
        packages = json.loads((here.app / "package-lock.json").read_text())["packages"]
        assert {match[2] for match in told if match} == {str(len(packages) - 1)}
        names = {path.rpartition("node_modules/")[2] for path in packages}
        assert {match[3][2:-1] for match in told if match and match[3]} <= names
        # It is also what the preview shows while it starts.
        shutil.rmtree(here.provider.cache_dir / "deps")
        shown: list[str] = []
        serving = asyncio.create_task(here.sandbox.serve("/"))
        while not serving.done():
            shown.append(here.sandbox.server.message)
            await asyncio.sleep(0.02)
        assert any("Installing packages: " in message for message in shown), set(shown)


def test_from_its_pace_an_installation_tells_how_long_the_rest_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    folders = [f"node_modules/p{number}" for number in range(100)]
    unpacked = Unpacked(folders)
    told: list[str] = []
    for until, seconds in ((5, 10), (25, 10), (50, 100), (100, 20)):
        for folder in folders[:until]:
            (tmp_path / folder).mkdir(parents=True, exist_ok=True)
            (tmp_path / folder / "package.json").touch()
        now += seconds
        told.append(unpacked.look(tmp_path).message.rpartition(", ")[2])
    assert told == [
        "Installing packages: 5 of 100 (p4)",  # too little to go by
        "about 60 seconds left",
        "about 2 minutes left",
        "finishing",
    ]


async def test_a_cancelled_installation_ends_and_leaves_nothing_half_done(place: MakePlace):
    async with place() as here:
        await locked(here)
        for moment in (0.0, 0.1, 0.3):
            installing = asyncio.create_task(here.sandbox.prepare())
            while not ruins(here):
                await asyncio.sleep(0.01)
            await asyncio.sleep(moment)
            assert npm_runs() or moment == 0
            installing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await installing
            assert ruins(here) == []
            assert list((here.provider.cache_dir / "deps").glob("*/node_modules")) == []
            assert not npm_runs()
        await here.sandbox.prepare()
        assert (await here.sandbox.exec(["node", "-p", "require('is-odd')(3)"])).stdout == "true\n"


async def test_stopping_the_preview_ends_its_installation(place: MakePlace):
    async with place() as here:
        await locked(here)
        serving = asyncio.create_task(here.sandbox.serve("/"))
        while not ruins(here):
            await asyncio.sleep(0.01)
        await here.sandbox.stop()
        assert (await serving).state != "ready"
        assert ruins(here) == []


async def test_of_two_servers_one_installs_and_the_other_sees_how_far_it_is(place: MakePlace, tmp_path: Path):
    async with place() as here:
        await locked(here)
        async with place(cache_dir=here.provider.cache_dir) as there:
            first: list[Progress] = []
            second: list[Progress] = []
            one = asyncio.create_task(here.sandbox.prepare(first.append))
            while not ruins(here):
                await asyncio.sleep(0.01)
            two = asyncio.create_task(there.sandbox.prepare(second.append))
            await asyncio.gather(one, two)
            assert second[0].message == "Another session is installing the same packages"
            assert any(step.message.startswith("Installing packages: ") for step in second)
            assert len(list((here.provider.cache_dir / "deps").glob("*/node_modules"))) == 1
            for each in (here, there):
                assert (await each.sandbox.exec(["node", "-p", "require('is-odd')(3)"])).stdout == "true\n"


async def test_without_a_network_a_warm_cache_is_enough_for_everything(place: MakePlace, tmp_path: Path):
    async with place() as here:
        assert (await here.sandbox.install(["is-number@7.0.0"])).exit_code == 0
        saved = {name: (here.app / name).read_bytes() for name in ("package.json", "package-lock.json")}
        assert (await here.sandbox.install(["is-odd@3.0.1"])).exit_code == 0  # npm has it from now on
        for name, content in saved.items():
            (here.app / name).write_bytes(content)

    async with place(registries=await registries(**cut_off())) as here:
        server = await here.sandbox.serve("/")
        assert server.state == "ready", server
        used = "console.log(require('is-number')(5))"
        assert (await here.sandbox.exec(["node", "-e", used])).stdout == "true\n"
        result = await here.sandbox.install(["is-odd@3.0.1"])
        assert result.exit_code == 0, result.stderr
        assert (await here.sandbox.exec(["node", "-p", "require('is-odd')(3)"])).stdout == "true\n"
        with pytest.raises(Unavailable, match="could not be fetched") as caught:
            await here.sandbox.install(["left-pad"])
        assert "Connect to the network" in caught.value.hint
        assert "left-pad" not in (here.app / "package.json").read_text()
        assert (await here.sandbox.serve("/")).state == "ready"
