"""A notebook's cells in a fresh kernel of its own kernel spec, within a time and so much memory.

The cells are the person's, and run with their rights, as in JupyterLab. They run from the first to the last one that
hands data over; what they print is kept, cut to so many characters.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import stat
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL
from typing import Any, cast

from ..cancellation import ended, in_thread, uncut
from ..errors import AppBuilderError, Conflict, InvalidInput, NotFound, Unavailable, of_the_disk
from .base import COLLECT, CellRun

LARGEST = 50_000_000  # bytes of a notebook
READY_SECONDS = 60.0
LOOK_SECONDS = 0.25
"""How often it is looked at whether the kernel lives, and what it holds."""
LONGEST_OUTPUT = 8_000  # characters of a cell
LONGEST_OUTPUTS = 64_000  # of a run
MOST_CELLS = 1000
SKIP = "skip-refresh"
"""A tag of cells that are not run."""

HANDS_OVER = re.compile(r"^\s*%{1,2}appbuilder\s+(?:data|refresh)\b|\.(?:data|refresh)\(", re.M)
ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
FILE = re.compile(r"[1-9][0-9]{0,3}\.parquet")


class RefreshFailed(Conflict):
    """The cells did not run through; ``reason`` says what kind of failure it was."""

    default_reason = "cell_failed"


@dataclass(frozen=True, slots=True)
class Code:
    """A code cell that is to be run."""

    number: int  # of all cells, from 1
    source: str
    may_fail: bool


@dataclass(frozen=True, slots=True)
class Notebook:
    path: Path
    kernel: str
    cells: Sequence[Code]


@dataclass(frozen=True, slots=True)
class Laid:
    """Rows that a cell laid aside for an app's dataset; ``app``: what the notebook calls the app, "" for nothing."""

    app: str
    dataset: str
    file: Path
    private: bool | None


def read_cells(path: Path) -> Notebook:
    """Which cells of a notebook are run: those up to the last that hands data over, all if none does. Raises
    ``NotFound``, ``InvalidInput``."""
    import nbformat

    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise InvalidInput(f"{path.name} is no file.", hint="Name a notebook.", field="notebook")
            content = file.read(LARGEST + 1)
    except FileNotFoundError:
        raise NotFound(
            f"The notebook {path} is gone.",
            hint="Put it back, or set the schedule with the one that you have.",
            reason="no_notebook",
            field="notebook",
        ) from None
    except OSError as error:
        raise of_the_disk(error, path.parent) from None
    if len(content) > LARGEST:
        raise InvalidInput(f"{path.name} is larger than {LARGEST // 1_000_000} MB.", hint="Clear its outputs.")
    try:
        # Typed as what it is, a tree of dicts: the library's types do not say.
        parsed = cast("Mapping[str, Any]", nbformat.reads(content.decode(), as_version=4))  # pyright: ignore[reportUnknownMemberType]
        metadata: Mapping[str, Any] = parsed["metadata"]
        kernel = str(metadata.get("kernelspec", {}).get("name", "") or "python3")
        cells: Sequence[Mapping[str, Any]] = list(parsed["cells"])
    except Exception as error:
        raise InvalidInput(
            f"{path.name} is no notebook: {str(error)[:200]}",
            hint="Open it in JupyterLab and save it.",
            field="notebook",
        ) from None
    found: list[Code] = []
    for number, cell in enumerate(cells[:MOST_CELLS], 1):
        tags = cell.get("metadata", {}).get("tags", ())
        if cell.get("cell_type") == "code" and str(cell.get("source", "")).strip() and SKIP not in tags:
            found.append(Code(number, str(cell["source"]), "raises-exception" in tags))
    handing = [index for index, cell in enumerate(found) if HANDS_OVER.search(cell.source)]
    if handing:
        found = found[: handing[-1] + 1]
    if not found:
        raise InvalidInput(f"{path.name} has no code.", hint="Name the notebook that makes the data.", field="notebook")
    return Notebook(path, kernel, found)


async def run_cells(
    notebook: Notebook,
    into: Path,
    variables: Mapping[str, str],
    *,
    seconds: float,
    memory: int,
    on_cell: Callable[[CellRun], None],
) -> list[Laid]:
    """Run them; what they laid aside in the folder ``into``. ``variables``: those that hold a dataset's rows in the
    end, where no cell hands it over. ``on_cell`` is told how each went. Cancelling ends the kernel.

    Raises ``RefreshFailed`` for a cell that fails, and where time or memory is used up or the kernel ends;
    ``Unavailable`` where there is no such kernel here.
    """
    left = LONGEST_OUTPUTS
    until = time.monotonic() + seconds
    async with _kernel(notebook, into) as kernel:
        for cell in notebook.cells:
            began = time.monotonic()
            output = _Output(min(LONGEST_OUTPUT, left))
            failed: AppBuilderError | None = None
            try:
                error = await kernel.run(cell.source, output, until, memory)
            except RefreshFailed as stopped:
                error = None
                failed = RefreshFailed(
                    f"Cell {cell.number}: {stopped.message}", hint=stopped.hint, reason=stopped.reason
                )
            left_out = error is not None and error[0] == "LeftOut"
            if error is not None and not left_out and not cell.may_fail:
                failed = RefreshFailed(
                    f"Cell {cell.number} failed: {error[0]}: {error[1]}".rstrip(": .") + ".",
                    hint="Open the notebook, mend the cell, and run it again.",
                )
            left -= len(output.text)
            on_cell(CellRun(cell.number, failed is None, time.monotonic() - began, output.text, left_out))
            if failed:
                raise failed
        if variables:
            code = "__import__('jupyter_appbuilder.client.collecting', fromlist=['x'])"
            await kernel.run(f"{code}.lay_aside({dict(variables)!r})", _Output(0), until, memory)
    return await in_thread(_laid, into)


class _Kernel:
    def __init__(self, manager: Any, client: Any, seconds: float) -> None:
        self.manager = manager
        self.client = client

    async def run(self, code: str, output: _Output, until: float, memory: int) -> tuple[str, str] | None:
        """The error's name and text, or None. Raises ``RefreshFailed``."""
        running = asyncio.ensure_future(
            self.client.execute_interactive(code, allow_stdin=False, output_hook=output.take, stop_on_error=False)
        )
        try:
            while not running.done():
                await asyncio.wait([running], timeout=LOOK_SECONDS)
                if running.done():
                    break
                if time.monotonic() > until:
                    raise RefreshFailed(
                        "The time is up.", hint="Make it faster, or give it more: --minutes.", reason="too_slow"
                    )
                if not await self.manager.is_alive():
                    raise RefreshFailed(
                        "The kernel ended.",
                        hint="Run the notebook in JupyterLab and see what ends it; often memory.",
                        reason="kernel_died",
                    )
                if (held := await in_thread(_held, self.manager.provisioner.pid)) > memory:
                    raise RefreshFailed(
                        f"It holds {held / 1e9:.1f} GB of memory, and may hold {memory / 1e9:.1f}.",
                        hint="Load less at once, or give it more: --memory.",
                        reason="too_much_memory",
                    )
            reply = running.result()["content"]
        finally:
            await ended([running])
        if reply.get("status") == "error":
            return str(reply.get("ename", ""))[:200], plain(str(reply.get("evalue", "")))[:1000]
        return None


class _Output:
    """What a cell prints, up to so many characters: the first half, and the newest."""

    def __init__(self, longest: int) -> None:
        self._longest = max(0, longest)
        self._head = ""
        self._tail = ""
        self._cut = False

    def take(self, message: Mapping[str, Any]) -> None:
        content: Mapping[str, Any] = message.get("content", {})
        match message.get("header", {}).get("msg_type"):
            case "stream":
                self._add(str(content.get("text", "")))
            case "execute_result" | "display_data":
                self._add(f"{content.get('data', {}).get('text/plain', '')}\n")
            case "error":
                self._add("\n".join(map(str, content.get("traceback", ()))) + "\n")
            case _:
                pass

    def _add(self, text: str) -> None:
        half = self._longest // 2
        text = plain(text[-4 * self._longest - 1000 :])
        room = half - len(self._head)
        self._head += text[:room] if room > 0 else ""
        tail = self._tail + (text[room:] if room > 0 else text)
        self._cut = self._cut or len(tail) > half
        self._tail = tail[-half:] if half else ""

    @property
    def text(self) -> str:
        between = "\n… (left out here) …\n" if self._cut and self._head else ""
        return f"{self._head}{between}{self._tail}"


def plain(text: str) -> str:
    return ANSI.sub("", text).replace("\0", "")


@contextlib.asynccontextmanager
async def _kernel(notebook: Notebook, into: Path) -> AsyncGenerator[_Kernel]:
    from jupyter_client.kernelspec import NoSuchKernel
    from jupyter_client.manager import AsyncKernelManager

    manager: Any = AsyncKernelManager(kernel_name=notebook.kernel)
    folder = notebook.path.parent
    environment = {**os.environ, COLLECT: str(into), "JPY_SESSION_NAME": str(notebook.path)}
    try:
        await manager.start_kernel(cwd=str(folder), env=environment, stdout=DEVNULL, stderr=DEVNULL)
    except NoSuchKernel:
        raise Unavailable(
            f"There is no kernel {notebook.kernel!r} here, with which the notebook is run.",
            hint="See which there are: jupyter kernelspec list. Choose another one in the notebook, and save it.",
            reason="no_kernel",
        ) from None
    except OSError as error:
        raise Unavailable(
            f"The kernel {notebook.kernel!r} cannot be started: {error.strerror or error}.",
            hint="See that it is installed: jupyter kernelspec list.",
            reason="no_kernel",
        ) from None
    client: Any = None
    try:
        client = manager.client()
        client.start_channels()
        try:
            await client.wait_for_ready(timeout=READY_SECONDS)
        except RuntimeError as error:
            raise Unavailable(
                f"The kernel {notebook.kernel!r} does not start: {error}"[:500],
                hint="Start it in JupyterLab, and see what it says.",
                reason="no_kernel",
            ) from None
        yield _Kernel(manager, client, READY_SECONDS)
    finally:
        if client is not None:
            client.stop_channels()
        await uncut(_end(manager))


async def _end(manager: Any) -> None:
    with contextlib.suppress(Exception):
        await manager.shutdown_kernel(now=True)


def _held(session: int | None) -> int:
    """Bytes of memory that the processes of a kernel's session hold; 0 where that is not known."""
    total = 0
    page = os.sysconf("SC_PAGE_SIZE")
    try:
        names = [name for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return 0
    for name in names if session else ():
        with contextlib.suppress(OSError, ValueError, IndexError):
            fields = Path(f"/proc/{name}/stat").read_text(errors="replace").rpartition(")")[2].split()
            if int(fields[3]) == session:
                _, resident, shared, *_ = map(int, Path(f"/proc/{name}/statm").read_text().split())
                total += (resident - shared) * page
    return total


def _laid(into: Path) -> list[Laid]:
    """What cells laid aside: the last rows of each app's dataset. What does not look as ours is left out."""
    found: dict[tuple[str, str], Laid] = {}
    with contextlib.suppress(FileNotFoundError):
        text = (into / "handed.jsonl").read_text(encoding="utf-8")
        for line in text.splitlines()[:1000]:
            with contextlib.suppress(ValueError, KeyError, TypeError):
                told = json.loads(line)
                app, dataset, file = str(told["app"]), str(told["dataset"]), str(told["file"])
                private = told["private"] if isinstance(told["private"], bool) else None
                path = into / file
                if FILE.fullmatch(file) and stat.S_ISREG(os.lstat(path).st_mode):
                    found[app, dataset] = Laid(app, dataset, path, private)
    return list(found.values())
