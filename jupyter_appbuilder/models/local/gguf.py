"""Reads model facts from the header of a GGUF file, without loading the model."""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, cast

from ...errors import InvalidInput

MAGIC = b"GGUF"
VERSIONS = (2, 3)
LARGEST_TEXT = 16 * 1024 * 1024  # bytes of one text in a header; more is damage
MOST_FIELDS = 100_000
ARRAY, TEXT = 9, 8
NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
CACHE_BYTES = 2  # of one number in the attention cache

PART = re.compile(r"(.*)-\d{5}-of-(\d{5})\.gguf$")


@dataclass(frozen=True, slots=True)
class GGUFHeader:
    """A model as its file describes it. ``size`` is in bytes, of all parts; ``context_length`` in tokens, as trained;
    ``token_bytes`` is the memory that each token of the context takes."""

    path: Path
    title: str
    architecture: str
    size: int
    context_length: int
    token_bytes: int

    @property
    def parts(self) -> list[Path]:
        return parts_of(self.path)


def read_header(path: Path) -> GGUFHeader:
    """The header of the file at ``path``. Raises ``InvalidInput`` for one that is missing, no GGUF file, damaged, or
    holds no language model."""
    try:
        stat = path.stat()
        return _read(path, stat.st_mtime_ns, stat.st_size)
    except FileNotFoundError:
        raise _refused(
            f"There is no file {path}.",
            "Check the path: gguf:/folder/model.gguf, gguf:~/model.gguf, or relative to Jupyter's root folder.",
            "no_such_file",
        ) from None
    except OSError as error:
        raise _refused(
            f"{path} cannot be read: {error.strerror}.", "Give the path of a GGUF file.", "no_file"
        ) from None


def parts_of(path: Path) -> list[Path]:
    """All files of a model that was split (``name-00001-of-00003.gguf``), or the one there is."""
    match = PART.fullmatch(path.name)
    if match is None:
        return [path]
    count = int(match[2])
    return [path.with_name(f"{match[1]}-{number:05}-of-{match[2]}.gguf") for number in range(1, count + 1)]


@lru_cache(maxsize=64)
def _read(path: Path, changed: int, size: int) -> GGUFHeader:
    with path.open("rb") as file:
        if file.read(4) != MAGIC:
            raise _refused(
                f"{path.name} is not a GGUF file.",
                "Give a model in the GGUF format; those in others (safetensors, bin) have to be converted first.",
                "not_gguf",
            )
        try:
            fields = _fields(file)
        except (struct.error, ValueError, UnicodeDecodeError, OverflowError):
            raise _refused(
                f"The header of {path.name} is damaged or incomplete.", "Download the file again.", "damaged_gguf"
            ) from None
    architecture = str(fields.get("general.architecture", ""))
    trained = fields.get(f"{architecture}.context_length")
    if fields.get("general.type", "model") != "model" or not isinstance(trained, int) or trained < 1:
        raise _refused(
            f"{path.name} holds no language model.",
            "Give the model's own file: adapters and vision projectors (mmproj) cannot answer.",
            "no_model",
        )
    missing = [part.name for part in parts_of(path) if not part.is_file()]
    if missing:
        raise _refused(f"{path.name} is one part of a model; {missing[0]} is missing.", "Download all parts.", "parts")
    size = sum(part.stat().st_size for part in parts_of(path))
    title = str(fields.get("general.name") or path.stem)
    return GGUFHeader(path, title, architecture, size, trained, _token_bytes(fields, architecture))


def _fields(file: BinaryIO) -> dict[str, Any]:
    """The fields of the header up to the tokenizer's, which are many and say nothing we need."""
    version, _, count = _numbers(file, "IQQ")
    if version not in VERSIONS or count > MOST_FIELDS:
        raise ValueError(version)
    fields: dict[str, Any] = {}
    for _ in range(count):
        key = _text(file)
        if key.startswith("tokenizer.") and f"{fields.get('general.architecture')}.context_length" in fields:
            break
        fields[key] = _value(file, *_numbers(file, "I"))
    return fields


def _value(file: BinaryIO, kind: int) -> Any:
    if kind == TEXT:
        return _text(file)
    if kind != ARRAY:
        return _numbers(file, NUMBERS.get(kind, "!"))[0]
    item, length = _numbers(file, "IQ")
    if item in NUMBERS:
        return list(_numbers(file, f"{length}{NUMBERS[item]}"))
    return [_value(file, item) for _ in range(length)]


def _text(file: BinaryIO) -> str:
    (length,) = _numbers(file, "Q")
    if length > LARGEST_TEXT:
        raise ValueError(length)
    return file.read(length).decode()


def _numbers(file: BinaryIO, layout: str) -> tuple[Any, ...]:
    size = struct.calcsize(f"<{layout}")
    if size > LARGEST_TEXT:
        raise ValueError(layout)
    return struct.unpack(f"<{layout}", file.read(size))


def _token_bytes(fields: Mapping[str, Any], architecture: str) -> int:
    """What one token takes in the attention cache: keys and values of all layers."""

    def number(name: str, default: int = 0) -> int:
        found = fields.get(f"{architecture}.{name}", default)
        return found if isinstance(found, int) else default

    layers, heads = number("block_count"), number("attention.head_count", 1) or 1
    length = number("embedding_length") // heads
    width = number("attention.key_length", length) + number("attention.value_length", length)
    kept: Any = fields.get(f"{architecture}.attention.head_count_kv", heads)
    # A list where layers differ.
    total = sum(cast("list[int]", kept)) if isinstance(kept, list) else layers * int(kept)
    return total * width * CACHE_BYTES


def _refused(message: str, hint: str, reason: str) -> InvalidInput:
    return InvalidInput(message, hint=hint, reason=reason, field="model")
