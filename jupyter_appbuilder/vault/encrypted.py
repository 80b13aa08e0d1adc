"""Values in files, encrypted with a key that lies beside them: what is copied or searched does not show them. Whoever
may read the data folder of this account can read both."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import Unavailable

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

KEY = ".key"


class EncryptedNotes:
    """A ``Keeper`` whose note is the value itself, encrypted; the key is made at first use, for its owner alone."""

    kind = "file"

    def __init__(self, folder: Path) -> None:
        self._key = folder / KEY
        self.where = f"a file encrypted with a key of this server ({folder})"

    def put(self, session: str, name: str, value: str) -> str:
        # With what it belongs to: a note that is moved to another name or app is none there.
        told = json.dumps([session, name, value])
        return self._fernet(make=True).encrypt(told.encode()).decode("ascii")

    def get(self, session: str, name: str, note: str) -> str:
        from cryptography.fernet import InvalidToken

        try:
            told: Any = json.loads(self._fernet(make=False).decrypt(note.encode()))
            owner, of, value = told
        except (InvalidToken, ValueError, TypeError):
            owner = of = value = ""
        if (owner, of) != (session, name) or not isinstance(value, str) or not value:
            raise Unavailable(
                f"The secret {name} cannot be decrypted: it was encrypted with another key, or for another app.",
                hint="Set it again.",
                reason="secret_unreadable",
            )
        return value

    def drop(self, session: str, name: str) -> None:
        return  # it is in the note

    def _fernet(self, *, make: bool) -> Fernet:
        from cryptography.fernet import Fernet

        try:
            if make and not self._key.exists():
                _make_key(self._key, Fernet.generate_key())
            return Fernet(self._key.read_bytes())
        except (OSError, ValueError) as error:
            raise Unavailable(
                f"The key of the secrets, {self._key}, cannot be used: {error}.",
                hint="Without it no secret can be read: set them again once it is moved away.",
                reason="secret_unreadable",
            ) from None


def _make_key(path: Path, key: bytes) -> None:
    """Whole at once, and only one: other processes may be making it, too."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")  # made with mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(key)
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        Path(temporary).unlink(missing_ok=True)
