"""Files of scenarios: what is written is read again, and what anybody else wrote is bounded."""

from __future__ import annotations

import os
import random
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from eyes.stage import Site, eye, html

from jupyter_appbuilder.errors import InvalidInput
from jupyter_appbuilder.eyes import scenarios
from jupyter_appbuilder.eyes.scenarios import (
    LONGEST_FILE,
    Listed,
    Scenario,
    compared,
    digest,
    list_scenarios,
    name_for,
    read_scenario,
    try_all,
    written,
)
from jupyter_appbuilder.workspace import Workspace

LETTERS = "ab 12.:-#'\"\\{}[],&*!|>%@`~=?\n\t\r\x00\x07\u2028\ufeffé任😀"
WORDS = ["yes", "no", "null", "~", "<<", "=", "12:30", "2024-01-01", "0x1f", "1_000", ".nan", ".inf", "1e3", "007"]
HEAD = "title: abc\nsteps:\n  - {do: click, name: x}\n"


def text(chance: random.Random) -> str:
    if chance.random() < 0.3:
        return chance.choice(WORDS)
    return "".join(chance.choice(LETTERS) for _ in range(chance.randrange(12)))


def values(chance: random.Random) -> Any:
    kinds = (text(chance), chance.randrange(-(10**300), 10**300), chance.uniform(-1e17, 1e17), 0.1, True, False, 1e-7)
    return chance.choice(kinds)


def scenario(chance: random.Random) -> Scenario:
    steps: list[dict[str, Any]] = []
    for _ in range(chance.randrange(1, 5)):
        step = {"do": "fill", "name": text(chance), "value": values(chance), "text": text(chance)}
        if chance.random() < 0.3:
            step |= {"do": "upload", "files": [{"name": text(chance), "content": text(chance)}]}
        steps.append(step)
    return Scenario.model_validate({"title": "A title", "steps": steps, "width": chance.choice((360, 1280))})


def test_what_is_written_is_read_as_it_was() -> None:
    for seed in range(300):
        made = scenario(random.Random(seed))
        again = read_scenario("a", written("a", made))
        assert again == made, seed
        assert digest(again) == digest(made), seed


def test_values_are_what_they_look_like() -> None:
    """YAML would make 750 of 12:30, and true of yes."""
    steps = "".join(f"  - {{do: fill, name: x, value: {word}}}\n" for word in [*WORDS[5:], "yes", "7", "true"])
    read = read_scenario("a", f"title: abc\nsteps:\n{steps}")
    assert [step.value for step in read.steps] == [*WORDS[5:], "yes", 7, True]


BOMBS = {
    "aliases": "a: &a [b]\nc: [" + "*a," * 1000 + "]",
    "values": "x: [" + "a," * 32000 + "]",
    "names": "".join(f"k{number}: 1\n" for number in range(7000)),
    "depth": "x: " + "[" * 60000,
    "names in names": "x:\n " + "? " * 30000,
    "a number of many digits": "  - {do: expect, is: count, name: x, count: 0x" + "f" * 60000 + "}",
    "a number of many parts": "  - {do: click, name: x, nth: 1" + ":5" * 32000 + "}",
    "merges": "x: {" + "<<: {a: b}, " * 5000 + "}",
    "a tag": "  - {do: click, name: x, nth: !!python/object/apply:os.getcwd []}",
    "not a number": "  - {do: click, name: x, nth: !!float .nan}",
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_a_bomb_is_refused_before_it_takes_long(bomb: str) -> None:
    usual = HEAD + "  - {do: click, name: x}\n" * 39
    fair = min(_seconds(usual) for _ in range(3))
    with pytest.raises(InvalidInput, match=r"scenarios/x\.yaml"):
        read_scenario("x", (HEAD + bomb)[:LONGEST_FILE])
    assert min(_seconds((HEAD + bomb)[:LONGEST_FILE]) for _ in range(3)) < 100 * fair


def _seconds(text: str) -> float:
    began = time.process_time()
    with suppress(InvalidInput):
        read_scenario("x", text)
    return time.process_time() - began


def test_one_that_would_be_too_long_to_read_is_not_written() -> None:
    step = {"do": "upload", "name": "File", "files": [{"name": "a.csv", "content": "a,b\n" * 20_000}]}
    with pytest.raises(InvalidInput, match=r"scenarios/a\.yaml is longer than 64 KB"):
        written("a", Scenario.model_validate({"title": "A file", "steps": [step]}))


def test_scenarios_of_two_titles_have_two_files() -> None:
    """Though nothing is left of most letters in a file's name."""
    listed: list[Listed] = []
    steps = [{"do": "expect", "text": "x"}]
    titles = ["任务 1", "删除 1", "C works", "C++ works", "a" * 70 + "b", "a" * 70 + "c", "???", "!!!"]
    for _ in range(2):  # written again, each is where it was
        for title in titles:
            name = name_for(title, listed)
            others = [one for one in listed if one.name != name]
            listed = [*others, Listed(name, Scenario.model_validate({"title": title, "steps": steps}))]
        assert sorted(one.title for one in listed) == sorted(titles)
    broken = Listed("a-task", None, "It is not valid YAML.")
    assert name_for("A task", [broken]) == "a-task"  # which mends it


async def test_a_folder_of_anything_is_listed_as_far_as_it_can_be_read(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "app")
    (template := tmp_path / "template").mkdir()
    await workspace.create(template)
    folder = workspace.app / "scenarios"
    folder.mkdir()
    (tmp_path / "secret.yaml").write_text("title: A secret\nsteps: [{do: click, name: x}]\n")
    (folder / "good.yaml").write_text("title: Good\nsteps: [{do: click, name: x}]\n")
    (folder / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    (folder / "folder.yaml").mkdir()
    os.mkfifo(folder / "pipe.yaml")
    (folder / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    with (folder / "huge.yaml").open("wb") as file:
        file.truncate(40 * 1024 * 1024)
    listed = await list_scenarios(workspace)
    assert [one.name for one in listed if one.scenario] == ["good"]
    assert "secret" not in str(listed)


def test_a_file_that_is_no_yaml_says_where_and_why() -> None:
    with pytest.raises(InvalidInput) as refused:
        read_scenario("a-task", "title: A task\nsteps:\n  - {do: fill, name Milk\n")
    assert refused.value.message == (
        "scenarios/a-task.yaml is not valid YAML, line 4, column 1: while parsing a flow mapping, "
        "expected ',' or '}', but got '<stream end>'."
    )


async def test_what_is_not_begun_in_time_is_told_and_has_not_stopped_working(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scenarios, "SECONDS_FOR_ALL", 0.0)
    listed = Listed("abc", read_scenario("abc", HEAD))
    assert listed.scenario
    async with eye(tmp_path, Site(index=html("<button>x</button>"))) as chromium:
        outcomes = await try_all(chromium, [listed])
    assert [(one.ok, one.message[:9]) for one in outcomes] == [(False, "Not tried")]
    since = compared({"abc": {"title": "abc", "worked": digest(listed.scenario)}}, outcomes)
    assert (since.regressions, since.changed, since.deleted) == ([], [], [])
