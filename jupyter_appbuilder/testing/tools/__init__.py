"""The conformance suite of tools (``tools/base.py``), in a real session: log, workspace, notebook, sandbox.

class TestMyTools(ToolSuite):
    examples = (Example(count_words, {"path": "notes.md"}, files={"notes.md": "one two"}),)
"""

from __future__ import annotations

from .arguments import ArgumentsOfCalls
from .calls import Calls
from .declarations import Declarations
from .examples import Example

__all__ = ["Example", "ToolSuite"]


class ToolSuite(Declarations, ArgumentsOfCalls, Calls):
    """Every claim. A subclass says by ``examples`` what its tools do: one for each tool at least."""
