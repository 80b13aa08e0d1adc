"""Fresh data for a published app: when a notebook is run again for it, how it is run, and what came of each run."""
