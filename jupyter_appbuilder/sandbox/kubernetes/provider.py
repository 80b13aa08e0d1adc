"""A Kubernetes cluster as a sandbox provider: a pod a session."""

from __future__ import annotations

import asyncio
import getpass
import os
import tempfile
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from traitlets import Bool, Dict, Enum, Int, List, Unicode

from ...cancellation import uncut
from ...errors import Unavailable
from ...templates.templates import Template
from ..base import Check, Door, Isolation, OnProgress, OnRefused
from ..cloud.base import SESSION, CloudProvider, Gone
from ..cloud.machine import Machine
from ..cloud.sandbox import CloudSandbox
from ..local.processes.exit import ENVIRONMENT, PROXY, SessionExit
from ..local.processes.layout import find_node
from ..network.registries import Registries, read_registries
from .cluster import Cluster, connect, load_client
from .machine import CERTIFICATES, PodMachine
from .pod import HOME, Wanted, as_agent_sandbox, manifest

DEFAULT_IMAGE = "node:24-bookworm"


class KubernetesSandbox(CloudProvider):
    """Makes sandboxes as pods of a cluster. Its traits are what ``c.KubernetesSandbox`` sets.

    ``cache_dir`` is not used: packages are installed in each pod. ``allow`` are hosts that sandboxes may reach.
    """

    name = "kubernetes"
    too_many_hint = "Stop a session you do not need, or raise c.KubernetesSandbox.max_concurrent."
    doors = True

    namespace = Unicode(
        help="The namespace of the pods, best one for them alone. Nothing is asked of a cluster until it is set."
    ).tag(config=True)
    kubeconfig = Unicode(
        help="A kubeconfig file. Default: the service account of the pod that this server runs in, else KUBECONFIG."
    ).tag(config=True)
    context = Unicode(help="The context of the kubeconfig. Default: its current one.").tag(config=True)
    image = Unicode(
        DEFAULT_IMAGE, help="The pods' image: python3 (3.9 or newer), bash, git, Node 22 or newer with npm; and uv."
    ).tag(config=True)
    image_pull_secrets = List(Unicode(), help="Names of secrets of the namespace, for a private registry.").tag(
        config=True
    )
    runtime_class = Unicode(help="The RuntimeClass of the pods: 'gvisor', where the cluster has it.").tag(config=True)
    agent_sandbox = Enum(
        ["auto", "never"],
        "never",
        help="'auto': make resources of agent-sandbox (agents.x-k8s.io) where it is installed, instead of bare pods.",
    ).tag(config=True)
    memory = Unicode("2Gi", help="The memory that a sandbox may use.").tag(config=True)
    memory_request = Unicode("512Mi", help="The memory that is kept free for one.").tag(config=True)
    cpu = Unicode("2", help="The processors that a sandbox may use.").tag(config=True)
    cpu_request = Unicode("100m", help="The part of a processor that is kept free for one.").tag(config=True)
    disk = Unicode("4Gi", help="The disk that a sandbox may use.").tag(config=True)
    node_selector = Dict(Unicode(), help="Labels of the nodes that sandboxes may run on.").tag(config=True)
    tolerations = List(Dict(), help="Tolerations of the pods, as in a pod's spec.").tag(config=True)
    labels = Dict(Unicode(), help="More labels of the pods, for the cluster's own accounting.").tag(config=True)
    user = Unicode(help="Whose pods these are, in a label. Default: the user of the Hub, else of the system.").tag(
        config=True
    )
    start_seconds = Int(300, help="How long a pod may take to run: room has to be found, its image fetched.").tag(
        config=True
    )
    timeout = Int(600, help="Seconds after which a pod that nobody uses ends. Its session starts another one.").tag(
        config=True
    )
    longest_seconds = Int(24 * 3600, help="Seconds after which any pod ends.").tag(config=True)
    require_network_policy = Bool(
        True,
        help="""Refuse to run where no NetworkPolicy keeps the pods from the network and none may be made. Whether the
        cluster's network plugin heeds policies cannot be seen from here.""",
    ).tag(config=True)

    def __init__(
        self, cache_dir: Path, *, allow: Iterable[str] = (), registries: Registries | None = None, **traits: Any
    ) -> None:
        super().__init__(allow, **traits)
        self.sandboxes: WeakValueDictionary[str, PodSandbox] = WeakValueDictionary()
        self._registries = registries
        self._pods: Pods | None = None
        self._guarded = False
        self._starting = asyncio.Lock()
        self._sockets: tempfile.TemporaryDirectory[str] | None = None
        self._number = 0

    async def create(self, session: str, workspace: Path, template: Template) -> PodSandbox:
        await self._guard(await self.cloud())
        return PodSandbox(session, await asyncio.to_thread(workspace.resolve), template, self)

    async def describe_isolation(self) -> Isolation:
        pods = await self.cloud()
        how = f" under {self.runtime_class}" if self.runtime_class else ""
        open_ = not self.require_network_policy and not await pods.cluster.policed()
        kept = "No NetworkPolicy keeps the pods of sandboxes from the cluster's network." if open_ else ""
        return Isolation("kubernetes", f"A pod of its own{how} for each session, in {pods.cluster.namespace}", kept)

    async def check(self) -> list[Check]:
        try:
            pods = await self.cloud()
            found = await pods.cluster.list("app.kubernetes.io/managed-by=jupyter-appbuilder")
        except Unavailable as error:
            return [Check("Kubernetes", False, error.message, error.hint)]
        told = f"pods can be made in {pods.cluster.namespace}; {len(found)} sandboxes are there"
        return [
            Check("Kubernetes", True, told),
            Check("Kubernetes isolation", True, f"runtime class: {self.runtime_class or 'the default one'}"),
        ]

    async def close(self) -> None:
        await super().close()
        if self._sockets:
            self._sockets.cleanup()
            self._sockets = None

    # For its sandboxes

    @property
    def user_name(self) -> str:
        return self.user or os.environ.get("JUPYTERHUB_USER", "") or getpass.getuser()

    async def cloud(self) -> Any:
        """The way to the cluster. Raises ``Unavailable`` where there is none, or it would not be safe."""
        async with self._starting:
            if self._pods is None:
                if not self.namespace:
                    raise Unavailable(
                        "Sandbox 'kubernetes' is not set up: it needs a namespace.",
                        hint="Set c.KubernetesSandbox.namespace to one that holds sandboxes alone: docs/sandboxes.md.",
                        reason="kubernetes_not_configured",
                    )
                cluster = await asyncio.to_thread(
                    connect, await load_client(), self.kubeconfig, self.context, self.namespace
                )
                agents = await cluster.agents() if self.agent_sandbox == "auto" else ""
                self._pods = Pods(self, cluster, agents)
            return self._pods

    async def _guard(self, pods: Pods) -> None:
        """Before the first pod: nothing of it may be reached, and what was left behind goes."""
        async with self._starting:
            if self._guarded:
                return
            if not await pods.cluster.closed() and self.require_network_policy:
                raise Unavailable(
                    f"No NetworkPolicy keeps sandboxes in {pods.cluster.namespace!r} from the network.",
                    hint="Make the namespace and the policy of docs/sandboxes.md, or let the server make it.",
                    reason="kubernetes_open_network",
                )
            await pods.sweep()
            self._guarded = True

    async def obtain(
        self,
        cloud: Any,
        template: str,
        metadata: Mapping[str, str],
        hosts: Collection[str] | None,
        on_progress: OnProgress | None,
    ) -> Any:
        return await cloud.create(template, metadata[SESSION])

    def machine(self, cloud: Any, made: Any, sandbox: CloudSandbox) -> Machine:
        assert isinstance(sandbox, PodSandbox)
        return PodMachine(cloud.cluster, str(made), sandbox.route, cloud.files)

    async def registries(self) -> Registries:
        if self._registries is None:
            node = find_node()
            npm = [str(node / "bin/node"), str(node / "lib/node_modules/npm/bin/npm-cli.js")]
            self._registries = await read_registries(npm)
        return self._registries

    def socket_path(self) -> Path:
        self._sockets = self._sockets or tempfile.TemporaryDirectory(prefix="appbuilder-out-")
        self._number += 1
        return Path(self._sockets.name, str(self._number))


class Pods:
    """What a ``CloudSandbox`` asks of a cloud."""

    def __init__(self, provider: KubernetesSandbox, cluster: Cluster, agents: str) -> None:
        self.cluster = cluster
        self.files: dict[str, bytes] = {}
        self._provider = provider
        self._agents = agents

    async def sweep(self) -> None:
        try:
            gone = await self.cluster.sweep(self._provider.user_name, lambda _: False)
        except Unavailable as error:
            self._provider.log.warning("Ended sandboxes could not be removed: %s", error)
            return
        if gone:
            self._provider.log.info("Removed %d sandboxes that had ended", gone)

    async def find(self, session: str) -> str | None:
        return await self.cluster.find(session)

    async def connect(self, name: str, timeout: int) -> str:
        if trouble := await self.cluster.why(name):
            raise Gone(trouble.message)
        return name

    async def create(self, template: str, session: str) -> str:
        given = self._provider
        wanted = Wanted(
            namespace=self.cluster.namespace,
            image=given.image,
            idle_seconds=given.timeout,
            longest_seconds=given.longest_seconds,
            memory=given.memory,
            memory_request=given.memory_request,
            cpu=given.cpu,
            cpu_request=given.cpu_request,
            disk=given.disk,
            runtime_class=given.runtime_class,
            node_selector=given.node_selector,
            tolerations=given.tolerations,
            pull_secrets=given.image_pull_secrets,
            labels=given.labels,
        )
        registries = await given.registries()
        sandbox = given.sandboxes[session]
        pod = manifest(
            wanted,
            session=session,
            user=given.user_name,
            template=template,
            folders=list(sandbox.template.mounted),
            environment=await self._environment(registries),
        )
        name = str(pod["metadata"]["name"])
        made = as_agent_sandbox(pod, self._agents, given.longest_seconds) if self._agents else pod
        if self._agents:
            self.cluster.made_as[name] = self._agents
        try:
            await uncut(self.cluster.make(made))
            await self.cluster.running(name, given.start_seconds, sandbox.on_progress)
        except BaseException:
            await uncut(self._remove(name))
            raise
        return name

    async def _remove(self, name: str) -> None:
        try:
            await self.cluster.delete(name, self.cluster.made_as.get(name, ""))
        except Gone:
            pass  # it was not made
        except Unavailable as error:
            self._provider.log.warning("A sandbox that did not start could not be removed: %s", error)

    async def _environment(self, registries: Registries) -> dict[str, str]:
        variables = dict(ENVIRONMENT) | {"npm_config_registry": registries.npm, "npm_config_noproxy": ""}
        variables |= dict.fromkeys(("npm_config_proxy", "npm_config_https_proxy"), PROXY)
        lines = [f"{scope}:registry={url}" for scope, url in registries.scoped.items()]
        self.files = {".npmrc": ("\n".join(lines) + "\n").encode()} if lines else {}
        remote = [url for url in registries.python if url.startswith("http")]
        if remote:
            variables |= {"UV_DEFAULT_INDEX": remote[0], "PIP_INDEX_URL": remote[0]}
        if remote[1:]:
            variables |= {"UV_INDEX": " ".join(remote[1:]), "PIP_EXTRA_INDEX_URL": " ".join(remote[1:])}
        if registries.certificates:
            self.files[CERTIFICATES] = await asyncio.to_thread(registries.certificates.read_bytes)
            place = f"{HOME}/{CERTIFICATES}"
            variables |= dict.fromkeys(("NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "PIP_CERT"), place)
        return variables


class PodSandbox(CloudSandbox):
    """One session's pod. Its way out is this server's proxy, so that what was refused is told."""

    def __init__(self, session: str, app: Path, template: Template, provider: KubernetesSandbox) -> None:
        super().__init__(session, app, template, provider)
        self.on_progress: OnProgress | None = None
        self._exit = SessionExit(provider.socket_path, provider.registries, provider.allow)
        self._installs: Path | None = None  # while packages are installed
        provider.sandboxes[session] = self

    async def _make(self, on_progress: OnProgress | None) -> Machine:
        self.on_progress = on_progress
        return await super()._make(on_progress)

    async def _obtained(self, cloud: Any, on_progress: OnProgress | None) -> tuple[Machine, bool]:
        return await self._obtain(cloud, on_progress)  # room may take minutes: who cancels need not wait for it

    def lost(self, machine: Machine) -> None:
        super().lost(machine)
        self._in_background(machine.kill())  # what is left of it

    def route(self) -> Path | None:
        return self._installs or self._exit.socket

    async def allow(self, hosts: Collection[str], on_refused: OnRefused | None = None) -> bool:
        await self._exit.allow({*hosts, *self._provider.allow}, on_refused)
        return False

    async def open_door(self, first: bytes, door: Door) -> None:
        await self._exit.open_door(first, door)

    async def limit_network(self, machine: Machine, *, open_for_packages: bool = False) -> None:
        self._installs = (await self._exit.installing()).path if open_for_packages else None

    async def stop(self) -> None:
        await super().stop()
        await self._exit.close()
