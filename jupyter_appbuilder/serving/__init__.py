"""Serving: a bundle run in the sandbox behind a web server of its own, for readers."""
