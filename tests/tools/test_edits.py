from __future__ import annotations

import random
from typing import Any

import pytest

from jupyter_appbuilder.tools.bounds import LIMIT, bounded, clipped
from jupyter_appbuilder.tools.edits import EditFailed, apply_edits
from jupyter_appbuilder.tools.matching import find_lines

TEXT = """\
import { useState } from "react";

export default function App() {
  const [count, setCount] = useState(0);
  return (
    <main>
      <button onClick={() => setCount(count + 1)}>Add</button>
      <button onClick={() => setCount(0)}>Reset</button>
    </main>
  );
}
"""


def edit(search: str, replace: str) -> dict[str, Any]:
    return {"search": search, "replace": replace}


def test_whole_lines_are_replaced_and_the_rest_stays():
    after = apply_edits(TEXT, [edit("  const [count, setCount] = useState(0);\n", "  const count = 0;\n")])
    assert after == TEXT.replace("  const [count, setCount] = useState(0);", "  const count = 0;")


def test_part_of_a_line_is_replaced_where_it_is_unique():
    assert apply_edits(TEXT, [edit(">Reset<", ">Clear<")]) == TEXT.replace("Reset", "Clear")
    assert apply_edits("a b\nc d\n", [edit("b\nc", "B\nnew\nC")]) == "a B\nnew\nC d\n"


def test_several_edits_are_made_in_order_each_on_the_result_of_the_last():
    assert apply_edits("one\ntwo\n", [edit("one", "two and"), edit("two and", "1"), edit("two", "2")]) == "1\n2\n"


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("final", [True, False])
def test_line_endings_and_the_final_newline_stay_as_they_are(newline, final):
    text = newline.join(["one", "two", "three"]) + (newline if final else "")
    end = newline if final else ""
    assert apply_edits(text, [edit("three", "3\n4")]) == newline.join(["one", "two", "3", "4"]) + end
    assert apply_edits(text, [edit("three\n", "3\n")]) == newline.join(["one", "two", "3"]) + end
    assert apply_edits(text, [edit("two\nthree", "23")]) == newline.join(["one", "23"]) + end
    assert apply_edits(text, [edit("wo\nthr", "-")]) == newline.join(["one", "t-ee"]) + end
    assert apply_edits(text, [edit("two\n", "")]) == newline.join(["one", "three"]) + end


def test_lines_of_a_file_with_mixed_endings_keep_their_own():
    assert apply_edits("a\r\nb\nc\r\nd\n", [edit("b", "B")]) == "a\r\nB\nc\r\nd\n"


def test_white_space_that_differs_is_overlooked_and_the_indentation_carried_over():
    assert apply_edits("a  \nb\n", [edit("a\nb", "x\ny")]) == "x\ny\n"
    assert apply_edits("    if (a) {\n      b();\n    }\n", [edit("if (a) {\n  b();\n}", "if (c) {\n  d();\n}")]) == (
        "    if (c) {\n      d();\n    }\n"
    )


def test_characters_that_look_alike_are_taken_for_the_same():
    assert apply_edits("const a = “don’t”;\n", [edit('const a = "don\'t";', "const a = 1;")]) == "const a = 1;\n"


@pytest.mark.parametrize(
    ("text", "search", "lines"),
    [
        ("x\ny\nx\n", "x", "1, 3"),
        ("foo(a); foo(b);\n", "foo", "1, 1"),
        ("  x\n\tx\n", "    x", "1, 2"),
        ("“a”\n„a“\n", '"a"', "1, 2"),
        ("aaa\n", "aa", "1, 1"),
    ],
)
def test_a_search_that_fits_two_places_names_them(text, search, lines):
    with pytest.raises(EditFailed, match=f"fits 2 places .*lines {lines}. Nothing was changed"):
        apply_edits(text, [edit(search, "new")])


def test_an_edit_that_does_not_match_shows_the_nearest_text():
    with pytest.raises(EditFailed) as failure:
        apply_edits(TEXT, [edit("Add", "Plus"), edit("<button onClick={() => setCount(count + 2)}>Plus</button>", "x")])
    message = failure.value.message
    assert message.startswith("Edit 2 of 2 did not find its search text. Nothing was changed.")
    assert "7\t      <button onClick={() => setCount(count + 1)}>Plus</button>" in message
    with pytest.raises(EditFailed, match="Nothing in the file is like it"):
        apply_edits(TEXT, [edit("zzzzzzzzzzzzzzzzz", "x")])
    with pytest.raises(EditFailed, match="already, at line 3"):
        apply_edits(TEXT, [edit("export function App() {", "export default function App() {")])


@pytest.mark.parametrize(
    ("search", "replace", "why"),
    [
        ("  return (\n", "  return (\n", "with itself"),
        ("", "x", "empty search"),
        ("  const [count, setCount] = useState(0); ", "  const [count, setCount] = useState(0);", "changes nothing"),
    ],
)
def test_an_edit_that_would_change_nothing_is_an_error(search, replace, why):
    with pytest.raises(EditFailed, match=why):
        apply_edits(TEXT, [edit(search, replace)])


def test_html_that_only_the_search_has_escaped_is_told_and_never_guessed():
    """Editors that unescape what a model writes make other edits impossible:
    https://github.com/RooCodeInc/Roo-Code/issues/9563"""
    text = "<p>It's here</p>\nif (a < b && c) {\n"
    with pytest.raises(EditFailed, match="has the characters themselves") as failed:
        apply_edits(text, [{"search": "if (a &lt; b &amp;&amp; c) {", "replace": "if (a &lt;= b &amp;&amp; c) {"}])
    assert "2\tif (a < b && c) {" in failed.value.message
    escaped = apply_edits(text, [{"search": "<p>It's here</p>", "replace": "<p>It&apos;s here</p>"}])
    assert escaped.startswith("<p>It&apos;s here</p>\n")
    assert apply_edits(escaped, [{"search": "It&apos;s", "replace": "It's"}]) == text


def test_an_empty_file_can_be_filled():
    assert apply_edits("", [edit("", "x\n")]) == "x\n"


def test_a_large_file_is_searched_quickly_enough_to_wait_for():
    text = "".join(f"const value{number} = compute({number});\n" for number in range(20_000))
    with pytest.raises(EditFailed, match="nearest"):
        apply_edits(text, [edit("const value500 = computed(500);\nconst value501 = compute(501);", "x")])


def test_a_long_result_keeps_its_head_and_tail_and_says_what_is_missing():
    text = "".join(f"line {number}\n" for number in range(10_000))
    view = bounded(text)
    assert len(view) < LIMIT + 500
    assert view.startswith("line 0\n")
    assert view.endswith("line 9999\n")
    assert "lines) left out here" in view
    assert bounded("short") == "short"
    assert len(bounded("x" * 100_000)) < LIMIT + 500
    assert len(clipped("ü" * 100 + "\n" + "y" * 100, 250).encode()) < 300


@pytest.mark.parametrize(
    ("text", "search", "replace", "after"),
    [
        # Tabs for spaces, at several depths: the steps of one are translated to those of the other.
        ("  if a:\n    b()\n", "\tif a:\n\t\tb()", "\tif a:\n\t\tc()\n\t\t\td()", "  if a:\n    c()\n      d()\n"),
        # Deeper by two spaces a level instead of four.
        ("if a:\n    b()\n", "if a:\n  b()", "if a:\n  for c in d:\n    b()", "if a:\n    for c in d:\n        b()\n"),
    ],
)
def test_an_indentation_of_another_kind_is_translated(text, search, replace, after):
    assert apply_edits(text, [edit(search, replace)]) == after


def test_an_indentation_that_cannot_be_translated_is_refused_and_shown():
    text = "if a:\n    b()\nc()\n"
    with pytest.raises(EditFailed, match="only when indentation is overlooked") as failure:
        apply_edits(text, [edit("  if a:\n  b()\n  c()", "  if a:\n  b()\n  d()")])
    assert "2\t    b()" in failure.value.message
    with pytest.raises(EditFailed, match="only when indentation is overlooked"):
        apply_edits("a\n  b\n", [edit("    b", "    b\nc")])


@pytest.mark.parametrize(
    ("text", "search", "replace", "after"),
    [
        ("    <A />\n", "<A />", "<A />\n    <B />", "    <A />\n    <B />\n"),
        ("  a(\n    b,\n  )\n", "a(\n    b,\n  )", "a(\n    b,\n    c,\n  )", "  a(\n    b,\n    c,\n  )\n"),
        ("    b()\n", "b()", "if (a) {\n      b()\n    }", "    if (a) {\n      b()\n    }\n"),
        ("\t\tx = 1\n", "x = 1", "x = 1\n\n\t\ty = 2", "\t\tx = 1\n\n\t\ty = 2\n"),
        # Whole lines, of which the indentation was left out.
        ("    b()\n", "b()", "if a:\n    b()", "    if a:\n        b()\n"),
        ("    b()\n", "b()", "a()\nb()", "    a()\n    b()\n"),
        ("    b()\n", "b()", "if (a) {\n  b()\n}", "    if (a) {\n      b()\n    }\n"),
    ],
)
def test_what_replaces_an_exact_part_of_a_line_is_indented_once(text, search, replace, after):
    assert apply_edits(text, [edit(search, replace)]) == after


def test_a_text_can_be_replaced_everywhere():
    notes: list[str] = []
    everywhere = {"replace_all": True}
    assert apply_edits("a a\r\nb a\nc\n", [edit("a", "x") | everywhere], notes) == "x x\r\nb x\nc\n"
    assert notes == ["The edit was made in 3 places."]
    assert apply_edits("a\r\nb\r\na\r\nb\r\n", [edit("a\nb\n", "c\n") | everywhere]) == "c\r\nc\r\n"
    assert apply_edits("a\na\nb", [edit("a\n", "") | everywhere]) == "b"
    assert apply_edits("  a\n", [edit("a", "b") | everywhere]) == "  b\n"
    with pytest.raises(EditFailed, match="did not find"):
        apply_edits("b\n", [edit("a", "x") | everywhere])
    with pytest.raises(EditFailed, match="made already"):
        apply_edits("aa b aa\n", [edit("a", "aa") | everywhere] * 2)
    with pytest.raises(EditFailed, match="larger than 2 MB"):
        apply_edits("a" * 1_000_000, [edit("a", "b" * 1_000_000) | everywhere])


def test_a_match_that_is_not_exact_is_told():
    notes: list[str] = []
    apply_edits("a  \nb\nc\n", [edit("a\nb", "x\ny"), edit("c", "z")], notes)
    assert notes == ["Edit 1 of 2 fitted line 1 but for white space at line ends."]


@pytest.mark.parametrize(
    ("text", "search", "replace", "message"),
    [
        ("a" * 1_000_000, "a" * 500_000, "b", "fits more than 10 places"),
        ("a\n" * 500_000, "a\n" * 250_000, "b", "fits more than 10 places"),
        ("a\n" * 500_000, "a\n" * 250_000 + "b", "b", "did not find"),
        ("\n" * 1_000_000 + "x", "\n" * 500_000 + "z", "b", "did not find"),
        ("x" + "a" * 1_000_000, "x", "a" * 500_000 + "xa", ""),
        ("x\n" + "a\n" * 500_000, "x\n", "a\n" * 250_000 + "x\nb", ""),
        (
            "".join(" " * indent + "x\n" for indent in range(1400)),
            "".join("\t" * indent + "x\n" for indent in range(1400)),
            "".join(" \t" * indent + "x\n" for indent in range(1400)),
            "only when indentation is overlooked",
        ),
    ],
)
def test_an_edit_of_a_large_file_that_repeats_itself_ends(text, search, replace, message):
    """Where every step looked at all the rest, these took from half a minute to hours."""
    if not message:
        assert len(apply_edits(text, [edit(search, replace)])) > len(text)
        return
    with pytest.raises(EditFailed, match=message):
        apply_edits(text, [edit(search, replace)])


class Counted(str):
    """A line that counts how often it is compared."""

    __slots__ = ()
    compared = 0

    def __eq__(self, other):
        Counted.compared += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__


def test_twice_the_lines_are_twice_the_work():
    def work(lines):
        Counted.compared = 0
        found = find_lines(["a"] * lines, ["a"] * (lines // 2) + ["b"], Counted)
        assert found == []
        return Counted.compared

    assert work(4000) <= 2 * work(2000) + 10


@pytest.mark.parametrize("seed", range(20))
def test_lines_are_found_wherever_they_stand(seed):
    chance = random.Random(seed)
    for _ in range(200):
        lines = [chance.choice("ab") for _ in range(chance.randrange(30))]
        wanted = [chance.choice("ab") for _ in range(chance.randrange(1, 6))]
        every = [at for at in range(len(lines)) if lines[at : at + len(wanted)] == wanted]
        assert find_lines(lines, wanted, str) == every
        assert find_lines(lines, wanted, str, 2) == every[:2]
