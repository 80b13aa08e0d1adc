"""The catalog of models, and lookup by id ("provider:name")."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import AppBuilderError, InvalidInput
from ..events import DEMO
from .adaptive import AdaptiveModel
from .base import Model, ModelError, NoModel
from .capabilities import CapabilityStore
from .completions import listed_names
from .constrained import ConstrainedModel
from .dialects import known_dialect
from .openai_compatible import Endpoint, OpenAICompatibleModel
from .profile import SMALL_WINDOW
from .providers import PROVIDERS, Credentials, Provider, ProviderStatus

if TYPE_CHECKING:
    from .local.model import Answers, OnReading
    from .local.servers import LocalModels

GGUF = "gguf"
DISCOVERED = ("ollama", "lmstudio")  # looked for on loopback without being configured
DISCOVERY_TIMEOUT = 0.3  # seconds
LISTING_TIMEOUT = 4.0  # seconds, for GET /models of a configured endpoint
CACHE_SECONDS = 15.0
NOTE_SECONDS = 0.5  # after which people are told what is waited for
CALL_TOOLS = frozenset({"openai", "azure", "mistral", "zai", "deepseek", "groq"})
"""Providers all of whose models take tools: none of theirs is tried."""

UNUSABLE = frozenset({"unauthorized", "unreachable"})
"""Refusals of a list of models that mean that the endpoint refuses everything."""

NOT_CHAT = (
    "embed",
    "whisper",
    "tts",
    "image",
    "audio",
    "realtime",
    "moderation",
    "transcribe",
    "dall-e",
    "rerank",
    "ocr",
)


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """One model to choose from. ``configured``: it can be used now; if not, ``hint`` says what is missing."""

    id: str
    title: str
    provider: str
    configured: bool
    recorded: bool = False
    local: bool = False
    hint: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class Catalog:
    """The models of this installation. ``model`` is ``c.AppBuilder.model``, empty when it is not set; ``local`` are
    those in files."""

    def __init__(
        self,
        credentials: Credentials,
        *,
        model: str = "",
        recordings: Iterable[Path] = (),
        pace: float | None = None,
        local: LocalModels | None = None,
    ) -> None:
        self.credentials = credentials
        self._model = model
        self._recordings = tuple(recordings)
        self._pace = pace
        self.local = local
        self._lock = asyncio.Lock()
        self._listed: tuple[float, list[ModelInfo]] = (float("-inf"), [])
        self._names: dict[str, list[str]] = {}  # by provider, as last listed
        self._unlisted: dict[str, ModelError] = {}  # by provider: why it could not be asked for its models
        self._refused: dict[str, ModelError] = {}  # by provider: why it did not answer, though it lists its models
        self._capabilities = CapabilityStore(credentials.folder / "models.json")
        self.check: Callable[[str], None] = lambda model: None
        """Raises where a model may not be used."""
        self.allows: Callable[[str], bool] = lambda model: True
        """Whether it is offered."""

    def default(self) -> str:
        """The model a new session uses: the configured one, else the first provider's that is set up (the one that
        answered in the panel's model settings, else its usual one), else the recorded demo."""
        if self._model:
            return self._model
        for name in self.credentials.names():
            provider = self.credentials.provider(name)
            usual = provider.default_model if self.credentials.api_key(name) else ""
            if (model := self.credentials.tried(name) or usual) and self._usable(provider):
                return f"{name}:{model}"
        return DEMO

    async def require_model(self, model: str = "") -> None:
        """Raise ``NoModel`` where the recorded demo is all there is to answer, as ``model`` or as the default."""
        if (model or self.default()) == DEMO:
            listed = await self.list_models()
            raise NoModel([info.id for info in listed if info.configured and not info.recorded])

    def resolve(self, model: str = "") -> Model:
        """A model by its id, the default one for an empty id.

        Raises ``InvalidInput`` for an id that names nothing, ``ModelError`` when a key, address or package is missing,
        and what ``check`` raises.
        """
        model = model or self.default()
        self.check(model)
        if model == DEMO:
            from .demo.model import DemoModel

            return DemoModel(self._recordings, pace=self._pace)
        provider_name, colon, name = model.partition(":")
        if not (colon and provider_name and name) or provider_name == "demo":
            raise InvalidInput(
                f"{model!r} does not name a model.",
                hint=f"Write provider:name, for example openai:{PROVIDERS['openai'].default_model}, or {DEMO}.",
                reason="unknown_model",
                field="model",
            )
        provider = self.credentials.provider(provider_name)
        if provider_name == GGUF and self.local:
            from .local.model import GGUFModel

            return GGUFModel(self.local, name, self._connect)
        if not (provider.local or self.credentials.is_configured(provider_name)):
            raise ModelError(f"{provider.title} is not set up.", hint=_setup(provider), reason="not_configured")
        if provider.native:
            from .pydantic_ai import native_model

            key = self.credentials.api_key(provider_name)
            url = self.credentials.base_url(provider_name)
            return native_model(provider, name, api_key=key, base_url=url, store=self._capabilities)
        names = self._names
        endpoint = self._endpoint(provider)
        backend = OpenAICompatibleModel(endpoint, name, known=lambda: names.get(provider_name, []))
        # An official name at another address is a gateway, or somebody's own server.
        official = endpoint.base_url == provider.base_url or provider.name == "azure"
        return AdaptiveModel(backend, self._capabilities, trusted=provider.name in CALL_TOOLS and official)

    def _connect(self, endpoint: Endpoint, name: str, context_window: int, on_reading: OnReading) -> Answers:
        model = self.model_in_file(endpoint, name, context_window, on_reading)
        # A trial is not worth it for a small one: llama.cpp holds any model to a schema.
        return ConstrainedModel(model.backend, "schema") if context_window <= SMALL_WINDOW else model

    def model_in_file(
        self, endpoint: Endpoint, name: str, context_window: int, on_reading: OnReading | None = None
    ) -> AdaptiveModel:
        """The model ``name`` that runs at ``endpoint``. It is remembered by its file: the address is another each
        time."""
        backend = OpenAICompatibleModel(endpoint, name, context_window=context_window, on_reading=on_reading)
        return AdaptiveModel(backend, self._capabilities, place=replace(endpoint, base_url=""))

    def sees(self, model: str) -> bool:
        """Whether a model is known to take pictures, by its id; nothing is asked for it."""
        provider, _, name = model.partition(":")
        if model == DEMO or not name:
            return False
        try:
            place = self._endpoint(self.credentials.provider(provider))
        except InvalidInput:
            return False  # it is configured, and its provider is not there
        known = self._capabilities.of(place, name)
        if "images" in known.dialect:
            return known.dialect["images"] != "none"
        return known_dialect(provider, name).images != "none" if known.images is None else known.images

    def status(self, provider: str) -> ProviderStatus:
        """A provider's settings, as far as they may be shown, and what was wrong when it was last asked. Model files
        count as set up where there are any."""
        status = self.credentials.status(provider)
        if provider == GGUF and self.local:
            return replace(status, configured=bool(self.local.offers()))
        problem = self.problem(provider) if status.configured else None
        return replace(status, problem={"message": problem.message, "hint": problem.hint}) if problem else status

    def problem(self, provider: str) -> ModelError | None:
        """Why a provider that is set up could not be used when it was last asked."""
        return self._unlisted.get(provider) or self._refused.get(provider)

    def refused(self, provider: str, error: ModelError) -> None:
        """Keep that a provider refused an answer, or could not be reached for one, until its settings change."""
        self._refused[provider] = error

    def forget(self, provider: str = "") -> None:
        """Ask anew at the next ``list_models``: call it when settings changed, with the provider whose they are."""
        self._listed = (float("-inf"), [])
        self._unlisted.pop(provider, None)
        self._refused.pop(provider, None)

    async def list_models(self) -> list[ModelInfo]:
        """Everything to choose from, usable ones first. Never fails: what could not be asked says so in its hint."""
        async with self._lock:
            at, models = self._listed
            if time.monotonic() - at < CACHE_SECONDS:
                return [info for info in models if self.allows(info.id)]
            found = await asyncio.gather(*(self.offers(name) for name in self.credentials.names()))
            models = [info for offers in found for info in offers]
            if self._model and self._model != DEMO and all(info.id != self._model for info in models):
                provider, _, name = self._model.partition(":")
                models.append(ModelInfo(self._model, name or self._model, provider, configured=True))
            demo = ModelInfo(
                DEMO,
                "Recorded demo",
                "demo",
                configured=True,
                recorded=True,
                local=True,
                hint="Answers its sample prompts from recordings. No key and no network needed.",
            )
            models = sorted(
                [*models, demo], key=lambda info: (not info.configured, info.recorded, info.id != self._model)
            )
            self._listed = (time.monotonic(), models)
            return [info for info in models if self.allows(info.id)]

    async def offers(self, name: str) -> list[ModelInfo]:
        """The models of one provider, asked now. Never fails; ``problem`` says what kept it from answering."""
        self._unlisted.pop(name, None)
        provider = self.credentials.provider(name)
        configured = self.credentials.is_configured(name)
        if provider.native:
            return self._native_offers(provider, configured)
        if name == GGUF:
            return await asyncio.to_thread(self._files, provider)
        if not configured:
            if name in DISCOVERED:
                names = await _discover(provider)
                self._names[name] = names
                if names:
                    return [_info(provider, model) for model in names]
            return [_missing(provider)]
        await asyncio.to_thread(importlib.import_module, "openai")  # takes its time, which is not the endpoint's
        try:
            async with asyncio.timeout(LISTING_TIMEOUT):
                names = await self._ask(provider)
        except TimeoutError:
            hint = f"{provider.title} did not answer when asked for its models."
            self._unlisted[name] = ModelError(hint, hint=_reachable(provider), reason="unreachable")
        except AppBuilderError as error:
            hint = str(error)
            # One that lists nothing may answer all the same.
            if isinstance(error, ModelError) and error.reason in UNUSABLE:
                self._unlisted[name] = error
        else:
            hint = ""
            self._names[name] = names
            names = [model for model in names if not any(sign in model.lower() for sign in NOT_CHAT)]
            if provider.default_model in names:
                names = [provider.default_model, *(model for model in names if model != provider.default_model)]
            if names:
                return [_info(provider, model) for model in names]
        if provider.default_model:
            return [_info(provider, provider.default_model, hint)]
        return [
            ModelInfo(f"{name}:", provider.title, name, False, local=provider.local, hint=hint or "It lists no models.")
        ]

    def _native_offers(self, provider: Provider, configured: bool) -> list[ModelInfo]:
        if not configured:
            return [_missing(provider)]
        if not provider.default_model:
            return []
        if not _has_native():
            hint = "Install the package: pip install jupyter-appbuilder[models]"
            return [
                ModelInfo(f"{provider.name}:{provider.default_model}", provider.title, provider.name, False, hint=hint)
            ]
        return [_info(provider, provider.default_model)]

    def _files(self, provider: Provider) -> list[ModelInfo]:
        """The model files there are, those used before first."""
        if self.local is None:
            return []
        from .local.servers import INSTALL, is_installed

        hint = "" if is_installed() else INSTALL
        found = [
            ModelInfo(f"{GGUF}:{file}", Path(file).name, GGUF, not hint, local=True, hint=hint)
            for file in self.local.offers()
        ]
        return found or [ModelInfo(f"{GGUF}:", provider.title, GGUF, False, local=True, hint=hint or _setup(provider))]

    async def _ask(self, provider: Provider) -> list[str]:
        """The names that a configured endpoint lists."""
        endpoint = self._endpoint(provider)
        model = OpenAICompatibleModel(endpoint, "", known=tuple)
        return await model.names()

    def _endpoint(self, provider: Provider) -> Endpoint:
        return Endpoint(
            provider.name,
            provider.title,
            self.credentials.base_url(provider.name),
            self.credentials.api_key(provider.name),
            provider.key_variable,
            provider.start_hint,
            provider.keys_url,
        )

    def _usable(self, provider: Provider) -> bool:
        return not provider.native or _has_native()


async def prepare(model: Model, on_wait: Callable[[str], None]) -> None:
    """Have the endpoint tell of a model that is used for the first time, its context window above all. Ollama loads it
    for that: ``on_wait`` is told what is waited for, where it takes a while, and at the end an empty text."""
    if not isinstance(model, AdaptiveModel):
        return
    preparing = asyncio.ensure_future(model.prepare())
    waited = False
    try:
        if not (await asyncio.wait({preparing}, timeout=NOTE_SECONDS))[0]:
            endpoint, waited = model.backend.endpoint, True
            doing = "is loading" if endpoint.provider == "ollama" else "is asked about"
            on_wait(f"{endpoint.title} {doing} {model.backend.model} …")
            await asyncio.wait({preparing})
    finally:
        preparing.cancel()
        if waited:
            on_wait("")


def _has_native() -> bool:
    return importlib.util.find_spec("pydantic_ai") is not None


def _info(provider: Provider, model: str, hint: str = "") -> ModelInfo:
    return ModelInfo(f"{provider.name}:{model}", model, provider.name, True, local=provider.local, hint=hint)


def _missing(provider: Provider) -> ModelInfo:
    id = f"{provider.name}:{provider.default_model}"
    title = f"{provider.title}: {provider.default_model}" if provider.default_model else provider.title
    return ModelInfo(id, title, provider.name, False, local=provider.local, hint=_setup(provider))


def _setup(provider: Provider) -> str:
    if provider.local:
        return provider.start_hint
    if provider.native and not _has_native():
        return f"Run pip install jupyter-appbuilder[models], then set {provider.key_variable}."
    if provider.url_variable and not provider.base_url and not provider.native:
        return f"Set {provider.url_variable} and {provider.key_variable}, or enter them in the panel's model settings."
    if not provider.key_variable:
        return "Enter its base URL in the panel's model settings, or in c.AppBuilder.providers."
    return f"Enter the key in the panel's model settings, or set {provider.key_variable} before starting Jupyter."


def _reachable(provider: Provider) -> str:
    return provider.start_hint or "Check the base URL and the network."


async def _discover(provider: Provider) -> list[str]:
    """The models of a local server, empty when none answers. Asked directly: a proxy has no business on loopback."""
    from tornado.httpclient import HTTPRequest
    from tornado.simple_httpclient import SimpleAsyncHTTPClient

    client = SimpleAsyncHTTPClient(force_instance=True)
    request = HTTPRequest(
        f"{provider.base_url}/models", connect_timeout=DISCOVERY_TIMEOUT, request_timeout=DISCOVERY_TIMEOUT
    )
    try:
        answer = await client.fetch(request)
        return listed_names(json.loads(answer.body))
    except Exception:  # whatever it is that listens there, it is no model server
        return []
    finally:
        client.close()
