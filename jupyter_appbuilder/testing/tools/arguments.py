"""Arguments as models send them: what does not fit is refused by name, what is recorded can be read again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from ...errors import InvalidInput
from ...notebook import cells
from ...notebook.document import cell_of
from ...notebook.replay import PATCHED, REPLAYED
from ...tools.arguments import validated
from ...tools.base import Tool, texts
from .examples import Example, Suite

ODD_VALUES: tuple[Any, ...] = (None, True, -1, 1e300, "", "\0", "x" * 100_000, [], [[[]]], {}, {"unknown": [1]})

ODD_TEXTS = (
    "two\nlines",
    "\r\n",
    "'quotes' \"and\" `ticks` $(and) \\backslashes",
    "--option",
    "--json {}",
    "%%appbuilder delete x",
    "Ünï \N{PARTY POPPER} \u202e\u2028",
    "<<<<<<< SEARCH\n=======\n>>>>>>> REPLACE",
    " ",
    "",
)


class ArgumentsOfCalls(Suite):
    """Models send anything. A tool is called with what it asked for, and with nothing else."""

    def test_an_argument_that_is_missing_or_unknown_is_refused_by_name(self, example: Example) -> None:
        """Arguments without a required one, or with one that the tool does not have, are refused; the error's
        ``field`` is its name, and the message has it."""
        tool, given = example.tool, dict(example.arguments)
        required: list[str] = tool.schema.get("required", [])
        wanting = {name: {key: value for key, value in given.items() if key != name} for name in required}
        for name, arguments in (wanting | {"no_such_argument": given | {"no_such_argument": 1}}).items():
            with pytest.raises(InvalidInput) as refused:
                validated(tool, arguments)
            assert refused.value.field == name
            assert f"{name}:" in refused.value.message

    def test_a_value_that_does_not_fit_is_refused_by_name(self, example: Example) -> None:
        """Whatever stands in place of an argument is taken or refused by that argument's name. A validator of yours
        raises ``ValueError`` and nothing else: any other error would end the turn."""
        for name in example.tool.arguments.model_fields:
            for value in ODD_VALUES:
                refused = _refusal(example.tool, {**example.arguments, name: value})
                if refused:
                    assert (refused.field or "").partition(".")[0] in (name, "arguments"), f"{value!r:.40}: {refused}"

    def test_arguments_as_the_log_has_them_mean_the_same(self, example: Example) -> None:
        """The arguments that are recorded of a call are taken again and mean the same: a call is made again from
        them after a crash."""
        arguments = validated(example.tool, example.arguments)
        again = validated(example.tool, arguments.model_dump(mode="json", exclude_unset=True))
        assert again == arguments

    def test_the_notebook_reads_its_cell_as_it_was_written(self, recorded: Example) -> None:
        """``cell`` gives a command of the notebook that is replayed, whose line and body are read back as they were
        written, whatever texts the arguments hold. Without ``replay`` that is ``run``, ``install`` or ``data``,
        which take the patch that a call left."""
        tool = recorded.tool
        assert tool.cell
        for arguments in _odd(tool, recorded.arguments):
            line = tool.cell(arguments)
            if line is None:
                continue
            assert line.command in (REPLAYED if tool.replay is not None else PATCHED)
            call = cell_of(line, "", recorded=tool.replay is None)
            assert cells.parse(call.source()) == call, arguments


def _refusal(tool: Tool[Any], arguments: Mapping[str, Any]) -> InvalidInput | None:
    try:
        validated(tool, arguments)
    except InvalidInput as error:
        return error
    return None


def _odd(tool: Tool[Any], given: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The arguments, and with each of their texts an odd one, where the tool takes that; as the log has them."""
    several = [given, *({**given, name: text} for name in given if texts(given[name]) for text in ODD_TEXTS)]
    for arguments in several:
        try:
            yield validated(tool, arguments).model_dump(mode="json", exclude_unset=True)
        except InvalidInput:
            continue
