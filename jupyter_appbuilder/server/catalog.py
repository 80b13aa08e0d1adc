"""Choices for a new session: models and their providers, sample prompts."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, cast

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..errors import InvalidInput
from .base import AppBuilderHandler

if TYPE_CHECKING:
    from ..models.connection import Connection
    from ..models.model_probe import ModelReport
    from ..models.profile import Choice

GGUF = "gguf"


class ModelsHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def get(self) -> None:
        catalog = self.builder.catalog
        self.answer([model.to_json() | {"images": catalog.sees(model.id)} for model in await catalog.list_models()])


class _Trial(AppBuilderHandler):
    """Something asked of an endpoint, which may take its time. Whoever hangs up ends it."""

    async def _try(self, asking: Coroutine[Any, Any, ModelReport | Connection]) -> None:
        if found := await self.while_heard(asking):
            self.answer(found.to_json())


class ModelTestHandler(_Trial):
    """Asks a model for a few short answers: takes from seconds to minutes, and some of its tokens."""

    @web.authenticated
    @authorized
    async def post(self) -> None:
        from ..models.model_probe import probe_model

        model = self.body("model").text("model", max_length=2000)
        await self._try(probe_model(self.builder.catalog, model, profile=cast("Choice", self.builder.profile)))


class ProviderTestHandler(_Trial):
    """Test whether a provider works as configured: takes a second and few tokens."""

    @web.authenticated
    @authorized
    async def post(self, provider: str) -> None:
        from ..models.connection import check_connection

        body = self.body("model")
        model = body.text("model", "", max_length=2000) if "model" in body else ""
        await self._try(check_connection(self.builder.catalog, provider, model))


class ProvidersHandler(AppBuilderHandler):
    """Configured providers and where their settings come from; never a key."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        catalog = self.builder.catalog
        await catalog.list_models()  # what is wrong with them is found by asking
        self.answer([asdict(catalog.status(name)) for name in catalog.credentials.names()])


class ProviderHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def put(self, provider: str) -> None:
        body = self.body("base_url", "api_key", "path")
        if provider == GGUF:
            await self._offer(body.text("path", max_length=4000))
            return
        base_url = body.text("base_url", "", max_length=2000) if "base_url" in body else None
        api_key = body.text("api_key", "", max_length=2000) if "api_key" in body else None
        if base_url is None and api_key is None:
            raise InvalidInput("There is nothing to set.", hint="Send 'base_url', 'api_key' or both.", field="base_url")
        catalog = self.builder.catalog
        catalog.credentials.set_provider(provider, base_url=base_url, api_key=api_key)
        catalog.forget(provider)
        self.answer(asdict(catalog.status(provider)))

    async def _offer(self, path: str) -> None:
        """Offer a model's file from now on, if it is one."""
        catalog = self.builder.catalog
        assert catalog.local
        await asyncio.to_thread(catalog.local.offer, path)
        catalog.forget()
        self.answer(asdict(catalog.status(GGUF)))

    @web.authenticated
    @authorized
    async def delete(self, provider: str) -> None:
        catalog = self.builder.catalog
        catalog.credentials.provider(provider)
        catalog.credentials.set_provider(provider, base_url="", api_key="")
        if provider == GGUF and catalog.local:
            catalog.local.forget()
        catalog.forget(provider)
        self.set_status(204)
        self.finish()


class DemosHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def get(self) -> None:
        from ..models.demo.recordings import find_recordings

        self.answer(
            [
                {"name": demo.name, "title": demo.title, "prompt": demo.prompt, "after": demo.after}
                for demo in find_recordings().values()
                if demo.offered
            ]
        )
