"""Sandboxes on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from traitlets import Enum, Float, Int
from traitlets.config import LoggingConfigurable

from ...errors import Unavailable
from ...templates.templates import Template
from ..base import Check, Isolation
from ..network.hosts import configured_host
from ..network.registries import Registries, read_registries
from .isolation.choice import KINDS
from .packages.bundles import Bundles
from .packages.cache import Cache
from .packages.dependencies import Dependencies, Network
from .packages.interpreter import find_interpreter
from .packages.python_environments import PythonEnvironments, find_uv
from .packages.python_indexes import python_indexes
from .pool import Pool
from .processes.exit import SessionExit
from .processes.layout import CERTIFICATES, Bind, find_node
from .processes.limits import Limits, MiB, describe, describe_disk
from .processes.runner import Runner
from .program import LocalProgram
from .sandbox import AppSandbox, scratch_name

NPMRC = "/opt/appbuilder/npmrc"


TIDY_SECONDS = 60.0
"""How often the cache's size is looked at, if something was added to it."""


class LocalSandbox(LoggingConfigurable):
    """Makes sandboxes on this machine. Its traits are what ``c.LocalSandbox`` sets.

    ``cache_dir`` keeps packages between sessions. ``allow`` are more hosts (``host`` or ``host:port``) that package
    installations may reach, besides the registries of the person's npm and pip configuration or those given as
    ``registries``. ``control_groups=False`` uses resource limits and a watch only; ``limits`` replaces the traits.
    """

    name = "local"
    doors = True

    isolation = Enum(
        KINDS,
        "auto",
        help="""What keeps generated code apart from this machine: 'gvisor', 'bubblewrap', 'landlock', 'seatbelt'
        (macOS, untested), or 'none': nothing does. 'auto' takes bubblewrap, or Landlock where that is forbidden.""",
    ).tag(config=True)
    memory = Int(Limits.memory, help="Bytes of memory, all processes of one session together.").tag(config=True)
    processes = Int(Limits.processes, help="Processes and threads of one session.").tag(config=True)
    cpus = Float(Limits.cpus, help="Processor cores of one session.").tag(config=True)
    open_files = Int(Limits.open_files, help="Open files of one process.").tag(config=True)
    file_size = Int(Limits.file_size, help="Bytes of one file.").tag(config=True)
    disk = Int(
        Limits.disk,
        help="""Bytes of one session on disk: the app's folder and what its tools write beside it. What goes beyond is
        ended; then commands can only delete until there is less.""",
    ).tag(config=True)
    files = Int(Limits.files, help="Files and folders of one session on disk.").tag(config=True)
    tmp = Int(Limits.scratch, help="Bytes in each of /tmp and the home directory of a sandbox.").tag(config=True)
    install_memory = Int(
        Limits.dependency_memory, help="Bytes of memory while packages are installed for a session."
    ).tag(config=True)
    install_disk = Int(Limits.dependency_disk, help="Bytes on disk of all packages that one installation makes.").tag(
        config=True
    )
    max_exec_seconds = Float(
        Limits.exec_seconds, help="Seconds that a command may run, whatever time it is given."
    ).tag(config=True)
    max_background_seconds = Float(
        Limits.background_seconds, help="Seconds that a command in the background may run."
    ).tag(config=True)
    cache_size = Int(
        10 * 1024 * MiB,
        help="""Bytes of packages kept between sessions. Beyond it those that were not used for the longest time go,
        never those that a running sandbox uses.""",
    ).tag(config=True)
    pool_size = Int(
        1,
        min=0,
        help="""Sandboxes of each template in use that stand ready while somebody is there, so that a new app shows at
        once; each holds the memory of a dev server. 0 for none.""",
    ).tag(config=True)

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
        self.limits = limits or Limits(
            memory=self.memory,
            processes=self.processes,
            cpus=self.cpus,
            open_files=self.open_files,
            file_size=self.file_size,
            disk=self.disk,
            files=self.files,
            scratch=self.tmp,
            dependency_memory=self.install_memory,
            dependency_disk=self.install_disk,
            exec_seconds=self.max_exec_seconds,
            background_seconds=self.max_background_seconds,
        )
        self._allow = tuple(configured_host(host) for host in allow)
        self._registries = registries
        self._bubblewrap = bubblewrap
        self._control_groups = control_groups
        self._runner: Runner | None = None
        self._dependencies: Dependencies | None = None
        self._python: PythonEnvironments | None = None
        self._bundles: Bundles | None = None
        self._way_out: SessionExit | None = None
        self._sandboxes: set[AppSandbox] = set()
        self._starting = asyncio.Lock()
        self.cache: Cache | None = None
        self._tidier: asyncio.Task[None] | None = None
        self.pool = Pool(self.pool_size, self.create, self._calm)

    async def create(self, session: str, workspace: Path, template: Template) -> AppSandbox:
        runner = await self._ready()
        assert self._dependencies
        assert self._python
        assert self._bundles
        app = await asyncio.to_thread(workspace.resolve)
        scratch = self.cache_dir / "scratch" / scratch_name(session)
        way_out = SessionExit(runner.socket_path, self._known_registries, self._allow)
        await way_out.allow(self._allow, None)
        network = partial(self._network, way_out)
        shared = (runner, self._dependencies.over(network), self._python.over(network), self._bundles)
        return AppSandbox(session, app, template, *shared, scratch, self._sandboxes, way_out)

    async def run_program(
        self,
        argv: Sequence[str],
        *,
        shown: Mapping[str, Path],
        way_out: Path,
        on_line: Callable[[bytes], None],
        longest: int,
    ) -> LocalProgram:
        runner = await self._ready()
        if runner.layer.kind == "gvisor":
            raise Unavailable(
                "A browser cannot look at apps behind gVisor's wall.",
                hint="Install bubblewrap beside it, or leave it: then nobody looks but the person.",
                reason="browser_not_isolated",
            )
        binds = [Bind(path.resolve(), target) for target, path in shown.items()]
        if runner.layer.kind == "landlock":
            # A browser reads its own processes' folders there. Landlock keeps those of others shut, whatever is bound.
            binds.append(Bind(Path("/proc"), "/proc"))
        return await LocalProgram.start(runner, argv, binds, way_out, on_line, longest)

    async def socket_path(self) -> Path:
        return (await self._ready()).socket_path()

    async def describe_isolation(self) -> Isolation:
        return (await self._ready()).layer.describe()

    async def check(self) -> list[Check]:
        findings: list[Check] = []
        try:
            findings.append(Check("Node.js", True, f"{find_node()}"))
        except Unavailable as error:
            findings.append(Check("Node.js", False, error.message, error.hint))
        try:
            python, _ = find_interpreter(), find_uv()
            findings.append(Check("Python apps", True, f"run on Python {python.version} of {python.prefix}"))
        except Unavailable as error:
            findings.append(Check("Python apps", False, error.message, error.hint))
        try:
            runner = await self._ready()
        except Unavailable as error:
            return [*findings, Check("isolation", False, error.message, error.hint)]
        findings.append(_isolation_check(runner))
        findings.append(Check("limits", True, describe(self.limits, runner.groups)))
        findings.append(Check("disk", True, describe_disk(self.limits)))
        try:
            registries = await self._known_registries()
            findings.append(Check("package registry", True, f"reachable from sandboxes: {registries.described}"))
        except Unavailable as error:
            findings.append(Check("package registry", False, error.message, error.hint))
        return findings

    def _calm(self) -> bool:
        """True if no dev server is being started, the pool's own left out."""
        return not any(sandbox.server.state == "starting" for sandbox in self._sandboxes)

    async def close(self) -> None:
        await self.pool.close()
        await asyncio.gather(*(sandbox.stop() for sandbox in list(self._sandboxes)))
        if self._way_out:
            await self._way_out.close()
            self._way_out = None
        if self._tidier:
            self._tidier.cancel()
            self._tidier = None
        if self._runner:
            self._runner.close()
            self._runner = None

    async def _tidy(self) -> None:
        """Keep the cache below its size: some time after the start, and after each installation."""
        await asyncio.sleep(TIDY_SECONDS)
        while self._runner and self.cache:
            if await asyncio.to_thread(self.cache.is_due):
                await asyncio.to_thread(self.cache.evict)
            await asyncio.sleep(TIDY_SECONDS)

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
                if not runner.layer.mounts:
                    self.pool.size = 0  # a ready sandbox becomes a session's by moving its files under its mounts
                self.cache = runner.cache = Cache(self.cache_dir.resolve(), self.cache_size)
                await asyncio.to_thread(self.cache.sweep)
                self._tidier = asyncio.create_task(self._tidy())
                self._dependencies = Dependencies(self.cache_dir.resolve(), runner, self._network)
                self._python = PythonEnvironments(self.cache_dir.resolve(), runner, self._network)
                self._bundles = Bundles(self.cache_dir.resolve() / "bundles", runner)
            return self._runner

    async def _known_registries(self) -> Registries:
        if self._registries is None:
            node = find_node()
            self._registries = await read_registries(
                [str(node / "bin/node"), str(node / "lib/node_modules/npm/bin/npm-cli.js")]
            )
        return self._registries

    async def _network(self, way_out: SessionExit | None = None) -> Network:
        """The way out for package installations, of one session or of all, opened when the first one needs it."""
        runner = await self._ready()
        registries = await self._known_registries()
        async with self._starting:
            if self._way_out is None:
                self._way_out = SessionExit(runner.socket_path, self._known_registries, self._allow)
                lines = [
                    f"registry={registries.npm}",
                    *(f"{at}:registry={url}" for at, url in registries.scoped.items()),
                ]
                (runner.folder / "npmrc").write_text("\n".join(lines) + "\n")
        egress = await (way_out or self._way_out).installing()
        binds = [Bind(runner.folder / "npmrc", NPMRC)]
        environment = {"npm_config_userconfig": NPMRC}
        if registries.certificates:
            binds.append(Bind(registries.certificates.resolve(), CERTIFICATES))
            environment |= {"NODE_EXTRA_CA_CERTS": CERTIFICATES, "SSL_CERT_FILE": CERTIFICATES}
        python_binds, python_variables = python_indexes(registries)
        binds += python_binds
        environment |= python_variables
        return Network(egress.path, tuple(binds), environment, registries.of, lambda: list(egress.refused))


def _isolation_check(runner: Runner) -> Check:
    described = runner.layer.describe()
    detail = f"{described.detail} {runner.choice.reasons}".rstrip()
    return Check("isolation", not described.warning, detail, described.warning)
