"""What an export of an app has besides the app's own files: the same for the panel, Python and the command line."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from ..datasets.record import datasets_of
from ..errors import AppBuilderError, NotFound
from .record import engine_of
from .secrets import EXAMPLE

if TYPE_CHECKING:
    from ..datasets.base import Dataset
    from ..datasets.store import DatasetStore
    from ..events import Event
    from ..templates.library import TemplateLibrary
    from ..templates.templates import Engine
    from ..workspace import Workspace
    from .secrets import AppSecrets
    from .session import Session

SEEDS = "datasets/rows"
"""The folder with rows of datasets, by files of SQL: ``handover.mjs`` puts them into a new database."""
NOTE = "datasets/README.md"
ADDRESS = "# The database of the app.\nDATABASE_URL=postgresql://user:password@host/database\n"
WHERE = {"sqlite": "`data/app.db`", "postgresql": "the database"}


async def zipped(session: Session, library: TemplateLibrary, store: DatasetStore, *, tests: bool = False) -> bytes:
    """An export of a session of this process, as a ZIP archive."""
    named = (session.workspace, session.summary.template, session.stored)
    return await session.workspace.zip(await additions(*named, library, store, session.secrets, tests=tests))


async def additions(
    workspace: Workspace,
    template: str,
    events: Sequence[Event],
    library: TemplateLibrary,
    store: DatasetStore,
    secrets: AppSecrets,
    *,
    tests: bool = False,
) -> dict[str, str]:
    """Texts by path: scenarios as tests if asked for, names of secrets, rows of tables, and the template's programs."""
    from ..eyes.playwright_tests import scenario_tests

    more = await scenario_tests(workspace) if tests else {}
    more |= await secrets.example()
    engine = engine_of(events)
    if engine == "postgresql" and not await secrets.has_example():
        more[EXAMPLE] = more.get(EXAMPLE, "") + ADDRESS
    try:
        has_tables = library.find(template).database is not None
    except NotFound:
        has_tables = False
    if has_tables and (found := list(datasets_of(events).values())):
        more |= await asyncio.to_thread(_rows, found, store, cast("Engine", engine))
    return more | library.exported(template, engine)


def _rows(datasets: Sequence[Dataset], store: DatasetStore, engine: Engine) -> dict[str, str]:
    from ..databases.seeds import seed

    texts: dict[str, str] = {}
    lines = ["# Tables of data", "", "The database begins with these tables; a file of SQL says how each looks.", ""]
    for dataset in datasets:
        why, text = "only its newest rows were kept, outside the app", None
        if dataset.private:
            why = "its rows are private"
        elif dataset.keep == "all":
            file = store.find(dataset.hash)
            try:
                text = seed(file, dataset, engine) if file else None
                why = "its rows are too many for an export" if file else "its rows are no longer kept"
            except AppBuilderError as error:
                why = str(error)
        if text is not None:
            texts[f"{SEEDS}/{dataset.name}.sql"] = text
            lines.append(f"- `{dataset.name}`: {dataset.rows:,} rows, from `rows/{dataset.name}.sql`.")
        else:
            lines.append(
                f"- `{dataset.name}` is empty: {why}. Put its {dataset.rows:,} rows into the table of {WHERE[engine]}, "
                f"or `INSERT` statements into `{SEEDS}/{dataset.name}.sql` before the first start."
            )
    return texts | {NOTE: "\n".join(lines) + "\n"}
