"""A Kubernetes API server on loopback, for the real, unmodified client: pods are local sandboxes.

    async with cluster(folder) as there:
        provider = KubernetesSandbox(cache, kubeconfig=str(there.kubeconfig))

Written from Kubernetes' API reference and strict where that is: bearer tokens, Status bodies, names and labels,
resource versions, watches that are too old, quota, the "restricted" Pod Security Standard, the subprotocols of streams.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import itertools
import json
import re
import secrets
import shutil
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from e2b_cloud.machine import Machine
from tornado import httpserver, iostream, netutil, web, websocket

KUBELET = Path(__file__).with_name("kubelet.py")
NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
KEY = re.compile(r"([a-z0-9.-]{1,253}/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
VALUE = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?")
QUANTITY = re.compile(r"\d+(\.\d+)?(m|k|Ki|M|Mi|G|Gi)?")
HISTORY = 200  # events that a watch can begin before

Thing = dict[str, Any]


class Refused(Exception):
    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status, self.reason = status, reason

    def body(self) -> Thing:
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": str(self),
            "reason": self.reason,
            "code": self.status,
        }


@dataclass
class Cluster:
    folder: Path
    quota: int = 50  # pods of the namespace
    namespace: str = "sandboxes"
    agents: str = ""  # the version of agent-sandbox that is installed
    newest: str = "v5.channel.k8s.io"  # subprotocol of exec
    egress: Path | None = None
    token: str = field(default_factory=lambda: secrets.token_hex(16))
    pods: dict[str, Thing] = field(default_factory=dict[str, Thing])
    sandboxes: dict[str, Thing] = field(default_factory=dict[str, Thing])
    policies: dict[str, Thing] = field(default_factory=dict[str, Thing])
    machines: dict[str, Machine] = field(default_factory=dict[str, Machine])
    forbidden: set[str] = field(default_factory=set[str])  # "create networkpolicies"
    scheduling: Callable[[Thing], str] = lambda pod: ""  # why a pod finds no room
    pulling: Callable[[Thing], str] = lambda pod: ""  # why its image cannot be had
    requests: list[str] = field(default_factory=list[str])
    streams: set[Any] = field(default_factory=set[Any])
    url: str = ""

    def __post_init__(self) -> None:
        self._versions = itertools.count(100)
        self._events: list[tuple[int, str, Thing]] = []
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._server: httpserver.HTTPServer | None = None

    @property
    def kubeconfig(self) -> Path:
        path = self.folder / "kubeconfig"
        lines = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "here",
            "clusters": [{"name": "here", "cluster": {"server": self.url}}],
            "users": [{"name": "here", "user": {"token": self.token}}],
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": "here", "namespace": "default"}}],
        }
        path.write_text(json.dumps(lines))
        return path

    async def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        within = r"/namespaces/([^/]+)"
        application = web.Application(
            [
                (r"/apis/?", Groups),
                (rf"/api/v1{within}/pods", Pods),
                (rf"/api/v1{within}/pods/([^/]+)", Pod),
                (rf"/api/v1{within}/pods/([^/]+)/exec", ExecSocket),
                (rf"/api/v1{within}/pods/([^/]+)/portforward", PortSocket),
                (rf"/apis/networking.k8s.io/v1{within}/networkpolicies", Policies),
                (rf"/apis/networking.k8s.io/v1{within}/networkpolicies/([^/]+)", Policy),
                (rf"/apis/agents.x-k8s.io/(v\w+){within}/sandboxes", Sandboxes),
                (rf"/apis/agents.x-k8s.io/(v\w+){within}/sandboxes/([^/]+)", Sandbox),
            ],
            there=self,
            log_function=lambda handler: None,
        )
        self._server = httpserver.HTTPServer(application)
        (socket,) = netutil.bind_sockets(0, "127.0.0.1")
        self._server.add_sockets([socket])
        self.url = f"http://127.0.0.1:{socket.getsockname()[1]}"

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for name in list(self.machines):
            await self.machines.pop(name).destroy()
        for stream in list(self.streams):
            stream.close()
        server, self._server = self._server, None
        self._changed.set()
        if server:
            server.stop()
        await asyncio.to_thread(shutil.rmtree, self.folder, True)

    # Pods

    def change(self, kind: str, pod: Thing) -> None:
        version = next(self._versions)
        pod["metadata"]["resourceVersion"] = str(version)
        self._events = [*self._events[-HISTORY:], (version, kind, copy.deepcopy(pod))]
        self._changed.set()
        self._changed = asyncio.Event()

    async def after(self, version: int) -> AsyncGenerator[tuple[str, Thing]]:
        while self._server:
            if self._events and version < self._events[0][0] - 1 and len(self._events) > HISTORY:
                raise Refused(410, "Expired", f"too old resource version: {version} ({self._events[0][0]})")
            changed = self._changed
            for number, kind, pod in list(self._events):
                if number > version:
                    version = number
                    yield kind, pod
            await changed.wait()

    def create(self, pod: Thing, owner: Thing | None = None) -> Thing:
        judge(pod)
        name = pod["metadata"]["name"]
        if name in self.pods:
            raise Refused(409, "AlreadyExists", f'pods "{name}" already exists')
        if len(self.pods) >= self.quota:
            used = len(self.pods)
            told = f"requested: pods=1, used: pods={used}, limited: pods={self.quota}"
            raise Refused(403, "Forbidden", f'pods "{name}" is forbidden: exceeded quota: sandboxes, {told}')
        pod = copy.deepcopy(pod)
        metadata = pod["metadata"]
        metadata |= {"namespace": self.namespace, "uid": secrets.token_hex(8), "creationTimestamp": now()}
        if owner:
            metadata["ownerReferences"] = [{"kind": "Sandbox", "name": owner["metadata"]["name"], "controller": True}]
        pod["status"] = {"phase": "Pending"}
        self.pods[name] = pod
        self.change("ADDED", pod)
        self._do(self._bring_up(pod))
        return pod

    def _do(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _bring_up(self, pod: Thing) -> None:
        name = pod["metadata"]["name"]
        if why := self.scheduling(pod):
            condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": why}
            pod["status"]["conditions"] = [condition]
            self.change("MODIFIED", pod)
            return
        pod["status"]["conditions"] = [{"type": "PodScheduled", "status": "True"}]
        if why := self.pulling(pod):
            for reason in ("ErrImagePull", "ImagePullBackOff"):
                self._container(pod, {"waiting": {"reason": reason, "message": why}})
                await asyncio.sleep(0.05)
            return
        self._container(pod, {"waiting": {"reason": "ContainerCreating"}})
        container = pod["spec"]["containers"][0]
        environment = {one["name"]: one["value"] for one in container["env"]}
        environment["POD_COMMAND"] = json.dumps(container["command"])
        environment.setdefault("PATH", "/opt/cloud/bin:/opt/node/bin:/opt/uv:/usr/local/bin:/usr/bin:/bin")
        root = self.folder / "machines" / name
        root.mkdir(parents=True)
        machine = Machine(root, "", environment, None, "", daemon=KUBELET)
        self.machines[name] = machine
        await machine.start()
        if name not in self.pods:
            await machine.destroy()
            return
        pod["status"] |= {"phase": "Running", "podIP": "10.0.0.9", "startTime": now()}
        self._container(pod, {"running": {"startedAt": now()}})
        process = machine._process
        assert process
        code = await process.wait()
        if name in self.machines and self.pods.get(name) is pod:
            await self.finish(name, "Error" if code else "Completed", code)

    def _container(self, pod: Thing, state: Thing) -> None:
        pod["status"]["containerStatuses"] = [{"name": pod["spec"]["containers"][0]["name"], "state": state}]
        self.change("MODIFIED", pod)

    async def finish(
        self, name: str, reason: str = "Completed", code: int = 0, *, pod_reason: str = "", message: str = ""
    ) -> None:
        """The pod ends, and stays as what is left of it: ``OOMKilled``; ``pod_reason="Evicted"``."""
        pod, machine = self.pods[name], self.machines.pop(name, None)
        pod["status"]["phase"] = "Failed" if code or pod_reason else "Succeeded"
        if pod_reason:
            pod["status"] |= {"reason": pod_reason, "message": message}
        self._container(pod, {"terminated": {"reason": reason, "exitCode": code}})
        if machine:
            await machine.destroy()
        self._cut(name)

    async def delete(self, name: str) -> Thing:
        pod, machine = self.pods.pop(name), self.machines.pop(name, None)
        pod["metadata"]["deletionTimestamp"] = now()
        self.change("DELETED", pod)
        if machine:
            await machine.destroy()
        self._cut(name)
        return pod

    def _cut(self, name: str) -> None:
        for stream in list(self.streams):
            if stream.pod == name:
                stream.close()


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def judge(pod: Thing) -> None:
    """Refuse a pod that the API server's validation, or the "restricted" Pod Security Standard, would refuse."""
    metadata, spec = pod.get("metadata", {}), pod.get("spec", {})
    name, labels = metadata.get("name", ""), metadata.get("labels") or {}
    wrong: list[str] = []
    if not NAME.fullmatch(name) or len(name) > 253:
        wrong.append(f'metadata.name: Invalid value: "{name}"')
    for key, value in labels.items():
        if not KEY.fullmatch(key) or not VALUE.fullmatch(value):
            wrong.append(f'metadata.labels: Invalid value: "{key}={value}"')
    containers = spec.get("containers") or []
    if not containers:
        wrong.append("spec.containers: Required value")
    volumes = {volume["name"] for volume in spec.get("volumes", [])}
    for container in containers:
        mounts = container.get("volumeMounts", [])
        wrong += [f'volumeMounts.name: Not found: "{one["name"]}"' for one in mounts if one["name"] not in volumes]
        if len({one["mountPath"] for one in mounts}) != len(mounts):
            wrong.append("volumeMounts.mountPath: must be unique")
        for kind in ("limits", "requests"):
            for what, amount in container.get("resources", {}).get(kind, {}).items():
                if not QUANTITY.fullmatch(str(amount)):
                    wrong.append(f'resources.{kind}[{what}]: Invalid value: "{amount}"')
        for one in container.get("env", []):
            if not isinstance(one.get("value", ""), str):
                wrong.append(f"env.{one['name']}: must be a string")
    if wrong:
        raise Refused(422, "Invalid", f'Pod "{name}" is invalid: {"; ".join(wrong)}')
    pod_level = spec.get("securityContext", {})
    breaks: list[str] = []
    for container in containers:
        own = container.get("securityContext", {})
        if own.get("allowPrivilegeEscalation") is not False:
            breaks.append("allowPrivilegeEscalation != false")
        if "ALL" not in own.get("capabilities", {}).get("drop", []):
            breaks.append("unrestricted capabilities")
        if not (own.get("runAsNonRoot") or pod_level.get("runAsNonRoot")):
            breaks.append("runAsNonRoot != true")
        profile = own.get("seccompProfile") or pod_level.get("seccompProfile") or {}
        if profile.get("type") not in ("RuntimeDefault", "Localhost"):
            breaks.append("seccompProfile")
    if any("hostPath" in volume for volume in spec.get("volumes", [])) or spec.get("hostNetwork"):
        breaks.append("host namespaces or paths")
    if breaks:
        told = f'violates PodSecurity "restricted:latest": {", ".join(breaks)}'
        raise Refused(403, "Forbidden", f'pods "{name}" is forbidden: {told}')


class Answering(web.RequestHandler):
    resource = "pods"

    @property
    def there(self) -> Cluster:
        return self.settings["there"]

    def prepare(self) -> None:
        self.there.requests.append(f"{self.request.method} {self.request.path}")
        if self.request.headers.get("Authorization") != f"Bearer {self.there.token}":
            raise Refused(401, "Unauthorized", "Unauthorized")
        verb = {"GET": "get", "POST": "create", "DELETE": "delete"}[str(self.request.method)]
        if f"{verb} {self.resource}" in self.there.forbidden:
            who = 'User "system:serviceaccount:hub:user" cannot'
            raise Refused(403, "Forbidden", f'{self.resource} is forbidden: {who} {verb} resource "{self.resource}"')

    def within(self, namespace: str) -> None:
        if namespace != self.there.namespace:
            raise Refused(404, "NotFound", f'namespaces "{namespace}" not found')

    def body(self, kind: str, version: str) -> Thing:
        told = json.loads(self.request.body)
        if (told.get("kind"), told.get("apiVersion")) != (kind, version):
            raise Refused(400, "BadRequest", f"the object provided is unrecognized (must be of type {kind})")
        return told

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = kwargs["exc_info"][1]
        body = error.body() if isinstance(error, Refused) else Refused(status_code, "InternalError", str(error)).body()
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(body))

    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:
        error = kwargs.get("exc_info", (None, None))[1]
        super().send_error(error.status if isinstance(error, Refused) else status_code, **kwargs)

    def log_exception(self, *args: Any) -> None:
        if not isinstance(args[1], (Refused, web.HTTPError)):
            super().log_exception(*args)

    def found(self, name: str) -> Thing:
        if name not in self.there.pods:
            raise Refused(404, "NotFound", f'pods "{name}" not found')
        return self.there.pods[name]


class Groups(Answering):
    resource = "apis"

    def get(self) -> None:
        groups = [{"name": "networking.k8s.io", "preferredVersion": {"version": "v1"}}]
        if self.there.agents:
            groups.append({"name": "agents.x-k8s.io", "preferredVersion": {"version": self.there.agents}})
        self.finish({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})


class Pods(Answering):
    def post(self, namespace: str) -> None:
        self.within(namespace)
        self.set_status(201)
        self.finish(self.there.create(self.body("Pod", "v1")))

    async def get(self, namespace: str) -> None:
        labels = dict(one.split("=", 1) for one in self.get_query_argument("labelSelector", "").split(",") if one)
        fields = dict(one.split("=", 1) for one in self.get_query_argument("fieldSelector", "").split(",") if one)

        def wanted(pod: Thing) -> bool:
            given = pod["metadata"].get("labels") or {}
            named = fields.get("metadata.name") in (None, pod["metadata"]["name"])
            return named and all(given.get(key) == value for key, value in labels.items())

        if self.get_query_argument("watch", "").lower() not in ("true", "1"):
            items = [pod for pod in self.there.pods.values() if namespace == self.there.namespace and wanted(pod)]
            self.finish({"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": items})
            return
        seconds = float(self.get_query_argument("timeoutSeconds", "300"))
        with contextlib.suppress(TimeoutError, iostream.StreamClosedError):
            async with asyncio.timeout(seconds):
                try:
                    async for kind, pod in self.there.after(int(self.get_query_argument("resourceVersion", "0"))):
                        if wanted(pod):
                            self.write(json.dumps({"type": kind, "object": pod}) + "\n")
                            await self.flush()
                except Refused as refused:
                    self.write(json.dumps({"type": "ERROR", "object": refused.body()}) + "\n")
        with contextlib.suppress(iostream.StreamClosedError):
            await self.finish()


class Pod(Answering):
    def get(self, namespace: str, name: str) -> None:
        self.finish(self.found(name))

    async def delete(self, namespace: str, name: str) -> None:
        self.found(name)
        self.finish(await self.there.delete(name))


class Policies(Answering):
    resource = "networkpolicies"

    def post(self, namespace: str) -> None:
        self.within(namespace)
        policy = self.body("NetworkPolicy", "networking.k8s.io/v1")
        name = policy["metadata"]["name"]
        if name in self.there.policies:
            raise Refused(409, "AlreadyExists", f'networkpolicies.networking.k8s.io "{name}" already exists')
        self.there.policies[name] = policy
        self.set_status(201)
        self.finish(policy)


class Policy(Answering):
    resource = "networkpolicies"

    def get(self, namespace: str, name: str) -> None:
        self.within(namespace)
        if name not in self.there.policies:
            raise Refused(404, "NotFound", f'networkpolicies.networking.k8s.io "{name}" not found')
        self.finish(self.there.policies[name])


class Sandboxes(Answering):
    resource = "sandboxes"

    def post(self, version: str, namespace: str) -> None:
        if version != self.there.agents:
            raise Refused(404, "NotFound", "the server could not find the requested resource")
        made = self.body("Sandbox", f"agents.x-k8s.io/{version}")
        template = made["spec"]["podTemplate"]
        pod = {"metadata": {**template.get("metadata", {}), "name": made["metadata"]["name"]}, "spec": template["spec"]}
        self.there.sandboxes[made["metadata"]["name"]] = made
        self.there.create({"kind": "Pod", "apiVersion": "v1", **pod}, owner=made)
        self.set_status(201)
        self.finish(made)


class Sandbox(Answering):
    resource = "sandboxes"

    async def delete(self, version: str, namespace: str, name: str) -> None:
        if name not in self.there.sandboxes:
            raise Refused(404, "NotFound", f'sandboxes.agents.x-k8s.io "{name}" not found')
        made = self.there.sandboxes.pop(name)
        if name in self.there.pods:
            await self.there.delete(name)
        self.finish(made)


class Stream(websocket.WebSocketHandler):
    known: tuple[str, ...] = ()
    pod = ""

    @property
    def there(self) -> Cluster:
        return self.settings["there"]

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        mine = self.known[self.known.index(self.there.newest) :] if self.there.newest in self.known else self.known
        return next((one for one in mine if one in subprotocols), None)

    async def get(self, namespace: str, name: str) -> None:  # type: ignore[override]
        there = self.there
        there.requests.append(f"GET {self.request.path}")
        refused = None
        if self.request.headers.get("Authorization") != f"Bearer {there.token}":
            refused = Refused(401, "Unauthorized", "Unauthorized")
        elif f"create {type(self).__name__}" in there.forbidden:
            refused = Refused(403, "Forbidden", f'pods "{name}" is forbidden: cannot create resource "pods/exec"')
        elif name not in there.pods:
            refused = Refused(404, "NotFound", f'pods "{name}" not found')
        elif name not in there.machines:
            refused = Refused(500, "InternalError", 'container not found ("app")')
        elif not self.select_subprotocol(
            [one.strip() for one in self.request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
        ):
            refused = Refused(400, "BadRequest", "unable to negotiate a subprotocol")
        if refused:
            self.set_status(refused.status)
            self.finish(json.dumps(refused.body()))
            return
        self.pod = name
        await super().get(namespace, name)

    def open(self, *args: str, **kwargs: str) -> None:
        self.there.streams.add(self)
        self.queue: asyncio.Queue[bytes] = asyncio.Queue()
        self.there._do(self._run())

    def on_message(self, message: str | bytes) -> None:
        self.queue.put_nowait(message if isinstance(message, bytes) else message.encode())

    def on_close(self) -> None:
        self.there.streams.discard(self)
        if hasattr(self, "queue"):
            self.queue.put_nowait(b"")

    async def say(self, channel: int, data: bytes) -> None:
        await self.write_message(bytes([channel]) + data, binary=True)

    async def _run(self) -> None:
        with contextlib.suppress(OSError, websocket.WebSocketClosedError, asyncio.IncompleteReadError, KeyError):
            await self.run()
        self.close()

    async def run(self) -> None:
        raise NotImplementedError


class ExecSocket(Stream):
    known = ("v5.channel.k8s.io", "v4.channel.k8s.io")

    async def run(self) -> None:
        reader, writer = await asyncio.open_unix_connection(str(self.there.machines[self.pod].envd), limit=1 << 20)
        command = self.get_query_arguments("command")
        assert command
        assert self.get_query_argument("stdin", "") == "true", "The command needs its input."
        writer.write(json.dumps({"command": command}).encode() + b"\n")

        async def feed() -> None:
            while message := await self.queue.get():
                if message[0] == 255 and self.selected_subprotocol == self.known[0]:
                    writer.write(bytes(4))
                elif message[0] == 0 and len(message) > 1:
                    writer.write((len(message) - 1).to_bytes(4, "big") + message[1:])
                await writer.drain()
            writer.close()  # the command goes on, as on a node

        feeding = asyncio.create_task(feed())
        try:
            while True:
                head = await reader.readexactly(5)
                data = await reader.readexactly(int.from_bytes(head[1:], "big"))
                if head[0] == 3:
                    await self.say(3, json.dumps(_end(json.loads(data))).encode())
                    return
                await self.say(head[0], data)
        finally:
            feeding.cancel()
            writer.close()


def _end(told: Thing) -> Thing:
    if "message" in told:
        return {"metadata": {}, "status": "Failure", "reason": "InternalError", "message": told["message"], "code": 500}
    if told["code"] == 0:
        return {"metadata": {}, "status": "Success"}
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: exit status {told['code']}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(told["code"])}]},
    }


class PortSocket(Stream):
    known = ("v4.channel.k8s.io",)

    async def run(self) -> None:
        (port,) = self.get_query_arguments("ports")
        named = int(port).to_bytes(2, "little")
        await self.say(0, named)
        await self.say(1, named)
        reader, writer = await asyncio.open_unix_connection(str(self.there.machines[self.pod].forward))
        writer.write(f"{port}\n".encode())
        if await reader.readline() != b"ok\n":
            await self.say(1, f"an error occurred forwarding {port}: connection refused".encode())
            return

        async def feed() -> None:
            while message := await self.queue.get():
                if message[0] == 0:
                    writer.write(message[1:])
                    await writer.drain()
            writer.close()

        feeding = asyncio.create_task(feed())
        try:
            while piece := await reader.read(32 * 1024):
                await self.say(0, piece)
        finally:
            feeding.cancel()
            writer.close()


@asynccontextmanager
async def cluster(folder: Path, **settings: Any) -> AsyncGenerator[Cluster]:
    there = Cluster(folder, **settings)
    await there.start()
    try:
        yield there
    finally:
        await there.close()
