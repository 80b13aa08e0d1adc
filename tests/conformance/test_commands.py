"""Commands: their output, their ends, and what they leave."""

from __future__ import annotations

import pytest

from .conftest import Provided


@pytest.mark.parametrize(
    ("command", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -TERM $$", 143), ("no-such-command", 127)]
)
async def test_exit_codes_are_those_of_a_shell(provided: Provided, command: str, code: int):
    async with provided() as subject:
        sandbox = await subject.create()
        result = await sandbox.exec(command)
        assert (result.exit_code, result.ended) == (code, "exit")
