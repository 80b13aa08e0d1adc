"""What a session's notebook says, and what is left out."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import nbformat
import pytest
from recorded import Recorded

from jupyter_appbuilder.notebook.document import MOST_PICTURES, attached, digest, document, written
from jupyter_appbuilder.notebook.markdown import APART


def source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


async def notebook(folder: Path) -> tuple[dict[str, Any], Recorded]:
    async with Recorded(folder) as session:
        await session.everything()
        return document(session.events, await session.workspace.archive()), session


@pytest.mark.filterwarnings("error")
async def test_the_notebook_is_valid_and_its_cells_keep_their_ids_while_it_grows(tmp_path: Path):
    made, session = await notebook(tmp_path)
    nbformat.validate(nbformat.from_dict(made))
    ids = [cell["id"] for cell in made["cells"]]
    assert len(set(ids)) == len(ids)
    half = document(session.events[:20], "")
    earlier = {cell["id"]: source(cell) for cell in half["cells"] if cell["id"] not in ("new", "verify")}
    later = {cell["id"]: source(cell) for cell in made["cells"]}
    assert len(earlier) > 5
    assert earlier.items() <= later.items()


async def test_what_was_asked_and_said_is_markdown_and_recorded_answers_say_so(tmp_path: Path):
    made, _ = await notebook(tmp_path)
    texts = [source(cell) for cell in made["cells"] if cell["cell_type"] == "markdown"]
    assert texts[0].startswith(f"# A <{APART}board>")
    assert "> A board\n>\n> with **cards**" in texts[1]
    assert texts[2] == "**demo:recorded** · recorded answer\n\nI write the board."


async def test_what_changed_nothing_is_a_note_and_no_cell_to_run(tmp_path: Path):
    made, _ = await notebook(tmp_path)
    code = [source(cell) for cell in made["cells"] if cell["cell_type"] == "code"]
    notes = next(source(cell) for cell in made["cells"] if "read_file" in source(cell))
    assert notes == "- `read_file` read_file done\n- ✗ `edit_file` edit_file done"
    assert not any("nope" in cell for cell in code)


async def test_commands_carry_what_they_left_and_hand_edits_their_patch(tmp_path: Path):
    made, _ = await notebook(tmp_path)
    code = [source(cell) for cell in made["cells"] if cell["cell_type"] == "code"]
    assert "%%appbuilder run npm test\n# It changed no file." in code
    assert any(cell.startswith('%%appbuilder run --json "npm run format\\n# twice"\n# base64\n') for cell in code)
    assert any("src/hand.txt changed by hand" in cell for cell in code)
    assert code[-1].startswith("%appbuilder verify ")


async def test_the_template_is_folded_away_and_the_last_version_is_what_is_verified(tmp_path: Path):
    made, session = await notebook(tmp_path)
    new = next(cell for cell in made["cells"] if cell["id"] == "new")
    assert new["metadata"] == {"jupyter": {"source_hidden": True}}
    await session.by_hand("later.txt", b"x\n")
    # The tree after a change that no version holds yet is not known: the proof stays where it holds.
    grown = document(session.events, "")
    assert [cell["id"] for cell in grown["cells"]][-2] == "verify"
    assert "later.txt" in source(grown["cells"][-1])


async def test_a_long_output_is_cut_and_its_end_kept(tmp_path: Path):
    async with Recorded(tmp_path) as session:
        session.call("run_command", command="yes", text="y\n" * 100_000 + "the end")
        made = document(session.events, "")
    output = "".join(made["cells"][-1]["outputs"][0]["text"])
    assert len(output) < 5000
    assert output.endswith("the end\n")


async def test_cells_that_other_software_saved_unchanged_are_known_as_ours(tmp_path: Path):
    made, _ = await notebook(tmp_path)
    again = nbformat.reads(nbformat.writes(nbformat.from_dict(made)), 4)
    again.cells[3].metadata["collapsed"] = True
    assert [(cell.id, digest(cell)) for cell in again.cells] == list(written(again).items())
    was = digest(again.cells[3])
    again.cells[3].source += " "
    assert digest(again.cells[3]) != was


@pytest.mark.parametrize(
    ("arguments", "header"),
    [
        ({"packages": ["pandas"], "kind": "python"}, "%%appbuilder install pandas --kind python"),
        ({"packages": ["zod", "@types/node@20"], "dev": True}, "%%appbuilder install zod @types/node@20 --dev"),
        ({"packages": ["scikit-learn>=1.5"]}, "%%appbuilder install 'scikit-learn>=1.5'"),
    ],
)
async def test_packages_are_recorded_as_what_was_installed(tmp_path: Path, arguments: dict[str, Any], header: str):
    async with Recorded(tmp_path) as session:
        session.call("install_packages", text="Installed.", **arguments)
        cells = document(session.events, "")["cells"]
    cell = next(cell for cell in cells if "install" in "".join(cell["source"])[:30])
    assert "".join(cell["source"]) == f"{header}\n# It changed no file."
    assert "".join(cell["outputs"][0]["text"]) == "Installed.\n"


PNG = b"\x89PNG\r\n\x1a\n"


async def test_what_was_seen_is_attached_to_the_cell_that_tells_of_it(tmp_path: Path):
    async with Recorded(tmp_path) as session:
        session.call("read_file", path="a", text="a")
        first = session.look(1, "Tasks ![x](http://evil.example) <b>**now**</b>\n: / at 360 px, light")
        second = session.look(2)
        made = document(session.events, "", pictures={first: PNG + b"1"})
        nbformat.validate(nbformat.from_dict(made))
        seen, later = [cell for cell in made["cells"] if "look_at_app" in source(cell)]
        assert source(seen).splitlines()[0] == "- `read_file` read_file done", "what came before stands above it"
        assert source(seen).endswith(
            f"\n\n![Tasks xhttp://evil.example bnow/b : / at 360 px, light](attachment:{first[:16]}.png)"
        )
        assert seen["attachments"] == {f"{first[:16]}.png": {"image/png": base64.b64encode(PNG + b"1").decode()}}
        # One that is no longer kept is told of all the same, so that a notebook that has it keeps it.
        assert source(later).endswith(f"(attachment:{second[:16]}.png)")
        assert "attachments" not in later


async def test_only_so_many_pictures_stay_in_a_notebook_and_the_oldest_go(tmp_path: Path):
    async with Recorded(tmp_path) as session:
        taken = [session.look(number) for number in range(1, MOST_PICTURES + 1)]
        assert attached(session.events) == taken
        before = document(session.events, "")
        taken.append(session.look(MOST_PICTURES + 1))
        assert attached(session.events) == taken[MOST_PICTURES // 2 :]
        made = document(session.events, "", pictures=dict.fromkeys(taken, PNG))
        held = [name for cell in made["cells"] for name in cell.get("attachments", {})]
        assert held == [f"{sha256[:16]}.png" for sha256 in attached(session.events)]
        shown = "".join(source(cell) for cell in made["cells"])
        assert shown.count("](attachment:") == len(held)
        assert [cell["id"] for cell in before["cells"]] == [cell["id"] for cell in made["cells"]][:-1]
