"""The process that runs a model: ``python -m jupyter_appbuilder.models.local.process``.

Two processes in fact. The inner one loads the file and answers on a unix socket in a folder of its own: nobody else on
the machine can connect, and nobody can take its place when it dies, as could happen with a port. A crash in native
code, or the end of memory, takes nothing else with it. The outer one ends it when its standard input closes, which
also ``kill -9`` of Jupyter does: the inner one could not see that while it loads, since it then holds the interpreter's
lock.

In: one line of JSON, ``{"paths", "context", "threads", "key", "name"}``; the key is thus in no list of processes.
Out: lines of JSON, ``{"read": fraction}`` …, then ``{"socket": path}`` or ``{"failed": message}``. llama.cpp's own log
is the error output.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from typing import Any

CHUNK = 8 * 1024 * 1024  # bytes
BATCH = 256  # tokens of the prompt worked on at a time: as often it says how far it is
PING = 15  # seconds between signs of life while it reads a prompt
PR_SET_PDEATHSIG = 1
LONGEST_FOLDER = 60  # bytes: a socket's path holds 108


def main() -> None:
    order: dict[str, Any] = json.loads(sys.stdin.buffer.readline())
    folder = _make_folder()
    outer = os.getpid()
    inner = os.fork()
    if inner:
        _guard(inner, folder)
    _end_with(outer)
    try:
        _serve(order, f"{folder}/model.sock")
    except BaseException as error:
        _say(failed=f"{error}" or type(error).__name__)
        sys.exit(1)  # at its own pace: llama.cpp has a thread that still writes its log


def _make_folder() -> str:
    """Where the socket lies: nobody else may look into it."""
    usual = tempfile.gettempdir()
    short = usual if len(os.fsencode(usual)) < LONGEST_FOLDER else "/tmp"
    return tempfile.mkdtemp(prefix="appbuilder-model-", dir=short)


def _guard(inner: int, folder: str) -> None:
    """Exit as the inner process does, and end it when nobody holds the other end of the input any more."""

    def wait() -> None:
        _, status = os.waitpid(inner, 0)
        shutil.rmtree(folder, ignore_errors=True)
        code = os.waitstatus_to_exitcode(status)
        os._exit(code if code >= 0 else 128 - code)

    waiting = threading.Thread(target=wait)
    waiting.start()
    while os.read(0, 1024):
        pass
    os.kill(inner, signal.SIGKILL)
    waiting.join()


def _end_with(outer: int) -> None:
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.nice(5)  # JupyterLab and the apps stay quick meanwhile
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != outer:
            os._exit(1)


def _serve(order: dict[str, Any], socket: str) -> None:
    _read(order["paths"])
    import xllamacpp

    wanted: Any = xllamacpp.CommonParams()  # pyright: ignore[reportUnknownVariableType, reportAttributeAccessIssue]
    wanted.model.path = order["paths"][0]
    wanted.model_alias = {order["name"]}
    wanted.api_keys = [order["key"]]
    wanted.hostnames = [socket]
    wanted.n_ctx = order["context"]
    wanted.fit_params = False  # the context is what the agent was told
    wanted.n_parallel = 1
    wanted.n_batch = wanted.n_ubatch = BATCH
    wanted.cpuparams.n_threads = wanted.cpuparams_batch.n_threads = order["threads"]
    wanted.use_jinja = True
    wanted.cache_ram_mib = 0  # what is computed for one conversation is kept, not copies of others
    wanted.sse_ping_interval = PING
    wanted.ui = False
    wanted.endpoint_slots = False
    wanted.offline = True
    server = xllamacpp.Server(wanted)  # pyright: ignore[reportUnknownVariableType, reportAttributeAccessIssue]
    if not os.path.exists(socket):
        raise OSError(f"It does not listen where it was told to, but at {server.listening_address}.")  # pyright: ignore[reportUnknownMemberType]
    _say(socket=socket)
    while True:
        time.sleep(3600)


def _read(paths: list[str]) -> None:
    """Read the files once, so that loading finds them in memory: loading itself does not say how far it is."""
    size = sum(os.path.getsize(path) for path in paths) or 1
    done = said = 0
    for path in paths:
        with open(path, "rb", buffering=0) as file:
            while chunk := file.read(CHUNK):
                done += len(chunk)
                if done * 100 // size > said:
                    said = done * 100 // size
                    _say(read=said / 100)


def _say(**what: Any) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
