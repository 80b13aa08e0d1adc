"""A request's JSON body, read key by key. (pydantic would do more, and costs 150 ms at server start.)"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from ..errors import InvalidInput

MAX_TEXT = 200_000
"""Characters in one text of a body; about as much as a model can read at once."""


class Body:
    """Typed access to a JSON object; every error is an ``InvalidInput`` that names the key.

    A key that is absent or null takes the default; without one it is required.
    """

    def __init__(self, data: Mapping[str, Any], names: Sequence[str]) -> None:
        for key in data:
            if key not in names:
                raise InvalidInput(
                    f"The body has an unknown key {key[:60]!r}.", hint=f"Known keys: {', '.join(names)}.", field=key
                )
        self.data = data

    def __contains__(self, name: str) -> bool:
        return self.data.get(name) is not None

    def text(self, name: str, default: str | None = None, *, max_length: int = MAX_TEXT) -> str:
        """A string. A required one must not be blank."""
        value = self._value(name, default)
        if not isinstance(value, str):
            raise InvalidInput(f"{name!r} must be text, not {_kind(value)}.", field=name)
        if default is None and not value.strip():
            raise InvalidInput(f"{name!r} must not be empty.", field=name)
        if len(value) > max_length:
            raise InvalidInput(
                f"{name!r} is too long: {len(value):,} characters.", hint=f"At most {max_length:,}.", field=name
            )
        return value

    def choice(self, name: str, options: Sequence[str], default: str | None = None) -> str:
        value = self.text(name, default)
        if value not in options:
            raise InvalidInput(
                f"{name!r} cannot be {value[:60]!r}.", hint=f"Choose one of: {', '.join(options)}.", field=name
            )
        return value

    def truth(self, name: str, default: bool | None = None) -> bool:
        value = self._value(name, default)
        if not isinstance(value, bool):
            raise InvalidInput(f"{name!r} must be true or false, not {_kind(value)}.", field=name)
        return value

    def number(self, name: str, default: int | None = None) -> int:
        """A whole number from 0."""
        value = self._value(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 10**15:
            shown = str(value)[:60] if type(value) in (int, float) else _kind(value)
            raise InvalidInput(f"{name!r} must be a whole number from 0, not {shown}.", field=name)
        return value

    def texts(self, name: str) -> list[str]:
        """A list of strings; without it, none."""
        value: Any = self._value(name, [])
        items = cast("list[object]", value) if isinstance(value, list) else None
        if items is None or not all(isinstance(item, str) and len(item) <= 200 for item in items):
            raise InvalidInput(f"{name} must be a list of texts.", field=name)
        return [str(item) for item in items]

    def items(self, name: str) -> list[Any]:
        """A list of anything; without it, none."""
        value: Any = self._value(name, [])
        if not isinstance(value, list):
            raise InvalidInput(f"{name} must be a list.", field=name)
        return cast("list[Any]", value)

    def mapping(self, name: str, default: dict[str, Any] | None = None) -> dict[str, Any]:
        value = self._value(name, default)
        if not isinstance(value, dict):
            raise InvalidInput(f"{name!r} must be an object, not {_kind(value)}.", field=name)
        return value  # pyright: ignore[reportUnknownVariableType]

    def _value(self, name: str, default: Any) -> Any:
        value = self.data.get(name)
        if value is None:
            value = default
        if value is None:
            raise InvalidInput(f"{name!r} is missing.", hint=f"Send a JSON object with {name!r}.", field=name)
        return value


def _kind(value: object) -> str:
    kinds = {"bool": "a truth value", "int": "a number", "float": "a number", "list": "a list", "dict": "an object"}
    return kinds.get(type(value).__name__, "text")
