"""A PostgreSQL server that an administrator named: a database and a role for each app, and the one way there.

The server's address, the administrator's password and those of the roles stay in this process. What an app's sandbox
has is a connection that has logged in already (``gate.py``).
"""

from .gate import Gate, connect_sandbox
from .leavings import Leavings
from .server import PostgresServer

__all__ = ["Gate", "Leavings", "PostgresServer", "connect_sandbox"]
