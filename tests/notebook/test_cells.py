"""Cells hold calls exactly, whatever the files hold."""

from __future__ import annotations

import random

import pytest
from IPython.core.inputtransformer2 import TransformerManager

from jupyter_appbuilder.client.publishing import pairs
from jupyter_appbuilder.errors import InvalidInput
from jupyter_appbuilder.notebook import cells
from jupyter_appbuilder.notebook.cells import Call, pack, pack_edits, parse, unpack, unpack_edits

PIECES = [
    "a", "é", "\u2028", "🎉", " ", "  ", "\t", "\n", "\n\n", "\r\n", "\r", "\0", "\x0c", "\ufeff", ">>> x", "... y",
    "<<<<<<< SEARCH", "=======", ">>>>>>> REPLACE", "%%appbuilder write x", "--json ", "```", "In [1]: 1", "\\", "'",
    '"',
    "# It changed no file.",
]  # fmt: skip


def contents(count: int = 3000):
    dice = random.Random(20261121)
    for _ in range(count):
        yield "".join(dice.choices(PIECES, k=dice.randrange(7)))
    for _ in range(300):
        yield dice.randbytes(dice.randrange(40))


def test_any_file_survives_the_way_through_a_cell():
    for content in contents():
        options, body = pack(content)
        call = Call("write", ("src/a file.txt",), options, body)
        again = parse(call.source())
        assert again == call, content
        data = content.encode() if isinstance(content, str) else content
        assert unpack(again.options, again.body) == data, content


def test_any_edit_survives_the_way_through_a_cell():
    dice = random.Random(7)
    texts = [text for text in contents(600) if isinstance(text, str)]
    for _ in range(1000):
        edits = [
            {"search": dice.choice(texts), "replace": dice.choice(texts)} | dice.choice([{}, {"replace_all": True}])
            for _ in range(dice.randrange(1, 4))
        ]
        options, body = pack_edits(edits)
        again = parse(Call("edit", ("a.ts",), options, body).source())
        assert again is not None
        assert unpack_edits(again.options, again.body) == edits


def test_ordinary_files_and_edits_stay_readable():
    assert Call("write", ("src/App.tsx",), *pack("a\nb\n")).source() == "%%appbuilder write src/App.tsx\na\nb"
    assert Call("edit", ("a",), *pack_edits([{"search": "x", "replace": "y\nz"}])).source() == (
        "%%appbuilder edit a\n<<<<<<< SEARCH\nx\n=======\ny\nz\n>>>>>>> REPLACE"
    )
    assert Call("edit", ("a",), *pack_edits([{"search": "x", "replace": "y", "replace_all": True}])).source() == (
        "%%appbuilder edit a\n<<<<<<< SEARCH\nx\n=======\ny\n>>>>>>> REPLACE ALL"
    )
    assert pack("a\r\nb\r\n") == ({"crlf": ""}, "a\nb\n")


NAMES = [
    "a\x85b",
    "a\nb",
    "a\rb",
    "a\u2028b",
    "a\tb",
    " a",
    "--title",
    "-",
    "a\x1cb",
    "'\"",
    "é",
    "a\x85",
    "%x",
    "{a}",
    "b?",
]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_survives_the_way_through_a_cell_and_a_kernel(name: str):
    from jupyter_appbuilder.client.magics import hand_over

    manager = TransformerManager()
    manager.cleanup_transforms.insert(0, hand_over)
    for call in (
        Call("write", (name,), {}, "x\n"),
        Call("delete", (name,)),
        Call("rename", (name, f"to/{name}")),
        Call("checkpoint", (name,)),
        Call("patch", (), {"title": f"{name} changed by hand", "crlf": ""}, "x\n"),
    ):
        assert parse(call.source()) == call
        seen: list[tuple[str, str]] = []

        class Shell:
            def run_cell_magic(self, name: str, line: str, body: str, seen: list[tuple[str, str]] = seen) -> None:
                seen.append((line, body))

            def run_line_magic(self, name: str, line: str, seen: list[tuple[str, str]] = seen) -> None:
                seen.append((line, ""))

        exec(manager.transform_cell(call.source()), {"get_ipython": Shell})
        assert [cells.read(*told) for told in seen] == [call]


@pytest.mark.parametrize("command", ["npm test", "echo 'a  b' && ls", "cat <<E\nx\nE", "--json x", " padded ", "é"])
def test_any_command_line_survives_the_way_through_a_cell(command: str):
    call = Call("run", (command,), {}, cells.NOTHING)
    assert parse(call.source()) == call


def test_ipython_hands_the_body_over_untouched():
    """It would blank lines of white space, and strip what looks like a Python prompt (as >>>>>>> REPLACE does)."""
    from jupyter_appbuilder.client.magics import hand_over

    manager = TransformerManager()
    manager.cleanup_transforms.insert(0, hand_over)
    for content in contents(800):
        call = Call("write", ("a.txt",), *pack(content))
        seen: list[tuple[str, str]] = []

        class Shell:
            def run_cell_magic(self, name: str, line: str, body: str, seen: list[tuple[str, str]] = seen) -> None:
                seen.append((line, body))

            def run_line_magic(self, name: str, line: str, seen: list[tuple[str, str]] = seen) -> None:
                seen.append((line, ""))

        exec(manager.transform_cell(call.source()), {"get_ipython": Shell})
        assert cells.read(*seen[0]) == call, content


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("%%appbuilder wriet a\nx", "Did you mean 'write'?"),
        ("%%appbuilder write\nx", "takes 1 argument, not 0"),
        ("%%appbuilder write a", "needs a body"),
        ("%%appbuilder write a --loud\nx", "no option --loud"),
        ("%%appbuilder write 'a\nx", "quotes do not match"),
        ("%%appbuilder edit a\nnonsense", "should be '<<<<<<< SEARCH'"),
        ("%%appbuilder edit a\n<<<<<<< SEARCH\nx", "lacks its '======='"),
        ("%appbuilder rename a", "takes 2 arguments, not 1"),
        ("%%appbuilder delete a\nx", "takes no body"),
        ("%%appbuilder write a --encoding rot13\nx", "no encoding 'rot13'"),
        ("%%appbuilder write a --encoding base64\n*", "not base64"),
        ("%%appbuilder write --json [1]\nx", "text after --json is not"),
        ('%%appbuilder write --json {"arguments": [1], "options": {}}\nx', "text after --json is not"),
        ('%%appbuilder write --json {"arguments": ["a"], "options": {"loud": ""}}\nx', "no option --loud"),
        ('%%appbuilder edit a --encoding json\n[{"search": 1}]', "not a list of edits"),
        ("%appbuilder run --json [1]", "not a JSON text"),
        ("%appbuilder run --json " + "[" * 100_000, "not a JSON text"),
        ("%appbuilder run --json " + "1" * 5000, "not a JSON text"),
    ],
)
def test_a_cell_that_does_not_fit_says_how_it_should_look(source: str, message: str):
    def run() -> None:
        call = parse(source)
        assert call is not None
        (unpack_edits if call.command == "edit" else unpack)(call.options, call.body)

    with pytest.raises(InvalidInput) as caught:
        run()
    assert message in str(caught.value)


def test_a_request_in_plain_words_is_a_build():
    assert parse("%%appbuilder\nA task board") == Call("build", (), {}, "A task board\n")
    assert parse("%%appbuilder --model demo:recorded\nA task board") == Call(
        "build", (), {"model": "demo:recorded"}, "A task board\n"
    )
    assert parse("print(1)") is None


def test_publishing_takes_a_reason_for_each_thing_that_was_found():
    source = '%appbuilder publish hub --accept "a1=it is a test key" --accept=b2=ours'
    call = parse(source)
    assert call == Call("publish", ("hub",), {"accept": "a1=it is a test key\nb2=ours"}, "")
    assert pairs(call.options["accept"], "acceptance") == {"a1": "it is a test key", "b2": "ours"}
