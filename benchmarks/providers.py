"""What others have published about how fast their sandboxes start, to stand beside our own figures.

None of it was measured by us. Theirs is the time to a first command in a machine elsewhere, with the way there and
back; ours is on the machine at hand, and the preview's figures include a dev server.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Published:
    provider: str
    figure: str
    source: str
    date: str  # of the page, or when a page without a date was read


READ = "no date on the page; read 2026-11-21"
BOARD = "www.computesdk.com/benchmarks: create() to the first command, median of 100"
PODFLARE = "docs.podflare.ai/architecture/comparison (a competitor): create() to `echo`, p50 of 30"

PUBLISHED = (
    Published("E2B", "0.44 s", BOARD, READ),
    Published("E2B", "0.44 to 0.47 s", PODFLARE, READ),
    Published(
        "E2B", "about 150 ms", "www.getqpro.com/blog/sandbox-startup-benchmark-2026, quoting others", "April 2026"
    ),
    Published("Daytona", "0.11 s", BOARD, READ),
    Published("Daytona", "under 90 ms", "www.daytona.io/docs/en/v2, its maker", READ),
    Published("Daytona", "0.66 s", PODFLARE, READ),
    Published("Blaxel", "1.05 s", BOARD, READ),
    Published("Cloudflare", "1.72 s", BOARD, READ),
    Published("Vercel", "1.75 s", BOARD, READ),
    Published("CodeSandbox", "2.32 s", BOARD, READ),
    Published("Modal", "2.66 s", BOARD, READ),
)


def show() -> None:
    print("\nPublished by others (not measured here; a first command, no dev server):\n")
    for one in PUBLISHED:
        print(f"- {one.provider}: {one.figure} — {one.source} ({one.date})")
