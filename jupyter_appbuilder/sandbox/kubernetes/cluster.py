"""Access to the cluster: Kubernetes' own client, imported at first use, and its errors in words for people."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import threading
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketClientConnection, WebSocketClosedError, websocket_connect

from ...errors import AppBuilderError, Unavailable
from ..base import OnProgress, Progress
from ..cloud.base import Gone
from .pod import (
    AGENTS,
    CONTAINER,
    OURS_HERE,
    OWNER,
    POLICY,
    SESSION,
    Trouble,
    ended,
    ending,
    hopeless,
    label,
    network_policy,
    runs,
    waits_for,
)

EXTRA_HINT = "Install it: pip install 'jupyter-appbuilder[kubernetes]'"
REQUEST_SECONDS = 30
WATCH_SECONDS = 10
TOKEN = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")  # of the pod that this runs in
CHANNELS = ["v5.channel.k8s.io", "v4.channel.k8s.io"]
STDIN, STDOUT, STDERR, ERROR = range(4)


async def load_client() -> Any:
    """The client's module. Raises ``Unavailable`` where it is not installed."""
    name = ""
    try:
        for name in ("watchfiles", "kubernetes"):
            module = await asyncio.to_thread(import_module, name)
        return module  # pyright: ignore[reportPossiblyUnboundVariable]
    except ImportError:
        raise Unavailable(
            f"Sandbox 'kubernetes' needs the package {name}, which is not installed.",
            hint=EXTRA_HINT,
            reason="kubernetes_missing",
        ) from None


def connect(module: Any, kubeconfig: str, context: str, namespace: str) -> Cluster:
    """The cluster of this pod, or of a kubeconfig. Raises ``Unavailable`` saying how to name one."""
    configuration = module.client.Configuration()
    try:
        if kubeconfig or context or not TOKEN.exists():
            more = {"config_file": kubeconfig or None, "context": context or None}
            module.config.load_kube_config(client_configuration=configuration, persist_config=False, **more)
        else:
            module.config.load_incluster_config(client_configuration=configuration)
    except (module.config.ConfigException, OSError) as error:
        raise Unavailable(
            f"There is no way to a Kubernetes cluster from here: {str(error)[:300].rstrip('.')}.",
            hint="Run Jupyter in the cluster, with a service account, or set c.KubernetesSandbox.kubeconfig.",
            reason="kubernetes_not_configured",
        ) from None
    return Cluster(module, module.client.ApiClient(configuration), namespace)


class Cluster:
    """One namespace of a cluster. Methods raise ``Unavailable`` with the next step, or ``Gone``."""

    def __init__(self, module: Any, api: Any, namespace: str) -> None:
        self.namespace = namespace
        self.made_as: dict[str, str] = {}  # resources of agent-sandbox by name: their version
        self._module = module
        self._api = api
        self._core = module.client.CoreV1Api(api)
        self._custom = module.client.CustomObjectsApi(api)
        self._networking = module.client.NetworkingV1Api(api)

    # Requests

    async def call(self, what: str, method: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """What ``method`` of the client answers, as plain data."""

        def ask() -> Any:
            answer = method(*arguments, _preload_content=False, _request_timeout=REQUEST_SECONDS, **named)
            try:
                return json.loads(answer.data)
            finally:
                answer.release_conn()

        try:
            return await asyncio.to_thread(ask)
        except Exception as error:
            raise self.explain(error, what) from None

    def explain(self, error: BaseException, what: str) -> Exception:
        if isinstance(error, (AppBuilderError, Gone)):
            return error
        status, told = getattr(error, "status", None), _told(error)
        if status == 404:
            return Gone(told)
        if status == 403 and "exceeded quota" in told:
            return Unavailable(
                f"{what}: the cluster's quota is used up ({told}).",
                hint="Stop a session you do not need, wait until idle ones end, or ask for a larger ResourceQuota.",
                reason="kubernetes_quota",
            )
        if status in (401, 403):
            return Unavailable(
                f"{what}: the cluster does not allow it ({told}).",
                hint=f"The service account needs the role of docs/sandboxes.md in the namespace {self.namespace!r}.",
                reason="kubernetes_forbidden",
            )
        if status in (400, 409, 422):
            return Unavailable(
                f"{what}: the cluster refused it ({told}).",
                hint="Correct c.KubernetesSandbox, or ask the cluster's administrator which policy says so.",
                reason="kubernetes_refused",
            )
        if status == 429 or (status or 0) >= 500:
            return Unavailable(
                f"{what}: the cluster is busy or down ({told}).",
                hint="Try again in a minute. Nothing is lost: the files are here.",
                reason="kubernetes_busy",
            )
        return Unavailable(
            f"{what}: {told}.",
            hint="Check the network between here and the cluster, and try again. Nothing is lost: the files are here.",
            reason="kubernetes_unreachable",
        )

    # Pods

    async def list(self, selector: str) -> list[Mapping[str, Any]]:
        what = "The cluster could not be asked for its sandboxes"
        answer = await self.call(what, self._core.list_namespaced_pod, self.namespace, label_selector=selector)
        return cast("list[Mapping[str, Any]]", answer["items"])

    async def find(self, session: str) -> str | None:
        """The name of the session's pod that runs, the newest if there are several."""
        pods = await self.list(f"{OWNER}={OURS_HERE},{SESSION}={label(session)}")
        found = [pod["metadata"] for pod in pods if runs(pod)]
        newest = max(found, key=lambda metadata: str(metadata["creationTimestamp"]), default=None)
        return str(newest["name"]) if newest else None

    async def read(self, name: str) -> Mapping[str, Any]:
        """The pod. Raises ``Gone``."""
        what = "The cluster could not be asked for a sandbox"
        return await self.call(what, self._core.read_namespaced_pod, name, self.namespace)

    async def make(self, pod: Mapping[str, Any]) -> None:
        """Make it: a pod, or a resource of agent-sandbox."""
        what = "A sandbox could not be made in the cluster"
        kind, version = pod["kind"], str(pod["apiVersion"])
        try:
            if kind == "Pod":
                await self.call(what, self._core.create_namespaced_pod, self.namespace, pod)
            else:
                group, _, number = version.partition("/")
                create = self._custom.create_namespaced_custom_object
                await self.call(what, create, group, number, self.namespace, "sandboxes", pod)
        except Gone as gone:
            raise Unavailable(
                f"{what}: {gone}.",
                hint=f"The namespace {self.namespace!r} must exist; c.KubernetesSandbox.namespace names another.",
                reason="kubernetes_refused",
            ) from None

    async def delete(self, name: str, agents: str = "") -> None:
        """End it. Raises ``Gone`` where it has ended."""
        what = "A sandbox could not be ended in the cluster"
        if agents:
            remove = self._custom.delete_namespaced_custom_object
            await self.call(what, remove, AGENTS, agents, self.namespace, "sandboxes", name)
        else:
            await self.call(what, self._core.delete_namespaced_pod, name, self.namespace, grace_period_seconds=0)

    async def running(self, name: str, seconds: float, on_progress: OnProgress | None) -> None:
        """Wait until a pod runs. Raises ``Unavailable`` where it will not, or does not in ``seconds``."""
        told, last = "", ""
        try:
            async with asyncio.timeout(seconds):
                async for pod in self._watch(name):
                    if runs(pod):
                        return
                    if trouble := hopeless(pod):
                        message = (
                            trouble.message if trouble.reason in _WHOLE else f"The sandbox ended: {trouble.message}."
                        )
                        raise Unavailable(message, hint=trouble.hint, reason=trouble.reason)
                    message, told = waits_for(pod)
                    if on_progress and message != last:
                        on_progress(Progress(message))
                        last = message
        except TimeoutError:
            pass
        raise Unavailable(
            f"The cluster did not start the sandbox within {seconds:g} seconds{f': {told}' if told else ''}.",
            hint="Stop a session you do not need, ask for more nodes, or raise c.KubernetesSandbox.start_seconds.",
            reason="kubernetes_no_room" if told else "kubernetes_slow",
        )

    async def _watch(self, name: str) -> AsyncGenerator[Mapping[str, Any]]:
        """The pod as it is, and each change of it, until nobody listens."""
        loop, missing = asyncio.get_running_loop(), 0
        while True:
            try:
                pod = await self.read(name)
            except Gone:  # a controller makes it
                missing += 1
                if missing > 100:
                    return
                await asyncio.sleep(0.2)
                continue
            yield pod
            watch = self._module.watch.Watch()
            events: asyncio.Queue[Any] = asyncio.Queue()

            def listen(pod: Mapping[str, Any] = pod, watch: Any = watch, events: asyncio.Queue[Any] = events) -> None:
                end: object = None
                try:
                    for event in watch.stream(
                        self._core.list_namespaced_pod,
                        self.namespace,
                        field_selector=f"metadata.name={name}",
                        resource_version=pod["metadata"]["resourceVersion"],
                        timeout_seconds=WATCH_SECONDS,
                        _request_timeout=REQUEST_SECONDS,
                    ):
                        loop.call_soon_threadsafe(events.put_nowait, event)
                except Exception as error:
                    end = error
                with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                    loop.call_soon_threadsafe(events.put_nowait, end)

            # A thread of its own, which nobody waits for: it ends with the watch, seconds after it was stopped.
            threading.Thread(target=listen, daemon=True, name="kubernetes watch").start()
            try:
                while isinstance(event := await events.get(), dict):
                    changed = cast("dict[str, Any]", event)
                    yield cast("Mapping[str, Any]", changed["raw_object"])
                if event is not None and getattr(event, "status", None) != 410:  # 410: begin anew from what is
                    await asyncio.sleep(0.5)
            finally:
                watch.stop()

    async def why(self, name: str) -> Trouble | None:
        """Why a pod has ended; None where it runs."""
        try:
            return ended(await self.read(name))
        except Gone:
            return Trouble("it is no longer in the cluster", "Try again.", "kubernetes_ended")

    async def sweep(self, user: str, kept: Callable[[str], bool]) -> int:
        """Remove pods of this user's that have ended and that nobody removed; how many."""
        gone = 0
        for pod in await self.list(f"{OWNER}={OURS_HERE},appbuilder.jupyter.org/user={label(user)}"):
            name = str(pod["metadata"]["name"])
            owned = any(owner.get("kind") == "Sandbox" for owner in pod["metadata"].get("ownerReferences") or ())
            if ending(pod) and not kept(name) and not owned and "deletionTimestamp" not in pod["metadata"]:
                try:
                    await self.delete(name)
                    gone += 1
                except Gone:
                    pass
        return gone

    # What there is besides

    async def agents(self) -> str:
        """The version of agent-sandbox's resources here; "" where they are not installed."""
        try:
            found = await self.call(
                "The cluster could not be asked for its resources",
                self._module.client.ApisApi(self._api).get_api_versions,
            )
        except Gone:
            return ""
        for group in found.get("groups", []):
            if group["name"] == AGENTS:
                return str(group["preferredVersion"]["version"])
        return ""

    async def policed(self) -> bool:
        """Whether our policy is there, which keeps our pods from the network."""
        what = "The cluster could not be asked for its network policies"
        try:
            await self.call(what, self._networking.read_namespaced_network_policy, POLICY, self.namespace)
            return True
        except Gone:
            return False
        except Unavailable as error:
            if error.reason != "kubernetes_forbidden":
                raise
            return False

    async def closed(self) -> bool:
        """As ``policed``, having made it where there is none and it may be made."""
        if await self.policed():
            return True
        what, policy = "A network policy could not be made", network_policy(self.namespace)
        try:
            await self.call(what, self._networking.create_namespaced_network_policy, self.namespace, policy)
            return True
        except Unavailable as error:
            return "already exists" in error.message
        except Gone:
            return False

    # Streams

    async def open(self, name: str, what: str, query: list[tuple[str, str]], protocols: list[str]) -> Any:
        """A WebSocket to a pod. Raises ``Gone`` or ``Unavailable``."""
        configuration = self._api.configuration
        headers: dict[str, str] = {"User-Agent": "jupyter-appbuilder"}
        for setting in (await asyncio.to_thread(configuration.auth_settings)).values():  # a token may be renewed
            if setting["in"] == "header" and setting["value"]:
                headers[setting["key"]] = setting["value"]
        secure = str(configuration.host).startswith("https")
        url = f"{configuration.host}/api/v1/namespaces/{self.namespace}/pods/{name}/{what}?{urlencode(query)}"
        request = HTTPRequest(
            url.replace("http", "ws", 1),
            headers=headers,
            connect_timeout=REQUEST_SECONDS,
            request_timeout=REQUEST_SECONDS,
            ssl_options=self._ssl() if secure else None,
        )
        try:
            return await websocket_connect(request, subprotocols=protocols, ping_interval=30, max_message_size=1 << 26)
        except HTTPClientError as error:
            raise await self._refused(name, error.code, str(error.message)) from None
        except (OSError, WebSocketClosedError, ValueError) as error:
            raise self.explain(error, "The cluster does not answer") from None

    async def _refused(self, name: str, status: int, message: str) -> Exception:
        if status in (400, 404, 409, 500) and (trouble := await self.why(name)):
            return Gone(trouble.message)
        return self.explain(_Status(status, message), "The sandbox does not answer")

    def _ssl(self) -> ssl.SSLContext:
        configuration = self._api.configuration
        context = ssl.create_default_context(cafile=configuration.ssl_ca_cert or None)
        if not configuration.verify_ssl:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if configuration.cert_file:
            context.load_cert_chain(configuration.cert_file, configuration.key_file)
        return context

    async def exec(self, name: str, command: list[str]) -> Exec:
        query = [("container", CONTAINER), *(("command", word) for word in command)]
        query += [("stdin", "true"), ("stdout", "true"), ("stderr", "true"), ("tty", "false")]
        return Exec(await self.open(name, "exec", query, CHANNELS))

    @asynccontextmanager
    async def port(self, name: str, number: int) -> AsyncGenerator[Port]:
        """A connection to a port of a pod's own loopback interface."""
        socket = await self.open(name, "portforward", [("ports", str(number))], ["v4.channel.k8s.io"])
        try:
            yield Port(socket)
        finally:
            socket.close()


_WHOLE = ("kubernetes_image", "kubernetes_container")


class _Status(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.body = status, message


def _told(error: BaseException) -> str:
    """What the API server said: the message of its Status, else the error's own. In one line."""
    body = getattr(error, "body", "") or ""
    try:
        text = json.loads(body)["message"]
    except (ValueError, TypeError, KeyError):
        text = getattr(error, "reason", "") or str(error) or type(error).__name__
    return " ".join(str(text).split())[:300].rstrip(".")


class Exec:
    """A command in a pod, over one WebSocket; each message begins with the number of its channel."""

    def __init__(self, socket: WebSocketClientConnection) -> None:
        self._socket = socket
        self.code: int | None = None

    async def write(self, data: bytes) -> None:
        for at in range(0, len(data), 1 << 16):
            await self._socket.write_message(bytes([STDIN]) + data[at : at + (1 << 16)], binary=True)

    async def read(self) -> tuple[int, bytes] | None:
        """The next piece of output: its channel and bytes. None at the end, when ``code`` is the exit code, or None
        where the connection broke."""
        while True:
            message = await self._socket.read_message()
            if message is None:
                return None
            data = message if isinstance(message, bytes) else message.encode()
            if data[:1] == bytes([ERROR]):
                self.code = exit_code(data[1:])
                return None
            if len(data) > 1 and data[0] in (STDOUT, STDERR):
                return data[0], data[1:]

    def close(self) -> None:
        self._socket.close()


def exit_code(status: bytes) -> int:
    """The exit code that the Status at a command's end tells. Raises ``ValueError`` for one that is no end."""
    told = json.loads(status)
    if told.get("status") == "Success":
        return 0
    for cause in cast("list[dict[str, Any]]", (told.get("details") or {}).get("causes") or []):
        if cause.get("reason") == "ExitCode":
            return int(cause["message"])
    raise ValueError(str(told.get("message", ""))[:300])


class Port:
    """Bytes to and from a port of a pod."""

    DATA, TROUBLE = 0, 1

    def __init__(self, socket: WebSocketClientConnection) -> None:
        self._socket = socket
        self._named: set[int] = set()  # channels whose first message, the port's number, has come

    async def write(self, data: bytes) -> None:
        for at in range(0, len(data), 1 << 16):
            await self._socket.write_message(bytes([self.DATA]) + data[at : at + (1 << 16)], binary=True)

    async def read(self) -> bytes:
        """The next bytes; none at the end. Raises ``OSError`` where nothing listens there."""
        while True:
            message = await self._socket.read_message()
            if message is None:
                return b""
            data = message if isinstance(message, bytes) else message.encode()
            channel, data = data[0], data[1:]
            if channel not in self._named:
                self._named.add(channel)
                data = data[2:]
            if channel == self.TROUBLE and data:
                raise OSError(data.decode(errors="replace")[:300])
            if channel == self.DATA and data:
                return data
