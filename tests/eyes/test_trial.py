"""A trial of every control finds what breaks when somebody uses a page; and nothing where all works."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from eyes.stage import Site, html, messages, opened

from jupyter_appbuilder.eyes.base import Trial


async def tried(tmp_path: Path, body: str | Site, **look: object) -> Trial:
    async with opened(tmp_path, body, **look) as page:
        assert messages(await page.findings()) == []
        return await page.trial()


FAULTS = {
    "a click that throws": (
        '<button onclick="missing.now()">Save</button>',
        'After clicking button "Save": ReferenceError: missing is not defined',
    ),
    "three steps deep": (
        """<button onclick="one.hidden = false">Start</button>
        <p id="one" hidden><button onclick="two.hidden = false">Next</button></p>
        <p id="two" hidden><button onclick="throw new Error('no end')">Finish</button></p>""",
        'After clicking button "Finish": Error: no end',
    ),
    "a rejected promise": (
        """<button onclick="Promise.reject(new Error('not stored'))">Store</button>""",
        'After clicking button "Store": Unhandled rejection: Error: not stored',
    ),
    "a page that goes blank": (
        '<h1>Hi</h1><button onclick="document.body.replaceChildren()">Open</button>',
        'After clicking button "Open", the page went blank.',
    ),
    "a busy loop": (
        '<h1>Hi</h1><button onclick="for (;;);">Calculate</button>',
        'After clicking button "Calculate", the page hangs',
    ),
    "a form with nothing in it": (
        """<form onsubmit="event.preventDefault(); if (!what.value) throw new Error('empty')">
        <label>Title <input id="what"></label><button>Add</button></form>""",
        'After filling in "Title" with nothing and clicking button "Add": Error: empty',
    ),
    "a field in no form, with a value out of range": (
        """<h1>Hi</h1><input type="number" max="10" aria-label="Amount"
        onchange="if (value > 10) throw new Error('too many')">""",
        'After filling in "Amount" with values out of range: Error: too many',
    ),
    "a field in no form, with nothing in it": (
        """<h1>Hi</h1><main><textarea aria-label="Notes" oninput="value[0].toUpperCase()">Words</textarea></main>""",
        'After filling in "Notes" with nothing: TypeError: Cannot read properties of undefined',
    ),
    "a field with a button beside it, and a value out of range": (
        """<h1>Hi</h1><input type="number" max="10" id="amount" aria-label="Amount">
        <button onclick="if (amount.value > 10) throw new Error('too many')">Order</button>""",
        'After filling in "Amount" with values out of range and clicking button "Order": Error: too many',
    ),
    "a field with a button beside it, and nothing in it": (
        """<h1>Hi</h1><main><div><label>City <input id="city" value="Oslo"></label></div>
        <div><button onclick="city.value[0].toUpperCase()">Search</button></div></main>""",
        'After filling in "City" with nothing and clicking button "Search": TypeError',
    ),
    "an empty list": (
        """<ul id="all"><li>Milk <button>Remove</button></li><li>Bread <button>Remove</button></li></ul>
        <p id="first"></p>
        <script>all.onclick = ({ target }) => {
          if (target.localName !== "button") return;
          target.parentElement.remove();
          first.textContent = all.firstElementChild.firstChild.data;
        }</script>""",
        'After clicking button "Remove": TypeError',
    ),
    "a link to nothing on the page": (
        '<h1>Hi</h1><a href="#prices">Prices</a>',
        'The link "Prices" leads nowhere: there is no #prices on the page.',
    ),
    "a link to a missing page": (
        '<h1>Hi</h1><a href="about.html">About</a>',
        'The link "About" leads nowhere: /about.html answers 404.',
    ),
    "an empty address": ('<h1>Hi</h1><a href="">Home</a>', 'The link "Home" leads nowhere: its address is empty'),
    "a placeholder": ('<h1>Hi</h1><a href="#">Terms</a>', 'The link "Terms" leads nowhere: its address is "#"'),
    "a download that does nothing": (
        '<h1>Hi</h1><button onclick="new Blob([1])">Download CSV</button>',
        'After clicking button "Download CSV", nothing happened: no file was given to save.',
    ),
    "a form that reloads the page": (
        "<h1>Hi</h1><form><label>Title <input name=title></label><button>Add</button></form>",
        'After filling in "Title" and clicking button "Add", the page was loaded anew',
    ),
    "a file that cannot be read": (
        """<input type="file" accept=".csv" aria-label="Data" onchange="files[0].text().then((text) => {
          if (text.startsWith('name,value')) throw new Error('no header') })">""",
        'After choosing a file in textbox "Data": Unhandled rejection: Error: no header',
    ),
    "a dialog that is accepted": (
        """<button onclick="if (confirm('Really?')) throw new Error('gone')">Löschen</button>""",
        'After clicking button "Löschen": Error: gone',
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_trial_finds(tmp_path: Path, fault: str) -> None:
    body, told = FAULTS[fault]
    found = messages((await tried(tmp_path, body)).findings)
    assert len(found) == 1, found
    assert found[0].startswith(told)


async def test_what_works_is_tried_and_nothing_is_told(tmp_path: Path) -> None:
    body = """<h1 id="top">Tasks</h1><a href="#top">To the top</a><a href="#list">List</a>
      <form onsubmit="event.preventDefault(); if (what.value) list.append(Object.assign(document.createElement('li'),
        { textContent: what.value }))"><label>Title <input id="what"></label><button>Add</button></form>
      <ul id="list"></ul><button onclick="dialog.showModal()">About</button>
      <dialog id="dialog"><p>Words</p><button onclick="dialog.close()">Close</button></dialog>
      <a download="a.txt" href="data:text/plain,a">Download</a>
      <button onclick="list.replaceChildren()">Clear all</button>
      <a href="https://example.org/">Elsewhere</a>
      <select aria-label="Sort"><option>Up</option><option>Down</option></select>
      <button disabled>Not yet</button>"""
    trial = await tried(tmp_path, body)
    assert messages(trial.findings) == []
    assert trial.actions >= 10


async def test_a_trial_goes_on_with_what_was_there_before_a_page_was_left(tmp_path: Path) -> None:
    body = """<main id="main"><h1>Hi</h1><button onclick="main.innerHTML = '<h1>Other</h1>'">Open</button>
      <button onclick="throw new Error('still here')">Save</button></main>"""
    assert messages((await tried(tmp_path, body)).findings) == ['After clicking button "Save": Error: still here']


async def test_a_file_whose_address_is_about_to_change_is_saved_at_the_second_try(tmp_path: Path) -> None:
    """As with Streamlit, whose server draws the page anew a moment after a control was used."""
    body = """<h1>Rows</h1><a id="save" download href="old.csv">Download rows</a><script>
      save.addEventListener("click", () => setTimeout(() => { save.href = "new.csv" }, 300))</script>"""
    old = Site(index=html(body), **{"new.csv": "a,b"})
    async with opened(tmp_path, old) as page:
        assert messages((await page.trial()).findings) == []
    assert old.asked.count("new.csv") == 1
    gone = Site(index=html(body))
    async with opened(tmp_path, gone) as page:
        [found] = messages((await page.trial()).findings)
    assert found.startswith('After clicking link "Download rows": The download old.csv failed: it answered 404')


SAYS = """<script>
  addEventListener("click", ({ target }) => target.matches("button") && console.error(`Did ${target.textContent}.`));
</script>"""
ONE = ["Remove", "Supprimer", "Usuń", "Удалить", "削除"]
ALL = ["Delete all", "Reset", "Clear completed", "Alle löschen", "Zurücksetzen", "Vaciar", "Wyczyść", "清空"]


async def test_what_destroys_comes_last_after_all_other_pages(tmp_path: Path) -> None:
    def page(title: str, names: list[str], *links: str) -> str:
        controls = [f"<button>{name}</button>" for name in names]
        controls += [f'<a href="{link.lower()}">{link}</a>' for link in links]
        return html(f"<h1>{title}</h1>{' '.join(controls)}{SAYS}")

    site = Site(
        index=page("Home", [*ALL, *ONE, "Add"], "Tasks", "Settings"),
        tasks=page("Our tasks", ["Discard", "Sort"]),
        settings=page("All settings", ["Sign out", "Save"], "Help"),
        help=page("What to do", ["Show"]),
    )
    async with opened(tmp_path, site) as looked_at:
        found = (await looked_at.trial(most=50, seconds=30)).findings
    order = [message.partition(": Did ")[2].removesuffix(".") for message in messages(list(found))]
    assert order[:4] == ["Add", "Sort", "Save", "Show"]
    assert set(order[4:]) == {*ONE, *ALL, "Discard", "Sign out"}
    assert max(map(order.index, ONE)) < min(map(order.index, ALL))


async def test_a_trial_is_bounded(tmp_path: Path) -> None:
    many = "".join(f'<button onclick="this.after(this.cloneNode(true))">Word{chr(97 + i)}</button>' for i in range(26))
    async with opened(tmp_path, f"<h1>Hi</h1>{many * 4}") as page:
        assert (await page.trial(most=7)).actions == 7
        assert (await page.trial(most=1000, seconds=0.5)).actions < 20


async def test_other_hosts_that_cannot_be_reached_are_named_and_no_fault(tmp_path: Path) -> None:
    body = """<h1>Map</h1><img src="https://tile.example.org/1.png" alt="Tile" width="10" height="10"><script>
      fetch("https://api.example.org/points").catch((error) => console.error("No points:", error));
      </script><script src="https://cdn.example.org/charts.js"></script><script>Charts.draw();</script>"""
    async with opened(tmp_path, body) as page:
        assert messages(await page.findings()) == []
        assert await page.audit() == []
        assert set(page.state.hosts) == {"tile.example.org", "api.example.org", "cdn.example.org"}


async def test_how_fast_a_page_is(tmp_path: Path) -> None:
    body = """<h1>Hi</h1><div id="space"></div><p>Words</p><script>
      const until = performance.now() + 120; while (performance.now() < until);
      setTimeout(() => { space.style.height = "300px" }, 100)</script>"""
    async with opened(tmp_path, body) as page:
        async with asyncio.timeout(60):
            while not page.state.speed.get("lcp_ms"):  # a busy machine may not have painted it yet
                await page.findings()
        speed = page.state.speed
    assert speed["load_ms"] > 100
    assert speed["lcp_ms"] > 0
    assert speed["cls"] > 0.01
    assert speed["long_tasks"] >= 1
    assert speed["requests"] >= 1
    assert speed["bytes"] > 300
