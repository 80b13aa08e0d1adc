"""A stand-in for envd, E2B's daemon inside each sandbox. Runs inside bubblewrap; HTTP and Connect on a unix socket.

    python envd.py SOCKET FORWARD TOKEN

``FORWARD`` is a second socket: a line with a port number, then bytes to and from whatever listens there. Only servers
that listen on every interface are reached, as in E2B's machines.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import shutil
import signal
import stat
import struct
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tornado import httpserver, iostream, netutil, web

SIGNALS = {"SIGNAL_SIGKILL": signal.SIGKILL, "SIGNAL_SIGTERM": signal.SIGTERM}
HTTP_STATUS = {"not_found": 404, "already_exists": 409, "invalid_argument": 400, "unauthenticated": 401}


class RpcError(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Running:
    """One process. Its output goes to whoever listens at the time, as in envd: it is not kept."""

    def __init__(self, process: asyncio.subprocess.Process, config: dict[str, Any]) -> None:
        self.process = process
        self.config = config
        self.listeners: set[asyncio.Queue[dict[str, Any] | None]] = set()
        self.ended = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async def pump(name: str, reader: asyncio.StreamReader | None) -> None:
            assert reader
            while piece := await reader.read(32 * 1024):
                await self.tell({"data": {name: base64.b64encode(piece).decode()}})

        await asyncio.gather(pump("stdout", self.process.stdout), pump("stderr", self.process.stderr))
        code = await self.process.wait()
        processes.pop(self.process.pid, None)
        how = f"exit status {code}" if code >= 0 else f"signal: {signal.Signals(-code).name}"
        await self.tell({"end": {"exitCode": code if code >= 0 else -1, "exited": code >= 0, "status": how}})
        for listener in self.listeners:
            await listener.put(None)

    async def tell(self, event: dict[str, Any]) -> None:
        for listener in list(self.listeners):
            await listener.put(event)


processes: dict[int, Running] = {}


def envelope(message: dict[str, Any], flags: int = 0) -> bytes:
    body = json.dumps(message).encode()
    return struct.pack(">BI", flags, len(body)) + body


class Handler(web.RequestHandler):
    token = ""

    def prepare(self) -> None:
        if self.request.path != "/health" and self.request.headers.get("X-Access-Token") != self.token:
            self.set_status(401)
            self.finish({"code": 401, "message": "unauthorized access, please provide a valid access token"})

    def log_exception(self, *args: Any) -> None:
        if not isinstance(args[1], (web.HTTPError, RpcError)):
            super().log_exception(*args)


class Health(Handler):
    def get(self) -> None:
        self.set_status(204)


class Files(Handler):
    async def get(self) -> None:
        path = place(self.get_query_argument("path"))
        if not path.is_file():
            self.set_status(404)
            self.finish({"code": 404, "message": f"path '{path}' does not exist"})
            return
        self.set_header("Content-Type", "application/octet-stream")
        self.set_header("Content-Length", str(path.stat().st_size))
        with path.open("rb") as file:
            while piece := file.read(256 * 1024):
                self.write(piece)
                await self.flush()

    def post(self) -> None:
        if self.request.headers["Content-Type"].startswith("application/octet-stream"):
            uploads = [(self.get_query_argument("path"), self.request.body)]
        else:
            given = self.get_query_argument("path", "")
            uploads = [(given or file.filename, file.body) for file in self.request.files["file"]]
        written: list[dict[str, str]] = []
        for name, body in uploads:
            path = place(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
            written.append({"name": path.name, "type": "file", "path": str(path)})
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(written))


class Unary(Handler):
    async def post(self, name: str) -> None:
        try:
            answer = UNARY[name](json.loads(self.request.body or b"{}"))
            self.finish(answer)
        except RpcError as error:
            self.set_status(HTTP_STATUS.get(error.code, 500))
            self.finish({"code": error.code, "message": str(error)})


class Stream(Handler):
    async def post(self, name: str) -> None:
        body = self.request.body
        (length,) = struct.unpack(">I", body[1:5])
        message = json.loads(body[5 : 5 + length])
        self.set_header("Content-Type", "application/connect+json")
        limit = self.request.headers.get("Connect-Timeout-Ms")
        error: dict[str, Any] = {}
        try:
            async with asyncio.timeout(int(limit) / 1000 if limit else None):
                await STREAMS[name](message, self)
        except TimeoutError:
            error = {"code": "deadline_exceeded", "message": "context deadline exceeded"}
        except RpcError as problem:
            error = {"code": problem.code, "message": str(problem)}
        except iostream.StreamClosedError:
            return
        with contextlib.suppress(iostream.StreamClosedError):
            self.write(envelope({"error": error} if error else {}, 2))
            await self.finish()

    async def send(self, message: dict[str, Any]) -> None:
        self.write(envelope(message))
        await self.flush()


def place(name: str) -> Path:
    return Path("/home/user", name)


async def start(message: dict[str, Any], stream: Stream) -> None:
    config = message["process"]
    environment = dict(os.environ) | config.get("envs", {})
    cwd = place(config.get("cwd", ""))
    if not cwd.is_dir():
        raise RpcError("invalid_argument", f"cwd '{cwd}' does not exist")
    process = await asyncio.create_subprocess_exec(
        config["cmd"],
        *config.get("args", []),
        cwd=cwd,
        env=environment,
        stdin=asyncio.subprocess.PIPE if message.get("stdin") else asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    running = processes[process.pid] = Running(process, config)
    try:
        await listen(running, stream)
    except TimeoutError:
        raise
    except asyncio.CancelledError:
        # The deadline passed. Like envd, only the process itself is signalled, not what it started.
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        raise


async def connect(message: dict[str, Any], stream: Stream) -> None:
    await listen(selected(message), stream)


async def listen(running: Running, stream: Stream) -> None:
    queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue(16)
    running.listeners.add(queue)
    try:
        await stream.send({"event": {"start": {"pid": running.process.pid}}})
        while (event := await queue.get()) is not None:
            await stream.send({"event": event})
    finally:
        running.listeners.discard(queue)
        while not queue.empty():
            queue.get_nowait()


def selected(message: dict[str, Any]) -> Running:
    pid = int(message["process"].get("pid", 0))
    if pid not in processes:
        raise RpcError("not_found", f"process with pid {pid} not found")
    return processes[pid]


def list_processes(message: dict[str, Any]) -> dict[str, Any]:
    return {"processes": [{"pid": pid, "config": running.config} for pid, running in processes.items()]}


def send_signal(message: dict[str, Any]) -> dict[str, Any]:
    selected(message).process.send_signal(SIGNALS[message["signal"]])
    return {}


def send_input(message: dict[str, Any]) -> dict[str, Any]:
    stdin = selected(message).process.stdin
    assert stdin
    stdin.write(base64.b64decode(message["input"]["stdin"]))
    return {}


def close_stdin(message: dict[str, Any]) -> dict[str, Any]:
    stdin = selected(message).process.stdin
    assert stdin
    stdin.close()
    return {}


def entry(path: Path) -> dict[str, Any]:
    try:
        status = path.lstat()
    except OSError:
        raise RpcError("not_found", f"{path} does not exist") from None
    kind = "DIRECTORY" if stat.S_ISDIR(status.st_mode) else "SYMLINK" if stat.S_ISLNK(status.st_mode) else "FILE"
    described = {
        "name": path.name,
        "type": f"FILE_TYPE_{kind}",
        "path": str(path),
        "size": str(status.st_size),
        "mode": stat.S_IMODE(status.st_mode),
        "permissions": stat.filemode(status.st_mode),
        "owner": "user",
        "group": "user",
        "modifiedTime": datetime.fromtimestamp(status.st_mtime, UTC).isoformat().replace("+00:00", "Z"),
    }
    return described | ({"symlinkTarget": os.readlink(path)} if kind == "SYMLINK" else {})


def make_dir(message: dict[str, Any]) -> dict[str, Any]:
    path = place(message["path"])
    if path.exists():
        raise RpcError("already_exists", f"{path} exists")
    path.mkdir(parents=True)
    return {"entry": entry(path)}


def move(message: dict[str, Any]) -> dict[str, Any]:
    source, destination = place(message["source"]), place(message["destination"])
    entry(source)
    destination.parent.mkdir(parents=True, exist_ok=True)
    source.rename(destination)
    return {"entry": entry(destination)}


def remove(message: dict[str, Any]) -> dict[str, Any]:
    path = place(message["path"])
    if entry(path)["type"] == "FILE_TYPE_DIRECTORY":
        shutil.rmtree(path)
    else:
        path.unlink()
    return {}


def list_dir(message: dict[str, Any]) -> dict[str, Any]:
    top = place(message["path"])
    if entry(top)["type"] != "FILE_TYPE_DIRECTORY":
        raise RpcError("invalid_argument", f"{top} is not a directory")
    return {"entries": [entry(path) for path in below(top, int(message.get("depth", 1)))]}


def below(top: Path, depth: int) -> list[Path]:
    found: list[Path] = []
    for path in sorted(top.iterdir()):
        found.append(path)
        if depth > 1 and path.is_dir() and not path.is_symlink():
            found += below(path, depth - 1)
    return found


async def watch_dir(message: dict[str, Any], stream: Stream) -> None:
    top = place(message["path"])
    entry(top)

    def look() -> dict[str, int]:
        return {
            str(p.relative_to(top)): p.lstat().st_mtime_ns for p in below(top, 50 if message.get("recursive") else 1)
        }

    before = look()
    await stream.send({"start": {}})
    while True:
        await asyncio.sleep(0.1)
        now = look()
        changes = [(name, "CREATE") for name in now.keys() - before.keys()]
        changes += [(name, "REMOVE") for name in before.keys() - now.keys()]
        changes += [(name, "WRITE") for name in now.keys() & before.keys() if now[name] != before[name]]
        for name, kind in changes:
            await stream.send({"filesystem": {"name": name, "type": f"EVENT_TYPE_{kind}"}})
        before = now


UNARY: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "process.Process/List": list_processes,
    "process.Process/SendSignal": send_signal,
    "process.Process/SendInput": send_input,
    "process.Process/CloseStdin": close_stdin,
    "process.Process/Update": lambda message: {},
    "filesystem.Filesystem/Stat": lambda message: {"entry": entry(place(message["path"]))},
    "filesystem.Filesystem/ListDir": list_dir,
    "filesystem.Filesystem/MakeDir": make_dir,
    "filesystem.Filesystem/Move": move,
    "filesystem.Filesystem/Remove": remove,
}
STREAMS: dict[str, Callable[..., Any]] = {
    "process.Process/Start": start,
    "process.Process/Connect": connect,
    "filesystem.Filesystem/WatchDir": watch_dir,
}


async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        port = int(await reader.readline())
        # An address of the loopback interface that a server listening on 127.0.0.1 alone does not have.
        there, back = await asyncio.open_connection("127.0.0.2", port)
    except (OSError, ValueError):
        writer.close()
        return
    writer.write(b"ok\n")

    await asyncio.gather(pipe(reader, back), pipe(there, writer))


async def pipe(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await source.read(64 * 1024):
            target.write(piece)
            await target.drain()
    with contextlib.suppress(OSError):
        target.close()


async def egress(socket: str, port: int) -> None:
    """The proxy that programs inside are told of, on ``port``; it is a unix socket of the host."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_unix_connection(socket)
        except OSError:
            writer.close()
            return

        await asyncio.gather(pipe(reader, back), pipe(there, writer))

    await asyncio.start_server(accept, "127.0.0.1", port)


async def main(socket: str, forwards: str, token: str) -> None:
    Handler.token = token
    application = web.Application(
        [
            (r"/health", Health),
            (r"/files", Files),
            (rf"/({'|'.join(STREAMS)})", Stream),
            (rf"/({'|'.join(UNARY)})", Unary),
        ],
        log_function=lambda handler: None,
    )
    if Path("/run/envd/egress.sock").exists():
        await egress("/run/envd/egress.sock", 3128)
    await asyncio.start_unix_server(forward, forwards)
    server = httpserver.HTTPServer(application, max_body_size=1 << 30, max_buffer_size=1 << 30)
    server.add_socket(netutil.bind_unix_socket(socket))
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
