"""Services a tool can request from its session, by type: ``context.service(Approvals)``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast, overload

from ..errors import Unavailable

S = TypeVar("S")
D = TypeVar("D")


class Services:
    """The services of one session. Each is registered where the session is put together, under the type that tools
    ask for: a class, or a protocol that the service fulfils."""

    def __init__(self) -> None:
        self._makers: dict[type[Any], Callable[[], Any]] = {}

    def offer(self, kind: type[S], make: Callable[[], S]) -> None:
        """Offer what ``make`` returns, asked anew each time."""
        self._makers[kind] = make

    @overload
    def get(self, kind: type[S], /) -> S: ...

    @overload
    def get(self, kind: type[S], default: D, /) -> S | D: ...

    def get(self, kind: type[S], /, *default: D) -> S | D:
        """The service of that type. Without one ``default``, or ``Unavailable`` where none is given."""
        if make := self._makers.get(kind):
            return cast("S", make())
        if default:
            return default[0]
        offered = ", ".join(sorted(known.__name__ for known in self._makers))
        raise Unavailable(
            f"No {kind.__name__} is offered to tools here.",
            hint=f"Offered are: {offered or 'none'}.",
            reason="no_service",
        )
