"""A template as one file, from somebody else's server."""

from __future__ import annotations

import io
import zipfile

import pytest

from jupyter_appbuilder.errors import InvalidInput
from jupyter_appbuilder.templates.packs import packed, unpacked

CONTENT = {
    "template.toml": (False, b'title = "A"'),
    "files/run.sh": (True, b"#!/bin/sh\n"),
    "files/a/b.txt": (False, b""),
}


def test_what_is_packed_comes_out_as_it_was():
    content, more = unpacked(packed(CONTENT, {"left-out.json": b"[]"}, 10_000), "left-out.json")
    assert content == CONTENT
    assert more == {"left-out.json": b"[]"}


def test_a_large_app_is_refused_where_it_is_packed():
    import os

    with pytest.raises(InvalidInput, match="larger than"):
        packed({"files/a": (False, os.urandom(20_000))}, {}, 10_000)


def archive(*names: str, data: bytes = b"x") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name in names:
            file.writestr(name, data)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\x03\x04 and no more",
        archive("../template.toml"),
        archive("/etc/passwd"),
        archive("files/../../x"),
        archive("files//x"),
        archive("files/.git/hooks/pre-commit"),
        archive("files/node_modules/x.js"),
        archive("files"),
        archive("other/x"),
        archive("template.toml/x"),
        archive("files/a", "files/a/b"),
        archive("files/a\nb"),
        archive("left-out.json"),
        archive(*(f"files/{at}" for at in range(5001))),
        archive("files/bomb", data=bytes(65 * 1024 * 1024)),
        archive("files/a")[:-30],
    ],
)
def test_what_is_no_template_is_refused(data: bytes):
    with pytest.raises(InvalidInput):
        unpacked(data)


def test_a_file_that_is_in_it_twice_is_refused():
    with pytest.warns(UserWarning, match="Duplicate"):
        data = archive("files/a", "files/a")
    with pytest.raises(InvalidInput, match="twice"):
        unpacked(data)
