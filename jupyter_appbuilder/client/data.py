"""Handing data over: which source a dataset came from, and what is said of a variable in a request."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..datasets.base import Keep, check_name
from ..datasets.description import changes, in_bytes
from ..datasets.record import kept_sizes
from ..datasets.sources import is_frame, opened
from ..errors import InvalidInput
from .results import Handed

if TYPE_CHECKING:
    from ..datasets.parquet import OnProgress, Written
    from .aio import AsyncApp

FrameKind = Literal["pandas", "polars", "arrow"]

MENTION = re.compile(r"\{([A-Za-z_]\w{0,99})\}")
MOST_MENTIONED = 5  # variables of one request


class Sources:
    """Where this process's datasets came from. Frames are not kept alive."""

    def __init__(self) -> None:
        self._again: dict[str, Any] = {}  # functions and files, by dataset
        self._frames: dict[str, weakref.ref[Any]] = {}

    def took(self, name: str, source: Any) -> None:
        self._again.pop(name, None)
        self._frames.pop(name, None)
        if is_frame(source):
            with contextlib.suppress(TypeError):  # of such a frame it is not known that it was handed over
                self._frames[name] = weakref.ref(source)
        elif callable(source):
            self._again[name] = source
        elif isinstance(source, str | os.PathLike):
            self._again[name] = Path(os.fspath(source)).expanduser().resolve()  # pyright: ignore[reportUnknownArgumentType]

    def again(self, name: str) -> Any:
        """What gives a dataset's rows anew. Raises ``InvalidInput`` for one that was handed over as a frame, or by
        another process."""
        if name in self._again:
            return self._again[name]
        raise InvalidInput(
            f"This process cannot get {name} anew: it was not handed over here as a function or a file.",
            hint=f'Hand it over again: app.data("{name}", df). With a function, app.data("{name}", load), it can.',
            reason="no_source",
            field="name",
        )

    def dataset_of(self, frame: Any) -> str:
        """The dataset that a frame was handed over as; "" for none."""
        return next((name for name, known in self._frames.items() if known() is frame), "")


def write_rows(name: str, source: Any, file: Path, on_progress: OnProgress | None) -> Written:
    """Write the rows of ``source`` to ``file``. What a function of the person's raises says what it was called for."""
    from ..datasets.parquet import write

    try:
        return write(opened(source), file, on_progress=on_progress)
    except Exception as error:
        error.add_note(f"Nothing was handed over: the app has of {name} what it had before.")
        raise


async def write_beside(name: str, source: Any, file: Path, on_progress: OnProgress | None) -> Written:
    """Write rows in a thread. Cancelling ends that at the next batch, and does not wait for it: a function of the
    person's may never return."""
    cancelled = False

    def progress(rows: int) -> None:
        if cancelled:
            raise InterruptedError
        if on_progress:
            on_progress(rows)

    try:
        return await asyncio.to_thread(write_rows, name, source, file, progress)
    except asyncio.CancelledError:
        cancelled = True
        raise


async def new_file(app: AsyncApp, name: str) -> Path:
    """Where the rows of a dataset are to be written. In the engine's loop."""
    check_name(name)
    session = await app.session()
    session.require_owned()
    return session.data.new_file()


async def hand_over(
    app: AsyncApp,
    name: str,
    source: Any,
    written: Written,
    file: Path,
    keep: Keep | None,
    private: bool | None,
    began: float,
    *,
    replace: bool = False,
    on_progress: OnProgress | None = None,
) -> Handed:
    """Give the app rows that were written to ``file``, which came from ``source``. In the engine's loop; ``began``:
    by the monotonic clock."""
    session = await app.session()
    try:
        before = next((one for one in session.data.all() if one.name == name), None)
        keep = keep or (before.keep if before else "latest")
        private = bool(before and before.private) if private is None else private
        handover, notes = await session.hand_over(
            name, written, file, keep=keep, private=private, replace=replace, on_rows=on_progress
        )
    finally:
        await asyncio.to_thread(file.unlink, missing_ok=True)
    app.sources.took(name, source)
    notes = [*written.notes, *notes, *([_costs(kept_sizes(session.stored, name))] if keep == "all" else [])]
    differs = changes(before, handover.dataset.columns)
    return Handed(handover.dataset, time.monotonic() - began, differs, tuple(notes))


def mentioned(prompt: str, variables: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The variables that hold data and stand as ``{name}`` in a request. Other braces are the person's own."""
    names = dict.fromkeys(match[1] for match in MENTION.finditer(prompt))
    found = [(name, variables[name]) for name in names if name in variables and is_frame(variables[name])]
    yield from found[:MOST_MENTIONED]


def with_variables(prompt: str, variables: Mapping[str, Any], known: Callable[[Any], str], *, private: bool) -> str:
    """A request with what is known of the data that it names; ``known``: the dataset that a frame was handed over
    as, "" for none. ``private``: the app has data of which no value may be told, and a frame may be made of that."""
    told = [_told(name, value, known(value), private) for name, value in mentioned(prompt, variables)]
    return "\n\n".join([prompt, *told])


def _told(name: str, value: Any, dataset: str, private: bool) -> str:
    from ..datasets.description import QUOTED, described, size_of, told_columns
    from ..datasets.parquet import looked_at

    if dataset:
        return f"{{{name}}} is the app's dataset {dataset}."
    seen = looked_at(opened(value))
    return (
        f"{{{name}}} is a variable of the person's notebook ({size_of(seen.rows, len(seen.columns))}) that the app "
        f"does not have yet. They hand it over by: %appbuilder data {name} --table {name.lower()}. {QUOTED}\n"
        f"{described(told_columns(seen, private=private), seen, private=private)}"
    )


def _costs(sizes: Sequence[int]) -> str:
    """What it costs to keep every version of a dataset's rows, in words."""
    return f"Every version of its rows is kept: {len(sizes)} so far, {in_bytes(sum(sizes))}."
