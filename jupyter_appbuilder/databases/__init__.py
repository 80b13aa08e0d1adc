"""An app's database, asked through a program in its sandbox: the file itself is never opened outside.

A SQLite file of generated code ends whoever has it open in WAL mode (SIGBUS), once its ``-shm`` is cut short there.
"""

from .program import DataProgram, SqlError

__all__ = ["DataProgram", "SqlError"]
