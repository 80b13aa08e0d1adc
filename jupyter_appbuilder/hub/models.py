"""The models that the service offers: where each is, who may use it, what it costs."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from ..errors import InvalidInput
from ..models.openai_compatible import AZURE_HOSTS
from ..models.providers import PROVIDERS
from ..models.redaction import public_url, url_secrets
from ..usage.prices import PriceList
from .ledger import Person, micros
from .upstream import place_of

OUTPUT = 16_384  # tokens of an answer that a request without a limit reserves
PROVIDER_SETTINGS = frozenset({"base_url", "key", "key_env", "key_file", "headers", "limit_field"})
MODEL_SETTINGS = frozenset({"provider", "model", "groups", "price", "max_output", "context_window", "fallback"})


@dataclass(frozen=True, slots=True)
class HubProvider:
    """An endpoint in OpenAI's format. ``key`` reads it anew each time: from a file it may be changed."""

    name: str
    base_url: str
    limit_field: str
    key_env: str = ""
    key_file: str = ""
    _key: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)

    @property
    def key(self) -> str:
        if self.key_file:
            try:
                return Path(self.key_file).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError):
                return ""
        return self._key or (os.environ.get(self.key_env, "") if self.key_env else "")

    @property
    def secrets(self) -> list[str]:
        return [secret for secret in (self.key, *self.headers.values(), *url_secrets(self.base_url)) if secret]

    def url(self, path: str) -> str:
        base, mark, query = self.base_url.partition("?")
        return f"{base.rstrip('/')}/{path}{mark}{query}"

    def request_headers(self) -> dict[str, str]:
        found = {"Content-Type": "application/json", "Accept": "text/event-stream, application/json", **self.headers}
        if key := self.key:
            azure = (urlsplit(self.base_url).hostname or "").endswith(AZURE_HOSTS)
            found |= {"api-key": key} if azure else {"Authorization": f"Bearer {key}"}
        return found


@dataclass(frozen=True, slots=True)
class HubModel:
    """A model under the name that people see. ``groups``: whose members may use it; none: everybody."""

    name: str
    provider: HubProvider
    model: str
    groups: frozenset[str]
    max_output: int
    context_window: int | None
    fallback: tuple[str, ...]
    prices: PriceList = field(repr=False)

    def allowed(self, person: Person) -> bool:
        return not self.groups or not self.groups.isdisjoint(person.groups)

    def cost(self, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> int:
        """Micro-dollars."""
        known = self.prices.cost(f"{self.provider.name}:{self.model}", input_tokens, output_tokens, cached_tokens)
        return micros(known or 0.0)

    @property
    def price(self) -> tuple[float, float, float]:
        """US dollars for a million tokens: input, output, cached input."""
        million = 1_000_000
        costs = self.cost(million, 0), self.cost(0, million), self.cost(million, 0, million)
        return costs[0] / million, costs[1] / million, costs[2] / million

    def output_for(self, amount: int) -> int:
        """How many tokens of an answer an amount pays for."""
        million = self.cost(0, 1_000_000)
        return amount * 1_000_000 // million if million else 1_000_000_000

    def to_json(self) -> dict[str, Any]:
        body: dict[str, Any] = {"id": self.name, "object": "model", "created": 0, "owned_by": "hub"}
        return body | {"context_window": self.context_window} if self.context_window else body


def read_models(
    providers: Mapping[str, Mapping[str, Any]], models: Mapping[str, Mapping[str, Any]]
) -> dict[str, HubModel]:
    """The configuration's tables. Raises ``InvalidInput`` that names the entry, and never repeats a key."""
    known = {name: _provider(name, given) for name, given in providers.items()}
    found: dict[str, HubModel] = {}
    for name, given in models.items():
        where = f"c.HubService.models[{name!r}]"
        _only(where, given, MODEL_SETTINGS)
        provider = known.get(str(given.get("provider", "")))
        if provider is None:
            raise InvalidInput(
                f"{where} names no provider of c.HubService.providers: {given.get('provider')!r}.", field="models"
            )
        upstream = str(given.get("model") or name)
        price = given.get("price")
        configured = {f"{provider.name}:{upstream}": cast("Sequence[float]", price)} if price is not None else {}
        prices = PriceList(configured, lambda _, url=provider.base_url: url)
        if not prices.known(f"{provider.name}:{upstream}"):
            raise InvalidInput(
                f"No price is known for {where}, so no budget could hold.",
                hint="Set its 'price': (input, output, cached input) in US dollars per million tokens; (0, 0) is free.",
                field="models",
            )
        most = given.get("max_output", OUTPUT)
        window = given.get("context_window")
        for value in (most, *([window] if window is not None else [])):
            if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= 100_000_000:
                raise InvalidInput(f"{where}: max_output and context_window are numbers of tokens.", field="models")
        found[name] = HubModel(
            name,
            provider,
            upstream,
            frozenset(_texts(where, given, "groups")),
            most,
            window,
            tuple(_texts(where, given, "fallback")),
            prices,
        )
    for model in found.values():
        for other in model.fallback:
            if other not in found:
                raise InvalidInput(
                    f"c.HubService.models[{model.name!r}] falls back to {other!r}, which is no model of it.",
                    field="models",
                )
    return found


def _provider(name: str, given: Mapping[str, Any]) -> HubProvider:
    where = f"c.HubService.providers[{name!r}]"
    _only(where, given, PROVIDER_SETTINGS)
    shipped = PROVIDERS.get(name)
    base_url = str(given.get("base_url") or (shipped.base_url if shipped else ""))
    try:
        place_of(base_url)
    except ValueError:
        raise InvalidInput(
            f"{where} has no base URL that can be used: {public_url(base_url)!r}.",
            hint='Write it like "https://api.openai.com/v1".',
            field="providers",
        ) from None
    strict = name in ("openai", "azure") or "api.openai.com" in base_url
    key_env = str(given.get("key_env") or "")
    if not key_env and not given.get("key") and not given.get("key_file") and shipped:
        key_env = shipped.key_variable
    headers: Any = given.get("headers") or {}
    if not isinstance(headers, Mapping):
        raise InvalidInput(f"{where}: 'headers' is a table of names and values.", field="providers")
    return HubProvider(
        name,
        base_url,
        str(given.get("limit_field", "max_completion_tokens" if strict else "max_tokens")),
        key_env,
        str(given.get("key_file") or ""),
        str(given.get("key") or ""),
        {str(key): str(value) for key, value in cast("Mapping[str, Any]", headers).items()},
    )


def _only(where: str, given: object, known: frozenset[str]) -> None:
    if not isinstance(given, Mapping):
        raise InvalidInput(f"{where} is a table.", field=where)
    unknown = sorted(str(key) for key in cast("Mapping[Any, Any]", given) if key not in known)
    if unknown:
        raise InvalidInput(
            f"{where} has an unknown setting: {', '.join(unknown)}.", hint=f"It takes {', '.join(sorted(known))}."
        )


def _texts(where: str, given: Mapping[str, Any], key: str) -> list[str]:
    value = given.get(key, ())
    if isinstance(value, str) or not isinstance(value, (list, tuple, set, frozenset)):
        raise InvalidInput(f"{where}: {key!r} is a list of names.", field="models")
    return [str(one) for one in cast("Sequence[Any]", value)]
