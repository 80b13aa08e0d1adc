"""Sandboxes on this machine."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from traitlets import Enum, Float, Int
from traitlets.config import LoggingConfigurable

from ...errors import Unavailable
from ..base import Check, Isolation
from ..egress import EgressProxy
from ..registries import Registries, read_registries
from ..templates import Template
from .bundles import Bundles
from .dependencies import Dependencies, Network
from .isolation.choice import KINDS
from .layout import Bind, find_node
from .limits import Limits, MiB
from .runner import Runner
from .sandbox import AppSandbox

CERTIFICATES = "/opt/appbuilder/certificates.pem"
NPMRC = "/opt/appbuilder/npmrc"


class LocalSandbox(LoggingConfigurable):
    """Makes sandboxes on this machine. Its traits are what ``c.LocalSandbox`` sets.

    ``cache_dir`` keeps packages between sessions. ``allow`` are more hosts (``host`` or ``host:port``) that package
    installations may reach, besides the registries of the person's npm and pip configuration or those given as
    ``registries``. ``control_groups=False`` uses resource limits and a watch only; ``limits`` replaces the traits.
    """

    name = "local"

    isolation = Enum(
        KINDS,
        "auto",
        help="What keeps generated code apart from this machine. 'auto' takes the strongest that works: bubblewrap.",
    ).tag(config=True)
    memory = Int(Limits.memory, help="Bytes of memory, all processes of one session together.").tag(config=True)
    processes = Int(Limits.processes, help="Processes and threads of one session.").tag(config=True)
    cpus = Float(Limits.cpus, help="Processor cores of one session.").tag(config=True)

    def __init__(
        self,
        cache_dir: Path,
        *,
        limits: Limits | None = None,
        allow: Iterable[str] = (),
        registries: Registries | None = None,
        bubblewrap: str = "bwrap",
        control_groups: bool = True,
        **traits: Any,
    ) -> None:
        super().__init__(**traits)
        self.cache_dir = Path(cache_dir)
        self.limits = limits or Limits(memory=self.memory, processes=self.processes, cpus=self.cpus)
        self._allow = tuple(host if ":" in host else f"{host}:443" for host in allow)
        self._registries = registries
        self._bubblewrap = bubblewrap
        self._control_groups = control_groups
        self._runner: Runner | None = None
        self._dependencies: Dependencies | None = None
        self._bundles: Bundles | None = None
        self._egress: EgressProxy | None = None
        self._sandboxes: set[AppSandbox] = set()
        self._starting = asyncio.Lock()

    async def create(self, session: str, workspace: Path, template: Template) -> AppSandbox:
        runner = await self._ready()
        assert self._dependencies
        assert self._bundles
        app = await asyncio.to_thread(workspace.resolve)
        scratch = self.cache_dir / "scratch" / re.sub(r"[^\w-]", "_", session)
        shared = (runner, self._dependencies, self._bundles)
        return AppSandbox(session, app, template, *shared, scratch, self._sandboxes)

    async def describe_isolation(self) -> Isolation:
        return (await self._ready()).layer.describe()

    async def check(self) -> list[Check]:
        findings: list[Check] = []
        try:
            findings.append(Check("Node.js", True, f"{find_node()}"))
        except Unavailable as error:
            findings.append(Check("Node.js", False, error.message, error.hint))
        try:
            runner = await self._ready()
        except Unavailable as error:
            return [*findings, Check("isolation", False, error.message, error.hint)]
        findings.append(Check("isolation", True, (await self.describe_isolation()).detail))
        size = f"memory {self.limits.memory // MiB} MiB, {self.limits.processes} processes"
        if runner.groups:
            kind = f"control groups v{runner.groups.version}"
            findings.append(Check("limits", True, f"{size}, {self.limits.cpus:g} cores, enforced by {kind}"))
        else:
            detail = f"{size}, enforced by resource limits and a watch; cores are not limited"
            hint = "Exact limits need control groups this user may write (systemd: Delegate=yes)."
            if os.getuid() == 0:  # the kernel exempts root from its limit on processes
                hint += " As root many processes at once can slow this machine down; run Jupyter as an ordinary user."
            findings.append(Check("limits", True, detail, hint))
        try:
            registries = await self._known_registries()
            findings.append(Check("package registry", True, f"reachable from sandboxes: {registries.npm}"))
        except Unavailable as error:
            findings.append(Check("package registry", False, error.message, error.hint))
        return findings

    async def close(self) -> None:
        await asyncio.gather(*(sandbox.stop() for sandbox in list(self._sandboxes)))
        if self._egress:
            await self._egress.close()
            self._egress = None
        if self._runner:
            self._runner.close()
            self._runner = None

    async def _ready(self) -> Runner:
        async with self._starting:
            if self._runner is None:
                runner = Runner(self.limits, self._bubblewrap, self._control_groups, self.isolation)
                await runner.start()
                try:
                    self.cache_dir.mkdir(parents=True, exist_ok=True)
                except OSError as error:
                    raise Unavailable(
                        f"The sandbox's cache {self.cache_dir} cannot be made: {error.strerror}.",
                        hint="Make its parent folder writable.",
                    ) from None
                self._runner = runner
                self._dependencies = Dependencies(self.cache_dir.resolve(), runner, self._network)
                self._bundles = Bundles(self.cache_dir.resolve() / "bundles", runner)
            return self._runner

    async def _known_registries(self) -> Registries:
        if self._registries is None:
            node = find_node()
            self._registries = await read_registries(
                [str(node / "bin/node"), str(node / "lib/node_modules/npm/bin/npm-cli.js")]
            )
        return self._registries

    async def _network(self) -> Network:
        """The way out for package installations, opened when the first one needs it."""
        runner = await self._ready()
        registries = await self._known_registries()
        async with self._starting:
            egress = self._egress
            if egress is None:
                egress = EgressProxy(
                    runner.folder / "egress.sock",
                    {*registries.hosts, *self._allow},
                    trusted={*registries.hosts, *self._allow},
                    upstream=registries.upstream,
                    direct=registries.direct,
                )
                await egress.start()
                lines = [
                    f"registry={registries.npm}",
                    *(f"{at}:registry={url}" for at, url in registries.scoped.items()),
                ]
                (runner.folder / "npmrc").write_text("\n".join(lines) + "\n")
                self._egress = egress
        binds = [Bind(runner.folder / "npmrc", NPMRC)]
        environment = {"npm_config_userconfig": NPMRC}
        if registries.certificates:
            binds.append(Bind(registries.certificates.resolve(), CERTIFICATES))
            environment |= {"NODE_EXTRA_CA_CERTS": CERTIFICATES, "SSL_CERT_FILE": CERTIFICATES}
        return Network(egress.path, tuple(binds), environment, registries.of, lambda: list(egress.refused))
