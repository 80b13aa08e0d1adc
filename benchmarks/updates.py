"""From a file written to the change visible in the page: through the sandbox and the proxy, and from a bare Vite."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from .chromium import chromium
from .jupyter import Jupyter, jupyter
from .report import heading, median, percentile, row
from .sessions import shown
from .vite import copy_app, vite

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROUNDS = 30
SOURCE = "src/App.tsx"
APP = """import {{ Button }} from "@/components/ui/button";

export default function App() {{
  return (
    <main className="p-6">
      <h1 id="mark">version {number}</h1>
      <Button>Press</Button>
    </main>
  );
}}
"""
# The page's clock is read when the change is in the document and the browser has laid it out.
WATCH = """
window.seen = new Promise(done => {
  const look = () => {
    if (document.getElementById('mark')?.textContent !== WANTED) return false;
    observer.disconnect();
    document.body.getBoundingClientRect();
    done(performance.timeOrigin + performance.now());
    return true;
  };
  const observer = new MutationObserver(look);
  observer.observe(document, {subtree: true, childList: true, characterData: true});
  look();
});
0
"""

Write = Callable[[str], object]


def on_disk(file: Path) -> Write:
    """As editors write: a temporary file, then a rename."""

    def write(content: str) -> None:
        temporary = file.with_name(".App.tsx.tmp")
        temporary.write_text(content)
        os.replace(temporary, file)

    return write


def through_files(server: Jupyter, session: str) -> Write:
    return lambda content: server.put(f"sessions/{session}/files/{SOURCE}", {"content": content})


def through_tool(server: Jupyter, session: str) -> Write:
    def write(content: str) -> None:
        arguments = {"path": SOURCE, "content": content}
        server.post(f"sessions/{session}/tools/write_file", {"arguments": arguments})

    return write


def visible(page: Page, write: Write, number: int) -> float:
    """Milliseconds from just before the write until the page holds it."""
    page.evaluate(WATCH.replace("WANTED", f"'version {number}'"))
    began = time.time()
    write(APP.format(number=number))
    return page.evaluate("window.seen") - began * 1000


def main() -> None:
    heading("From a file written to the change visible")
    with tempfile.TemporaryDirectory(prefix="bench-") as name, chromium() as browser:
        folder = Path(name)
        with jupyter(folder, model="demo:recorded") as server:
            session = server.post("sessions", {"title": "Updates"})
            url = server.preview(session["id"])
            files = folder / "root" / session["app_path"]
            app = copy_app(folder)
            with vite(app) as (bare_url, _):
                ours, bare = browser.new_page(), browser.new_page()
                for page, address in ((ours, url), (bare, bare_url)):
                    page.goto(address)
                    shown(page)
                ways: dict[str, tuple[Page, Write]] = {
                    "bare": (bare, on_disk(app / SOURCE)),
                    "disk": (ours, on_disk(files / SOURCE)),
                    "files": (ours, through_files(server, session["id"])),
                    "tool": (ours, through_tool(server, session["id"])),
                }
                taken: dict[str, list[float]] = {way: [] for way in ways}
                number = 0
                for measured in [False] * 2 + [True] * ROUNDS:
                    for way, (page, write) in ways.items():
                        number += 1
                        page.bring_to_front()
                        taken[way] += [visible(page, write, number)] * measured
                        time.sleep(0.05)  # whatever else the write started is over
    peer = median(taken["bare"])
    of = f"bare vite ({len(taken['bare'])} writes each)"
    row("an editor's write on disk to visible, p50", median(taken["disk"]), "ms", peer=peer, of=of, target="≤ 1.5×")
    row("PUT files to visible, p50", median(taken["files"]), "ms", peer=peer, of=of, target="≤ 1.5×")
    row("the agent's write_file to visible, p50", median(taken["tool"]), "ms", peer=peer, of=of, target="≤ 1.5×")
    slow = percentile(taken["bare"], 0.9)
    row("PUT files to visible, p90", percentile(taken["files"], 0.9), "ms", peer=slow, of="bare vite")


if __name__ == "__main__":
    main()
