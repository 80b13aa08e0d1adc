"""For each mistake, how many edits landed right, failed loudly or landed wrong, beside simpler ways to match."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from pathlib import Path

from ..report import heading
from .cases import installed, load
from .runner import PEERS, run_all, run_peer


def main() -> None:
    heading("Edits with the mistakes that models make")
    entries = load()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        home = Path(name)
        modules = asyncio.run(installed(home))
        cases = [entry.case(modules) for entry in entries]
        (home / "edits").mkdir()
        found = [landed for landed, _ in run_all(cases, home / "edits")]
    print(f"{'mistake':<42} right  loud wrong")
    for mistake in dict.fromkeys(entry.mistake for entry in entries):
        count = Counter(landed for entry, landed in zip(entries, found, strict=True) if entry.mistake == mistake)
        print(f"{mistake:<42} {count['right']:>5} {count['loud']:>5} {count['wrong']:>5}")
    rows = {"this project": found} | {name: run_peer(match, cases) for name, match in PEERS.items()}
    print()
    for name, landed in rows.items():
        count = Counter(landed)
        share = 100 / len(cases)
        print(
            f"- {name}: {count['right']} right ({count['right'] * share:.0f} %), {count['loud']} loud, "
            f"{count['wrong']} wrong of {len(cases)}"
        )
