"""What the code of a notebook says of its data, read and never run: files, variables that are shown, functions."""

from __future__ import annotations

import ast
import re
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from .base import Analysis, Cell, DataFile, Used

READERS = {
    "read_csv": (".csv", ".tsv"),
    "read_table": (".tsv", ".csv"),
    "scan_csv": (".csv", ".tsv"),
    "read_parquet": (".parquet",),
    "scan_parquet": (".parquet",),
    "read_excel": (".xlsx", ".xlsm"),
}
"""Functions of pandas, polars, DuckDB … that read a file -> the endings that can be handed over."""

OTHER_READERS = ("read_sql", "read_sql_query", "read_sql_table", "read_gbq", "read_json", "read_html", "read_feather")
NAMED_BY = ("filepath_or_buffer", "path", "source", "io", "file")

DRAWS = re.compile(
    r"plot|hist|boxplot|scatter|barh?|line|pie|area|imshow|show|display|subplots|figure|Chart|px|plt|sns|alt|go|hvplot"
    r"|mark_\w+|\w+plot|heatmap|choropleth|treemap|sunburst"
)
"""Names of functions and modules by which a cell draws or shows something."""

PYTHON_CELLS = ("%%time", "%%timeit", "%%capture", "%%prun", "%%python", "%%python3")
MOST_FILES = 20
LARGEST_FILE = 1_000_000_000  # bytes

MAGIC = re.compile(r"^(\s*)(?:[%!?]|[\w.]+\?{1,2}\s*$)")


def used_in(analysis: Analysis) -> Used:
    """What the code of ``analysis`` says of its data. Of code that is not Python, nothing."""
    if not analysis.python:
        return Used()
    texts: dict[str, str] = {}  # variables bound to a text
    files: list[DataFile] = []
    shown: Counter[str] = Counter()
    made_in: dict[str, int] = {}
    functions: list[str] = []
    telling: set[int] = set()
    for cell in analysis.cells:
        tree = parsed(cell)
        if tree is None:
            continue
        reads = list(_files(tree, texts, cell.number))
        files += reads
        for name in _bound(tree):
            made_in.setdefault(name, cell.number)
        functions += [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        shows = any(output.kind in ("chart", "table") for output in cell.outputs)
        if shows or _draws(tree):
            shown.update(_read(tree))
        if shows or reads or _draws(tree):
            telling.add(cell.number)
    kept = [_placed(one, analysis.folder) for one in _once(files)[:MOST_FILES]]
    names = [name for name, _ in shown.most_common() if name in made_in and name not in functions]
    return Used(kept, names, made_in, tuple(dict.fromkeys(functions)), frozenset(telling))


def parsed(cell: Cell) -> ast.Module | None:
    """A cell's code as a tree, magics taken out; None for what is no Python."""
    if not cell.is_code or not cell.source.strip():
        return None
    source = cell.source
    first, _, rest = source.lstrip().partition("\n")
    if first.startswith("%%"):
        if not first.startswith(PYTHON_CELLS):
            return None
        source = rest
    lines = [MAGIC.sub(r"\1pass #", line) if MAGIC.match(line) else line for line in source.split("\n")]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes in somebody's texts
            return ast.parse("\n".join(lines))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _files(tree: ast.Module, texts: dict[str, str], cell: int) -> Iterator[DataFile]:
    """The files that a cell reads; ``texts`` learns which variables hold names."""
    for node in _statements(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [target.id for target in targets if isinstance(target, ast.Name)]
            for call in _calls(node.value):
                yield from _file(call, texts, cell, names[0] if names else "")
            if (text := _text(node.value, texts)) is not None:
                texts.update(dict.fromkeys(names, text))
        else:
            for call in _calls(node):
                yield from _file(call, texts, cell, "")


def _statements(tree: ast.AST) -> Iterator[ast.stmt]:
    """Every simple statement, also of blocks and functions."""
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop(0)
        inner = [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt | ast.ExceptHandler)]
        if isinstance(node, ast.stmt) and not inner:
            yield node
        todo += inner


def _calls(node: ast.AST) -> Iterator[ast.Call]:
    return (inner for inner in ast.walk(node) if isinstance(inner, ast.Call))


def _file(call: ast.Call, texts: Mapping[str, str], cell: int, variable: str) -> Iterator[DataFile]:
    function = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if function in OTHER_READERS:
        yield DataFile(variable, function, cell, why_not=f"it comes from {function}")
    if function not in READERS:
        return
    given = [*call.args[:1], *[word.value for word in call.keywords if word.arg in NAMED_BY]]
    named = _text(given[0], texts) if given else None
    if named is None:
        yield DataFile(variable, function, cell, why_not="the cell computes which file it reads")
    elif PurePosixPath(named).suffix.lower() not in READERS[function] or "://" in named:
        why = "it is not on this machine" if "://" in named else "rows of such a file cannot be read by themselves"
        yield DataFile(variable, named[:200], cell, why_not=why)
    else:
        yield DataFile(variable, named[:1000], cell)


def _text(node: ast.expr, texts: Mapping[str, str]) -> str | None:
    """The text that an expression comes to, where that can be seen: a literal, a name bound to one, paths put
    together."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Name(id=name):
            return texts.get(name)
        case ast.BinOp(left=left, op=ast.Div() | ast.Add() as op, right=right):
            parts = [_text(left, texts), _text(right, texts)]
            between = "/" if isinstance(op, ast.Div) else ""
            return None if None in parts else between.join(part for part in parts if part is not None)
        case ast.Call(func=ast.Name(id="Path" | "PurePath") | ast.Attribute(attr="Path" | "join"), args=args):
            parts = [_text(arg, texts) for arg in args]
            return None if None in parts or not parts else "/".join(part for part in parts if part is not None)
        case _:
            return None


def _once(files: Sequence[DataFile]) -> list[DataFile]:
    """Each file or variable once, as it was read last."""
    found: dict[tuple[str, str], DataFile] = {}
    for one in files:
        found[one.variable, one.named] = one
    return list(found.values())


def _placed(file: DataFile, folder: Path | None) -> DataFile:
    """Where a file lies: below the notebook's folder, or nowhere. A link that leads out is none."""
    if file.why_not or folder is None:
        return file if file.why_not else replace(file, why_not="it is not known where the notebook lies")
    try:
        path = (folder / file.named).resolve()
        if not path.is_relative_to(folder):
            return replace(file, why_not="it lies outside the notebook's folder")
        if not path.is_file():
            return replace(file, why_not="there is no such file")
        if path.stat().st_size > LARGEST_FILE:
            return replace(file, why_not=f"it is larger than {LARGEST_FILE / 1e6:,.0f} MB")
    except (OSError, ValueError, RuntimeError):
        return replace(file, why_not="it cannot be read")
    return replace(file, path=path)


def _bound(tree: ast.AST) -> Iterator[str]:
    return (node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))


def _read(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def _draws(tree: ast.AST) -> bool:
    return any(
        DRAWS.fullmatch(node.attr if isinstance(node, ast.Attribute) else node.id)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute | ast.Name)
    )
