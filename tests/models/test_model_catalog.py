"""Which models are offered, and where their keys are kept."""

from __future__ import annotations

import json
import stat
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from model_server import model_server
from traitlets import TraitError

from jupyter_appbuilder.builder import AppBuilder
from jupyter_appbuilder.errors import InvalidInput
from jupyter_appbuilder.events import DEMO
from jupyter_appbuilder.models import catalog as catalog_module
from jupyter_appbuilder.models.base import ModelError
from jupyter_appbuilder.models.catalog import Catalog
from jupyter_appbuilder.models.connection import check_connection
from jupyter_appbuilder.models.providers import PROVIDERS, Credentials

KEY = "sk-abcdefgh12345678"


def credentials(tmp_path: Path, environment: dict[str, str] | None = None, **configured: dict[str, str]) -> Credentials:
    return Credentials(tmp_path / "data" / "providers.json", configured, environment or {})


def test_the_panel_wins_over_the_configuration_which_wins_over_the_environment(tmp_path: Path):
    keys = credentials(
        tmp_path, {"OPENAI_API_KEY": "from-env", "GROQ_API_KEY": "groq-env"}, openai={"api_key": "from-config"}
    )
    assert keys.api_key("groq") == "groq-env"
    assert keys.api_key("openai") == "from-config"
    keys.set_provider("openai", api_key="from-panel")
    assert keys.api_key("openai") == "from-panel"
    assert keys.status("openai").key_source == "panel"
    keys.set_provider("openai", api_key="")
    assert keys.api_key("openai") == "from-config"


def test_a_key_from_the_panel_is_kept_for_the_owner_only_and_never_shown(tmp_path: Path):
    keys = credentials(tmp_path)
    keys.set_provider("openai", base_url="https://me:hidden@proxy.example/v1?token=secret", api_key=KEY)
    file = tmp_path / "data" / "providers.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text())["openai"]["api_key"] == KEY
    shown = json.dumps(asdict(keys.status("openai")))
    assert keys.status("openai").has_key
    assert not any(secret in shown for secret in (KEY, "hidden", "secret"))
    assert credentials(tmp_path).api_key("openai") == KEY  # another process reads it


def test_settings_that_cannot_be_used_are_refused_by_field(tmp_path: Path):
    keys = credentials(tmp_path)
    with pytest.raises(InvalidInput) as caught:
        keys.set_provider("openai", base_url="file:///etc/passwd")
    assert caught.value.field == "base_url"
    with pytest.raises(InvalidInput) as caught:
        keys.set_provider("../x", api_key=KEY)
    assert caught.value.field == "provider"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("sk-secret", "gateway is no table of settings."),
        ({"url": "https://llm.example.org"}, "gateway has no setting 'url'."),
        ({"api_key": 3}, "api_key of gateway is no text."),
        ({"base_url": "llm.example.org/v1"}, "The base URL of gateway is not an http or https address."),
    ],
)
def test_a_configured_provider_that_cannot_be_is_refused_by_name_and_no_key_is_told(settings: Any, said: str):
    with pytest.raises(TraitError) as refused:
        AppBuilder(providers={"gateway": settings})
    assert said in str(refused.value)
    assert "sk-secret" not in str(refused.value)


def test_a_damaged_file_does_not_stop_anything(tmp_path: Path):
    keys = credentials(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "providers.json").write_text('["not", {"what": 1}')
    assert keys.api_key("openai") == ""
    keys.set_provider("openai", api_key=KEY)
    assert keys.api_key("openai") == KEY


def test_the_usual_variables_are_respected(tmp_path: Path):
    environment = {
        "OPENAI_BASE_URL": "http://127.0.0.1:9999/v1",
        "OLLAMA_HOST": "0.0.0.0:1234",
        "AZURE_OPENAI_ENDPOINT": "https://res.openai.azure.com/",
    }
    keys = credentials(tmp_path, environment)
    assert keys.base_url("openai") == "http://127.0.0.1:9999/v1"
    assert keys.base_url("ollama") == "http://127.0.0.1:1234/v1"
    assert keys.base_url("azure") == "https://res.openai.azure.com/openai/v1"
    assert keys.is_configured("openai")
    assert not keys.is_configured("groq")


def test_a_key_pasted_with_a_line_break_still_works(tmp_path: Path):
    assert credentials(tmp_path, {"OPENAI_API_KEY": f" {KEY}\n"}).api_key("openai") == KEY


def test_the_default_model_is_the_configured_one_then_one_with_a_key_then_the_demo(tmp_path: Path):
    assert Catalog(credentials(tmp_path)).default() == DEMO
    assert Catalog(credentials(tmp_path, {"ZAI_API_KEY": KEY})).default().startswith("zai:")
    both = {"ZAI_API_KEY": KEY, "OPENAI_API_KEY": KEY}
    assert Catalog(credentials(tmp_path, both)).default() == f"openai:{PROVIDERS['openai'].default_model}"
    assert Catalog(credentials(tmp_path, both), model="ollama:qwen3:8b").default() == "ollama:qwen3:8b"


def test_an_id_becomes_a_model(tmp_path: Path):
    catalog = Catalog(credentials(tmp_path, {"OPENAI_API_KEY": KEY}, campus={"base_url": "http://127.0.0.1:1/v1"}))
    assert catalog.resolve("ollama:qwen3:8b").name == "ollama:qwen3:8b"
    assert catalog.resolve("openai:gpt-6.1-sol").name == "openai:gpt-6.1-sol"
    assert catalog.resolve("campus:llama").name == "campus:llama"
    demo = catalog.resolve(DEMO)
    assert demo.recorded
    assert not catalog.resolve("openai:gpt-6.1-sol").recorded


@pytest.mark.parametrize("id", ["gpt-6.1-sol", "openai:", ":x", "nowhere:model", "demo:other"])
def test_an_id_that_names_nothing_is_refused_with_an_example(tmp_path: Path, id: str):
    with pytest.raises(InvalidInput) as caught:
        Catalog(credentials(tmp_path)).resolve(id)
    assert caught.value.field == "model"
    assert caught.value.hint


def test_a_provider_without_a_key_says_which_variable_to_set(tmp_path: Path):
    with pytest.raises(ModelError) as caught:
        Catalog(credentials(tmp_path)).resolve("openai:gpt-6.1-sol")
    assert "OPENAI_API_KEY" in caught.value.hint


def test_a_native_provider_without_the_extra_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModelError) as caught:
        Catalog(credentials(tmp_path, {"ANTHROPIC_API_KEY": KEY})).resolve("anthropic:claude-sonnet-5-5")
    assert "pip install jupyter-appbuilder[models]" in caught.value.hint


async def test_configured_endpoints_are_asked_for_their_models(tmp_path: Path):
    async with model_server(models=["qwen3", "text-embedding-3"]) as server:
        keys = credentials(tmp_path, {"OPENAI_API_KEY": KEY}, custom={"base_url": server.url})
        keys.set_provider("openai", base_url=server.url)
        models = {info.id: info for info in await Catalog(keys).list_models()}
        assert any(r.headers.get("authorization") == f"Bearer {KEY}" for r in server.other_requests)
    assert models["custom:qwen3"].configured
    assert models["openai:qwen3"].configured
    assert not any("embedding" in id for id in models)
    assert models[DEMO].recorded
    assert not models["groq:"].configured
    assert "GROQ_API_KEY" in models["groq:"].hint


async def test_models_that_can_be_used_come_first(tmp_path: Path):
    async with model_server(models=["qwen3"]) as server:
        models = await Catalog(credentials(tmp_path, custom={"base_url": server.url})).list_models()
    usable = [info.configured for info in models]
    assert usable == sorted(usable, reverse=True)
    assert not models[0].recorded


async def test_local_servers_are_found_and_missing_ones_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    async with model_server(models=["qwen3:8b"]) as server:
        here = replace(PROVIDERS["ollama"], base_url=server.url)
        gone = replace(PROVIDERS["lmstudio"], base_url="http://127.0.0.1:9/v1")
        monkeypatch.setattr(Credentials, "provider", lambda self, name: {"ollama": here, "lmstudio": gone}[name])
        monkeypatch.setattr(Credentials, "names", lambda self: ["ollama", "lmstudio"])
        models = {info.id: info for info in await Catalog(credentials(tmp_path)).list_models()}
    assert models["ollama:qwen3:8b"].configured
    assert models["ollama:qwen3:8b"].local
    assert not models["lmstudio:"].configured
    assert "Is LM Studio" in models["lmstudio:"].hint


async def test_the_list_is_kept_for_a_while_and_asked_anew_when_settings_change(tmp_path: Path):
    async with model_server(models=["qwen3"]) as server:
        catalog = Catalog(credentials(tmp_path, custom={"base_url": server.url}))
        await catalog.list_models()
        await catalog.list_models()
        assert len(server.other_requests) == 1
        catalog.forget()
        await catalog.list_models()
        assert len(server.other_requests) == 2


async def test_an_endpoint_that_hangs_does_not_hold_up_the_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(catalog_module, "LISTING_TIMEOUT", 0.0)
    async with model_server() as server:
        keys = credentials(tmp_path, {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": server.url})
        models = {info.id: info for info in await Catalog(keys).list_models()}
    offered = models[f"openai:{PROVIDERS['openai'].default_model}"]
    assert offered.configured
    assert "did not answer" in offered.hint


async def test_a_wrong_key_is_told_where_it_was_typed_and_stays_with_the_provider_until_it_is_mended(tmp_path: Path):
    for lists_to_all in (False, True):  # some list their models to anybody, and refuse only the answer
        async with model_server(key=KEY, lists_to_all=lists_to_all) as server:
            keys = credentials(tmp_path)
            catalog = Catalog(keys)
            keys.set_provider("gateway", base_url=server.url, api_key="sk-wrong-0123456789")
            found = await check_connection(catalog, "gateway")
            assert not found.ok
            assert "key" in f"{found.message} {found.hint}"
            assert "sk-wrong" not in json.dumps(found.to_json())
            assert catalog.status("gateway").problem == {"message": found.message, "hint": found.hint}
            keys.set_provider("gateway", api_key=KEY)
            found = await check_connection(catalog, "gateway")
            assert (found.ok, found.message) == (True, "gateway:scripted answers and calls tools.")
            assert catalog.status("gateway").problem is None


async def test_the_model_that_answered_in_the_settings_is_what_new_sessions_use_in_every_process(tmp_path: Path):
    async with model_server(models=("able",)) as server:
        keys = credentials(tmp_path)
        keys.set_provider("custom", base_url=server.url, api_key=KEY)
        assert Catalog(keys).default() == DEMO
        assert (await check_connection(Catalog(keys), "custom")).ok
    assert Catalog(credentials(tmp_path)).default() == "custom:able"
    keys.set_provider("custom", base_url="http://127.0.0.1:9/v1")
    assert not (await check_connection(Catalog(keys), "custom")).ok
    assert Catalog(credentials(tmp_path)).default() == DEMO
    keys.remember("custom", "able")
    keys.set_provider("custom", base_url="", api_key="")
    assert not credentials(tmp_path).status("custom").stored


async def test_a_dead_address_is_told(tmp_path: Path):
    catalog = Catalog(credentials(tmp_path, gateway={"base_url": "http://127.0.0.1:9/v1"}))
    found = await check_connection(catalog, "gateway")
    assert not found.ok
    assert "127.0.0.1:9" in found.message
    await catalog.list_models()
    problem = catalog.status("gateway").problem
    assert problem
    assert "127.0.0.1:9" in problem["message"]


async def test_an_endpoint_that_lists_nothing_asks_for_a_name_and_is_tried_with_it(tmp_path: Path):
    async with model_server(models=()) as server:
        catalog = Catalog(credentials(tmp_path, gateway={"base_url": server.url}))
        found = await check_connection(catalog, "gateway")
        assert (found.ok, found.hint) == (False, "Enter the name of a model.")
        assert (await check_connection(catalog, "gateway", "scripted")).ok


async def test_a_server_on_this_machine_does_not_load_a_model_for_that(tmp_path: Path):
    async with model_server(models=("a", "b"), ollama=True) as server:
        catalog = Catalog(credentials(tmp_path, ollama={"base_url": server.url}))
        found = await check_connection(catalog, "ollama")
        assert (found.ok, found.message) == (True, "Ollama answers. It lists 2 models.")
        assert all(request.method == "GET" for request in server.other_requests)


async def test_every_model_of_a_long_list_is_offered(tmp_path: Path):
    async with model_server(models=[f"m{number}" for number in range(400)]) as server:
        catalog = Catalog(credentials(tmp_path, gateway={"base_url": server.url}))
        assert sum(info.provider == "gateway" for info in await catalog.list_models()) == 400
