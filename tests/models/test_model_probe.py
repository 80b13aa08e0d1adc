"""``doctor --model``: what is found out of a model by asking it, and that it is used so afterwards."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from model_server import ModelServer, Step, model_server

from jupyter_appbuilder.errors import InvalidInput
from jupyter_appbuilder.events import DEMO
from jupyter_appbuilder.models import openai_compatible
from jupyter_appbuilder.models.adaptive import AdaptiveModel
from jupyter_appbuilder.models.catalog import Catalog
from jupyter_appbuilder.models.model_probe import TOKENS, ModelReport, probe_model
from jupyter_appbuilder.models.providers import Credentials

KEY = "sk-test-not-a-secret"
COUNTING: Step = {"text": "one, two, three, four, five", "delay": 0.01}
READY: Step = {"text": json.dumps({"tool": "report_word", "arguments": {"word": "ready"}})}
RED: Step = {"text": "Red."}


def catalog(server: ModelServer, folder: Path) -> Catalog:
    return Catalog(Credentials(folder / "providers.json", {"custom": {"base_url": server.url, "api_key": KEY}}, {}))


async def report(folder: Path, steps: Sequence[Step], model: str = "custom:scripted", **options: Any) -> ModelReport:
    async with model_server(steps, **options) as server:
        known = catalog(server, folder)
        found = await probe_model(known, model)
        kept = known.resolve(model)
        assert isinstance(kept, AdaptiveModel)
        assert kept.capabilities.calling == found.calling, "it is used as the report says"
        assert kept.context_window == found.context_window
        assert KEY not in json.dumps(found.to_json())
        return found


def outcomes(found: ModelReport) -> dict[str, str]:
    return {check.name: check.outcome for check in found.checks}


async def test_a_model_that_can_do_everything_says_so(tmp_path: Path):
    found = await report(tmp_path, [COUNTING, READY, RED], window=128_000)
    assert set(outcomes(found).values()) == {"yes"}
    assert (found.usable, found.calling, found.profile, found.context_window) == (True, "native", "full", 128_000)
    assert "own tool calls" in found.verdict
    assert "128,000" in found.verdict
    assert found.tokens_per_second
    assert 0 < found.tokens_used <= TOKENS


async def test_a_small_model_without_tools_is_told_how_it_will_be_used(tmp_path: Path):
    no = {"status": 400, "body": {"error": {"message": "image input is not supported"}}}
    found = await report(tmp_path, [COUNTING, READY, no], window=8192, tools="ignored")
    assert outcomes(found) | {"tools": "no", "images": "no"} == outcomes(found)
    assert (found.calling, found.profile) == ("schema", "small")
    assert "JSON schema" in found.verdict


async def test_an_endpoint_that_knows_nothing_is_read_as_text(tmp_path: Path):
    found = await report(tmp_path, [{**COUNTING, "usage": None, "plain": True}, RED], tools="refused", formats=[])
    assert found.usable
    assert found.calling == "text"
    told = outcomes(found)
    assert (told["streaming"], told["usage"], told["schema"], told["context"]) == ("no", "no", "no", "unknown")
    assert all(check.hint for check in found.checks if check.outcome == "no" and check.name != "images")


async def test_a_schema_that_is_taken_and_not_kept_is_noticed(tmp_path: Path):
    found = await report(tmp_path, [COUNTING, {"text": "Sure: ready!"}, RED], tools="ignored")
    assert outcomes(found)["schema"] == "no"
    assert found.usable


async def test_a_refused_key_ends_it_with_the_next_step_and_without_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(openai_compatible, "RETRIES", 0)
    refusal = {"status": 401, "body": {"error": {"message": f"Incorrect API key provided: {KEY}"}}}
    found = await report(tmp_path, [refusal])
    assert not found.usable
    assert "did not accept the API key" in found.verdict
    assert "model settings" in found.verdict
    assert found.checks[-1].outcome == "no"


async def test_a_model_that_is_not_there_is_told_with_those_that_are(tmp_path: Path):
    missing = {"status": 404, "body": {"error": {"message": "no such model"}}}
    found = await report(tmp_path, [missing], "custom:qwen", models=["llama", "phi"])
    assert not found.usable
    assert "llama, phi" in str(found.checks)


async def test_nothing_listens_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(openai_compatible, "RETRIES", 0)
    async with model_server() as server:
        known = catalog(server, tmp_path)
    found = await probe_model(known, "custom:scripted")
    assert (found.usable, [check.outcome for check in found.checks]) == (False, ["no"])
    assert "Could not connect" in found.verdict


async def test_a_test_finds_out_anew(tmp_path: Path):
    async with model_server([COUNTING, READY, RED]) as server:
        known = catalog(server, tmp_path)
        model = known.resolve("custom:scripted")
        assert isinstance(model, AdaptiveModel)
        model.learn(calling="text", context_window=512)
        await probe_model(known, "custom:scripted")
        assert (model.capabilities.calling, model.context_window) == ("native", None)


async def test_the_recorded_demo_is_not_tested(tmp_path: Path):
    async with model_server() as server:
        with pytest.raises(InvalidInput):
            await probe_model(catalog(server, tmp_path), DEMO)
