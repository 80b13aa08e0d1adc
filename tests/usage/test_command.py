"""``jupyter appbuilder usage``."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from jupyter_appbuilder.cli.main import parser, run
from jupyter_appbuilder.events import Draft
from jupyter_appbuilder.log import SqliteEventStore


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("JUPYTER_NO_CONFIG", "1")
    return tmp_path / "data" / "appbuilder"


def used(data: Path, model: str, **more: Any) -> None:
    async def store() -> None:
        log = SqliteEventStore(data / "log.db")
        await log.claim(model)
        usage = {"input_tokens": 120_000, "output_tokens": 3_000, "cached_tokens": 100_000, "cost": 0.25} | more
        await log.append(model, [Draft("usage.recorded", {"turn": "t1", "model": model, "usage": usage})])
        await log.close()

    asyncio.run(store())


def ask(*arguments: str) -> int:
    return run(parser().parse_args(["usage", *arguments]))


def test_it_says_that_nothing_was_used_and_what_may_be(data: Path, capsys: pytest.CaptureFixture[str]):
    assert ask() == 0
    said = capsys.readouterr()
    assert "No model was asked in the last 30 days." in said.err
    assert "The administrator's budgets: 2,000,000 tokens a request" in said.out


def test_it_lists_days_models_and_apps_and_marks_what_is_not_exact(data: Path, capsys: pytest.CaptureFixture[str]):
    used(data, "openai:gpt-6.1-sol")
    used(data, "gateway:unheard-of", cost=None, estimated=True)
    (data / "budgets.json").write_text(json.dumps({"day": {"dollars": 0.2}}))
    assert ask("--days", "7") == 0
    said = capsys.readouterr()
    lines = [line.split() for line in said.out.splitlines()]
    assert ["openai:gpt-6.1-sol", "1", "120,000", "100,000", "3,000", "$0.25"] in lines
    assert ["gateway:unheard-of", "1", "≈", "120,000", "100,000", "≈", "3,000", "not", "known"] in lines
    assert any(line[-2:] == ["≥", "$0.25"] for line in lines)
    assert "Today's budget: $0.25 of $0.20 used, used up" in said.out
    assert "Yours budgets" not in said.out
    assert "c.AppBuilder.prices" in said.err


def test_programs_get_one_json_object(data: Path, capsys: pytest.CaptureFixture[str]):
    used(data, "openai:gpt-6.1-sol")
    assert ask("--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["total"]["cost"], found["total"]["requests"]) == (0.25, 1)
    assert ask("--days", "0", "--json") == 2
