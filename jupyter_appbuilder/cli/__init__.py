"""``jupyter appbuilder``: build, demo, replay, list, export, doctor. Needs no running server.

People read progress on stderr and the result on stdout; with ``--json`` programs read one object on stdout.
Exit codes: 0 done, 1 it did not work, 2 wrong usage, 130 interrupted.
"""

from .main import main

__all__ = ["main"]
