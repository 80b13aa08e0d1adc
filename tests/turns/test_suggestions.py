"""What the agent suggests to ask for next, read from the end of its answer."""

from __future__ import annotations

import pytest

from jupyter_appbuilder.turns.suggestions import LONGEST, Words, apart, whole

ENDLESS = "x\n" + "Next: more of it\n" * 9_000
LONG = f"It works.\nNext: {'x' * (LONGEST + 1)}"


@pytest.mark.parametrize(
    ("text", "words", "suggestions"),
    [
        ("It works.\n\nNext: Add it\n- Next: Sort\u202e by\tname\n", "It works.", ["Add it", "Sort by name"]),
        ("Fertig.\n**Next:** Suche ergänzen\n* **Next:** „Dunkel“", "Fertig.", ["Suche ergänzen", "Dunkel"]),
        ("Next: only this", "", ["only this"]),
        (LONG, LONG, []),
        ("It works.\nNext: \u200b\u200b\u200b", "It works.\nNext: \u200b\u200b\u200b", []),
        ("```\nNext: in code\n```", "```\nNext: in code\n```", []),
        ("Next: Add it\nand then it works.", "Next: Add it\nand then it works.", []),
        (ENDLESS, ENDLESS, []),
        ("Next:", "Next:", []),
        ("", "", []),
    ],
)  # fmt: skip
def test_only_what_ends_an_answer_and_is_short_is_suggested(text: str, words: str, suggestions: list[str]):
    found, told = apart(text)
    assert told == suggestions
    assert found == words
    if told:
        assert apart(whole({"text": found, "suggestions": told})) == (found, told)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("It works.\n\nNext: Add it\n- Next: Sort", "It works."),
        ("Next to it\n--- \nNex", "Next to it"),
        ("a\n\nNext: b\nc", "a\n\nNext: b\nc"),
        (LONG, "It works."),
        (ENDLESS + "x", ENDLESS + "x"),
    ],
)
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_words_are_shown_as_they_come_but_for_an_end_that_may_be_a_suggestion(text: str, shown: str, size: int):
    words = Words()
    came = "".join(words.take(text[at : at + size]) for at in range(0, len(text), size))
    assert came.rstrip() == shown
    assert came + words.rest() == text


def test_lines_without_end_are_not_held_back():
    words = Words()
    shown = sum(len(words.take("\n")) for _ in range(20_000))
    assert shown > 19_900
    assert apart("\n" * 100_000 + "Done.\nNext: Add a chart")[1] == ["Add a chart"]
    assert apart("Done.\n" + "Next: Add a chart\n" * 100)[1] == []
