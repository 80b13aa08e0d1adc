"""When data are refreshed: what cron says, where clocks are changed, and what was slept over."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice

import pytest

from jupyter_appbuilder.errors import InvalidInput
from jupyter_appbuilder.refreshing.schedule import (
    checked_cron,
    checked_promise,
    checked_zone,
    last_due,
    own_zone,
    runs_after,
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_five_fields_or_a_name_and_nothing_else() -> None:
    assert checked_cron(" 0  6 * * 1-5 ") == "0 6 * * 1-5"
    assert checked_cron("@daily") == "0 0 * * *"
    for wrong in (
        "",
        "0 6 * *",
        "0 0 6 * * *",
        "60 6 * * *",
        "0 6 31 2 *",
        "0 6 * * mon-",
        "* * * * *",
        "*/2 * * * *",
        "58,59 23 * * *",
        "; rm -rf /",
        "9" * 500,
        "0 6 * * ٣",
    ):
        with pytest.raises(InvalidInput) as error:
            checked_cron(wrong)
        assert error.value.hint
    for wrong in ("Berlin", "../../etc/passwd", "Europe/Nowhere"):
        with pytest.raises(InvalidInput):
            checked_zone(wrong)
    assert checked_zone("") == own_zone()
    assert checked_promise("2d") == 2 * 86400
    assert checked_promise("") is None
    for wrong in ("soon", "0h", "-1d", "9999w"):
        with pytest.raises(InvalidInput):
            checked_promise(wrong)


def test_clocks_that_change_run_it_once_a_day() -> None:
    spring = list(islice(runs_after("30 2 * * *", "Europe/Berlin", at("2026-03-28T12:00")), 2))
    assert spring == [at("2026-03-29T01:00"), at("2026-03-30T00:30")]  # 02:30 is left out: right after it
    autumn = list(islice(runs_after("30 2 * * *", "Europe/Berlin", at("2026-10-24T12:00")), 2))
    assert autumn == [at("2026-10-25T00:30"), at("2026-10-26T01:30")]  # 02:30 comes twice
    # Once, whichever way it is asked.
    assert last_due("30 2 * * *", "Europe/Berlin", at("2026-10-25T00:31"), at("2026-10-25T03:00")) is None
    assert last_due("30 2 * * *", "Europe/Berlin", at("2026-03-29T00:00"), at("2026-03-29T05:00")) is not None
    assert last_due("30 2 * * *", "Europe/Berlin", at("2026-03-29T01:01"), at("2026-03-29T05:00")) is None


def test_what_was_slept_over_is_due_once() -> None:
    cron, zone = "0 6 * * *", "UTC"
    assert last_due(cron, zone, at("2026-01-01T07:00"), at("2026-01-01T23:00")) is None
    assert last_due(cron, zone, at("2026-01-01T07:00"), at("2026-01-02T06:00")) == at("2026-01-02T06:00")
    late = last_due(cron, zone, at("2025-01-01T07:00"), at("2026-06-01T12:00"))
    assert late == at("2026-06-01T06:00")
    assert late
    assert last_due(cron, zone, late, at("2026-06-01T12:01")) is None
    assert last_due(cron, zone, at("2030-01-01T00:00"), at("2026-06-01T12:01")) is None
