"""Rebuilds an app from its notebook: no model, no network.

Each cell is carried out on a workspace directly (``Rebuild.run``); commands are not run, the patch they left is
applied. ``replay`` does it for a notebook file, the magics for one cell at a time, through the same code. What changed
rows of the app's database is carried out again, in a sandbox (``database.py``): no other cell needs one.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hashlib
import json
import os
import tempfile
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..datasets.base import Dataset, check_name
from ..errors import AppBuilderError, Conflict, InvalidInput, NotFound, Unavailable
from . import cells
from .cells import Call

if TYPE_CHECKING:
    from ..databases.contents import Content
    from ..workspace import FileChange, Workspace
    from .database import Database, Databases

MARK = ".replay.json"
"""Lies in a folder a replay made, and says what tree it left there: an unchanged one may be made anew."""

SHOWS = frozenset({"preview", "status", "model", "stop", "help", "name"})
"""Commands that build nothing: a replay passes over them."""

REPLAYED = frozenset(
    {"new", "write", "edit", "run", "install", "data", "expose", "unexpose", "patch", "sql", "delete", "rename"}
    | {"checkpoint", "restore", "verify"}
)


PATCHED = frozenset({"run", "install", "data", "expose", "unexpose"})
"""Commands whose cell holds the patch of what they did: without it they cannot be replayed."""


CHANGES = frozenset({"write", "edit", "run", "patch", "delete", "rename"})
"""Commands that may change or remove a migration: the session's app had applied it by then."""


class Different(Conflict):
    """The rebuilt files are not those of the session."""

    default_reason = "tree_differs"


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """``workspace`` is the folder rebuilt (the app lies in its ``app/``), ``tree`` its git tree hash, ``cells`` how
    many calls were carried out; ``verified`` is True when the last ``verify`` agreed, None when there is none."""

    workspace: Path
    tree: str
    cells: int
    verified: bool | None
    missing: tuple[str, ...]
    """The data that the session had and that is not here again, each with why and what to do about it."""
    data: bool | None
    """True when the last ``verify`` found the database as it was, as far as that can be told; None when nothing was
    compared."""
    session: str  # the session's id, as the notebook says
    name: str
    template: str


class Rebuild:
    """A folder in which cells are carried out, one after another."""

    def __init__(
        self,
        workspace: Workspace,
        name: str,
        beside: tuple[Path, ...] = (),
        template: str = "",
        databases: Databases | None = None,
        engine: str = "",
    ) -> None:
        """``engine``: what the app's database is (``templates.Engine``); "" for what it is unless told."""
        self.workspace = workspace
        self._beside = beside
        self._template = template
        self._engine = engine
        self._databases = databases
        self._database: Database | None = None
        self._without = ""  # why there is no database
        self._versions: list[str] = []  # in the order in which they were made, the template's first
        self.missing: dict[str, str] = {}  # by dataset, what is said of one whose rows are not at hand
        self.undone: list[str] = []  # what could not be done to the database, and why
        self.name = name
        self.verified: bool | None = None
        self.data: bool | None = None

    @classmethod
    async def begin(
        cls, call: Call, folder: Path, *beside: Path, databases: Databases | None = None
    ) -> tuple[Rebuild, str]:
        """Carry out a ``new`` cell: put its packed files into ``folder``, which must not hold anything.

        ``beside``: where the notebook lies, as far as that is known. ``databases``: where an app's database is made;
        without it the files alone are rebuilt.
        """
        with _sentences():
            return await cls._begin(call, folder, beside, databases)

    @classmethod
    async def _begin(
        cls, call: Call, folder: Path, beside: tuple[Path, ...], databases: Databases | None
    ) -> tuple[Rebuild, str]:
        from ..workspace import Workspace
        from ..workspace.archive import unpack

        name = call.arguments[0] if call.arguments else folder.name
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        workspace = Workspace(folder)
        with tempfile.TemporaryDirectory(prefix="appbuilder-") as files:
            await asyncio.to_thread(unpack, call.body, Path(files))
            tree = await workspace.create(Path(files))
        workspace.keep_apart(None, functools.partial(_kept_apart, beside))
        wanted = call.options.get("tree", "")
        if wanted and tree != wanted:
            raise Different(
                f"The template in the first cell is not the one the session began with (tree {tree}, not {wanted}).",
                hint="Restore the cell's body as it was.",
            )
        of = call.options.get("template", ""), databases, call.options.get("database", "")
        rebuild = cls(workspace, name, beside, *of)
        rebuild._versions.append((await workspace.checkpoints())[0].id)
        await rebuild.mark(tree)
        return rebuild, f"Rebuilding {name} in {folder}\n"

    async def run(self, call: Call) -> str:
        """Carry out a call; what to show below the cell. Raises an ``AppBuilderError`` when it cannot be done."""
        with _sentences():
            return await self._carry_out(call)

    async def _carry_out(self, call: Call) -> str:
        if call.command in CHANGES and "migrations/" in f"{' '.join(call.arguments)}\n{call.body}":
            await self.settle()
        said = await self._run(call)
        if any(change.path.rpartition("/")[2] == ".gitignore" for change in self.workspace.take_changes()):
            # Files that are no longer ignored come with a patch of their own, as they were in the session then.
            for change, _ in await self.workspace.outside_changes():
                if change.change == "created":
                    await self.workspace.delete(change.path)
            self.workspace.take_changes()
        return said

    async def _run(self, call: Call) -> str:
        workspace, body = self.workspace, call.body
        match call.command:
            case "write" if cells.UNRECORDED in call.options:
                return without_secrets(call.arguments[0])
            case "write":
                return _said([await workspace.write(call.arguments[0], cells.unpack(call.options, body))])
            case "edit":
                return _said([await self.edit(call)])
            case command if command in PATCHED and not body:
                raise InvalidInput(
                    "While an app is rebuilt, commands are not run: their recorded result is applied.",
                    hint="Start or open an app first: %appbuilder new NAME, or %appbuilder open NAME.",
                )
            case "run" | "install" | "expose" | "unexpose":
                patch = cells.unpack_patch(body)
                return await self.apply(patch) if patch else "It changed no file.\n"
            case "data":
                patch = cells.unpack_patch(body)
                if call.options.get("path"):
                    return await self.put_data(call.options) + (await self.apply(patch) if patch else "")
                return (await self.apply(patch) if patch else "") + await self.put_table(call.options)
            case "sql":
                return await self.change(cells.unpack_text(call.options, body))
            case "patch":
                said = await self.apply(cells.unpack_text(call.options, body))
                await self.put_back(call.options)
                return said
            case "delete":
                return _said([await workspace.delete(call.arguments[0])])
            case "rename":
                await workspace.rename(*call.arguments)
                return f"Renamed {call.arguments[0]} to {call.arguments[1]}\n"
            case "checkpoint":
                made = await workspace.checkpoint(call.arguments[0], for_data=True)
                self._versions.append((await workspace.checkpoints())[0].id)
                await self.mark(await workspace.snapshot())
                return f"Version {made.id[:8]}: {made.title}\n" if made else "Nothing changed since the last version.\n"
            case "restore":
                said = await self.restore(call.arguments[0])
                await self.put_back(call.options)
                return said
            case "verify":
                said = await self.verify(call.arguments[0] if call.arguments else "", body)
                if cells.UNRECORDED in call.options:
                    self.undone.append("The database was not compared: the notebook does not have yet what it held.")
                    said += self.undone[-1] + "\n"
                return said
            case command:
                raise InvalidInput(f"{command!r} cannot be replayed.", hint="See %appbuilder help.")

    async def apply(self, patch: str) -> str:
        # Ignored files went unrecorded in the session, so they may lie in the way of what came in their place.
        return _said(await self.workspace.apply(patch, clearing=True))

    async def put_data(self, told: Mapping[str, str]) -> str:
        """Put a dataset's rows where they were, if they are kept on this machine; what to say of it."""
        from ..workspace.paths import parts_of

        name, path, sha256 = told.get("table", ""), told.get("path", ""), told.get("hash", "")
        check_name(name)
        file = await asyncio.to_thread(_kept_rows, self._beside, path, sha256)
        if file is None:
            self.workspace.datasets.paths.add("/".join(parts_of(path)))
            self.missing[name] = (
                f"The rows of {name} are not here: {told.get('rows', '?')} rows, SHA-256 {sha256[:12]}…. "
                f'Hand them over again in a session: app.data("{name}", df).'
            )
            return self.missing[name] + "\n"
        content = (file.stat().st_size, sha256)
        await self.workspace.put_dataset(path, file, content, private="private" in told)
        self.missing.pop(name, None)
        return f"Added {name}: {told.get('rows', '?')} rows\n"

    async def put_table(self, told: Mapping[str, str]) -> str:
        """Put a dataset's rows into its table, if they are kept on this machine; what to say of it."""
        name, sha256, rows = told.get("table", ""), told.get("hash", ""), told.get("rows", "?")
        check_name(name)
        file = await asyncio.to_thread(_kept_rows, self._beside, "", sha256)
        why = "they are not kept on this machine"
        if file is not None:
            try:
                statement = await self.workspace.read_text(f"datasets/{name}.sql")
                dataset = Dataset(name, (), int(rows), file.stat().st_size, sha256, "", "private" in told)
                await (await self.database()).take(dataset, file, statement)
            except (AppBuilderError, ValueError) as error:
                why = str(error)
            else:
                self.missing.pop(name, None)
                return f"Added {name}: {rows} rows\n"
        self.missing[name] = (
            f"The table {name} lacks its {rows} rows, SHA-256 {sha256[:12]}…: {why}. "
            f'Hand them over again in a session: app.data("{name}", df).'
        )
        return self.missing[name] + "\n"

    # The app's database

    async def database(self) -> Database:
        """The app's database, opened at first use. Raises ``AppBuilderError`` with why there is none."""
        if self._database is None:
            if self._without or self._databases is None:
                raise Unavailable(
                    self._without or "A rebuild without a sandbox makes no database.", reason="no_sandbox"
                )
            try:
                self._database = await self._databases.open(self._template, self.workspace.app, self._engine)
            except AppBuilderError as error:
                self._without = f"The database is not rebuilt. {error.message}"
                raise
            # What is in them is in no tree from now on; versions have copies of it.
            self.workspace.data_folders = tuple(self._database.folders)
            self.workspace.data_elsewhere = self._database.elsewhere
        return self._database

    async def settle(self) -> None:
        """Apply the migrations that lie there, before one of them goes. Why that cannot be done is told at the end."""
        if (self.workspace.app / "migrations").is_dir():
            with contextlib.suppress(AppBuilderError):
                await (await self.database()).migrate()

    async def change(self, sql: str) -> str:
        """Change rows as the session did. What cannot be done is told, also at the end, and the files go on."""
        try:
            return await (await self.database()).change(sql) + "\n"
        except AppBuilderError as error:
            shown = " ".join(sql.split())
            why = error.message.partition("\n")[0]
            told = f"Rows were not changed. {shown[:200]}{'…' if len(shown) > 200 else ''}: {why}"
            self.undone.append(told)
            return told + "\n"

    async def put_back(self, told: Mapping[str, str]) -> None:
        """Bring what the app wrote back to a version's copy: the N-th that was made."""
        if self._database is None or not (number := told.get("data", "")):
            return
        if not number.isdecimal() or int(number) >= len(self._versions):
            raise NotFound(f"There is no version {number}.", hint="Run the cells above in order first.")
        from ..workspace.objects import EMPTY_TREE

        kept = await self.workspace.data_of(self._versions[int(number)])
        await self.workspace.put_back_data(kept or EMPTY_TREE)

    async def close(self) -> None:
        """End what the database needed."""
        database, self._database = self._database, None
        self.workspace.data_elsewhere = None
        if database is not None:
            await database.close()

    async def edit(self, call: Call) -> FileChange:
        from ..tools.edits import apply_edits

        path = call.arguments[0]
        text = await self.workspace.read_text(path)
        edited = await asyncio.to_thread(apply_edits, text, cells.unpack_edits(call.options, call.body))
        return await self.workspace.write(path, edited)

    async def restore(self, tree: str) -> str:
        for checkpoint in await self.workspace.checkpoints():
            if checkpoint.tree == tree:
                await self.workspace.restore(checkpoint.id, data=False)
                return f"Back to “{checkpoint.title}”.\n"
        raise NotFound(f"No version here has the tree {tree}.", hint="Run the cells above in order first.")

    async def verify(self, wanted: str, holds: str = "") -> str:
        """Compare the files with a tree hash, and the database with what it is said to hold. Raises ``Different``."""
        tree = await self.workspace.snapshot()
        await self.mark(tree)
        if not wanted:
            return f"{tree}\n"
        self.verified = tree == wanted
        if not self.verified:
            raise Different(
                f"The files of {self.name} are not those the session left: their tree is {tree}, not {wanted}.",
                hint="A cell was changed, left out or run twice, or a file was edited. Restart the kernel and run all.",
            )
        said = f"Verified: the files of {self.name} are exactly those the session left (tree {tree}).\n"
        return said + (await self.compare(holds) if holds.strip() else "")

    async def compare(self, holds: str) -> str:
        """Compare the database with what a session's held. Raises ``Different`` for what should be the same."""
        from ..databases.contents import compared, read

        then = read(holds)
        try:
            now: Content | None = await (await self.database()).content()
        except AppBuilderError as error:
            now, why = None, error.message
        else:
            why = "It cannot be read, or is too large to be compared."
        await self.mark(await self.workspace.snapshot())
        if now is None:
            self.undone.append(f"The database was not compared. {why}")
            return self.undone[-1] + "\n"
        differs, left = compared(now, then)
        files = await asyncio.to_thread(_names, self.workspace.app / "migrations")
        if once := sorted(({*now.applied} ^ {*then.applied}) - files):
            # Whether it was applied before it was deleted was a matter of moments.
            left, differs = [f"the database, as one of the two alone has had {', '.join(once)}, which is gone"], []
        gone = {f"table {name}:" for name in self.missing}
        lacking = [one for one in differs if one.startswith(tuple(gone))]
        differs = [one for one in differs if one not in lacking]
        self.data = None if once else not differs and not lacking
        if differs:
            raise Different(
                f"The database of {self.name} is not what the session left. {'; '.join(differs)}.",
                hint=" ".join(self.undone) or "A command, or a program of the app's own, may have changed it then.",
            )
        if left:
            self.undone.append(f"Not compared: {'; '.join(left)}.{'' if once else ' The schema is the same.'}")
        if not lacking and not left:
            return "Verified: its database has the same schema and the same rows.\n"
        return "".join(f"{line}\n" for line in (*lacking, *self.undone[-1:]))

    async def mark(self, tree: str) -> None:
        told = {"name": self.name, "tree": tree, "datasets": sorted(self.workspace.datasets.paths)}
        if self.workspace.data_folders:
            told |= {"folders": list(self.workspace.data_folders), "data": await self.workspace.data_tree()}
        await asyncio.to_thread((self.workspace.folder / MARK).write_text, json.dumps(told))


async def _kept_apart(beside: tuple[Path, ...], sha256: str, key: str) -> bytes | None:
    """Read a content that is too large for a notebook, from beside this machine's log or from the app's own repository;
    None where neither has it."""
    from ..log import blobs
    from ..settings import find_data
    from ..workspace.git import Git, GitError

    content = await asyncio.to_thread(blobs.read, find_data(), sha256)
    for folder in beside:
        if content is None and (folder / ".git").is_dir():
            with contextlib.suppress(GitError, Unavailable):
                content = await Git(folder).run("cat-file", "blob", key)
    return content


def _kept_rows(beside: tuple[Path, ...], path: str, sha256: str) -> Path | None:
    """The file with these rows: beside this machine's log, or at ``path`` in the session's own folder."""
    from ..datasets.store import DatasetStore
    from ..settings import find_data
    from ..workspace.paths import parts_of

    if found := DatasetStore(find_data()).find(sha256):
        return found
    for folder in beside if path else ():
        file = folder.joinpath("app", *parts_of(path))
        with contextlib.suppress(OSError):
            if file.is_file() and not file.is_symlink() and _hash_of(file) == sha256:
                return file
    return None


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set[str]()


def _hash_of(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def without_secrets(path: str) -> str:
    return (
        f"Left out {path}: by its name it holds secrets, so the notebook has no content for it. "
        "Put the file there yourself where the app needs it.\n"
    )


@contextlib.contextmanager
def _sentences() -> Generator[None]:
    """Turn what the file system refuses, and what no path or file can hold, into errors for people."""
    try:
        yield
    except OSError as error:
        hint = "Check the folder's space and rights. If the cell was changed, restore it as it was."
        raise InvalidInput(f"It cannot be carried out: {error.strerror or error}.", hint=hint) from error
    except ValueError as error:
        raise InvalidInput(f"It cannot be carried out: {error}.", hint="Restore the cell as it was.") from error


def _said(changes: list[FileChange]) -> str:
    return "".join(f"{c.change.capitalize()} {c.path} (+{c.added} −{c.removed})\n" for c in changes)


async def replay(notebook: Path, into: Path | None = None, databases: Databases | None = None) -> ReplayResult:
    """Rebuild the app of a notebook into ``into``, by default ``replay/<name>`` beside the notebook. ``databases``: see
    ``Rebuild.begin``.

    Raises ``NotFound`` for a file that is not there, ``InvalidInput`` for one that is no such notebook or a cell that
    does not fit, ``Conflict`` when ``into`` holds something, ``Different`` when the result is not what was recorded.
    Each error names the cell.
    """
    content = await asyncio.to_thread(_read, notebook)
    begun: list[Rebuild] = []
    try:
        return await _replay(notebook, content, into, databases, begun)
    finally:
        for rebuild in begun:
            await rebuild.close()


async def _replay(
    notebook: Path, content: dict[str, Any], into: Path | None, databases: Databases | None, begun: list[Rebuild]
) -> ReplayResult:
    mark = _table(_table(content.get("metadata")).get("appbuilder"))
    rebuild: Rebuild | None = None
    done = 0
    for number, cell in enumerate(content["cells"], 1):
        try:
            call = cells.parse(_source(cell))
            if call is None or call.command in SHOWS:
                continue
            if call.command not in REPLAYED or (call.command == "new" and not call.body):
                raise InvalidInput(
                    f"%%appbuilder {call.command} needs more than files, so it cannot be replayed.",
                    hint="Replay the notebook that App Builder wrote for the session; run this one in Jupyter.",
                )
            if call.command == "new":
                with _sentences():
                    folder = await fresh_folder(notebook.parent / "replay" / name_of_app(call), exactly=into)
                rebuild, _ = await Rebuild.begin(call, folder, notebook.parent, databases=databases)
                begun.append(rebuild)
            elif rebuild is None:
                raise InvalidInput("No %%appbuilder new cell comes before it.", hint="Restore the notebook as it was.")
            else:
                await rebuild.run(call)
        except AppBuilderError as error:
            raise type(error)(f"Cell {number}: {error.message}", hint=error.hint, reason=error.reason) from error
        done += 1
    if rebuild is None:
        raise InvalidInput(
            f"{notebook.name} holds no app: it has no %%appbuilder new cell.",
            hint="Give the notebook that App Builder wrote for a session: appbuilder/<name>/<name>.ipynb.",
        )
    tree = await rebuild.workspace.snapshot()
    return ReplayResult(
        rebuild.workspace.folder,
        tree,
        done,
        rebuild.verified,
        (*rebuild.missing.values(), *rebuild.undone),
        rebuild.data,
        str(mark.get("session", "")),
        rebuild.name,
        str(mark.get("template", "")),
    )


def name_of_app(call: Call) -> str:
    name = call.arguments[0] if call.arguments else "app"
    if name in ("", ".", "..") or "/" in name or "\\" in name:
        raise InvalidInput(f"{name!r} is not a name for an app.", hint="Restore the cell as it was.")
    return name


def _read(notebook: Path) -> dict[str, Any]:
    try:
        content = json.loads(notebook.read_bytes())
    except FileNotFoundError:
        raise NotFound(f"There is no file {notebook}.", hint="Give the path of a notebook.") from None
    except IsADirectoryError:
        raise InvalidInput(f"{notebook} is a folder.", hint="Give the path of a notebook in it.") from None
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{notebook} is not a notebook: {error}.", hint="Give an .ipynb file.") from None
    except OSError as error:
        hint = "Check the path and the file's rights."
        raise InvalidInput(f"{notebook} cannot be read: {error.strerror or error}.", hint=hint) from None
    if not isinstance(content, dict) or not isinstance(content.get("cells"), list):  # pyright: ignore[reportUnknownMemberType]
        raise InvalidInput(f"{notebook} is not a notebook.", hint="Give an .ipynb file.")
    return content  # pyright: ignore[reportUnknownVariableType]


def _source(cell: Any) -> str:
    """Read a cell's code; "" for any other cell. Raises ``InvalidInput`` for what is none."""
    kind, source = _table(cell).get("cell_type"), _table(cell).get("source")
    if isinstance(source, list) and all(isinstance(line, str) for line in source):  # pyright: ignore[reportUnknownVariableType]
        source = "".join(source)  # pyright: ignore[reportUnknownArgumentType]
    if not isinstance(kind, str) or not isinstance(source, str):
        raise InvalidInput("This is not a notebook cell.", hint="Give the notebook as App Builder wrote it.")
    return source if kind == "code" else ""


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}  # pyright: ignore[reportUnknownVariableType]


async def fresh_folder(wanted: Path, exactly: Path | None = None) -> Path:
    """A folder to rebuild in: ``wanted``, made empty if an earlier replay left it and nobody changed it since, else the
    same name with a number. With ``exactly`` that one, or ``Conflict``."""
    from ..workspace.folder import remove_tree

    for number in range(1, 10_000):
        folder = exactly or (wanted if number == 1 else wanted.with_name(f"{wanted.name}-{number}"))
        if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
            return folder
        if await _left_alone(folder):
            await asyncio.to_thread(remove_tree, folder)  # the app may have run in it
            return folder
        if exactly:
            raise Conflict(f"{exactly} is not empty.", hint="Give a folder that does not exist yet.")
    raise Conflict(f"Too many folders are called {wanted}.", hint="Remove some of them.")


async def _left_alone(folder: Path) -> bool:
    """True if everything in a folder was put there by a replay."""
    from ..workspace import Workspace

    try:
        mark = json.loads((folder / MARK).read_bytes())
        if set(os.listdir(folder)) - {"app", ".git", MARK}:
            return False
        workspace = Workspace(folder)
        workspace.datasets.paths.update(mark.get("datasets", ()))
        workspace.data_folders = tuple(mark.get("folders", ()))
        return await workspace.snapshot() == mark["tree"] and await workspace.data_tree() == mark.get("data", "")
    except (OSError, ValueError, KeyError, TypeError, AppBuilderError):
        return False
