"""A published app works for its readers, and cannot act as any of them."""

from __future__ import annotations

import time
from typing import Any

from playwright.sync_api import Browser, Page, expect

from .lab import BASE_URL, Lab
from .panel import LONG, wait_for
from .test_page_isolation import ATTEMPTS, judge

PAGE = """<!doctype html>
<html lang="en"><head><title>Counter</title><link rel="stylesheet" href="css/style.css"></head>
<body><h1>{word}</h1><p id="count"></p><p id="kept"></p><p id="worker"></p><p id="drawn"></p>
<a href="more.html">More</a> <a href="data.csv" download>Data</a>
<img id="dot" src="dot.svg" alt="dot" width="4" height="4">
<script type="module" src="main.js"></script></body></html>
"""
MAIN = """
const count = Number(localStorage.getItem("count") ?? 0) + 1;
localStorage.setItem("count", count);
document.cookie = "seen=yes";
document.querySelector("#count").textContent = `Visit ${count}`;
const open = indexedDB.open("kept", 1);
open.onupgradeneeded = () => open.result.createObjectStore("rows", { autoIncrement: true });
open.onsuccess = () => {
  const rows = open.result.transaction("rows", "readwrite").objectStore("rows");
  rows.add({ at: count });
  rows.count().onsuccess = ({ target }) => (document.querySelector("#kept").textContent = `${target.result} rows`);
};
const worker = new Worker("worker.js");
worker.onmessage = ({ data }) => (document.querySelector("#worker").textContent = data);
worker.postMessage(20);
const dot = document.querySelector("#dot");
dot.decode().then(() => {
  const canvas = document.createElement("canvas");
  const drawing = canvas.getContext("2d");
  drawing.drawImage(dot, 0, 0);
  document.querySelector("#drawn").textContent = `drawn ${drawing.getImageData(1, 1, 1, 1).data[0]}`;
});
window.lazily = () => import("./later.js").then(({ said }) => said);
"""
FILES = {
    "main.js": MAIN,
    "worker.js": "onmessage = ({ data }) => postMessage(`twice is ${2 * data}`);\n",
    "later.js": "export const said = 'first';\n",
    "dot.svg": '<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4">'
    '<rect width="4" height="4" fill="#f00"/></svg>\n',
    "more.html": "<!doctype html><html lang='en'><title>More</title><h1>More</h1><a href='./'>Back</a></html>\n",
    "data.csv": "a,b\n1,2\n",
}


def write(lab: Lab, id: str, path: str, content: str) -> None:
    lab.api("POST", f"sessions/{id}/tools/write_file", {"arguments": {"path": path, "content": content}})


def publish(lab: Lab, id: str, name: str) -> dict[str, Any]:
    """The newest version, whatever is found."""
    lab.api("POST", f"sessions/{id}/publishing", {"name": name})
    deadline = time.monotonic() + LONG / 1000
    while True:
        status = lab.api("GET", f"sessions/{id}/publishing")["running"]
        if status["state"] == "waiting":
            reasons = {one["id"]: "A test of what readers get" for one in status["findings"]}
            lab.api("POST", f"sessions/{id}/publishing/answer", {"accepted": reasons})
        elif status["state"] != "running":
            assert status["state"] == "done", status
            return status
        assert time.monotonic() < deadline
        time.sleep(0.1)


def reader(browser: Browser, lab: Lab) -> Page:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{lab.url}login?token={lab.token}&next={BASE_URL}api/status")
    return page


def test_a_published_app_works_for_its_readers_and_acts_as_none_of_them(lab: Lab, browser: Browser) -> None:
    id = lab.new_session(title="Counter", template="static")["id"]
    for path, content in {"index.html": PAGE.replace("{word}", "First"), **FILES}.items():
        write(lab, id, path, content)
    assert publish(lab, id, "counter")["number"] == 1
    address = f"{lab.url}appbuilder/apps/counter/"

    stranger = browser.new_context()
    assert stranger.request.get(address, headers={"Accept": "text/html"}).url.startswith(f"{lab.url}login")
    assert stranger.request.get(f"{address}main.js").status == 403
    stranger.close()

    page = reader(browser, lab)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.goto(address)
    expect(page.get_by_role("heading", name="First")).to_be_visible(timeout=LONG)
    expect(page.locator("#worker")).to_have_text("twice is 40")
    expect(page.locator("#drawn")).to_have_text("drawn 255")
    expect(page.locator("#kept")).to_have_text("1 rows")
    page.get_by_role("link", name="More").click()
    expect(page.get_by_role("heading", name="More")).to_be_visible()
    page.get_by_role("link", name="Back").click()
    # A navigation of its own, a reload, the address that everybody has: the same reader each time.
    expect(page.locator("#count")).to_have_text("Visit 2")
    expect(page.locator("#kept")).to_have_text("2 rows")
    page.reload()
    expect(page.locator("#count")).to_have_text("Visit 3")
    with page.expect_download() as saved:
        page.get_by_role("link", name="Data").click()
    assert saved.value.suggested_filename == "data.csv"
    assert faults == []

    own = page.url
    other = reader(browser, lab)
    other.goto(own)
    expect(other.locator("#count")).to_have_text("Visit 1", timeout=LONG)
    assert other.url != own

    # Nobody loads it anew for the reader: an open page goes on with its release, and gets the next one when loaded.
    write(lab, id, "index.html", PAGE.replace("{word}", "Second"))
    write(lab, id, "later.js", "export const said = 'second';\n")
    assert publish(lab, id, "counter")["number"] == 2
    assert page.evaluate("lazily()") == "first"
    page.reload()
    expect(page.get_by_role("heading", name="Second")).to_be_visible(timeout=LONG)
    expect(page.locator("#count")).to_have_text("Visit 4")
    assert page.evaluate("lazily()") == "second"

    found = page.evaluate(ATTEMPTS, BASE_URL)
    judge(found | {"cookie": {"got": ""}}, lab)
    assert found["cookie"] == {"got": "seen=yes"}
    assert (
        page.evaluate("navigator.serviceWorker.register('worker.js').then(() => 'had', error => error.name)") != "had"
    )
    lab.api("DELETE", f"sessions/{id}/publications/here")
    page.reload()
    expect(page.get_by_role("heading", name="There is no app here")).to_be_visible(timeout=LONG)
    wait_for(lambda: "counter" not in str(lab.api("GET", f"sessions/{id}/publishing")["publications"]))
    for opened in (page, other):
        opened.context.close()
