"""Files, atomic writes, path safety, git checkpoints, diffs, archives."""

from .archive import pack, tree_of, unpack
from .records import Checkpoint, FileChange, FileInfo
from .workspace import Workspace

__all__ = ["Checkpoint", "FileChange", "FileInfo", "Workspace", "pack", "tree_of", "unpack"]
