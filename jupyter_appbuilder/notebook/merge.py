"""Merges new events into a notebook that a person has edited.

What the person added stays where it is. Our own cells are known by their ids, and by what the notebook's metadata says
we wrote in each (``document.written``). labextension/src/lab/merge.ts does the same to a notebook that is open.
"""

from __future__ import annotations

from .document import Cell, Notebook, digest, written

VERIFY = "verify"
"""The cell that moves: it comes after the last place where the tree of the files is known."""


def merged(found: Notebook, ours: Notebook) -> Notebook | None:
    """``found`` with what ``ours`` has beyond it; None when a person changed, moved or deleted a cell of ours.

    ``found`` is what lies on disk, of whatever origin; ``ours`` is the session's document as it should be now.
    Neither is changed. Outputs and metadata in ``found`` are kept.
    """
    try:
        if found["metadata"]["appbuilder"]["session"] != ours["metadata"]["appbuilder"]["session"]:
            return None
        before = written(found)
        if [(cell["id"], digest(cell)) for cell in found["cells"] if cell.get("id") in before] != list(before.items()):
            return None
        after = written(ours)
        if any(cell["id"] in after and cell["id"] not in before for cell in found["cells"]):
            return None  # it has the id of a cell we are about to add
        cells = _merged_cells(found["cells"], ours["cells"])
        return found | {"cells": cells, "metadata": found["metadata"] | {"appbuilder": ours["metadata"]["appbuilder"]}}
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _merged_cells(found: list[Cell], ours: list[Cell]) -> list[Cell]:
    wanted = {cell["id"]: cell for cell in ours}
    order = list(wanted)
    cells = list(found)

    def place(id: str | None, start: int = 0) -> int:
        return next((index for index in range(start, len(cells)) if cells[index].get("id") == id), -1)

    if VERIFY in wanted and (at := place(VERIFY)) >= 0:
        before = place(order[order.index(VERIFY) - 1])
        if not 0 <= before < at or digest(cells[at]) != digest(wanted[VERIFY]):
            del cells[at]
    present = {cell.get("id") for cell in cells}
    last = max((index for index, id in enumerate(order) if id in present), default=-1)
    after = -1  # where the cell of ours before the one at hand is
    for index, cell in enumerate(ours):
        if cell["id"] in present:
            after = place(cell["id"], after + 1)
            if digest(cells[after]) != digest(cell):
                kept = {key: value for key, value in cells[after].items() if key != "attachments"}
                now = {key: cell[key] for key in ("source", "attachments") if key in cell}
                cells[after] = kept | now
            continue
        # Behind the last cell of ours, what the person wrote there came first.
        after = after + 1 if index < last else len(cells)
        cells.insert(after, cell)
    return cells


def changed_since(ours: Notebook, earlier: Notebook) -> Notebook:
    """``ours`` with those cells only that ``earlier``, of the same session, has not, or has otherwise or elsewhere."""
    known = written(earlier)
    new = [cell for cell in ours["cells"] if known.get(cell["id"]) != digest(cell)]
    if new:
        new += [cell for cell in ours["cells"] if cell["id"] == VERIFY and cell not in new]
    return ours | {"cells": new}
