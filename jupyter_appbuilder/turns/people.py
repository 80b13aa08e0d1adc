"""Who takes part in a session, where the server knows people apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from ..events import Event, Person


def person_of(event: Event) -> Person | None:
    """Who asked or answered, where that is known."""
    return event.data.get("by_whom") if event.type in ("message.user", "approval.given") else None


def people_in(events: Iterable[Event]) -> Mapping[str, str]:
    """What those who take part are called, by what they log in as; nothing where it is not more than one.

    A name that two of them have has their login beside it.
    """
    names: dict[str, str] = {}
    for event in events:
        if person := person_of(event):
            names[person["id"]] = person["name"]
    if len(names) < 2:
        return {}
    times = Counter(names.values())
    return {id: name if times[name] == 1 else f"{name} ({id})" for id, name in names.items()}
