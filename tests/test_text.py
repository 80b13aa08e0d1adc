from __future__ import annotations

import io

import pytest

from jupyter_appbuilder.formats.text import encodable, lines, made_encodable


@pytest.mark.parametrize("text", ["", "a", "a\n", "\n", "a\r\nb\rc\n\n", "\r", "a\n\r\nb", "a\u2028b\x0cc\x85d\x1ee\n"])
def test_lines_are_those_that_a_file_has(text: str):
    assert lines(text) == [line.removesuffix("\n") for line in io.StringIO(text, newline=None)]


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "\udc00\ud800", "🎈\ud83d"])
def test_half_a_character_is_found_and_replaced(text: str):
    assert not encodable(text)
    assert encodable(made_encodable(text))


@pytest.mark.parametrize("text", ["", "a", "é", "🎈", "\0", "\uffff"])
def test_a_whole_text_stays_as_it_is(text: str):
    assert encodable(text)
    assert made_encodable(text) == text
