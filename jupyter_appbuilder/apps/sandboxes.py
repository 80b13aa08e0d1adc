"""Sandboxes of this process: providers, running sandboxes and ready ones."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary

from ..errors import AppBuilderError, Forbidden, NotFound
from .process_socket import ControlSocket

if TYPE_CHECKING:
    from ..sandbox.base import ReadyPool, SandboxProvider
    from ..templates.templates import Template
    from .running import RunningApp

log = logging.getLogger(__name__)


class Sandboxes:
    """The sandboxes of one ``AppBuilder``.

    ``configured`` is its provider's name, or ``auto``; ``make(provider class)`` makes a provider with its settings;
    ``apps`` are those of its sessions, with their names; ``pooling`` says whether sandboxes may stand ready before they
    are asked for; ``label`` is how other processes are told whose they are.
    """

    def __init__(
        self,
        configured: str,
        make: Callable[[Callable[..., SandboxProvider]], SandboxProvider],
        apps: Callable[[], Iterable[tuple[RunningApp, str]]],
        *,
        pooling: bool,
        label: str,
    ) -> None:
        self._own = configured
        self.required: Callable[[], str] = lambda: ""
        """The name of the only provider that new sandboxes may be of, where there is a rule."""
        self._make = make
        self._apps_of_sessions = apps
        self._pooling = pooling
        self._made: dict[str, SandboxProvider] = {}  # by name
        self._chosen = ""  # what ``auto`` stands for, once tried
        self._unrecorded: WeakKeyDictionary[RunningApp, str] = WeakKeyDictionary()
        self._control = ControlSocket(label, self._handle)
        self.acts: dict[str, Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]] = {}
        """What else other processes may ask of this one, by what a request wants done."""

    # Providers

    @property
    def _configured(self) -> str:
        return self.required() or self._own

    def provider(self, name: str = "") -> SandboxProvider:
        """The provider called ``name``, by default the configured one. ``auto`` is what ``choose`` found.

        Raises ``InvalidInput`` for an unknown name.
        """
        from ..sandbox.providers import AUTO, find_provider

        name = name or self._configured
        name = (self._chosen or AUTO[0]) if name == "auto" else name
        if name not in self._made:
            self._made[name] = self._make(find_provider(name))
        return self._made[name]

    async def choose(self, name: str = "") -> SandboxProvider:
        """The same, but ``auto`` takes the first that can be used here. Raises ``Unavailable`` where none can,
        ``Forbidden`` where a rule is against it."""
        from ..sandbox.providers import first_usable

        if (required := self.required()) and name not in ("", "auto", required):
            raise Forbidden(
                f"Your administrator lets apps run in the sandbox {required!r} only, not in {name[:40]!r}.",
                hint="Choose that one.",
                reason="not_allowed",
                field="sandbox",
            )
        name = required or name
        if (name or self._configured) == "auto" and not self._chosen:
            self._chosen = await first_usable(self.provider)
        return self.provider(name)

    async def describe_providers(self) -> list[dict[str, Any]]:
        """Where apps can run, as JSON: the default first. One that cannot be used says why, and what to do."""
        from ..sandbox.providers import AUTO, find_providers

        with contextlib.suppress(AppBuilderError):
            await self.choose()
        default = (self._chosen or AUTO[0]) if self._configured == "auto" else self._configured
        found = [await self._describe_provider(name, name == default) for name in find_providers()]
        return sorted(found, key=lambda it: (not it["default"], not it["available"], it["name"]))

    async def _describe_provider(self, name: str, default: bool) -> dict[str, Any]:
        isolation, message, hint = None, "", ""
        try:
            isolation = asdict(await self.provider(name).describe_isolation())
        except AppBuilderError as error:
            message, hint = error.message, error.hint
        except Exception as error:
            # Of another package: whatever it is, the others can be used.
            log.warning("Sandbox provider %r cannot be used", name, exc_info=True)
            message = f"Sandbox {name!r} cannot be loaded ({type(error).__name__})."
            hint = "Update or uninstall the package that brings it."
        available = isolation is not None
        shown = {"name": name, "default": default, "available": available, "isolation": isolation}
        return shown | {"message": message, "hint": hint}

    # Sandboxes that run

    async def describe(self) -> list[dict[str, Any]]:
        """The sandboxes there are, as JSON: the oldest first; those that stand ready have no session."""

        async def describe(app: RunningApp, name: str) -> dict[str, Any] | None:
            found = await app.describe_sandbox()
            if found is None:
                return None
            named = {"session": app.session, "name": name, "template": app.template}
            return named | await self._kind_of(found["provider"]) | found

        found = await asyncio.gather(*(describe(app, name) for app, name in self._apps()))
        ready = [
            {"session": "", "name": "", "template": template} | await self._kind_of(name) | shown
            for name, provider in list(self._made.items())
            if (pool := self.pool(provider)) and hasattr(pool, "describe")
            for template, shown in await cast("Any", pool).describe()
        ]
        return sorted([*(it for it in found if it), *ready], key=lambda it: -it["age"])

    async def stop(self, session: str) -> None:
        """End a session's sandbox, named by the session's id or name. ``NotFound`` where it has none here."""
        for app, name in self._apps():
            if session in (app.session, name) and app.placed:
                await app.stop()
                return
        raise NotFound(
            f"No sandbox of {session!r} runs in this process.",
            hint="See which do: jupyter appbuilder sandboxes",
            reason="no_sandbox",
        )

    def placed(self) -> list[tuple[str, str]]:
        """Provider and state of each sandbox; ``waiting`` for those that stand ready."""
        ready = [
            (name, "waiting")
            for name, provider in self._made.items()
            for _ in range(getattr(self.pool(provider), "waiting", 0))
        ]
        return [*(placed for app, _ in self._apps() if (placed := app.placed)), *ready]

    async def track(self, app: RunningApp, name: str) -> None:
        """Take an app that no session knows among those that are listed and stopped, as long as it exists."""
        self._unrecorded[app] = name
        await self.listen()

    async def listen(self) -> None:
        """Let the command line ask this process for its sandboxes, from the first one on."""
        from ..sandbox.metrics import watch

        watch(self)
        try:
            await self._control.open()
        except OSError as error:
            log.warning("`jupyter appbuilder sandboxes` will not show those of this process: %s", error)

    async def close(self) -> None:
        """End what the providers hold. Sessions have to be closed before."""
        for provider in self._made.values():
            with contextlib.suppress(Exception):
                await provider.close()
        await self._control.close()

    async def _kind_of(self, provider: str) -> dict[str, str]:
        try:
            async with asyncio.timeout(5):
                return {"isolation": (await self.provider(provider).describe_isolation()).kind}
        except (AppBuilderError, TimeoutError):
            return {"isolation": ""}

    async def _handle(self, request: dict[str, Any]) -> dict[str, Any]:
        if act := self.acts.get(str(request.get("do"))):
            return await act(request)
        if request.get("do") != "stop":
            return {"sandboxes": await self.describe()}
        try:
            await self.stop(str(request.get("session")))
            return {"stopped": True}
        except NotFound:
            return {"stopped": False}

    def _apps(self) -> list[tuple[RunningApp, str]]:
        return [*self._apps_of_sessions(), *self._unrecorded.items()]

    # Sandboxes that stand ready

    def pool(self, provider: SandboxProvider) -> ReadyPool | None:
        return getattr(provider, "pool", None) if self._pooling else None

    def prewarm(
        self, template: Template, provider: SandboxProvider, folder: Path, reserve: Callable[[], str]
    ) -> Awaitable[None] | None:
        """Somebody is there, and may want a new app from ``template`` below ``folder`` soon; ``reserve`` gives the path
        of its preview. What is returned remains to be awaited, in the background."""
        pool = self.pool(provider)
        if pool:
            pool.keep(template, folder, reserve)
        return self.listen() if pool and not self._control.is_open else None

    def touch(self) -> None:
        """Keep ready sandboxes for another idle period: a person is still active."""
        for provider in self._made.values():
            if pool := self.pool(provider):
                pool.touch()
