from __future__ import annotations

import importlib
import sys

ALL = (
    *(
        "startup",
        "sessions",
        "updates",
        "relay",
        "long_session",
        "transcript",
        "replay",
        "edits",
        "diagnostics",
        "context",
        "stop",
    ),
    "blocks",
    *("sandbox", "pool", "density", "eyes", "data", "tables", "functions", "gateway", "hub_admin"),
)

for name in sys.argv[1:] or ALL:
    if name not in ALL:
        sys.exit(f"There is no benchmark {name!r}. Choose from: {', '.join(ALL)}.")
    importlib.import_module(f"benchmarks.{name}").main()
