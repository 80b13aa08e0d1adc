"""What code in a sandbox cannot do."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_appbuilder.errors import InvalidInput, Unavailable
from jupyter_appbuilder.sandbox.local import LocalSandbox
from jupyter_appbuilder.sandbox.local.isolation.base import Plan
from jupyter_appbuilder.sandbox.local.isolation.seatbelt import profile_of
from jupyter_appbuilder.sandbox.local.isolation.shared import Ground

from .conftest import MakePlace


async def test_the_home_directory_and_other_folders_do_not_exist(place: MakePlace, tmp_path: Path):
    (tmp_path / "beside.txt").write_text("private")
    async with place() as here:
        for path in (Path.home(), tmp_path, Path.cwd(), "/etc/shadow", "/root", "/var/lib"):
            result = await here.sandbox.exec(["ls", str(path)])
            assert result.exit_code != 0, path
            assert "No such file" in result.stderr


async def test_a_link_to_the_outside_leads_nowhere(place: MakePlace, tmp_path: Path):
    secret = tmp_path / "secret.txt"
    secret.write_text("private")
    async with place() as here:
        (here.app / "link").symlink_to(secret)
        result = await here.sandbox.exec("cat link; cat ../secret.txt")
        assert result.exit_code != 0
        assert "private" not in result.stdout


async def test_only_the_app_can_be_written(place: MakePlace):
    async with place() as here:
        result = await here.sandbox.exec("echo mine > made.txt && echo ok")
        assert (result.stdout, (here.app / "made.txt").read_text()) == ("ok\n", "mine\n")
        for path in ("/usr/x", "/x", "/etc/x", "/dev/x", "/opt/node/x", "/proc/sys/kernel/core_pattern"):
            result = await here.sandbox.exec(f"echo x > {path}")
            assert result.exit_code != 0, path


async def test_the_hosts_loopback_is_out_of_reach(place: MakePlace):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        async with place() as here:
            probe = f"require('net').connect({port}, '127.0.0.1').on('connect', () => console.log('reached'))"
            result = await here.sandbox.exec(["node", "-e", probe])
            assert "ECONNREFUSED" in result.stderr
            assert "reached" not in result.stdout


async def test_the_servers_environment_stays_outside(place: MakePlace, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-private")
    async with place() as here:
        result = await here.sandbox.exec("env; cat /proc/*/environ | tr '\\0' '\\n'", env={"MINE": "1"})
        assert "MINE=1" in result.stdout
        assert "private" not in result.stdout
        assert "OPENAI" not in result.stdout


async def test_other_processes_cannot_be_seen(place: MakePlace):
    async with place() as here:
        result = await here.sandbox.exec("ls -d /proc/[0-9]* | wc -l")
        assert int(result.stdout) < 10


async def test_code_cannot_gain_privileges(place: MakePlace):
    async with place() as here:
        result = await here.sandbox.exec("grep -E 'NoNewPrivs|Cap(Prm|Eff|Bnd)' /proc/self/status; unshare -U true")
        lines = result.stdout.split()
        assert lines[lines.index("NoNewPrivs:") + 1] == "1"
        assert lines[lines.index("CapBnd:") + 1] == "0" * 16
        assert result.exit_code != 0  # no user namespace within


async def test_a_repository_inside_the_app_cannot_be_made(place: MakePlace):
    async with place() as here:
        result = await here.sandbox.exec("mkdir -p deep/er && git init -q deep/er; git init -q . || echo refused")
        assert "refused" in result.stdout
        assert not (here.app / "deep/er/.git").exists()
        assert list((here.app / ".git").iterdir()) == []


async def test_a_folder_outside_is_no_place_to_run_in(place: MakePlace):
    async with place() as here:
        with pytest.raises(InvalidInput, match="outside"):
            await here.sandbox.exec("true", cwd="../..")


async def test_without_bubblewrap_it_refuses_and_says_what_to_install(place: MakePlace, tmp_path: Path):
    provider = LocalSandbox(tmp_path / "cache", bubblewrap="no-such-bwrap", isolation="bubblewrap")
    checks = {check.name: check for check in await provider.check()}
    assert not checks["isolation"].ok
    assert "apt install bubblewrap" in checks["isolation"].hint
    with pytest.raises(Unavailable, match="apt install bubblewrap"):
        async with place(bubblewrap="no-such-bwrap", isolation="bubblewrap"):
            pass


def forbidden(folder: Path) -> str:
    """A bubblewrap as it is where user namespaces are forbidden."""
    program = folder / "bwrap"
    program.write_text("#!/bin/sh\necho 'bwrap: Creating new namespace failed: Operation not permitted' >&2\nexit 1\n")
    program.chmod(0o755)
    return str(program)


async def test_where_namespaces_are_forbidden_bubblewrap_refuses(place: MakePlace, tmp_path: Path):
    with pytest.raises(Unavailable, match="Creating new namespace failed") as caught:
        async with place(bubblewrap=forbidden(tmp_path), isolation="bubblewrap"):
            pass
    assert "user namespaces" in caught.value.hint


async def test_where_namespaces_are_forbidden_landlock_is_chosen(place: MakePlace, tmp_path: Path):
    async with place(bubblewrap=forbidden(tmp_path)) as here:
        described = await here.provider.describe_isolation()
        assert described.kind == "landlock"
        assert "Weaker than bubblewrap" in described.detail
        checks = {check.name: check for check in await here.provider.check()}
        assert checks["isolation"].ok
        assert "Creating new namespace failed" in checks["isolation"].detail  # why not the stronger one
        assert (await here.sandbox.exec("echo works")).stdout == "works\n"


async def test_where_nothing_works_it_refuses_and_names_every_reason(
    place: MakePlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("jupyter_appbuilder.sandbox.local.isolation.landlock.landlock_version", lambda: 0)
    with pytest.raises(Unavailable, match="Creating new namespace failed") as caught:
        async with place(bubblewrap=forbidden(tmp_path)):
            pass
    assert "user namespaces" in caught.value.hint
    assert "Landlock is missing" in caught.value.hint


async def test_check_tells_how_limits_are_enforced(place: MakePlace):
    async with place() as here:
        checks = {check.name: check for check in await here.provider.check()}
        assert all(check.ok for check in checks.values())
        assert "enforced by" in checks["limits"].detail


async def test_no_isolation_at_all_must_be_named_and_warns(place: MakePlace, tmp_path: Path):
    async with place(isolation="none") as here:
        described = await here.provider.describe_isolation()
        assert described.kind == "none"
        assert "not isolated" in described.warning
        checks = {check.name: check for check in await here.provider.check()}
        assert not checks["isolation"].ok
        result = await here.sandbox.exec("echo mine > made.txt; pwd; echo $HOME; node -p 1+1; exit 3", env={"A": "b"})
        assert result.exit_code == 3
        assert result.stdout.splitlines()[0] == str(here.app)
        assert result.stdout.splitlines()[2] == "2"
        server = await here.sandbox.serve("/base/")
        assert server.state == "ready", server


def test_macos_gets_a_profile_that_names_the_app_and_little_else(tmp_path: Path):
    """Only its text: there is no Mac to try it on."""
    plan = Plan(["true"], [], {}, "/", 1, listen=(3, 4567))
    ground = Ground(
        plan, tmp_path / "run", (Path("/opt/node"),), (tmp_path / 'my "app"',), (), (4600,), None, (tmp_path,)
    )
    profile = profile_of(ground)
    assert profile.count("(") == profile.count(")")
    assert "(deny default)" in profile
    assert f'(subpath "{tmp_path}/my \\"app\\"")' in profile
    assert f'(deny file-write*\n  (subpath "{tmp_path}/.git"))' in profile
    assert 'network-outbound (remote ip "localhost:4600")' in profile
    assert str(Path.home()) not in profile.replace(str(Path(os.path.realpath(sys.executable)).parent.parent), "")


def test_windows_is_told_what_works_there():
    """The platform is only said to be another, after what reads it for itself was imported."""
    script = """
import asyncio, importlib.metadata, sys, traitlets.config, jupyter_appbuilder.sandbox.providers as providers
from jupyter_appbuilder.errors import Unavailable
sys.platform = "win32"
try:
    providers.find_provider("local")
except Unavailable as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "does not run on Windows" in done.stdout
    assert "WSL" in done.stdout
    assert "E2B" in done.stdout
