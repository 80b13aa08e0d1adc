"""Which datasets an app has, as its log says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..events import Event
from ..workspace.scan import DatasetFiles
from .base import Column, Dataset

ADD_DATASET = "add_dataset"
"""The tool by which a person's act is recorded. Its arguments are a dataset without its rows."""


def datasets_of(events: Iterable[Event]) -> dict[str, Dataset]:
    """Each dataset by its name, as it was handed over last. A version that is restored changes none of them."""
    return {dataset.name: dataset for dataset, _ in placed(events)}


def placed(events: Iterable[Event]) -> list[tuple[Dataset, str]]:
    """Each dataset with its path in the app, as it was handed over last."""
    found: dict[str, tuple[Dataset, str]] = {}
    started: dict[str, Mapping[str, Any]] = {}
    for event in events:
        if event.type == "tool.started" and event.data["tool"] == ADD_DATASET:
            started[event.data["call"]] = event.data["arguments"]
        elif event.type == "tool.finished" and event.data["call"] in started and event.data["ok"]:
            arguments = started[event.data["call"]]
            found[arguments["name"]] = (dataset_from(arguments), arguments["path"])
    return list(found.values())


def dataset_files(events: Iterable[Event], *, private: bool = False) -> DatasetFiles:
    """The files of all datasets, those too whose step has no end in the log; ``private``: of private ones alone."""
    found = DatasetFiles()
    for event in events:
        if event.type == "tool.started" and event.data["tool"] == ADD_DATASET and "path" in event.data["arguments"]:
            arguments = event.data["arguments"]
            path = str(arguments["path"])  # "": its rows are in a table
            found.paths.discard(path)  # private no longer, if it was
            if arguments.get("private") or not private:
                found.paths.update([path] if path else [])
                found.contents.add((int(arguments["size"]), str(arguments["hash"])))
    return found


def kept_hashes(events: Iterable[Event]) -> set[str]:
    """The files that are kept beside the log: the newest of each dataset, and all of those that keep all."""
    started = [event for event in events if event.type == "tool.started" and event.data["tool"] == ADD_DATASET]
    newest = {dataset.hash for dataset in datasets_of(events).values()}
    return newest | {str(e.data["arguments"]["hash"]) for e in started if e.data["arguments"].get("keep") == "all"}


def descriptions(events: Iterable[Event]) -> list[str]:
    """What the agent was told of each dataset, of the newest only."""
    told: dict[str, str] = {}
    for event in events:
        if event.type == "tool.finished" and event.data["tool"] == ADD_DATASET and event.data["ok"]:
            told[str(event.data["detail"]["dataset"])] = event.data["text"]
    return list(told.values())


def kept_sizes(events: Iterable[Event], name: str) -> list[int]:
    """The size in bytes of each version of a dataset's rows that was handed over to be kept."""
    sizes: dict[str, int] = {}
    for event in events:
        if event.type == "tool.started" and event.data["tool"] == ADD_DATASET:
            arguments = event.data["arguments"]
            if arguments.get("name") == name and arguments.get("keep") == "all":
                sizes[arguments["hash"]] = arguments["size"]
    return list(sizes.values())


def dataset_from(arguments: Mapping[str, Any]) -> Dataset:
    """A dataset from the arguments of its step."""
    columns = [_column(column) for column in arguments["columns"]]
    named = ("name", "rows", "size", "hash", "as_of")
    return Dataset(
        **{name: arguments[name] for name in named},
        columns=columns,
        private=bool(arguments.get("private")),
        keep=arguments.get("keep", "latest"),
    )


def _column(told: Mapping[str, Any]) -> Column:
    return Column(
        told["name"], told["type"], told["nullable"], told.get("detail", ""), tuple[str, ...](told.get("values", ()))
    )
