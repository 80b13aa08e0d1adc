"""What eyes would see, of pages with one fault each; and nothing where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest
from eyes.stage import Site, html, messages, opened

FAULTS = {
    "white on white": (
        '<main><h1 style="color: #fff">Tasks</h1><p>All of them.</p></main>',
        ["Text cannot be read against its background (#ffffff on #ffffff, contrast 1.0", 'heading "Tasks"'],
    ),
    "grey on white": (
        '<main><h1>Hi</h1><p style="color: #999">Pale words</p></main>',
        ["Text is hard to read", 'paragraph "Pale words"'],
    ),
    "a wide box": (
        '<main><h1>Hi</h1><div class="wide" style="width: 1500px; height: 20px">Wide</div></main>',
        ["px wider than the screen (1280 px)", 'div "Wide" (main > div.wide) by 228 px'],
    ),
    "a long word": (
        f"<main><h1>Hi</h1><p>{'long' * 90}</p></main>",
        ["wider than the screen", 'paragraph "longlong'],
    ),
    "text cut off across": (
        '<main><h1>Hi</h1><div style="width: 80px; overflow: hidden; white-space: nowrap">'
        "Many words in a row</div></main>",
        ["Text is cut off", "Many words in a row"],
    ),
    "text cut off across by a box around its own": (
        '<main><h1>Hi</h1><div class="card" style="width: 120px; overflow: hidden"><div style="width: 300px">'
        "<p>Many words in a wide row</p></div></div></main>",
        ["Text is cut off", "Many words in a wide row"],
    ),
    "a list wider than its card": (
        '<main><h1>Hi</h1><div style="width: 150px; overflow: hidden"><ul style="width: 320px"><li>Milk'
        "<li>Bread and butter for all of us</ul></div></main>",
        ["Text is cut off", 'listitem "Bread and butter'],
    ),
    "a button cut off by its card": (
        '<main><h1>Hi</h1><div style="width: 150px; overflow: hidden; border-radius: 8px"><div style="display: flex; '
        'gap: 8px; width: 260px"><p style="flex: none; width: 120px; margin: 0">Milk</p>'
        "<button>Delete all of it</button></div></div></main>",
        ["Text is cut off", 'button "Delete all of it"'],
    ),
    "a table wider than its box": (
        '<main><h1>Hi</h1><div style="width: 200px; overflow: hidden"><table style="width: 320px"><tr><th>Name<th>'
        "Amount<th>Paid by whom of us</table></div></main>",
        ["Text is cut off", "Paid by whom of us"],
    ),
    "text cut off below": (
        '<main><h1>Hi</h1><p style="width: 120px; height: 50px; overflow: hidden">Many words in a column, '
        "and then a few more of them</p></main>",
        ["Text is cut off at the bottom", "Many words in a column"],
    ),
    "texts on each other": (
        '<main style="position: relative"><h1 style="position: absolute; top: 0">Title of it</h1>'
        '<p style="position: absolute; top: 4px">Something else</p></main>',
        ["Two texts lie on each other", "Title of it", "Something else"],
    ),
    "a broken picture": (
        '<main><h1>Hi</h1><img src="gone.png" alt="A boat" width="80" height="80"></main>',
        ['A picture could not be shown: image "A boat" (main > img) from /gone.png.'],
    ),
    "a button without a name": (
        '<main><h1>Hi</h1><button class="icon"><svg width="16" height="16"></svg></button></main>',
        ["Buttons must have discernible text: button (main > button.icon)."],
    ),
    "a field without a label": (
        '<main><h1>Hi</h1><input name="title"></main>',
        ["Form elements must have labels: textbox (main > input)."],
    ),
    "in a shadow tree": (
        """<main><h1>Hi</h1><div id="host"></div></main><script>
          host.attachShadow({ mode: "open" }).innerHTML = '<p style="color: #fefefe">Hidden words</p>'
        </script>""",
        ["Text cannot be read", "Hidden words"],
    ),
}

RIGHT = {
    "an ellipsis": '<p style="width: 80px; overflow: hidden; white-space: nowrap; text-overflow: ellipsis">'
    "Many words in a row</p>",
    "lines clamped": '<p style="display: -webkit-box; -webkit-line-clamp: 2; -webkit-box-orient: vertical; '
    'width: 120px; overflow: hidden">Many words in a column, and then a few more of them</p>',
    "what scrolls": '<div tabindex="0" style="width: 200px; overflow: auto">'
    '<div style="width: 3000px">Wide</div></div>',
    "for screen readers": '<span style="position: absolute; width: 1px; height: 1px; overflow: hidden; '
    'clip-path: inset(50%); white-space: nowrap">Only for readers</span>',
    "a dialog over text": "<p>Some text below</p>"
    '<div style="position: absolute; inset: 0; background: #fff">Over it</div>',
    "tight lines": '<h2 style="line-height: 1; font-size: 40px; width: 200px">Two lines here</h2>',
    "a row that slides": '<div style="overflow: hidden; width: 300px"><div style="display: flex; width: 900px; '
    'transform: translateX(-40px)"><div style="width: 280px; flex: none">First card of the row</div>'
    '<div style="width: 280px; flex: none">Second card of the row</div></div></div>',
    "a carousel": '<div style="overflow: hidden; width: 300px"><div style="display: flex; width: 900px; gap: 10px">'
    '<article style="width: 260px; flex: none">First card of the row</article>'
    '<article style="width: 260px; flex: none">Second card of the row that is not all there yet</article></div></div>',
    "a carousel that snaps": '<div tabindex="0" style="overflow-x: auto; scroll-snap-type: x mandatory; width: 300px">'
    '<ul style="display: flex; width: 900px; padding: 0"><li style="width: 280px; flex: none">One of the cards</li>'
    '<li style="width: 280px; flex: none">Another one of the cards</li></ul></div>',
    "a carousel with negative margin": '<div style="overflow: hidden; width: 300px"><div style="display: flex; '
    'margin-left: -140px; width: 900px"><p style="width: 280px; flex: none">First card of the row</p>'
    '<p style="width: 280px; flex: none">Second card of the row</p></div></div>',
    "a marquee": '<style>@keyframes go { to { transform: translateX(-50%) } }</style><div style="overflow: hidden; '
    'width: 300px; white-space: nowrap"><div style="display: inline-block; animation: go 20s linear infinite">'
    "News that goes on and on, and news that goes on and on</div></div>",
    "a panel that is folded": '<div style="width: 0; overflow: hidden; white-space: nowrap"><nav style="width: 200px">'
    '<a href="#top">Home of it all</a></nav></div>',
    "a rail of icons": '<nav style="width: 48px; overflow: hidden; white-space: nowrap"><a href="#top" '
    'style="display: flex; width: 200px"><span style="width: 48px; flex: none">H</span><span>Home</span></a></nav>',
    "tabs that slide": '<div style="overflow: hidden; width: 240px"><div role="tablist" style="display: flex; '
    'transform: translateX(-30px); width: 500px"><button role="tab">Overview</button><button role="tab">Settings now'
    '</button><button role="tab">People and teams</button></div></div>',
    "a table that scrolls": '<div tabindex="0" style="width: 200px; overflow-x: auto; border-radius: 8px"><table '
    'style="width: 500px"><tr><td>Name of it<td>Amount of it<td>Paid by whom</table></div>',
    "a table that scrolls in a box": '<div style="width: 200px; overflow: hidden; border-radius: 8px">'
    '<div tabindex="0" style="overflow-x: auto"><table style="width: 500px"><tr><td>Name of it<td>Amount of it'
    "<td>Paid by whom</table></div></div>",
    "an ellipsis inside": '<div style="width: 90px; overflow: hidden"><p style="overflow: hidden; white-space: nowrap; '
    'text-overflow: ellipsis">Many words in a row</p></div>',
    "an ellipsis of a flexible row": '<div style="display: flex; width: 120px; overflow: hidden"><span style="flex: 1; '
    'min-width: 0; overflow: hidden; white-space: nowrap; text-overflow: ellipsis">Many words in a row</span></div>',
    "a label for readers that is clipped": '<label style="display: block; width: 60px; overflow: hidden">'
    '<span style="position: absolute; clip: rect(0 0 0 0); width: 1px; height: 1px; overflow: hidden; white-space: '
    'nowrap">Search in all tasks</span><input aria-label="Search" style="width: 50px"></label>',
    "a field with more text than room": '<label>Note <input value="Many words in one field that is too short" '
    'style="width: 80px"></label>',
    "hidden": '<p hidden style="color: #fff">Nothing</p><button style="display: none"></button>',
    "off screen to the left": '<a href="#top" style="position: absolute; left: -999px">Skip</a>',
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_what_eyes_would_see_is_told(tmp_path: Path, fault: str) -> None:
    body, told = FAULTS[fault]
    async with opened(tmp_path, body) as page:
        found = messages(await page.audit())
    assert len(found) == 1, found
    assert all(part in found[0] for part in told), found


@pytest.mark.walk
async def test_nothing_is_told_of_what_is_meant_so(tmp_path: Path) -> None:
    for body in RIGHT.values():
        async with opened(tmp_path, f"<main><h1>Hi</h1>{body}</main>") as page:
            assert messages(await page.audit()) == [], body


async def test_a_page_that_is_wide_on_a_phone_only(tmp_path: Path) -> None:
    site = Site(index=html('<main><h1>Hi</h1><div style="width: 500px; height: 9px"></div></main>'))
    async with opened(tmp_path, site, width=360) as page:
        assert "wider than the screen (360 px)" in messages(await page.audit())[0]
    async with opened(tmp_path, site, width=768) as page:
        assert await page.audit() == []


async def test_the_worst_comes_first_and_no_more_than_twenty(tmp_path: Path) -> None:
    pale = "".join(f'<p style="color: rgb(150, 150, {i + 100})">Pale {i}</p>' for i in range(40))
    async with opened(tmp_path, f'<main><h1>Hi</h1>{pale}<p style="color: #fff">White</p></main>') as page:
        found = messages(await page.audit())
    assert len(found) == 20
    assert "cannot be read" in found[0]


async def test_a_hostile_page_is_looked_at_all_the_same(tmp_path: Path) -> None:
    body = """<main><h1 style="color: #fff">Hi</h1></main><script>
      for (const name of ["getBoundingClientRect", "querySelectorAll", "getAttribute", "checkVisibility"])
        Element.prototype[name] = () => { throw new Error(name); };
      Object.defineProperty(Node.prototype, "textContent", { get() { for (;;); } });
      Array.prototype.map = Array.prototype.filter = Array.prototype.push = () => { throw new Error("array"); };
      Promise.prototype.then = () => {};
    </script>"""
    async with opened(tmp_path, body) as page:
        assert "Text cannot be read" in messages(await page.audit())[0]


async def test_a_page_of_a_hundred_thousand_elements_ends(tmp_path: Path) -> None:
    body = """<main><h1>Hi</h1><div id="wide" style="width: 3000px">Wide</div><div id="all"></div></main><script>
      let deep = all;
      for (let i = 0; i < 300; i++) {
        const host = deep.appendChild(document.createElement("div"));
        deep = host.attachShadow({ mode: "open" });
      }
      for (let i = 0; i < 100; i++) all.insertAdjacentHTML("beforeend", "<p>Words</p>".repeat(1000));
    </script>"""
    async with opened(tmp_path, body) as page:
        assert "wider than the screen" in messages(await page.audit())[0]
        assert await page.picture()
