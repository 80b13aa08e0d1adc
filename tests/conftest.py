"""Fixtures shared by every layer. Async tests are run by pytest-jupyter's own plugin."""

pytest_plugins = ["pytest_jupyter.jupyter_server"]
