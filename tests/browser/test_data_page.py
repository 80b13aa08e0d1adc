"""The data of an app with a database: what people do on its page stands in the panel's table, and a query finds it."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from .conftest import OpenLab
from .lab import Lab
from .panel import LONG, violations
from .test_data_in_an_app import themed

HOSTILE = "</td><img src=x onerror=alert(1)>"


def test_rows_added_in_the_app_are_seen_searched_and_queried_beside_it(open_lab: OpenLab, lab: Lab) -> None:
    session = lab.api("POST", "sessions", {"title": "Our tasks", "template": "serverless"})
    panel = open_lab(session["id"])
    page = panel.page
    app = panel.preview()
    expect(app.get_by_role("button", name="Add", exact=True)).to_be_visible(timeout=LONG)
    # As long as something was done out here a moment ago, which a call of the test's counts as, a page that takes the
    # focus is not taken for what a person clicked on.
    page.wait_for_function("() => !navigator.userActivation.isActive", timeout=LONG)
    app.get_by_label("What is to be done?").click()
    app.get_by_label("What is to be done?").fill("Water the 🪴 <b>plants</b>")
    app.get_by_role("button", name="Add", exact=True).click()
    expect(app.get_by_text("Water the 🪴 <b>plants</b>")).to_be_visible(timeout=LONG)

    shown = page.get_by_role("group", name="What is shown")
    shown.get_by_role("button", name="Its data").click()
    rows = page.get_by_role("region", name="Rows of tasks")
    expect(rows.get_by_role("cell", name="Water the 🪴 <b>plants</b>")).to_be_visible(timeout=LONG)
    expect(page.get_by_text("1 to 3 of 3")).to_be_visible(timeout=LONG)
    page.get_by_role("button", name="Structure").click()
    expect(page.get_by_role("group", name="Structure of tasks")).to_contain_text("title TEXT NOT NULL", timeout=LONG)

    page.get_by_role("button", name="Query with SQL").click()
    sql = page.get_by_role("textbox", name="SQL that reads")
    sql.fill("DELETE FROM tasks")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("here queries only read", timeout=LONG)
    themed(page, panel, "data-page")
    sql.fill("SELECT count(*) AS tasks FROM tasks")
    sql.press("Control+Enter")
    expect(page.get_by_role("region", name="What the query found").get_by_role("cell", name="3")).to_be_visible(
        timeout=LONG
    )
    assert violations(page, ".jp-AppBuilder-preview") == []

    page.get_by_role("searchbox", name="Search the rows of tasks").fill("plants")
    expect(page.get_by_text("1 to 1 of 1")).to_be_visible(timeout=LONG)

    # The rows that are found, as a file.
    with page.expect_download(timeout=LONG) as download:
        page.get_by_role("button", name="Download the rows found as CSV").click()
    assert download.value.suggested_filename == "tasks.csv"
    content = Path(download.value.path()).read_bytes()
    assert content.startswith(b"\xef\xbb\xbfid,title,")
    assert "Water the 🪴 <b>plants</b>" in content.decode()
    assert content.count(b"\r\n") == 2

    # A file of the person's becomes a table.
    page.get_by_role("button", name="Add data from a file").click()
    sales = {"name": "Sales 2026.csv", "mimeType": "text/csv", "buffer": f"city,sold\n{HOSTILE},3\nKöln,4\n".encode()}
    page.get_by_label("CSV, Parquet or Excel file").set_input_files(sales)
    expect(page.get_by_label("Sales 2026.csv becomes")).to_have_value("sales_2026")
    page.get_by_role("button", name="Add the data").click()
    expect(page.get_by_text("sales_2026 is a table of the app: 2 rows.")).to_be_visible(timeout=LONG)
    sold = page.get_by_role("region", name="Rows of sales_2026")
    expect(sold.get_by_role("cell", name=HOSTILE)).to_be_visible(timeout=LONG)
    expect(page.locator("img[src='x']")).to_have_count(0)

    # The schema as a picture, from which the keyboard gets to a table's rows.
    page.get_by_role("button", name="Schema").click()
    expect(page.get_by_text("2 tables · 0 references")).to_be_visible(timeout=LONG)
    page.get_by_role("button", name="sales_2026: city text, sold integer").focus()
    themed(page, panel, "data-page-schema")
    assert violations(page, ".jp-AppBuilder-preview") == []
    page.get_by_role("region", name="Picture of the schema").get_by_role("button", name="tasks:").press("Enter")
    expect(page.get_by_role("group", name="Tables").get_by_role("button", name="tasks")).to_be_focused(timeout=LONG)
    page.get_by_role("searchbox", name="Search the rows of tasks").fill("plants")
    expect(page.get_by_text("1 to 1 of 1")).to_be_visible(timeout=LONG)

    # One row by hand: the page, which stands where it was, shows it.
    rows.get_by_role("button", name="Change row 1").click()
    form = page.get_by_role("form", name="A row of tasks")
    form.get_by_label("title").fill("Water the plants, both")
    themed(page, panel, "data-page-row")
    form.get_by_role("button", name="Save the row").click()
    expect(rows.get_by_role("cell", name="Water the plants, both")).to_be_visible(timeout=LONG)
    assert violations(page, ".jp-AppBuilder-preview") == []
    shown.get_by_role("button", name="The app").click()
    expect(panel.preview().get_by_text("Water the plants, both")).to_be_visible(timeout=LONG)
    expect(rows).to_have_count(0, timeout=LONG)

    # What stands on the page, changed without a model, and taken back.
    shown.get_by_role("button", name="Its data").click()
    page.get_by_role("group", name="Behind the page").get_by_role("button", name="Layout").click()
    outline = page.get_by_role("list", name="Outline")
    outline.get_by_role("button", name="Heading").click(timeout=LONG)
    heading = page.get_by_role("group", name="Properties of Heading").get_by_role("textbox", name="text")
    heading.fill("What we have to do")
    heading.press("Enter")
    expect(outline.get_by_role("button", name="Heading What we have to do")).to_be_visible(timeout=LONG)
    themed(page, panel, "layout-page")
    assert violations(page, ".jp-AppBuilder-preview") == []
    page.get_by_role("button", name="Remove it").click()
    expect(outline.get_by_role("button", name="Heading")).to_have_count(0, timeout=LONG)
    page.get_by_role("region", name="Layout").get_by_role("button", name="Undo", exact=True).click()
    expect(outline.get_by_role("button", name="Heading What we have to do")).to_be_visible(timeout=LONG)
    outline.get_by_role("button", name="Main").click()
    page.get_by_role("combobox", name="A part to add").select_option("Columns")
    page.get_by_role("button", name="Add", exact=True).click()
    columns = outline.get_by_role("button", name="Columns")
    expect(columns).to_have_attribute("aria-current", "true", timeout=LONG)
    page.get_by_role("button", name="Move it up").click()
    expect(columns).to_be_focused(timeout=LONG)
    shown.get_by_role("button", name="The app").click()
    expect(panel.preview().get_by_role("heading", name="What we have to do")).to_be_visible(timeout=LONG)


def test_data_of_an_app_without_a_database_lies_beside_its_files(open_lab: OpenLab, lab: Lab) -> None:
    session = lab.api("POST", "sessions", {"title": "Only a page", "template": "static"})
    panel = open_lab(session["id"])
    page = panel.page
    expect(panel.preview().locator("h1")).to_be_visible(timeout=LONG)
    page.get_by_role("group", name="What is shown").get_by_role("button", name="Its data").click()
    expect(page.get_by_text("The app has no data of yours yet.")).to_be_visible(timeout=LONG)
    page.get_by_role("button", name="Add data from a file").click()
    choose = page.get_by_label("CSV, Parquet or Excel file")
    choose.set_input_files({"name": "broken.csv", "mimeType": "text/csv", "buffer": b"a,b\n1,2,3\n"})
    page.get_by_role("button", name="Add the data").click()
    expect(page.get_by_role("alert")).to_contain_text("broken.csv has 3 fields", timeout=LONG)
    choose.set_input_files({"name": "rain.csv", "mimeType": "text/csv", "buffer": b"day,mm\n2026-01-01,3.5\n"})
    page.get_by_role("button", name="Add the data").click()
    expect(page.get_by_text("The app has rain: 1 row, in data/rain.parquet.")).to_be_visible(timeout=LONG)
    expect(page.get_by_role("list", name="Data of the app")).to_contain_text("day, mm", timeout=LONG)
    themed(page, panel, "data-page-files")
    assert violations(page, ".jp-AppBuilder-preview") == []
    expect(panel.card("Added data rain")).to_be_visible(timeout=LONG)
