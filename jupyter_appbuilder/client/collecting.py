"""What ``App`` and the magics are in a kernel that refreshes an app's data: data are laid aside instead of handed over,
and nothing is asked of an agent.

Such a kernel has a folder's path in the variable ``COLLECT`` of its environment. Each dataset is a Parquet file there,
and a line of ``handed.jsonl``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..datasets.base import check_name
from ..errors import AppBuilderError, InvalidInput
from ..refreshing.base import COLLECT

LIST = "handed.jsonl"
MOST = 50  # times that data are handed over in one run


class LeftOut(AppBuilderError):
    """The rest of this cell is no part of getting data."""

    default_reason = "left_out"

    def _render_traceback_(self) -> list[str]:
        return [self.message]


class Collector:
    """Of this kernel."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count = 0
        self.sources: dict[str, Any] = {}

    def take(self, app: str, name: str, source: Any, private: bool | None) -> int:
        """Lay rows aside; how many. Raises as ``App.data``."""
        from ..datasets.parquet import write
        from ..datasets.sources import opened

        check_name(name)
        if self.count >= MOST:
            raise InvalidInput(f"Data are handed over more than {MOST} times.", hint="Hand each dataset over once.")
        self.count += 1
        file = self.folder / f"{self.count}.parquet"
        written = write(opened(source), file)
        if callable(source) or isinstance(source, str | os.PathLike):
            self.sources[name] = source
        line = json.dumps({"app": app, "dataset": name, "file": file.name, "private": private})
        with (self.folder / LIST).open("a", encoding="utf-8") as list:
            list.write(f"{line}\n")
        return written.rows


def collector() -> Collector | None:
    """This kernel's, or None where data are handed over as ever."""
    global _collector
    if _collector is None and (folder := os.environ.get(COLLECT, "")):
        _collector = Collector(Path(folder))
    return _collector


_collector: Collector | None = None


class CollectingApp:
    """In place of ``App``."""

    def __init__(self, name: str = "", **settings: Any) -> None:
        self._name = name

    @classmethod
    def open(cls, name: str = "", **settings: Any) -> CollectingApp:
        return cls(name)

    @classmethod
    def from_notebook(cls, *args: Any, **settings: Any) -> CollectingApp:
        return cls(str(settings.get("name") or ""))

    @property
    def aio(self) -> CollectingAsync:
        return CollectingAsync(self)

    def data(self, name: str, source: Any, *, private: bool | None = None, **how: Any) -> str:
        taken = collector()
        assert taken is not None
        return f"{name}: {taken.take(self._name, name, source, private):,} rows"

    def refresh(self, name: str, **how: Any) -> str:
        taken = collector()
        if taken is None or name not in taken.sources:
            raise InvalidInput(f"{name[:80]!r} was not handed over as a function or a file here.", hint="Hand it over.")
        return self.data(name, taken.sources[name])

    def expose(self, function: Callable[..., Any] | None = None, **how: Any) -> Any:
        """Functions are called by those who use the app, not now."""

        def same(function: Callable[..., Any]) -> Callable[..., Any]:
            return function

        return same if function is None else function

    def __enter__(self) -> CollectingApp:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise LeftOut(f"app.{name} is left out, with what follows in this cell: data are being refreshed.", hint="")


class CollectingAsync:
    """In place of ``App.aio``."""

    def __init__(self, app: CollectingApp) -> None:
        self._app = app

    async def data(self, name: str, source: Any, **how: Any) -> str:
        return self._app.data(name, source, **how)

    async def refresh(self, name: str, **how: Any) -> str:
        return self._app.refresh(name, **how)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._app, name)


def lay_aside(variables: Mapping[str, str]) -> None:
    """Lay aside what this kernel's variables hold, by dataset, unless a cell did. Called after the last cell; says of
    none why it is not there: who asks sees what is missing."""
    from IPython.core.getipython import get_ipython

    from ..datasets.sources import is_frame

    shell: Any = get_ipython()
    held: Mapping[str, Any] = shell.user_ns if shell else {}
    if (taken := collector()) is None:
        return
    for dataset, variable in variables.items():
        value = held.get(variable)
        path = Path(variable)
        if value is not None and (is_frame(value) or isinstance(value, list)):
            taken.take("", dataset, value, None)
        elif path.suffix and path.is_file():
            taken.take("", dataset, path, None)


class CollectingMagics:
    """``%appbuilder`` there: data are laid aside, ``new`` and ``open`` say of which app, the rest does nothing."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.app = ""

    def run(self, line: str, cell: str = "") -> None:
        from ..notebook import cells
        from .magics import name_of_source, source_in

        call = cells.read(line.strip(), cell)
        match call.command:
            case "new" | "open":
                self.app = call.arguments[0] if call.arguments else ""
            case "data" if call.arguments and not call.body:
                source = source_in(self.shell.user_ns, call.arguments[0])
                name = call.options.get("table") or name_of_source(call.arguments[0])
                app = CollectingApp(self.app)
                print(app.data(name, source, private=True if "private" in call.options else None))
            case "refresh" if call.arguments:
                print(CollectingApp(self.app).refresh(call.arguments[0]))
            case command:
                print(f"%appbuilder {command} is left out: data are being refreshed.")


def register(shell: Any) -> None:
    """The magics, in such a kernel."""
    magics = CollectingMagics(shell)

    def appbuilder(line: str, cell: str = "") -> None:
        magics.run(line, cell)

    shell.register_magic_function(appbuilder, "line_cell", "appbuilder")
