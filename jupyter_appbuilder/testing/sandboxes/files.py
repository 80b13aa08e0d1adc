"""Files: the sandbox sees the workspace, and the workspace gets what commands change."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
from pathlib import Path

from .stage import save, soon
from .subject import Provided, Suite

SIZES = (0, 1, 4095, 4096, 65_537, 1_000_003, 5 * 1024 * 1024)
NAMES = (
    "with space.txt",
    " leading and trailing ",
    "ünïcödé 🎈.txt",
    "-rf",
    "--help.txt",
    'quo\'te "double".txt',
    "back\\slash",
    "tab\there",
    "$HOME;`id`&|<>.txt",
    "*?[x]{a,b}.txt",
    "%41%2f#?.txt",
    ".hidden",
    "名前/文件.txt",
    "CASE.txt",
    "case.TXT",
    "n" * 200,
)


class Files(Suite):
    """Files: what is in the workspace is in the sandbox, and what a command makes of them comes back."""

    async def test_binary_files_of_any_size_pass_both_ways(self, provided: Provided) -> None:
        """Files of any size and content are the same on both sides."""
        async with provided() as subject:
            workspace = subject.workspace()
            chance = random.Random(7)
            sent = {f"in-{size}.bin": chance.randbytes(size) for size in SIZES}
            for name, content in sent.items():
                (workspace / name).write_bytes(content)
            sandbox = await subject.create(workspace)
            result = await soon(sandbox.exec("sha256sum in-*"))
            told = {line.split()[1]: line.split()[0] for line in result.stdout.splitlines()}
            assert told == {name: hashlib.sha256(content).hexdigest() for name, content in sent.items()}
            sizes = " ".join(map(str, SIZES))
            made = await soon(
                sandbox.exec(f"for n in {sizes}; do head -c $n /dev/urandom > out-$n.bin; done; sha256sum out-*")
            )
            for line in made.stdout.splitlines():
                digest, name = line.split()
                assert hashlib.sha256((workspace / name).read_bytes()).hexdigest() == digest
            assert len(made.stdout.splitlines()) == len(SIZES)

    async def test_names_of_any_kind_pass_both_ways(self, provided: Provided) -> None:
        """File names of any kind pass both ways: spaces, quotes, Unicode, leading dashes, cases that differ."""
        async with provided() as subject:
            workspace = subject.workspace()
            for name in NAMES:
                path = workspace / "sent" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(name)
            sandbox = await subject.create(workspace)
            script = """
                import { cpSync, readdirSync, readFileSync } from 'node:fs';
                const found = readdirSync('sent', { recursive: true, withFileTypes: true });
                const files = found.filter((entry) => entry.isFile());
                const read = (file) => readFileSync(file.parentPath + '/' + file.name, 'utf8');
                console.log(JSON.stringify(files.map(read)));
                cpSync('sent', 'made', { recursive: true });
            """
            result = await soon(sandbox.exec(["node", "--input-type=module", "-e", script]))
            assert result.stderr == ""
            assert sorted(json.loads(result.stdout)) == sorted(NAMES)
            made = {
                path.relative_to(workspace / "made").as_posix()
                for path in (workspace / "made").rglob("*")
                if path.is_file()
            }
            assert made == set(NAMES)
            assert all((workspace / "made" / name).read_text() == name for name in NAMES)

    async def test_a_change_by_hand_is_seen_by_the_next_command(self, provided: Provided) -> None:
        """A command sees the workspace as it is when it begins, also a change of the same size within a second, and
        deletions."""
        async with provided() as subject:
            workspace = subject.workspace()
            sandbox = await subject.create(workspace)
            await soon(sandbox.exec("mkdir -p d && echo made > d/made.txt"))
            save(workspace / "new.txt", "one")
            assert (await soon(sandbox.exec("cat new.txt"))).stdout == "one"
            save(workspace / "new.txt", "two")  # as long as before, within the same second
            assert (await soon(sandbox.exec("cat new.txt d/made.txt"))).stdout == "twomade\n"
            (workspace / "new.txt").unlink()
            (workspace / "d/made.txt").unlink()
            (workspace / "d").rmdir()
            assert (await soon(sandbox.exec("ls new.txt d/made.txt 2>/dev/null"))).stdout == ""

    async def test_deletions_renames_and_changes_of_kind_come_back(self, provided: Provided) -> None:
        """What a command deletes, renames or turns from a file into a folder is so in the workspace."""
        async with provided() as subject:
            workspace = subject.workspace()
            for name in ("gone.txt", "old/a.txt", "old/b/c.txt", "file", "folder/inner.txt"):
                (workspace / name).parent.mkdir(parents=True, exist_ok=True)
                (workspace / name).write_text(name)
            sandbox = await subject.create(workspace)
            command = "rm gone.txt && mv old new && rm file && mkdir file && echo in > file/in.txt"
            command += " && rm -r folder && echo f > folder"
            assert (await soon(sandbox.exec(command))).exit_code == 0
            assert not (workspace / "gone.txt").exists()
            assert not (workspace / "old").exists()
            assert (workspace / "new/b/c.txt").read_text() == "old/b/c.txt"
            assert (workspace / "file/in.txt").read_text() == "in\n"
            assert (workspace / "folder").read_text() == "f\n"

    async def test_the_executable_bit_passes_both_ways(self, provided: Provided) -> None:
        """The executable bit passes both ways."""
        async with provided() as subject:
            workspace = subject.workspace()
            (workspace / "run.sh").write_text("#!/bin/sh\necho ran\n")
            (workspace / "run.sh").chmod(0o755)
            (workspace / "plain.sh").write_text("#!/bin/sh\necho no\n")
            sandbox = await subject.create(workspace)
            result = await soon(
                sandbox.exec("./run.sh; ./plain.sh; printf '#!/bin/sh\\n' > made.sh; chmod +x made.sh; chmod -x run.sh")
            )
            assert result.stdout == "ran\n"
            assert (workspace / "made.sh").stat().st_mode & 0o100
            assert not (workspace / "run.sh").stat().st_mode & 0o111
            (workspace / "plain.sh").chmod(0o755)
            assert (await soon(sandbox.exec("./plain.sh"))).stdout == "no\n"

    async def test_links_pass_both_ways_as_links(self, provided: Provided) -> None:
        """Symbolic links pass as links; one that leads out of the workspace shows nothing of what is there."""
        async with provided() as subject:
            workspace = subject.workspace()
            (workspace / "target.txt").write_text("target")
            (workspace / "sent").symlink_to("target.txt")
            (workspace / "dangling").symlink_to("nowhere")
            secret = subject.folder / "secret.txt"
            secret.write_text("hunter2")
            (workspace / "escape").symlink_to(secret)
            sandbox = await subject.create(workspace)
            result = await soon(
                sandbox.exec(
                    "readlink sent dangling; cat sent; cat escape; mkdir -p d; ln -s ../target.txt d/made; ln -s / top"
                )
            )
            assert result.stdout == "target.txt\nnowhere\ntarget"
            assert (workspace / "d/made").readlink() == Path("../target.txt")
            assert (workspace / "top").is_symlink()
            assert (workspace / "sent").is_symlink()
            assert (workspace / "escape").readlink() == secret
            assert secret.read_text() == "hunter2"

    async def test_five_thousand_files_pass_both_ways(self, provided: Provided) -> None:
        """Five thousand files pass both ways within 90 seconds."""
        async with provided() as subject:
            workspace = subject.workspace()
            for n in range(5000):
                path = workspace / "sent" / str(n % 50) / f"{n}.txt"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(f"file {n}\n")
            sandbox = await subject.create(workspace)
            async with asyncio.timeout(90):
                result = await sandbox.exec("cat sent/*/*.txt | LC_ALL=C sort | sha256sum; cp -r sent made; rm -r sent")
            lines = "".join(sorted(f"file {n}\n" for n in range(5000)))
            assert result.stdout.split()[0] == hashlib.sha256(lines.encode()).hexdigest()
            assert len(list((workspace / "made").rglob("*.txt"))) == 5000
            assert (workspace / "made/7/4957.txt").read_text() == "file 4957\n"
            assert not any((workspace / "sent").rglob("*.txt"))

    async def test_empty_folders_do_no_harm(self, provided: Provided) -> None:
        """Folders that are empty do no harm. Whether they are carried over is the provider's own affair: no version
        holds one."""
        async with provided() as subject:
            workspace = subject.workspace()
            (workspace / "empty/inside").mkdir(parents=True)
            sandbox = await subject.create(workspace)
            assert (
                await soon(sandbox.exec("mkdir -p empty/inside made/deep; echo later > empty/inside/later.txt"))
            ).exit_code == 0
            assert (workspace / "empty/inside/later.txt").read_text() == "later\n"
            assert (await soon(sandbox.exec("rm empty/inside/later.txt; echo x > made/deep/x"))).exit_code == 0
            assert not (workspace / "empty/inside/later.txt").exists()
            assert (workspace / "made/deep/x").exists()

    async def test_a_repository_made_by_a_command_stays_outside(self, provided: Provided) -> None:
        """A ``.git`` that a command makes does not reach the workspace: its hooks would act on the person's machine."""
        async with provided() as subject:
            workspace = subject.workspace()
            sandbox = await subject.create(workspace)
            await soon(
                sandbox.exec(
                    "mkdir -p sub/.git/hooks && echo evil > sub/.git/hooks/post-checkout && echo kept > sub/kept"
                )
            )
            assert (workspace / "sub/kept").exists()
            assert not (workspace / "sub/.git").exists()
