"""An app that is made of a notebook: of a file, or of the one whose kernel this is."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..analyses.base import Analysis, Cell, Output
from ..analyses.code import used_in
from ..analyses.description import Handed
from ..analyses.handing import BRING, MOST_DATASETS, missing, wanted
from ..analyses.reading import not_empty, of_bundle, plain, read_notebook
from ..analyses.secrets import masked
from ..datasets.sources import is_frame
from ..errors import AppBuilderError
from ..session.notebooks import given_notebook

if TYPE_CHECKING:
    from .app import App

Say = Callable[[str], None]


def read(notebook: str | Path | Analysis) -> Analysis:
    """The notebook, read. Raises as ``read_notebook``, and ``InvalidInput`` for one with nothing in it."""
    return not_empty(notebook if isinstance(notebook, Analysis) else read_notebook(Path(notebook).expanduser()))


def take_in(
    app: App, analysis: Analysis, variables: Mapping[str, Any], *, private: bool = False, say: Say = lambda _: None
) -> None:
    """Hand the app a notebook's data, and tell its agent of the notebook; ``say`` is told what came of it."""
    used = used_in(analysis)
    datasets: dict[str, str] = {}
    failed: list[str] = []
    sources = wanted(used, variables, is_frame)
    for one in sources:
        try:
            say(str(app.data(one.dataset, one.source, private=private)))
            datasets[one.named] = one.dataset
        except AppBuilderError as error:
            failed.append(f"{one.named}: {error.message}")
    lacking = [*failed, *missing(analysis, used, {*datasets, *(one.named for one in sources)})]
    given = given_notebook(analysis, used, Handed(datasets, lacking, private))

    async def take() -> None:
        await (await app.aio.session()).take_notebook(given)

    app.aio.engine.run(take())
    say(f"Read {analysis.name}: {given.summary}.")
    for note in (*analysis.notes, *(f"Not handed over: {one}." for one in lacking)):
        say(note)
    if lacking and not variables:
        say(BRING)


def own_notebook(shell: Any) -> Analysis:
    """The notebook that a kernel runs: its file as it was saved last, else what was run in the kernel."""
    names: Mapping[str, Any] = shell.user_ns
    for told in (os.environ.get("JPY_SESSION_NAME", ""), names.get("__vsc_ipynb_file__", "")):
        if isinstance(told, str) and told.endswith(".ipynb") and Path(told).is_file():
            return read_notebook(Path(told))
    return _of_history(names.get("In", ()), names.get("Out", {}), Path.cwd())


def _of_history(ran: Sequence[Any], results: Mapping[int, Any], folder: Path) -> Analysis:
    cells: list[Cell] = []
    for number, source in enumerate(ran):
        text = plain(str(source))
        if text.strip() and "%appbuilder" not in text and "'appbuilder'" not in text:
            cells.append(Cell(number, True, masked(text), tuple(_shown(results.get(number)))))
    digest = hashlib.sha256("\0".join(cell.source for cell in cells).encode()).hexdigest()
    note = "The notebook's file is not known to its kernel: what was run was read, without charts and text."
    return Analysis("notebook.ipynb", folder.resolve(), digest, True, cells, [note])


def _shown(value: Any) -> list[Output]:
    if value is None:
        return []
    if is_frame(value):
        return [Output("table", plain(repr(value))[:2_000])]
    output = of_bundle({"text/plain": repr(value)[:2_000]})
    return [output] if output else []


def lay_out(folder: str, names: Sequence[str]) -> str:
    """Write those of this kernel's variables that hold frames to Parquet files in ``folder``, which a Jupyter server
    made for that. Which were written and which not, and why, as JSON."""
    from IPython.core.getipython import get_ipython

    from ..datasets.parquet import write
    from ..datasets.sources import opened

    shell: Any = get_ipython()
    held: Mapping[str, Any] = shell.user_ns if shell else {}
    written: list[str] = []
    failed: dict[str, str] = {}
    seen: set[int] = set()
    for name in names:
        value = held.get(name)
        if value is None or id(value) in seen or not is_frame(value) or len(written) == MOST_DATASETS:
            continue
        seen.add(id(value))
        try:
            write(opened(value), Path(folder) / f"{name}.parquet")
            written.append(name)
        except AppBuilderError as error:
            failed[name] = error.message
    return json.dumps({"written": written, "failed": failed})
