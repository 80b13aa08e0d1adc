"""E2B's cloud as a sandbox provider."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from traitlets import Bool, Dict, Float, Int, Unicode

from ...errors import Unavailable
from ...templates.templates import Template, find_templates
from ..base import Check, Isolation, OnProgress, Progress
from ..cloud.base import CloudProvider
from ..cloud.machine import Machine
from ..cloud.sandbox import CloudSandbox
from .cloud import E2B, NoTemplate, Settings, find_key, load_sdk
from .machine import E2BMachine

PREFIX = "appbuilder-"


class E2BSandbox(CloudProvider):
    """Makes sandboxes in E2B's cloud. Its traits are what ``c.E2BSandbox`` sets.

    ``cache_dir`` is not used: packages are kept in E2B's templates. ``allow`` are hosts that sandboxes may reach.
    """

    name = "e2b"
    too_many_hint = (
        "Stop a session you do not need, wait until idle ones sleep, or raise c.E2BSandbox.max_concurrent if your E2B "
        "plan allows more."
    )

    api_key = Unicode(
        help="""The API key of your E2B team. Better given as the environment variable E2B_API_KEY: configuration files
        are read by more people. It is not kept in this trait, logged or shown."""
    ).tag(config=True)
    api_url = Unicode(help="E2B's API, if self-hosted. Default: E2B_API_URL, else E2B's own.").tag(config=True)
    sandbox_url = Unicode(
        help="""One address that stands in front of all sandboxes, if self-hosted; requests then name the sandbox in a
        header. Default: E2B_SANDBOX_URL, else each sandbox has a host of its own."""
    ).tag(config=True)
    domain = Unicode(help="The domain of E2B's API and sandboxes. Default: E2B_DOMAIN, else E2B's own.").tag(
        config=True
    )
    template_prefix = Unicode(
        PREFIX, help="Our template NAME is called PREFIX + NAME at E2B (`jupyter appbuilder templates build`)."
    ).tag(config=True)
    templates = Dict(
        Unicode(), help="E2B's name or id of a template, by our name, where it is not the prefix and the name."
    ).tag(config=True)
    base_template = Unicode("base", help="What is used where our template is not built: E2B's own base image.").tag(
        config=True
    )
    timeout = Int(
        600, help="Seconds after which E2B pauses a sandbox that nobody uses; extended while a session is active."
    ).tag(config=True)
    request_timeout = Float(60.0, help="Seconds that one request to E2B may take.").tag(config=True)
    max_concurrent = Int(20, help="Sandboxes that this server lets run at once. Your plan has a limit, too.").tag(
        config=True
    )
    direct_preview = Bool(
        False,
        help="""Whether the app's address at E2B is public: anyone who knows it can open it. Otherwise only this
        server's preview, which keeps the access token, reaches it.""",
    ).tag(config=True)
    internet = Bool(
        False,
        help="""Whether code in cloud sandboxes may reach the whole internet. Otherwise it reaches what was allowed for
        the session, and package registries while packages are installed.""",
    ).tag(config=True)

    def __init__(self, cache_dir: Path, *, allow: Iterable[str] = (), **traits: Any) -> None:
        super().__init__(allow, **traits)
        # A trait's value is shown by whoever prints configurables.
        self.__key, self.api_key = self.api_key, ""
        self._cloud: E2B | None = None
        self._starting = asyncio.Lock()

    async def create(self, session: str, workspace: Path, template: Template) -> CloudSandbox:
        await self.cloud()
        return CloudSandbox(session, await asyncio.to_thread(workspace.resolve), template, self)

    async def describe_isolation(self) -> Isolation:
        await self.cloud()
        return Isolation("e2b", "E2B's cloud: a virtual machine of its own for each session, away from this one")

    async def check(self) -> list[Check]:
        try:
            cloud = await self.cloud()
        except Unavailable as error:
            return [Check("E2B", False, error.message, error.hint)]
        try:
            running = await cloud.running()
        except Unavailable as error:
            return [Check("E2B", False, error.message, error.hint)]
        findings = [Check("E2B", True, f"reachable with this key; {running} sandboxes run there")]
        built: list[str] = []
        missing: list[str] = []
        for name in find_templates():
            try:
                (built if await cloud.has_template(self.template_name(name)) else missing).append(name)
            except Unavailable as error:
                return [*findings, Check("E2B templates", False, error.message, error.hint)]
        told = [f"built: {', '.join(built)}"] if built else []
        if missing:
            told.append(
                f"not built, so that apps start slower from E2B's base image: {', '.join(missing)} "
                f"(jupyter appbuilder templates build {missing[0]})"
            )
        findings.append(Check("E2B templates", True, "; ".join(told)))
        return findings

    # For its sandboxes

    async def obtain(
        self,
        cloud: Any,
        template: str,
        metadata: Mapping[str, str],
        hosts: Collection[str] | None,
        on_progress: OnProgress | None,
    ) -> Any:
        alias = self.template_name(template)
        arguments: dict[str, Any] = {"timeout": self.timeout, "metadata": metadata, "environment": {}}
        arguments |= {"public": self.direct_preview, "hosts": hosts}
        try:
            return await cloud.create(alias, **arguments)
        except NoTemplate:
            if on_progress:
                on_progress(
                    Progress(
                        f"Making a cloud sandbox from E2B's base image: the template {alias!r} is not built there "
                        f"(jupyter appbuilder templates build {template})"
                    )
                )
        try:
            return await cloud.create(self.base_template, **arguments)
        except NoTemplate as error:
            raise Unavailable(
                f"E2B has no template {alias!r}, nor {error}.",
                hint=f"Build it: jupyter appbuilder templates build {template}",
                reason="e2b_no_template",
            ) from None

    def machine(self, cloud: Any, made: Any, sandbox: CloudSandbox) -> Machine:
        return E2BMachine(cloud, made)

    def template_name(self, name: str) -> str:
        """The name of our template at E2B."""
        return str(self.templates.get(name) or f"{self.template_prefix}{name}")

    async def cloud(self) -> E2B:
        """The way to E2B. Raises ``Unavailable`` where the SDK or the key is missing."""
        async with self._starting:
            if self._cloud is None:
                settings = Settings(
                    api_key=find_key(self.__key),
                    api_url=self.api_url,
                    sandbox_url=self.sandbox_url or os.environ.get("E2B_SANDBOX_URL", ""),
                    domain=self.domain,
                    request_timeout=self.request_timeout,
                )
                self._cloud = E2B(await load_sdk(), settings)
            return self._cloud
