"""What docs/performance.md quotes. ``python -m benchmarks`` runs all; ``python -m benchmarks startup relay`` some."""
