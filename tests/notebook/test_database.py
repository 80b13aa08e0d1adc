"""The notebook of an app with a database rebuilds what stands in it, in a real sandbox."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
from database_app import shelf
from engines import prepared

from jupyter_appbuilder import App

TASKS = """CREATE TABLE tasks (id INTEGER PRIMARY KEY, title TEXT NOT NULL, at TEXT DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);
INSERT INTO tasks (title) VALUES ('Sow'), ('Reap');
"""
CHANGED = "UPDATE tasks SET title = 'Sow; it''s time' WHERE id = 1;\n\nINSERT INTO tasks (title) VALUES ('Ünd  \"x\"');"


@contextlib.contextmanager
def kept(folder: Path) -> Iterator[App]:
    """An app of a template with a database and nothing else, in an environment that other processes can have, too."""
    place = shelf(folder, {"0001_tasks.sql": TASKS})
    with prepared(folder):
        config = folder / "config/jupyter_server_config.json"
        settings = json.loads(config.read_text())
        settings["AppBuilder"]["template_path"] = [str(place)]
        config.write_text(json.dumps(settings))
        with contextlib.closing(App("kept", template="kept")) as app:
            yield app


def replayed(app: App, folder: Path, *, notebook: Path | None = None) -> tuple[dict[str, Any], str]:
    """What ``jupyter appbuilder replay`` says of the app's notebook: as JSON, and on stderr."""
    app.checkpoint("Now")
    command = [sys.executable, "-m", "jupyter_appbuilder.cli", "replay", str(notebook or app.notebook)]
    done = subprocess.run([*command, "--into", str(folder), "--json"], capture_output=True, text=True)
    return json.loads(done.stdout), done.stderr


def rows(file: Path, sql: str) -> list[Any]:
    """Rows of a database that nobody writes, as the replay left it."""
    import sqlite3

    with contextlib.closing(sqlite3.connect(f"file:{file}?immutable=1", uri=True)) as database:
        return database.execute(sql).fetchall()


def test_rows_that_were_changed_are_there_again(tmp_path: Path):
    with kept(tmp_path) as app:
        app.call("change_data", sql=CHANGED)
        app.delete("migrations/0001_tasks.sql")  # its tables stay
        app.call("update_database_schema", name="done", sql="ALTER TABLE tasks ADD COLUMN done INTEGER DEFAULT 0;")
        app.call("change_data", sql="UPDATE tasks SET done = 1 WHERE id = 2")
        app.checkpoint("Before")
        app.call("change_data", sql="DELETE FROM tasks")
        app.checkpoint("Empty")
        app.restore(app.checkpoints[1].id)
        app.data("sales", pd.DataFrame({"day": ["a", "b"], "boxes": [1, 2]}), keep="all")
        found, said = replayed(app, tmp_path / "again")
        assert (found["verified"], found["data"], found["missing"]) == (True, True, []), said
        made = tmp_path / "again/app/data/app.db"
        assert rows(made, "SELECT title, done FROM tasks ORDER BY id") == [
            ("Sow; it's time", 0),
            ("Reap", 1),
            ('Ünd  "x"', 0),
        ]
        assert rows(made, "SELECT day, boxes FROM sales") == [("a", 1), ("b", 2)]

        # Another machine has not the rows: told, and the rest is as exact.
        shutil.rmtree(tmp_path / "data/appbuilder/datasets")
        found, said = replayed(app, tmp_path / "elsewhere")
        assert (found["verified"], found["data"]) == (True, False), said
        (missing,) = found["missing"]
        assert "The table sales lacks its 2 rows" in missing
        assert rows(tmp_path / "elsewhere/app/data/app.db", "SELECT count(*) FROM tasks") == [(3,)]


def test_a_difference_is_told_by_table_and_a_statement_that_fails_by_its_text(tmp_path: Path):
    with kept(tmp_path) as app:
        app.call("change_data", sql="INSERT INTO tasks (id, title) VALUES (7, 'Seven')")
        app.call("change_data", sql="INSERT INTO notes (text) VALUES (hex(randomblob(8)))")
        found, said = replayed(app, tmp_path / "again")
        assert (found["verified"], found["data"]) == (True, True), said
        assert found["missing"] == [
            "Not compared: the values of table notes, of which some are times or random. The schema is the same."
        ]
        altered = tmp_path / "altered.ipynb"
        content = nbformat.read(app.notebook, 4)
        (cell,) = [cell for cell in content.cells if "VALUES (7, 'Seven')" in cell.source and "sql" in cell.source]
        cell.source = cell.source.replace("VALUES (7, 'Seven')", "VALUES (1, 'Seven')")
        nbformat.write(content, altered)
        found, _ = replayed(app, tmp_path / "other", notebook=altered)
        assert "table tasks: 2 rows, the notebook had 3" in found["error"]["message"]
        statement = "INSERT INTO tasks (id, title) VALUES (1, 'Seven')"
        assert found["error"]["hint"] == f"Rows were not changed. {statement}: UNIQUE constraint failed: tasks.id"


def test_an_export_has_kept_rows_and_says_which_tables_are_empty(tmp_path: Path):
    odd = pd.DataFrame({"text": ["it's\n;", "a\0b", None], "big": [2**60, -1, 0], "part": [0.5, float("inf"), 1e300]})
    with kept(tmp_path) as app:
        app.data("sales", odd, keep="all")
        app.data("gone", odd)
        with zipfile.ZipFile(app.export(tmp_path)) as archive:
            texts = {name: archive.read(name).decode() for name in archive.namelist() if "datasets/" in name}
        command = [sys.executable, "-m", "jupyter_appbuilder.cli", "export", "kept", "-o", str(tmp_path / "cli.zip")]
        subprocess.run(command, check=True, capture_output=True)
        with zipfile.ZipFile(tmp_path / "cli.zip") as archive:
            assert texts == {name: archive.read(name).decode() for name in texts}
        assert "- `sales`: 3 rows" in texts["datasets/README.md"]
        assert "- `gone` is empty: only its newest rows were kept" in texts["datasets/README.md"]
        assert "datasets/rows/gone.sql" not in texts

        before = app.call("query_database", sql="SELECT hex(text), big, part FROM sales").text
        app.write("datasets/rows/sales.sql", texts["datasets/rows/sales.sql"])
        for file in (app.folder / "app/data").glob("app.db*"):
            file.unlink()
        assert app.call("query_database", sql="SELECT hex(text), big, part FROM sales").text == before
        assert app.call("query_database", sql="SELECT count(*) AS n FROM gone").text == "n\n0"
