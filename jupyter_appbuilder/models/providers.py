"""Model providers: the known ones, and where addresses and keys are stored."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast
from urllib.parse import urlsplit

from ..errors import InvalidInput
from ..settings import write_settings
from .redaction import public_url

SETTINGS = ("base_url", "api_key")
"""What can be said of a provider in the configuration."""

Source = Literal["panel", "configuration", "environment", ""]


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider as shipped. ``native`` ones go through pydantic-ai, all others speak the OpenAI format."""

    name: str
    title: str
    base_url: str = ""
    key_variable: str = ""
    url_variable: str = ""
    default_model: str = ""
    keys_url: str = ""
    start_hint: str = ""
    local: bool = False  # runs on the person's own machine and needs no key
    native: bool = False


HUB = "hub"
"""The service of a JupyterHub (docs/hub.md). Its key is the server's own token."""

_PROVIDERS = (
    Provider(
        HUB,
        "JupyterHub",
        "",
        "JUPYTERHUB_API_TOKEN",
        "APPBUILDER_HUB_URL",
        start_hint="It may be restarting: continue in a minute. If it stays away, ask the Hub's administrator.",
    ),
    Provider(
        "openai",
        "OpenAI",
        "https://api.openai.com/v1",
        "OPENAI_API_KEY",
        "OPENAI_BASE_URL",
        "gpt-6.1-sol",
        "https://platform.openai.com/api-keys",
    ),
    Provider(
        "anthropic",
        "Anthropic",
        "",
        "ANTHROPIC_API_KEY",
        "ANTHROPIC_BASE_URL",
        "claude-sonnet-5-5",
        "https://console.anthropic.com/settings/keys",
        native=True,
    ),
    Provider(
        "google",
        "Google Gemini",
        "",
        "GEMINI_API_KEY",
        "",
        "gemini-3.8-flash",
        "https://aistudio.google.com/apikey",
        native=True,
    ),
    Provider("bedrock", "Amazon Bedrock", "", "AWS_BEARER_TOKEN_BEDROCK", "", native=True),
    Provider(
        "mistral",
        "Mistral",
        "https://api.mistral.ai/v1",
        "MISTRAL_API_KEY",
        "",
        "mistral-large-4",
        "https://console.mistral.ai/api-keys",
    ),
    Provider(
        "zai",
        "Z.ai (GLM)",
        "https://api.z.ai/api/paas/v4",
        "ZAI_API_KEY",
        "ZAI_BASE_URL",
        "glm-5.3",
        "https://z.ai/manage-apikey/apikey-list",
    ),
    Provider(
        "deepseek",
        "DeepSeek",
        "https://api.deepseek.com/v1",
        "DEEPSEEK_API_KEY",
        "",
        "deepseek-v4-pro",
        "https://platform.deepseek.com/api_keys",
    ),
    Provider(
        "openrouter",
        "OpenRouter",
        "https://openrouter.ai/api/v1",
        "OPENROUTER_API_KEY",
        "",
        "",
        "https://openrouter.ai/keys",
    ),
    Provider("groq", "Groq", "https://api.groq.com/openai/v1", "GROQ_API_KEY", "", "", "https://console.groq.com/keys"),
    Provider(
        "together",
        "Together AI",
        "https://api.together.xyz/v1",
        "TOGETHER_API_KEY",
        "",
        "",
        "https://api.together.ai/settings/api-keys",
    ),
    Provider("azure", "Azure OpenAI", "", "AZURE_OPENAI_API_KEY", "AZURE_OPENAI_ENDPOINT"),
    Provider(
        "ollama",
        "Ollama",
        "http://127.0.0.1:11434/v1",
        "OLLAMA_API_KEY",
        "OLLAMA_HOST",
        start_hint="Is Ollama running? Start it with `ollama serve`.",
        local=True,
    ),
    Provider(
        "lmstudio",
        "LM Studio",
        "http://127.0.0.1:1234/v1",
        url_variable="LMSTUDIO_BASE_URL",
        start_hint="Is LM Studio's server running? Start it in its Developer tab, or with `lms server start`.",
        local=True,
    ),
    Provider(
        "vllm",
        "vLLM",
        "http://127.0.0.1:8000/v1",
        "VLLM_API_KEY",
        "VLLM_BASE_URL",
        start_hint="Is vLLM running? Start it with `vllm serve MODEL --enable-auto-tool-choice`.",
        local=True,
    ),
    Provider(
        "llamacpp",
        "llama.cpp",
        "http://127.0.0.1:8080/v1",
        "LLAMA_API_KEY",
        "LLAMACPP_BASE_URL",
        start_hint="Is llama.cpp's server running? Start it with `llama-server --jinja -m MODEL.gguf`.",
        local=True,
    ),
    Provider(
        "gguf",
        "Model file (GGUF)",
        start_hint="Name a file as gguf:/folder/model.gguf, or choose one in the panel's model settings.",
        local=True,
    ),
    Provider("custom", "Custom endpoint", "", "APPBUILDER_API_KEY", "APPBUILDER_BASE_URL"),
)

PROVIDERS: Mapping[str, Provider] = {provider.name: provider for provider in _PROVIDERS}


@dataclass(frozen=True, slots=True)
class ProviderStatus:
    """A provider's settings without its key, for display."""

    name: str
    title: str
    base_url: str  # without user, password and query
    has_key: bool
    key_source: Source
    key_variable: str
    keys_url: str
    local: bool
    native: bool
    configured: bool
    stored: bool  # something of it was entered in the panel
    problem: Mapping[str, str] | None = None  # message and hint: why it could not be used when last asked


class Credentials:
    """Addresses and keys of providers.

    Three places, the later one wins: the environment, ``configured`` (``c.AppBuilder.providers``, by provider:
    ``base_url``, ``api_key``), and ``file``, which the panel writes (mode 0600). Keys go to the endpoints and nowhere
    else: only ``api_key`` hands one out, for a request.
    """

    def __init__(
        self,
        file: Path,
        configured: Mapping[str, Mapping[str, str]] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._file = file
        self._configured = configured or {}
        self._environment = os.environ if environment is None else environment
        self._cached: tuple[int, dict[str, dict[str, str]]] = (0, {})

    @property
    def folder(self) -> Path:
        """Where the file is, and what else is kept of models."""
        return self._file.parent

    def provider(self, name: str) -> Provider:
        """A known provider, or one that the configuration or the panel added by its base URL."""
        known = PROVIDERS.get(name)
        if known:
            return known
        if name in self._configured or name in self._stored():
            return Provider(name, name)
        raise InvalidInput(
            f"There is no model provider {name!r}.",
            hint=f"Choose one of: {', '.join(self.names())}; or add it to c.AppBuilder.providers with a base_url.",
            reason="unknown_provider",
            field="model",
        )

    def names(self) -> list[str]:
        """All that can be set up; a Hub's service only where there is one."""
        known = [name for name in PROVIDERS if name != HUB or self.is_configured(HUB)]
        return [*known, *sorted({*self._configured, *self._stored()} - PROVIDERS.keys())]

    def api_key(self, name: str) -> str:
        return self._find(name, "api_key", self.provider(name).key_variable)[0]

    def base_url(self, name: str) -> str:
        """The endpoint's URL as set, or the provider's own; empty where there is none. May hold secrets."""
        provider = self.provider(name)
        url, source = self._find(name, "base_url", provider.url_variable)
        if source == "environment" and name == "azure":
            url = url.rstrip("/") + ("" if "/openai" in url else "/openai/v1")
        if source == "environment" and name == "ollama":
            url = _ollama_url(url)
        if source == "environment" and name == HUB:
            url = url.rstrip("/") + ("" if url.rstrip("/").endswith("/v1") else "/v1")
        return url or provider.base_url

    def is_configured(self, name: str) -> bool:
        """True if it can be asked: a key for those that need one, an address for those that have none."""
        provider = self.provider(name)
        url_set = bool(self._find(name, "base_url", provider.url_variable)[0])
        if provider.native:
            return bool(self.api_key(name)) or (name == "bedrock" and self._has_aws())
        if provider.name in ("custom", "azure", HUB) or provider.name not in PROVIDERS:
            return url_set
        return url_set or bool(self.api_key(name))

    def status(self, name: str) -> ProviderStatus:
        provider = self.provider(name)
        key, source = self._find(name, "api_key", provider.key_variable)
        return ProviderStatus(
            name,
            provider.title,
            public_url(self.base_url(name)),
            bool(key),
            source,
            provider.key_variable,
            provider.keys_url,
            provider.local,
            provider.native,
            self.is_configured(name),
            name in self._stored(),
        )

    def set_provider(self, name: str, *, base_url: str | None = None, api_key: str | None = None) -> None:
        """Store settings as the panel does: None keeps what is there, an empty text removes it.

        Raises ``InvalidInput`` for a name or URL that cannot be used.
        """
        if not name.replace("-", "").replace("_", "").isalnum() or name == "demo":
            raise InvalidInput(
                "A provider's name has only letters, digits, - and _.", hint="Choose another name.", field="provider"
            )
        if base_url:
            _check_address(base_url)
        stored = {key: dict(value) for key, value in self._stored().items()}
        entry = stored.setdefault(name, {})
        for key, value in (("base_url", base_url), ("api_key", api_key)):
            if value is not None:
                entry[key] = value.strip()
                if not entry[key]:
                    del entry[key]
        entry.pop("model", None)  # it was tried with what is replaced now
        if not entry:
            del stored[name]
        self._write(stored)

    def tried(self, name: str) -> str:
        """The model of a provider set up in the panel that answered when it was tried there; empty for none."""
        return self._stored().get(name, {}).get("model", "")

    def remember(self, name: str, model: str) -> None:
        """A model has answered. Kept for what was set up in the panel: there is no other place to name it."""
        stored = self._stored()
        if name in stored and stored[name].get("model") != model:
            self._write(stored | {name: stored[name] | {"model": model}})

    def _find(self, name: str, setting: str, variable: str) -> tuple[str, Source]:
        stored = self._stored().get(name, {}).get(setting)
        if stored:
            return stored, "panel"
        configured = self._configured.get(name, {}).get(setting, "").strip()
        if configured:
            return configured, "configuration"
        value = self._environment.get(variable, "").strip() if variable else ""
        return (value, "environment") if value else ("", "")

    def _has_aws(self) -> bool:
        return bool(self._environment.get("AWS_ACCESS_KEY_ID") or self._environment.get("AWS_PROFILE"))

    def _stored(self) -> dict[str, dict[str, str]]:
        try:
            changed = self._file.stat().st_mtime_ns
        except OSError:
            return {}
        if self._cached[0] != changed:
            try:
                data = json.loads(self._file.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                data = {}
            self._cached = (changed, _clean(data))
        return self._cached[1]

    def _write(self, stored: Mapping[str, Any]) -> None:
        write_settings(self._file, stored)
        self._cached = (0, {})


def check_configured(providers: Mapping[str, Any]) -> None:
    """Raise ``InvalidInput`` for what ``c.AppBuilder.providers`` cannot hold."""
    for name, settings in providers.items():
        if not isinstance(settings, Mapping):
            raise InvalidInput(
                f"{name} is no table of settings.", hint=f'Write {{"{name}": {{"base_url": "https://…"}}}}.'
            )
        for key, value in cast("Mapping[str, Any]", settings).items():
            if key not in SETTINGS:
                raise InvalidInput(f"{name} has no setting {key!r}.", hint=f"There are: {', '.join(SETTINGS)}.")
            if not isinstance(value, str):
                raise InvalidInput(f"{key} of {name} is no text.", hint="Write it in quotes.")
        if base_url := cast("Mapping[str, str]", settings).get("base_url", "").strip():
            _check_address(base_url, f"The base URL of {name}")


def _check_address(base_url: str, what: str = "The base URL") -> None:
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidInput(
            f"{what} is not an http or https address.",
            hint="Write it like https://api.example.com/v1.",
            field="base_url",
        )


def _clean(data: Any) -> dict[str, dict[str, str]]:
    """The file's content as far as it has the right shape: a person may have edited it."""
    if not isinstance(data, dict):
        return {}
    entries = cast("dict[str, Any]", data)
    return {
        name: {key: value for key, value in cast("dict[str, Any]", entry).items() if isinstance(value, str)}
        for name, entry in entries.items()
        if isinstance(entry, dict)
    }


def _ollama_url(host: str) -> str:
    """``OLLAMA_HOST`` as a base URL: it may be a host, host:port or URL, and 0.0.0.0 when it configures the server."""
    url = host if "://" in host else f"http://{host}"
    parts = urlsplit(url)
    name = "127.0.0.1" if parts.hostname in (None, "0.0.0.0") else parts.hostname  # noqa: S104
    port = parts.port or (443 if parts.scheme == "https" else 11434)
    return f"{parts.scheme}://{name}:{port}/v1"
