"""Values in the keyring of the system: Keychain, Windows' credentials, Secret Service. Needs the extra ``keyring``."""

from __future__ import annotations

from typing import Any

from ..errors import Unavailable

SERVICE = "Jupyter App Builder"


class SystemKeyring:
    """A ``Keeper``."""

    kind = "keyring"

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        self.where = f"the system's keyring ({getattr(backend, 'name', '') or type(backend).__name__})"

    def put(self, session: str, name: str, value: str) -> str:
        self._asked("kept", name, lambda: self._backend.set_password(SERVICE, f"{session}/{name}", value))
        return ""

    def get(self, session: str, name: str, note: str) -> str:
        value = self._asked("read", name, lambda: self._backend.get_password(SERVICE, f"{session}/{name}"))
        if not isinstance(value, str):
            raise Unavailable(
                f"The system's keyring has no {name} of this app.", hint="Set it again.", reason="secret_unreadable"
            )
        return value

    def drop(self, session: str, name: str) -> None:
        def delete() -> None:
            """Backends differ in what they raise for one that is not there: whether it is gone is asked."""
            try:
                self._backend.delete_password(SERVICE, f"{session}/{name}")
            except Exception:
                if self._backend.get_password(SERVICE, f"{session}/{name}") is not None:
                    raise

        self._asked("removed", name, delete)

    def _asked(self, what: str, name: str, ask: Any) -> Any:
        try:
            return ask()
        except Exception as error:  # of many backends; its message may hold the value
            raise Unavailable(
                f"The secret {name} could not be {what}: the system's keyring refused ({type(error).__name__}).",
                hint='Unlock it, or keep secrets in a file: c.AppBuilder.secrets = "file".',
                reason="keyring_refused",
            ) from None


def system_keyring() -> SystemKeyring | None:
    """The keyring of this system; None where there is none that keeps secrets."""
    try:
        import keyring  # pyright: ignore
        from keyring.backends import chainer, fail, null  # pyright: ignore
    except ImportError:
        return None
    try:
        backend: Any = keyring.get_keyring()  # pyright: ignore
    except Exception:  # what is configured for it cannot be loaded
        return None
    if isinstance(backend, chainer.ChainerBackend):  # pyright: ignore
        backend = next(iter(backend.backends), None)  # pyright: ignore
    unsafe = isinstance(backend, fail.Keyring | null.Keyring) or "plain" in type(backend).__name__.lower()  # pyright: ignore
    return None if backend is None or unsafe else SystemKeyring(backend)
