"""Written by App Builder with the data. It is written anew with it: change nothing here."""

from pathlib import Path

import panel as pn
import param
from load_table import as_of, file_of, load_table


class Table(param.Parameterized):
    """A dataset that follows its file: bind to ``param.frame``."""

    frame = param.DataFrame(doc="The rows, with the types they were handed over with.")
    as_of = param.Date(doc="When they were handed over.")


def watch_table(name: str, seconds: float = 1.0) -> Table:
    """A dataset for one visitor's page: ``pn.bind(show, watch_table("sales").param.frame)``.

    When its data is handed over again, what is bound is updated, and the page keeps its state.
    """
    file = file_of(name)
    table = Table(frame=load_table(name), as_of=as_of(name))
    seen = _state(file)

    def look() -> None:
        nonlocal seen
        now = _state(file)
        if now and now != seen:
            seen = now
            table.param.update(frame=load_table(name), as_of=as_of(name))

    if pn.state.curdoc is not None:
        pn.state.add_periodic_callback(look, period=int(1000 * seconds))
    return table


def _state(file: Path) -> tuple[int, int] | None:
    try:
        stat = file.stat()
    except FileNotFoundError:
        return None
    return stat.st_mtime_ns, stat.st_size
