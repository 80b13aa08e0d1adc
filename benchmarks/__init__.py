"""What docs/performance.md quotes. ``python -m benchmarks`` runs all; ``python -m benchmarks startup relay`` some."""

import sys
from pathlib import Path

# What starts Chromium and shares the package cache is the tests' own.
sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
