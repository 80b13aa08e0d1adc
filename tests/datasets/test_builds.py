"""A built app reads its data without us, below any path, and a dataset of a million rows is read in a browser."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from chromium import PATIENCE, launch_options
from playwright.sync_api import Browser, Page, expect, sync_playwright
from templates.template_app import TemplateApp
from templates.test_exports import below_a_path

from jupyter_appbuilder.datasets.loaders import loader_files

from .stage import every_type, write_rows
from .test_in_templates import PAGES

VITE = ("node", "node_modules/vite/bin/vite.js", "build", "--configLoader", "runner")
NEXT = ("node", "node_modules/next/dist/bin/next")
BUILDS = {"react-vite": VITE, "fastapi-react": VITE, "vue-vite": VITE, "static": ()}


@pytest.fixture
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        with playwright.chromium.launch(**launch_options()) as started:
            yield started


def made(folder: Path, template: str, table: pa.Table) -> TemplateApp:
    """An app that shows ``table``."""
    app = TemplateApp(folder, template)
    given = write_rows(folder, app.template.datasets, "sales", table)
    loaders = loader_files(app.template.datasets.loader, given, app.template.datasets.folder)
    for path, text in [*loaders, *PAGES[template].items()]:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return app


def shown(page: Page, name: str) -> object:
    return json.loads(page.get_by_test_id(name).inner_text())


@pytest.mark.parametrize("template", BUILDS)
def test_a_built_app_reads_its_data_below_any_path(browser: Browser, tmp_path: Path, template: str) -> None:
    table, rows = every_type()
    app = made(tmp_path / "app", template, table)
    if BUILDS[template]:
        done = subprocess.run(BUILDS[template], cwd=app.folder, env=app.environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    built = app.folder / "dist" if BUILDS[template] else app.folder
    with below_a_path(built, (app.folder / "README.md").read_text()) as url:
        page = browser.new_page()
        page.set_default_timeout(PATIENCE)
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: message.type != "error" or problems.append(message.text))
        page.goto(url)
        expect(page.get_by_test_id("state")).to_have_text("3 rows")
        assert shown(page, "rows") == rows
        assert problems == []


@pytest.mark.walk
@pytest.mark.timeout(600)  # a build of Next.js on a busy machine
def test_a_built_next_app_reads_its_data_on_the_server_and_in_the_page(browser: Browser, tmp_path: Path) -> None:
    table, rows = every_type()
    app = made(tmp_path / "app", "nextjs", table)
    packages = app.folder / "node_modules"
    there = packages.resolve()
    packages.unlink()  # its build takes no link that leads outside
    shutil.copytree(there, packages, symlinks=True, copy_function=os.link)
    app.environment |= {"BASE_PATH": "/some/path"}
    done = subprocess.run((*NEXT, "build"), cwd=app.folder, env=app.environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    with app.running([*NEXT, "start", "--hostname", "127.0.0.1", "--port", "{port}"], "/some/path/") as url:
        page = browser.new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(url)
        expect(page.get_by_test_id("state")).to_have_text("3 rows")
        expect(page.get_by_test_id("on-the-server")).to_have_text("3: 00070")
        assert shown(page, "rows") == rows


def test_missing_data_is_told_in_words(browser: Browser, tmp_path: Path) -> None:
    table, _ = every_type()
    app = made(tmp_path / "app", "static", table)
    (app.folder / app.template.datasets.path("sales")).unlink()
    with below_a_path(app.folder, (app.folder / "README.md").read_text()) as url:
        page = browser.new_page()
        page.goto(url)
        expect(page.get_by_test_id("state")).to_have_text(
            "The data of sales is not there: its file answered 404. Hand it over again, or put it beside the app."
        )


def test_a_million_rows_are_all_in_the_columns_and_no_more_objects_than_are_good(
    browser: Browser, tmp_path: Path
) -> None:
    count = 1_000_000
    cities = pa.array(["Oslo", "Rome"] * (count // 2)).dictionary_encode()
    table = pa.table({"id": pa.array(range(count)), "city": cities})
    app = made(tmp_path / "app", "static", table)
    (app.folder / "js" / "main.js").write_text("")
    with below_a_path(app.folder, (app.folder / "README.md").read_text()) as url:
        page = browser.new_page()
        page.goto(url)
        read = """async () => {
          const { loadTable } = await import(new URL("js/datasets/load-table.js", location.href));
          const { rows, columns, count } = await loadTable("sales");
          return [count, rows.length, columns.id.length, columns.id[count - 1], columns.city[count - 1]];
        }"""
        assert page.evaluate(read) == [count, 100_000, count, count - 1, "Rome"]
