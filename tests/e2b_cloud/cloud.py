"""E2B on loopback: its REST API, envd and previews on one port, for the real, unmodified SDK.

    async with cloud(folder) as there:
        os.environ |= {"E2B_API_KEY": there.key, "E2B_API_URL": there.url, "E2B_SANDBOX_URL": there.url}

Each sandbox is a ``Machine``: bubblewrap with a file root of its own. Requests are routed as E2B's edge does it, by the
headers ``E2b-Sandbox-Id`` and ``E2b-Sandbox-Port`` or by the host ``{port}-{id}.{domain}``; the rest is the REST API.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import re
import secrets
import shutil
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

from tornado import httpserver, netutil, web

from jupyter_appbuilder.sandbox.local.processes.layout import find_node
from jupyter_appbuilder.sandbox.network.egress import EgressProxy
from jupyter_appbuilder.sandbox.network.registries import read_registries

from .machine import Machine, new_id

ENVD_PORT = 49983
HEAD_LIMIT = 256 * 1024


@dataclass
class Fault:
    """What goes wrong with the next ``times`` requests whose ``METHOD path`` matches ``on``.

    ``status`` answers in the server's stead; ``delay`` waits first (seconds); ``drop_after`` lets that many bytes of
    the answer pass, then closes the connection; ``then`` is called when the fault strikes.
    """

    on: str
    status: int = 0
    body: dict[str, Any] = field(default_factory=dict[str, Any])
    headers: dict[str, str] = field(default_factory=dict[str, str])
    delay: float = 0.0
    drop_after: int | None = None
    times: int = 1
    then: Callable[[], Any] | None = None


@dataclass
class CloudSandbox:
    id: str
    template: str
    machine: Machine
    metadata: dict[str, str]
    request: dict[str, Any]
    started: datetime
    ends: datetime
    state: str = "running"
    timer: asyncio.TimerHandle | None = None
    traffic_token: str = field(default_factory=lambda: secrets.token_hex(16))
    changing: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def network(self) -> dict[str, Any]:
        return self.request.get("network") or {}


@dataclass
class BuiltTemplate:
    id: str
    name: str
    build: str
    root: Path | None = None
    status: str = "ready"
    reason: str = ""
    logs: list[str] = field(default_factory=list[str])
    environment: dict[str, str] = field(default_factory=dict[str, str])
    steps: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    request: dict[str, Any] = field(default_factory=dict[str, Any])


class Cloud:
    """``limit``: sandboxes that may run at once. ``keeps_memory=False``: a pause ends the processes, the files stay."""

    def __init__(self, folder: Path, *, limit: int = 20, keeps_memory: bool = True, internet: bool = False) -> None:
        self.folder = folder
        self.limit = limit
        self.keeps_memory = keeps_memory
        self.internet = internet
        self.key = "e2b_" + secrets.token_hex(20)
        self.faults: list[Fault] = []
        self.requests: list[str] = []  # "METHOD path" of each, oldest first
        self.hosts: list[str] = []  # the Host of each preview request, as the server inside sees it
        self.sandboxes: dict[str, CloudSandbox] = {}
        self.templates: dict[str, BuiltTemplate] = {"base": BuiltTemplate("tbase", "base", "b0")}
        self.uploads: dict[str, bytes] = {}
        self.port = 0
        self._server: asyncio.Server | None = None
        self._api: httpserver.HTTPServer | None = None
        self._egress: EgressProxy | None = None
        self._npmrc = self._index = ""
        self._numbers = itertools.count(1)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._connections: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def domain(self) -> str:
        return f"e2b.localhost:{self.port}"

    @property
    def running(self) -> list[CloudSandbox]:
        return [sandbox for sandbox in self.sandboxes.values() if sandbox.state == "running"]

    async def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._api_socket = Path(f"/tmp/e2b-api-{secrets.token_hex(4)}.sock")
        self._api = httpserver.HTTPServer(api(self), max_body_size=1 << 30, max_buffer_size=1 << 30)
        self._api.add_socket(netutil.bind_unix_socket(str(self._api_socket)))
        if self.internet:
            await self._open_way_out()
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=HEAD_LIMIT)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _open_way_out(self) -> None:
        """Package registries, and nothing else, through a proxy: machines have no network of their own."""
        node = find_node()
        registries = await read_registries([f"{node}/bin/node", f"{node}/lib/node_modules/npm/bin/npm-cli.js"])
        self._egress = EgressProxy(
            Path(f"/tmp/e2b-egress-{secrets.token_hex(4)}.sock"),
            registries.hosts,
            trusted=registries.hosts,
            upstream=registries.upstream,
            direct=registries.direct,
        )
        await self._egress.start()
        self._index = next(iter(registries.python), "")
        scoped = [f"{at}:registry={url}" for at, url in registries.scoped.items()]
        self._npmrc = "\n".join([f"registry={registries.npm}", *scoped, ""])

    async def close(self) -> None:
        if self._server:
            self._server.close()
        if self._api:
            self._api.stop()
        for writer in list(self._connections):
            writer.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for sandbox in list(self.sandboxes.values()):
            await self.kill(sandbox.id)
        if self._egress:
            await self._egress.close()
        self._api_socket.unlink(missing_ok=True)
        await asyncio.to_thread(shutil.rmtree, self.folder, True)

    # Sandboxes

    async def create(self, request: dict[str, Any]) -> CloudSandbox:
        template = self._template(request["templateID"])
        if template is None or template.status != "ready":
            raise ApiError(404, f"template '{request['templateID']}' not found")
        if len(self.running) >= self.limit:
            raise ApiError(429, f"you have reached the maximum number of concurrent E2B sandboxes ({self.limit})")
        number = new_id()
        root = self.folder / "machines" / number
        root.mkdir(parents=True)
        if template.root:
            await asyncio.to_thread(shutil.copytree, template.root, root, symlinks=True, dirs_exist_ok=True)
        machine = self._machine(root, template.environment | (request.get("envVars") or {}))
        now = datetime.now(UTC)
        sandbox = CloudSandbox(number, template.id, machine, request.get("metadata") or {}, request, now, now)
        self.sandboxes[number] = sandbox
        async with sandbox.changing:
            await machine.start()
        self.set_timeout(sandbox, request.get("timeout", 300))
        return sandbox

    def _machine(self, root: Path, environment: dict[str, str]) -> Machine:
        egress = self._egress.path if self._egress else None
        return Machine(root, secrets.token_hex(16), environment, egress, self._npmrc, self._index)

    def _template(self, name: str) -> BuiltTemplate | None:
        return next((one for one in self.templates.values() if name in (one.id, one.name)), None)

    def set_timeout(self, sandbox: CloudSandbox, seconds: float) -> None:
        if sandbox.timer:
            sandbox.timer.cancel()
        sandbox.ends = datetime.now(UTC) + timedelta(seconds=seconds)
        ending = self.pause if sandbox.request.get("autoPause") else self.kill
        sandbox.timer = asyncio.get_running_loop().call_later(seconds, lambda: self._do(ending(sandbox.id)))

    def _do(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def pause(self, number: str) -> bool:
        sandbox = self.sandboxes[number]
        async with sandbox.changing:
            if sandbox.state == "paused":
                return False
            sandbox.state = "paused"
            if sandbox.timer:
                sandbox.timer.cancel()
            if self.keeps_memory:
                sandbox.machine.pause()
            else:
                await sandbox.machine.stop()
            self._cut(number)
            return True

    async def resume(self, number: str, seconds: float | None = None) -> CloudSandbox:
        sandbox = self.sandboxes[number]
        async with sandbox.changing:
            if sandbox.state == "paused":
                await sandbox.machine.resume()
                sandbox.state = "running"
            self.set_timeout(sandbox, seconds or sandbox.request.get("timeout", 300))
        return sandbox

    async def kill(self, number: str) -> bool:
        """Gone, with its files and its connections, as if it had never been."""
        sandbox = self.sandboxes.pop(number, None)
        if sandbox is None:
            return False
        if sandbox.timer:
            sandbox.timer.cancel()
        async with sandbox.changing:
            await sandbox.machine.destroy()
        self._cut(number)
        return True

    def _cut(self, number: str) -> None:
        for writer in list(self._connections):
            if getattr(writer, "sandbox", None) == number:
                writer.close()

    # Templates

    def request_build(self, request: dict[str, Any]) -> BuiltTemplate:
        name = request["name"]
        known = self.templates.get(name)
        template = BuiltTemplate(
            known.id if known else f"t{next(self._numbers)}", name, f"build-{secrets.token_hex(4)}"
        )
        template.status, template.request = "waiting", request
        self.templates[name] = template
        return template

    def build(self, template: BuiltTemplate, definition: dict[str, Any]) -> None:
        template.status, template.steps = "building", definition["steps"]
        template.request |= {key: value for key, value in definition.items() if key != "steps"}
        self._do(self._build(template))

    async def _build(self, template: BuiltTemplate) -> None:
        """Run the steps in a machine. What needs root (installing the system's packages) is only logged."""
        root = self.folder / "templates" / template.build
        root.mkdir(parents=True)
        machine = self._machine(root, {})
        user, workdir, environment = "root", "/home/user", {}
        try:
            await machine.start()
            for step in template.steps:
                arguments = step["args"]
                template.logs.append(f"{step['type']} {' '.join(arguments)}")
                match step["type"]:
                    case "ENV":
                        environment |= dict(zip(arguments[::2], arguments[1::2], strict=True))
                    case "USER":
                        user = arguments[0]
                    case "WORKDIR":
                        workdir = arguments[0]
                    case "COPY":
                        self._unpack(step["filesHash"], arguments, root)
                    case "RUN":
                        by = arguments[1] if len(arguments) > 1 else user
                        if by == "root":
                            continue
                        code, output = await self._run_in(machine, arguments[0], workdir, environment)
                        template.logs += output.splitlines()
                        if code:
                            raise RuntimeError(f"failed to run command '{arguments[0]}': exit status {code}")
                    case other:
                        raise RuntimeError(f"unknown step {other}")
            await machine.stop()
            template.root, template.environment, template.status = root, environment, "ready"
        except RuntimeError as error:
            template.reason, template.status = str(error), "error"
        finally:
            await machine.stop()

    def _unpack(self, files: str, arguments: list[str], root: Path) -> None:
        """Only what goes below the workspace or the home: the rest of a machine's disk is this machine's own."""
        import io
        import tarfile

        target = arguments[1]
        for prefix, folder in (("/workspace", "workspace"), ("/home/user", "home"), ("/opt/template", "template")):
            if target == prefix or target.startswith(prefix + "/"):
                place = root / folder / target.removeprefix(prefix).lstrip("/")
                break
        else:
            raise RuntimeError(f"copying to {target} is not possible here")
        with tarfile.open(fileobj=io.BytesIO(self.uploads[files])) as archive:
            source = arguments[0].rstrip("/")
            for member in archive.getmembers():
                inside = member.name.removeprefix(source).lstrip("/") if source != "." else member.name
                if member.isfile():
                    goal = place / inside if inside else (place if not target.endswith("/") else place / source)
                    goal.parent.mkdir(parents=True, exist_ok=True)
                    file = archive.extractfile(member)
                    assert file
                    goal.write_bytes(file.read())
                    goal.chmod(member.mode)

    async def _run_in(
        self, machine: Machine, command: str, workdir: str, environment: dict[str, str]
    ) -> tuple[int, str]:
        import httpx

        body = {"process": {"cmd": "/bin/bash", "args": ["-l", "-c", command], "envs": environment, "cwd": workdir}}
        encoded = json.dumps(body).encode()
        frame = b"\0" + len(encoded).to_bytes(4, "big") + encoded
        transport = httpx.AsyncHTTPTransport(uds=str(machine.envd))
        async with httpx.AsyncClient(transport=transport, timeout=600) as client:
            answer = await client.post(
                "http://envd/process.Process/Start", content=frame, headers={"X-Access-Token": machine.token}
            )
        return _ended(answer.content)

    # Connections

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        try:
            await self._serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            self._connections.discard(writer)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        request, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
        method, path, _ = request.split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        self.requests.append(f"{method} {path}")
        fault = self._fault(f"{method} {path}")
        if fault:
            if fault.then:
                result = fault.then()
                if asyncio.iscoroutine(result):
                    await result
            await asyncio.sleep(fault.delay)
            if fault.status:
                await _answer(reader, writer, headers, fault.status, fault.body, fault.headers)
                return
        target = self._target(headers)
        if target is None:
            back = await asyncio.open_unix_connection(str(self._api_socket))
        else:
            number, port = target
            writer.sandbox = number  # type: ignore[attr-defined]
            sandbox = self.sandboxes.get(number)
            if sandbox and sandbox.state == "paused" and (sandbox.request.get("autoResume") or {}).get("enabled"):
                await self.resume(number)
            if sandbox is None or sandbox.state != "running":
                message = {"sandboxId": number, "message": "The sandbox was not found", "code": 502}
                await _answer(reader, writer, headers, 502, message)
                return
            if port == ENVD_PORT:
                back = await asyncio.open_unix_connection(str(sandbox.machine.envd))
            else:
                private = sandbox.network.get("allowPublicTraffic") is False
                if private and headers.get("e2b-traffic-access-token") != sandbox.traffic_token:
                    await _answer(
                        reader, writer, headers, 403, {"code": 403, "message": "a traffic access token is needed"}
                    )
                    return
                if mask := sandbox.network.get("maskRequestHost"):
                    masked = mask.replace("${PORT}", str(port))
                    lines = [f"Host: {masked}" if line.lower().startswith("host:") else line for line in lines]
                back = await asyncio.open_unix_connection(str(sandbox.machine.forward))
                back[1].write(f"{port}\n".encode())
                if await back[0].readline() != b"ok\n":
                    message = {
                        "sandboxId": number,
                        "message": f"The sandbox is running but port is not open: {port}",
                        "code": 502,
                    }
                    await _answer(reader, writer, headers, 502, message)
                    return
                self.hosts += [line.partition(":")[2].strip() for line in lines if line.lower().startswith("host:")]
        if headers.get("upgrade", "").lower() != "websocket":
            # One request a connection: the next one may be for another sandbox.
            lines = [line for line in lines if not line.lower().startswith("connection:")] + ["Connection: close"]
        back[1].write("\r\n".join([request, *lines, "", ""]).encode("latin-1"))
        await _join(reader, writer, *back, fault.drop_after if fault else None)

    def _fault(self, request: str) -> Fault | None:
        for fault in self.faults:
            if re.search(fault.on, request) and fault.times > 0:
                fault.times -= 1
                return fault
        return None

    def _target(self, headers: dict[str, str]) -> tuple[str, int] | None:
        if "e2b-sandbox-id" in headers:
            return headers["e2b-sandbox-id"], int(headers.get("e2b-sandbox-port", ENVD_PORT))
        if found := re.match(r"(\d+)-(i[0-9a-f]+)\.", headers.get("host", "")):
            return found[2], int(found[1])
        return None


def _ended(frames: bytes) -> tuple[int, str]:
    import base64

    code, output = 1, b""
    while frames:
        length = int.from_bytes(frames[1:5], "big")
        event = json.loads(frames[5 : 5 + length]).get("event", {})
        frames = frames[5 + length :]
        output += b"".join(base64.b64decode(piece) for piece in event.get("data", {}).values())
        code = event["end"]["exitCode"] if "end" in event else code
    return code, output.decode(errors="replace")


async def _answer(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    request: dict[str, str],
    status: int,
    body: dict[str, Any],
    headers: dict[str, str] | None = None,
) -> None:
    if length := int(request.get("content-length", 0)):
        await reader.readexactly(length)
    text = json.dumps({"code": status, "message": "no"} | body).encode()
    lines = [f"HTTP/1.1 {status} Answer", "Content-Type: application/json", f"Content-Length: {len(text)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    writer.write("\r\n".join([*lines, "Connection: close", "", ""]).encode() + text)
    await writer.drain()


async def _join(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    back_reader: asyncio.StreamReader,
    back_writer: asyncio.StreamWriter,
    drop_after: int | None,
) -> None:
    left = drop_after

    async def up() -> None:
        while piece := await reader.read(64 * 1024):
            back_writer.write(piece)
            await back_writer.drain()

    async def down() -> None:
        nonlocal left
        while piece := await back_reader.read(64 * 1024):
            if left is not None:
                piece, left = piece[:left], left - len(piece)
            writer.write(piece)
            await writer.drain()
            if left is not None and left <= 0:
                writer.transport.abort()
                return

    tasks = [asyncio.ensure_future(up()), asyncio.ensure_future(down())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        back_writer.close()


# The REST API


class ApiError(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Rest(web.RequestHandler):
    def initialize(self, cloud: Cloud, call: Callable[..., Any]) -> None:
        self.cloud = cloud
        self.call = call

    async def _any(self, *arguments: str) -> None:
        try:
            if self.request.headers.get("X-API-Key") != self.cloud.key and "upload" not in self.request.path:
                raise ApiError(401, "Invalid API key")
            result = self.call(self.cloud, self, *arguments)
            status, body = await result if asyncio.iscoroutine(result) else result
        except KeyError as error:
            status, body = 404, {"code": 404, "message": f"sandbox {error} not found"}
        except ApiError as error:
            status, body = error.status, {"code": error.status, "message": str(error)}
        self.set_status(status)
        if body is not None:
            self.set_header("Content-Type", "application/json")
            self.write(json.dumps(body))

    get = post = put = delete = _any  # type: ignore[assignment]

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.request.body or b"{}")


def api(cloud: Cloud) -> web.Application:
    number = r"([\w-]+)"
    routes: list[tuple[str, Callable[..., Any]]] = [
        (r"/v2/sandboxes", _sandboxes),
        (rf"/v2/sandboxes/{number}/connect", _connect),
        (rf"/sandboxes/{number}", _sandbox),
        (rf"/sandboxes/{number}/timeout", _timeout),
        (rf"/sandboxes/{number}/pause", _pause),
        (rf"/sandboxes/{number}/metrics", _metrics),
        (rf"/sandboxes/{number}/network", _network),
        (r"/v3/templates", lambda cloud, http: (202, _requested(cloud.request_build(http.json)))),
        (rf"/templates/aliases/{number}", _alias),
        (rf"/templates/{number}/files/{number}", _file),
        (rf"/v2/templates/{number}/builds/{number}", _start_build),
        (rf"/templates/{number}/builds/{number}/status", _build_status),
        (rf"/upload/{number}", _upload),
        (r"/templates", lambda cloud, http: (200, [_listed(one) for one in cloud.templates.values()])),
    ]
    rules = [(path + "$", Rest, {"cloud": cloud, "call": call}) for path, call in routes]
    return web.Application(rules, log_function=lambda handler: None)


def _described(cloud: Cloud, sandbox: CloudSandbox) -> dict[str, Any]:
    return {
        "templateID": sandbox.template,
        "sandboxID": sandbox.id,
        "clientID": "loopback",
        "envdVersion": "0.6.4",
        "envdAccessToken": sandbox.machine.token,
        "trafficAccessToken": sandbox.traffic_token,
        "domain": cloud.domain,
        "startedAt": sandbox.started.isoformat(),
        "endAt": sandbox.ends.isoformat(),
        "cpuCount": 2,
        "memoryMB": 1024,
        "diskSizeMB": 4096,
        "state": sandbox.state,
        "metadata": sandbox.metadata,
    }


async def _sandboxes(cloud: Cloud, http: Rest) -> tuple[int, Any]:
    if http.request.method == "POST":
        return 201, _described(cloud, await cloud.create(http.json))
    quoted = parse_qsl(http.get_query_argument("metadata", ""))  # the SDK quotes each word before it makes the query
    wanted = {unquote(name): unquote(value) for name, value in quoted}
    states = [state for given in http.get_query_arguments("state") for state in given.split(",")]
    found = [
        sandbox
        for sandbox in cloud.sandboxes.values()
        if wanted.items() <= sandbox.metadata.items() and (not states or sandbox.state in states)
    ]
    return 200, [_described(cloud, sandbox) for sandbox in found]


async def _connect(cloud: Cloud, http: Rest, number: str) -> tuple[int, Any]:
    was = cloud.sandboxes[number].state
    sandbox = await cloud.resume(number, http.json.get("timeout"))
    return (200 if was == "running" else 201), _described(cloud, sandbox)


async def _sandbox(cloud: Cloud, http: Rest, number: str) -> tuple[int, Any]:
    if http.request.method == "DELETE":
        if not await cloud.kill(number):
            raise ApiError(404, f"sandbox {number} not found")
        return 204, None
    return 200, _described(cloud, cloud.sandboxes[number])


def _timeout(cloud: Cloud, http: Rest, number: str) -> tuple[int, Any]:
    if cloud.sandboxes[number].state != "running":
        raise ApiError(404, f"sandbox {number} not found")
    cloud.set_timeout(cloud.sandboxes[number], http.json["timeout"])
    return 204, None


async def _pause(cloud: Cloud, http: Rest, number: str) -> tuple[int, Any]:
    if not await cloud.pause(number):
        raise ApiError(409, f"sandbox {number} is already paused")
    return 204, None


def _network(cloud: Cloud, http: Rest, number: str) -> tuple[int, Any]:
    """Replaces what may be reached; kept to be looked at: machines here reach package registries only."""
    kept = {
        name: value for name, value in cloud.sandboxes[number].network.items() if name not in ("allowOut", "denyOut")
    }
    cloud.sandboxes[number].request["network"] = kept | http.json
    return 204, None


def _metrics(cloud: Cloud, http: Rest, number: str) -> tuple[int, Any]:
    memory, _ = cloud.sandboxes[number].machine.usage()
    now = datetime.now(UTC)
    sizes = {"memUsed": memory, "memTotal": 1 << 30, "memCache": 0, "diskUsed": 1 << 20, "diskTotal": 1 << 32}
    return 200, [
        {"timestamp": now.isoformat(), "timestampUnix": int(now.timestamp()), "cpuCount": 2, "cpuUsedPct": 1.0} | sizes
    ]


def _requested(template: BuiltTemplate) -> dict[str, Any]:
    return {
        "templateID": template.id,
        "buildID": template.build,
        "public": False,
        "names": [template.name],
        "tags": [],
        "aliases": [template.name],
    }


def _listed(template: BuiltTemplate) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat()
    return _requested(template) | {
        "cpuCount": 2,
        "memoryMB": 1024,
        "diskSizeMB": 4096,
        "createdAt": now,
        "updatedAt": now,
        "createdBy": None,
        "lastSpawnedAt": None,
        "spawnCount": 0,
        "buildCount": 1,
        "envdVersion": "0.6.4",
        "buildStatus": template.status,
    }


def _alias(cloud: Cloud, http: Rest, alias: str) -> tuple[int, Any]:
    template = cloud.templates.get(alias)
    if template is None or template.status != "ready":
        raise ApiError(404, f"template alias {alias} not found")
    return 200, {"templateID": template.id, "public": False}


def _by_id(cloud: Cloud, number: str) -> BuiltTemplate:
    return next(one for one in cloud.templates.values() if one.id == number)


def _file(cloud: Cloud, http: Rest, number: str, files: str) -> tuple[int, Any]:
    return 201, {"present": files in cloud.uploads, "url": f"{cloud.url}/upload/{files}"}


def _upload(cloud: Cloud, http: Rest, files: str) -> tuple[int, Any]:
    cloud.uploads[files] = http.request.body
    return 200, None


def _start_build(cloud: Cloud, http: Rest, number: str, build: str) -> tuple[int, Any]:
    cloud.build(_by_id(cloud, number), http.json)
    return 202, None


def _build_status(cloud: Cloud, http: Rest, number: str, build: str) -> tuple[int, Any]:
    template = _by_id(cloud, number)
    offset = int(http.get_query_argument("logsOffset", "0"))
    now = datetime.now(UTC).isoformat()
    entries = [{"timestamp": now, "message": line, "level": "info"} for line in template.logs[offset : offset + 100]]
    answer = {"logs": [], "logEntries": entries, "templateID": number, "buildID": build, "status": template.status}
    return 200, answer | ({"reason": {"message": template.reason}} if template.reason else {})


@contextlib.asynccontextmanager
async def cloud(folder: Path, **options: Any) -> AsyncGenerator[Cloud]:
    there = Cloud(folder, **options)
    try:
        await there.start()
        yield there
    finally:
        await there.close()
