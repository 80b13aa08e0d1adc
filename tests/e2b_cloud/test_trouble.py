"""What goes wrong with a cloud: told with the next step, or mended without a word. Nothing is lost."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from jupyter_appbuilder.errors import AppBuilderError, Unavailable
from jupyter_appbuilder.sandbox.e2b import E2BSandbox
from jupyter_appbuilder.sandbox.e2b.cloud import find_key

from .cloud import Fault
from .stage import Place, place, until

CREATE = r"POST /v2/sandboxes$"
START = r"POST /process.Process/Start"


async def refusal(here: Place) -> Unavailable:
    sandbox = await here.create()
    with pytest.raises(Unavailable) as refused:
        await sandbox.exec("true")
    error = refused.value
    assert error.message.endswith(".")
    assert error.hint
    assert here.there.key not in str(error) + repr(error)
    return error


# Settings


async def test_without_a_key_it_says_how_to_set_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("E2B_API_KEY", raising=False)
    provider = E2BSandbox(tmp_path)
    with pytest.raises(Unavailable, match="E2B_API_KEY"):
        await provider.describe_isolation()
    (finding,) = await provider.check()
    assert not finding.ok
    assert "E2B_API_KEY" in finding.hint


async def test_without_the_extra_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "e2b", None)
    with pytest.raises(Unavailable, match=r"pip install 'jupyter-appbuilder\[e2b\]'"):
        await E2BSandbox(tmp_path, api_key="e2b_x").describe_isolation()


async def test_the_key_is_in_nothing_that_is_shown(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    caplog.set_level("DEBUG")
    async with place(tmp_path) as here:
        sandbox = await here.create()
        await sandbox.serve("/")
        result = await sandbox.exec("env; cat ~/.appbuilder/* 2>/dev/null")
        here.there.faults.append(Fault(START, 500, {"message": f"the key {here.there.key} is bad"}, times=5))
        with pytest.raises(AppBuilderError) as refused:
            await sandbox.exec("true")
        cloud = await here.provider.cloud()
        shown = [here.provider.trait_values(), vars(cloud), cloud.settings, sandbox.server, result, refused.value]
        assert here.there.key not in "".join(map(repr, shown)) + str(refused.value) + caplog.text
        assert sandbox.server.address
        assert here.machine.traffic_token not in repr(sandbox.server)
        assert find_key("given") == "given"


async def test_a_key_that_is_not_accepted_is_told(tmp_path: Path):
    async with place(tmp_path, api_key="e2b_of_somebody_else") as here:
        error = await refusal(here)
    assert error.reason == "e2b_key_refused"
    assert "of_somebody_else" not in str(error)


# Limits


async def test_a_rate_limit_that_passes_is_waited_for(tmp_path: Path):
    async with place(tmp_path) as here:
        here.there.faults.append(Fault(CREATE, 429, headers={"Retry-After": "1"}, times=2))
        sandbox = await here.create()
        assert (await sandbox.exec("echo at last")).stdout == "at last\n"


@pytest.mark.parametrize(("status", "reason"), [(429, "e2b_rate_limited"), (500, "e2b_busy"), (503, "e2b_busy")])
async def test_a_service_that_refuses_is_told_and_can_be_tried_again(tmp_path: Path, status: int, reason: str):
    async with place(tmp_path) as here:
        here.there.faults.append(Fault(CREATE, status, {"message": "not now"}, times=4))
        assert (await refusal(here)).reason == reason
        here.there.faults.clear()
        sandbox = await here.create()
        assert (await sandbox.exec("echo works")).stdout == "works\n"


async def test_the_plans_limit_is_told_with_a_way_out(tmp_path: Path):
    async with place(tmp_path, there={"limit": 0}) as here:
        error = await refusal(here)
    assert error.reason == "e2b_quota"
    assert "max_concurrent" in error.hint


async def test_our_own_limit_holds_and_frees_itself_when_one_sleeps(tmp_path: Path):
    async with place(tmp_path, max_concurrent=1) as here:
        one = await here.create("one")
        two = await here.create("two")
        await one.exec("true")
        with pytest.raises(Unavailable, match="max_concurrent"):
            await two.exec("true")
        await one.sleep()
        assert (await two.exec("echo now")).stdout == "now\n"
        with pytest.raises(Unavailable, match="max_concurrent"):
            await one.exec("true")
        await two.stop()
        assert (await one.exec("echo again")).stdout == "again\n"


async def test_a_template_that_is_not_built_is_made_up_for(tmp_path: Path):
    async with place(tmp_path) as here:
        del here.there.templates["appbuilder-plain"]
        sandbox = await here.create()
        said: list[str] = []
        assert (await sandbox.serve("/", lambda step: said.append(step.message))).state == "ready"
        assert any("jupyter appbuilder templates build plain" in line for line in said)
        findings = {check.name: check for check in await here.provider.check()}
        assert findings["E2B"].ok
        assert "react-vite" in findings["E2B templates"].detail
        assert "templates build" in findings["E2B templates"].detail


# Losing it


async def test_a_connection_that_breaks_does_not_end_the_command(tmp_path: Path):
    async with place(tmp_path) as here:
        sandbox = await here.create()
        await sandbox.exec("true")
        # After the first words of the answer; the command goes on, and so must we.
        here.there.faults.append(Fault(START, drop_after=500))
        result = await sandbox.exec("sleep 1; echo counted >> count; echo end", timeout=20)
        assert (result.exit_code, result.ended) == (0, "exit")
        assert "interrupted" in result.stderr or result.stdout == "end\n"
        assert (here.app / "count").read_text() == "counted\n"  # once


async def test_the_exit_code_survives_a_connection_that_breaks_for_longer_than_the_command(tmp_path: Path):
    async with place(tmp_path) as here:
        sandbox = await here.create()
        await sandbox.exec("true")
        here.there.faults.append(Fault(START, drop_after=400))
        here.there.faults.append(Fault(r"POST /process.Process/Connect", delay=1.0))
        result = await sandbox.exec("sleep 0.3; exit 7", timeout=20)
        assert result.exit_code == 7


async def test_a_sandbox_that_is_gone_is_made_anew_with_every_file(tmp_path: Path):
    async with place(tmp_path) as here:
        sandbox = await here.create()
        await sandbox.exec("echo kept > kept")
        (here.app / "mine").write_text("mine")
        await here.there.kill(here.machine.id)
        said: list[str] = []
        result = await sandbox.exec("cat kept mine", on_output=lambda _, text: said.append(text))
        assert result.stdout == "kept\nmine"
        assert any("making a new one" in text for text in said)


async def test_a_preview_whose_sandbox_vanishes_comes_back_by_itself(tmp_path: Path):
    async with place(tmp_path) as here:
        sandbox = await here.create()
        first = await sandbox.serve("/")
        gone = here.machine.id
        await here.there.kill(gone)
        await until(lambda: sandbox.server.state == "failed")
        assert "cloud sandbox ended" in sandbox.server.message
        await until(lambda: sandbox.server.state == "ready")
        assert here.machine.id != gone
        assert sandbox.server.address != first.address


async def test_the_end_of_its_processes_may_be_told_before_the_end_of_a_sandbox(tmp_path: Path):
    async with place(tmp_path) as here:
        sandbox = await here.create()
        await sandbox.serve("/")
        there = here.there.sandboxes.pop(here.machine.id)
        try:
            there.machine.signal(signal.SIGKILL, "server.mjs")
            await until(lambda: sandbox.server.state == "failed")
            assert "cloud sandbox ended" in sandbox.server.message
            await until(lambda: sandbox.server.state == "ready")
        finally:
            await there.machine.destroy()


async def test_a_pause_by_the_service_is_only_a_pause(tmp_path: Path):
    """As when this machine was asleep for longer than the sandbox's time: what runs there goes on."""
    async with place(tmp_path) as here:
        sandbox = await here.create()
        assert (await sandbox.serve("/")).state == "ready"
        number = here.machine.id
        await here.there.pause(number)
        assert (await sandbox.exec("echo on")).stdout == "on\n"
        assert list(here.there.sandboxes) == [number]
        await until(lambda: sandbox.server.state == "ready")


async def test_a_pause_that_ends_processes_is_made_up_for_on_waking(tmp_path: Path):
    async with place(tmp_path, there={"keeps_memory": False}) as here:
        sandbox = await here.create()
        assert (await sandbox.serve("/")).state == "ready"
        await sandbox.sleep()
        assert sandbox.server.state == "asleep"
        await sandbox.wake()
        assert sandbox.server.state == "ready"
        assert (await sandbox.stats()).processes == 1


async def test_its_time_is_extended_while_it_is_used_and_runs_out_when_nobody_does(tmp_path: Path):
    async with place(tmp_path, timeout=2) as here:
        sandbox = await here.create()
        process = await sandbox.start("sleep 600")
        await asyncio.sleep(4)
        assert here.machine.state == "running"
        await process.kill()
        await until(lambda: here.machine.state == "paused", 20)
        assert (await sandbox.exec("echo again")).stdout == "again\n"


async def test_a_slow_service_can_be_cancelled_at_once(tmp_path: Path):
    async with place(tmp_path) as here:
        sandbox = await here.create()
        await sandbox.exec("true")
        here.there.faults.append(Fault(START, delay=30, times=10))
        running = asyncio.create_task(sandbox.exec("true"))
        await asyncio.sleep(0.3)
        running.cancel()
        async with asyncio.timeout(10):
            with pytest.raises(asyncio.CancelledError):
                await running
        here.there.faults.clear()
        assert (await sandbox.exec("echo works")).stdout == "works\n"


async def test_what_is_cancelled_ends_also_while_its_answer_arrives(tmp_path: Path):
    """The SDK's requests may swallow it; then a command that was stopped would go on."""
    async with place(tmp_path) as here:
        sandbox = await here.create()
        await sandbox.exec("true")
        machine = sandbox._machine
        assert machine
        requests = (partial(machine.set_timeout, 300), partial(machine.limit_network, None))
        for request in requests:
            began = time.monotonic()
            await request()
            took = time.monotonic() - began
            for number in range(150):
                running = asyncio.create_task(request())
                await asyncio.sleep(1.5 * took * number / 150)
                cancelling = running.cancel()
                await asyncio.wait({running})
                assert running.cancelled() == cancelling


# Time limits


async def test_a_time_limit_of_the_sdk_cannot_cancel_the_task_that_runs_a_command(tmp_path: Path):
    """From Python 3.12 on the SDK cancels, when a stream's limit has passed, whichever task opened it."""
    async with place(tmp_path) as here:
        sandbox = await here.create()
        await sandbox.exec("true")
        theirs = sandbox._machine.sandbox  # type: ignore[union-attr]

        async def trap() -> str:
            await theirs.commands.run("sleep 600", background=True, timeout=1)
            await asyncio.sleep(3)
            return "survived"

        caught: Any = await asyncio.gather(asyncio.create_task(trap()), return_exceptions=True)
        if sys.version_info >= (3, 12):
            assert isinstance(caught[0], asyncio.CancelledError)  # else there is nothing to be safe from
        assert all("Connect-Timeout-Ms" not in line for line in here.there.requests)

        async def ours() -> str:
            process = await sandbox.start("sleep 600")
            result = await sandbox.exec("sleep 600", timeout=1)
            assert result.ended == "timeout"
            await asyncio.sleep(3)
            assert process.running
            await process.kill()
            return "survived"

        assert await asyncio.create_task(ours()) == "survived"
