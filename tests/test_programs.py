"""Tests start no program that a bare machine lacks."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import pytest
from programs import WATCH, base, programs_of, unnamed

RULE = "system-test:\n\t@tests/system_packages.sh bwrap:bubblewrap git:git\n"


def test_the_programs_of_a_shells_line_inside_a_sandbox_are_seen():
    started = set(
        programs_of(["bwrap", "--bind", "/x", "/x", "--", "/bin/sh", "-c", "f() { cd app; }; f && curl -s x | jq ."])
    )
    assert started == {"bwrap", "cd", "curl", "jq"}


def test_a_program_that_only_this_machine_has_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    if not base():
        pytest.skip("only Debian's package database tells which programs every machine has")
    stranger = tmp_path / "stranger"
    stranger.write_text("#!/bin/sh\n")
    stranger.chmod(0o755)
    monkeypatch.setattr("programs.SYSTEM", f"{tmp_path}:/usr/bin:/bin")
    assert unnamed(["stranger", "sh", "awk", "bwrap", "npm", "not-there"], RULE) == {"stranger"}
    assert unnamed(["stranger"], RULE.replace("git:git", "git:git stranger:package")) == set()


async def test_what_a_test_starts_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    if not base():
        pytest.skip("only Debian's package database tells which programs every machine has")
    stranger = tmp_path / "stranger"
    stranger.write_text("#!/bin/sh\n")
    stranger.chmod(0o755)
    monkeypatch.setattr("programs.SYSTEM", f"{tmp_path}:/usr/bin:/bin")
    subprocess.run([stranger], check=True)
    process = await asyncio.create_subprocess_exec("sh", "-c", str(stranger))
    await process.wait()
    assert WATCH.strangers() == {"stranger"}
