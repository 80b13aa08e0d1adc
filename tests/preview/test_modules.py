"""What a dev server answers is looked through in time, whatever it is."""

from __future__ import annotations

import pytest

from jupyter_appbuilder.preview import modules
from jupyter_appbuilder.preview.probe import content_type, injected

LONG = 1_000_000  # characters


@pytest.mark.parametrize(
    "piece",
    ["<script ", "<script src", "<script src='", "<link ", "<link href='.css", ".css", "from ", "import ", " ", "{"],
)
def test_a_body_without_an_end_is_looked_through(piece: str) -> None:
    body = f"import <script <link href='{piece * (LONG // len(piece))}"
    assert all("<" in found for found in modules.SCRIPT.findall(body))
    assert all("'" not in found for found in modules.STYLE.findall(body))
    assert modules.IMPORT.findall(body) == []


@pytest.mark.parametrize("piece", ["const error = {", '{"a":', "}", " "])
def test_an_error_without_an_end_is_looked_through(piece: str) -> None:
    found = modules._finding("a.ts", 500, "const error = {" + piece * (LONG // len(piece)))
    assert found["message"] == "a.ts does not load (HTTP 500)."


def test_an_error_of_vites_is_read() -> None:
    body = 'try{\nconst error = {"message": "No such {file}; try another", "loc": {"line": 3, "column": 2}}\ntry {'
    assert modules._finding("a.ts", 500, body) == {
        "kind": "build",
        "message": "No such {file}; try another",
        "source": "a.ts:3:2",
    }


@pytest.mark.parametrize("piece", [b"<head ", b"<html ", b"<!--", b"<!-- <head -->", b" ", b"<head a='", b"<meta "])
async def test_a_page_without_an_end_is_looked_through(piece: bytes) -> None:
    whole = b"<!-- " + piece * (60_000 // len(piece)) + b" --><p>"

    async def pieces():
        for at in range(0, len(whole), 1000):
            yield whole[at : at + 1000]

    async def script(start):
        return b"<script></script>"

    assert content_type("text/html", whole) == "text/html; charset=utf-8"
    page = b"".join([piece async for piece in injected(pieces(), script)])
    assert page.count(b"<script></script>") == 1
