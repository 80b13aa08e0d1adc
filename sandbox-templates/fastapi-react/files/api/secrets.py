"""Keys and passwords that the code needs, by name: ``secret("…")``.

Read them where they are used, not when a module loads. In the App Builder people set them, and only the running API is
given them. Elsewhere they are variables of the environment, or lines of the file .env: ``API_KEY=…``. No value belongs
into code, an answer or a log.
"""

import os
from collections.abc import Mapping
from pathlib import Path

DOTENV = Path(__file__).parent.parent / ".env"

_given: dict[str, str] = {}


def secret(name: str) -> str | None:
    """A secret's value, None while it is not set: answer 503 with a sentence that names it then."""
    return _given.get(name) or _written().get(name) or os.environ.get(name)


def give(secrets: Mapping[str, str]) -> None:
    """Take these in place of those before: the App Builder calls this."""
    _given.clear()
    _given.update(secrets)


def _written() -> dict[str, str]:
    try:
        lines = DOTENV.read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    found: dict[str, str] = {}
    for line in lines:
        name, equals, value = line.removeprefix("export ").partition("=")
        if equals and not name.lstrip().startswith("#"):
            found[name.strip()] = value.strip().strip("\"'")
    return found
