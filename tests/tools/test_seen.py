"""A file that changed behind the agent's back is read again before it is changed."""

from __future__ import annotations

from pathlib import Path

from jupyter_appbuilder.tools.seen import Seen

from .bench import Bench, bench

PATH = "src/greet.ts"


async def edit(here: Bench, search: str, replace: str, **options: str) -> object:
    return await here.call("edit_file", {"path": PATH, "edits": [{"search": search, "replace": replace}]}, **options)


async def test_an_edit_of_a_file_that_a_person_changed_meanwhile_is_refused_until_it_is_read_again(tmp_path: Path):
    async with bench(tmp_path) as here:
        await here.call("read_file", {"path": PATH})
        theirs = (here.workspace.app / PATH).read_text().replace("Hello", "Good morning")
        (here.workspace.app / PATH).write_text(theirs)

        refused = await edit(here, "name: string", "who: string")
        assert not refused.ok
        assert "has changed since you last saw it" in refused.text
        whole = await here.call("write_file", {"path": f"./{PATH}", "content": "all mine\n"})
        assert not whole.ok
        assert (here.workspace.app / PATH).read_text() == theirs

        await here.call("read_file", {"path": PATH})
        assert (await edit(here, "name: string", "who: string")).ok
        assert "Good morning" in (here.workspace.app / PATH).read_text()


async def test_what_a_command_changed_is_read_again_first(tmp_path: Path):
    async with bench(tmp_path) as here:
        assert (await edit(here, "Hello", "Hi")).ok
        await here.call("run_command", {"command": f"sed -i s/Hi/Ahoy/ {PATH}"})
        assert "changed since" in (await edit(here, "Ahoy", "Hey")).text
        # A person who asks for an edit sees the file as it is.
        assert (await edit(here, "Ahoy", "Hey", by="person")).ok


async def test_the_agents_own_writes_and_moves_need_no_reading(tmp_path: Path):
    async with bench(tmp_path) as here:
        await here.call("write_file", {"path": PATH, "content": "one\n"})
        assert (await edit(here, "one", "two")).ok
        assert (await edit(here, "two", "three")).ok
        await here.call("rename_file", {"old": "src", "new": "lib"})
        (here.workspace.app / "lib/greet.ts").write_text("theirs\n")
        moved = await here.call("write_file", {"path": "lib/greet.ts", "content": "four\n"})
        assert "changed since" in moved.text
        await here.call("delete_file", {"path": "lib/greet.ts"})
        assert (await here.call("write_file", {"path": "lib/greet.ts", "content": "five\n"})).ok


async def test_what_was_seen_is_known_again_from_the_log(tmp_path: Path):
    async with bench(tmp_path) as here:
        await here.call("read_file", {"path": PATH})
        (here.workspace.app / PATH).write_text("theirs\n")
        here.runner._seen = Seen(here.journal.events)
        assert "changed since" in (await edit(here, "theirs", "mine")).text


async def test_an_edit_that_fitted_only_but_for_white_space_says_so(tmp_path: Path):
    async with bench(tmp_path) as here:
        result = await edit(here, "  return `Hello, ${name}`;  ", "  return name;")
        assert result.ok
        assert "The edit fitted line 2 but for white space at line ends." in result.text
        assert "return name;" in result.text
