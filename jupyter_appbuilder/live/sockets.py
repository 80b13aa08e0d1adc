"""From the process that shows an app to the one that has its functions: a unix socket of each process with some.

``<runtime>/appbuilder/functions/<pid>-….json`` says where the socket is, which functions it answers for, and holds the
secret that a call must bring: who can read that file, the person alone, may call. No sandbox sees Jupyter's runtime
folder. A call is a line of JSON and the arguments; so is what comes back. Who hangs up cancels the call.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from ..errors import AppBuilderError, InvalidInput, Unavailable
from ..formats import strict_json
from ..settings import socket_address, write_whole
from .base import LONGEST_ANSWER, LONGEST_REQUEST, LONGEST_SECONDS, FunctionFailed, TooLarge, unknown

if TYPE_CHECKING:
    from .answers import Answer

LONGEST_HEAD = 64 * 1024  # bytes
CONNECT_SECONDS = 5.0
HEAD_SECONDS = 10.0
SPARE_SECONDS = 10.0
"""Beyond what a call may take: for what it returned to be sent."""

OFF = "Run the notebook that has its functions again (@app.expose)."

Rows = Literal["parquet", "json"]
Call = Callable[[str, str, Mapping[str, Any]], Awaitable["Answer"]]


@dataclass(frozen=True, slots=True)
class Reply:
    """What a call came to. ``body``: what ``form`` says, or an error as JSON."""

    status: int
    form: str
    body: bytes

    @classmethod
    def of(cls, error: AppBuilderError) -> Reply:
        return cls(error.status, "json", json.dumps({"error": error.to_json()}).encode())


def functions_folder() -> Path:
    from jupyter_core.paths import jupyter_runtime_dir

    return Path(jupyter_runtime_dir()) / "appbuilder" / "functions"


# In the process that has the functions


class FunctionSocket:
    """Answers calls of other processes by ``call(session, name, arguments)``, from the first ``tell`` until ``close``
    or the end of this process."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._token = secrets.token_urlsafe(32)
        self._since = 0
        self._server: asyncio.Server | None = None
        self._opening = asyncio.Lock()
        self._path = Path()
        self._calls: set[asyncio.Task[None]] = set()

    async def tell(self, functions: Mapping[str, Mapping[str, float]]) -> None:
        """Have other processes find these functions, by session and name, each with the seconds that a call of it may
        take. Raises ``Unavailable`` where the runtime folder cannot
        be written."""
        async with self._opening:
            try:
                if self._server is None:
                    await self._open()
                self._since = max(time.time_ns(), self._since + 1)
                note = {"pid": os.getpid(), "since": self._since, "token": self._token, "functions": functions}
                await asyncio.to_thread(write_whole, self._note, json.dumps(note))
            except OSError as error:
                raise Unavailable(
                    f"Apps cannot reach this notebook's functions: {error.strerror or error}.",
                    hint="Jupyter's runtime folder (jupyter --runtime-dir) has to be writable.",
                    reason="no_socket",
                ) from None

    @property
    def _note(self) -> Path:
        return self._path.with_suffix(".json")

    async def _open(self) -> None:
        if sys.platform == "win32":
            raise OSError("this system has no unix sockets")
        folder = functions_folder()
        for one in (folder.parent, folder):
            one.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path = folder / f"{os.getpid()}-{secrets.token_hex(4)}.sock"
        with socket_address(self._path) as address:
            self._server = await asyncio.start_unix_server(self._accept, address, limit=LONGEST_HEAD)
        self._path.chmod(0o600)

    async def close(self) -> None:
        """May be called twice."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for call in list(self._calls):
            call.cancel()
        self._note.unlink(missing_ok=True)
        self._path.unlink(missing_ok=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._calls.add(task)
        try:
            await self._answer(reader, writer)
        except (OSError, ValueError, TimeoutError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # who asked has gone, or was nobody who may ask
        finally:
            self._calls.discard(task)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(HEAD_SECONDS):
            head = _object(await reader.readline())
            if not secrets.compare_digest(str(head.get("token")).encode(), self._token.encode()):
                return
            size = head.get("size")
            if not isinstance(size, int) or not 0 <= size <= LONGEST_REQUEST:
                return
            body = await reader.readexactly(size)
        writer.write(b"\n")  # it is awake
        session, name, rows = (str(head.get(key)) for key in ("session", "name", "rows"))
        answering = asyncio.ensure_future(self._reply(session, name, body, rows))
        hung_up = asyncio.ensure_future(reader.read(1))
        try:
            await asyncio.wait({answering, hung_up}, return_when=asyncio.FIRST_COMPLETED)
            if not answering.done():
                return
            reply = answering.result()
            told = {"status": reply.status, "form": reply.form, "size": len(reply.body)}
            writer.write(json.dumps(told).encode() + b"\n")
            writer.write(reply.body)
            await writer.drain()
        finally:
            answering.cancel()
            hung_up.cancel()

    async def _reply(self, session: str, name: str, body: bytes, rows: str) -> Reply:
        from .answers import in_json

        try:
            answer = await self._call(session, name, arguments_in(body))
            if rows == "json":
                answer = await asyncio.to_thread(in_json, answer)
        except AppBuilderError as error:
            return Reply.of(error)
        return Reply(200, answer.form, answer.body)


def arguments_in(body: bytes) -> dict[str, Any]:
    """The arguments of a call: a JSON object, or nothing. Raises ``InvalidInput``."""
    try:
        found: Any = strict_json.parsed(body) if body.strip() else {}
    except ValueError as error:
        raise InvalidInput(
            f"The arguments are no JSON: {error}.", hint="Give an object with a value by name."
        ) from None
    if not isinstance(found, dict):
        raise InvalidInput("The arguments have to be an object.", hint='Give them by name: {"region": "North"}.')
    return cast("dict[str, Any]", found)


# In the process that shows the app


@dataclass(frozen=True, slots=True)
class _Note:
    path: Path
    since: int
    token: str
    seconds: Mapping[str, float]
    """What the session asked for has there, and how long a call of each may take."""


async def call_function(session: str, name: str, body: bytes, rows: Rows = "parquet") -> Reply:
    """Call a session's function where it is, ``body``: its arguments as JSON, ``rows``: what a frame comes as.
    Cancelling cancels the call.

    Raises ``AppBuilderError``: ``Unavailable`` (reason ``no_kernel``) where no process that lives has functions of this
    session, ``NotFound`` where those that it has are others.
    """
    if len(body) > LONGEST_REQUEST:
        raise too_long()
    notes = await asyncio.to_thread(_notes, session)
    known: set[str] = set()
    for note in sorted(notes, key=lambda note: -note.since):
        if name not in note.seconds:
            if await _lives(note):
                known.update(note.seconds)
            continue
        if (reply := await _ask(note, session, name, body, rows)) is not None:
            return reply
    if known:
        raise unknown(name, known)
    raise Unavailable("The notebook that has this app's functions does not run.", hint=OFF, reason="no_kernel")


def too_long() -> TooLarge:
    return TooLarge(
        f"The arguments are over {LONGEST_REQUEST // 1024**2} MB.",
        hint="Hand large data to the app as a dataset: app.data.",
        reason="request_too_large",
    )


def _notes(session: str) -> list[_Note]:
    """What processes say that they have of a session."""
    found: list[_Note] = []
    folder = functions_folder()
    for path in folder.glob("*.json") if folder.is_dir() else ():
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            if path.stat().st_uid != os.getuid():
                continue
            told = _object(path.read_bytes())
            if names := told["functions"].get(session):
                seconds = {str(name): min(float(limit), LONGEST_SECONDS) for name, limit in names.items()}
                found.append(_Note(path, int(told["since"]), str(told["token"]), seconds))
    return found


async def _connect(note: _Note) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
    """None for a process that is gone; what it left is removed."""
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            with socket_address(note.path.with_suffix(".sock")) as address:
                return await asyncio.open_unix_connection(address, limit=LONGEST_HEAD)
    except (FileNotFoundError, ConnectionRefusedError):
        note.path.unlink(missing_ok=True)
        note.path.with_suffix(".sock").unlink(missing_ok=True)
    except (OSError, TimeoutError):
        pass
    return None


async def _lives(note: _Note) -> bool:
    connection = await _connect(note)
    if connection:
        connection[1].close()
    return connection is not None


async def _ask(note: _Note, session: str, name: str, body: bytes, rows: Rows) -> Reply | None:
    """None where the process was gone before it had the call: another may have it."""
    connection = await _connect(note)
    if connection is None:
        return None
    reader, writer = connection
    try:
        head = {"token": note.token, "session": session, "name": name, "rows": rows, "size": len(body)}
        writer.write(json.dumps(head).encode() + b"\n" + body)
        await writer.drain()
        async with asyncio.timeout(HEAD_SECONDS):
            if await reader.readline() != b"\n":
                raise ValueError("no answer of ours")
    except TimeoutError:
        writer.close()
        hint = "Ask again once the cell that holds it up has ended."
        raise Unavailable("The notebook's kernel is busy.", hint=hint, reason="busy") from None
    except (OSError, ValueError):
        writer.close()
        return None
    try:
        async with asyncio.timeout(note.seconds[name] + SPARE_SECONDS):
            told = _object(await reader.readline())
            size = int(told["size"])
            if not 0 <= size <= LONGEST_ANSWER + LONGEST_HEAD:
                raise ValueError("no answer of ours")
            return Reply(int(told["status"]), str(told["form"]), await reader.readexactly(size))
    except TimeoutError:
        raise FunctionFailed(f"{name} gives no answer.", hint="Restart the notebook's kernel.") from None
    except (OSError, ValueError, KeyError, asyncio.IncompleteReadError):
        raise Unavailable(f"The notebook ended while it ran {name}.", hint=OFF, reason="no_kernel") from None
    finally:
        writer.close()


def _object(line: bytes) -> dict[str, Any]:
    found: Any = json.loads(line)
    if not isinstance(found, dict):
        raise ValueError("not an object")
    return cast("dict[str, Any]", found)
