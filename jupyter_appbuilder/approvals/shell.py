"""Parses a command line into its simple commands, including nested ones (``bash -c``, ``$(…)``, ``xargs``).

The line is parsed, never run. What a variable or another command will stand for is not known; ``Word.known`` says so,
and a command that cannot be told at all is one called ``{unreadable}``. This finds what is written plainly, so that
nothing happens by mistake; what somebody hides on purpose is for the sandbox to hold.
"""

from __future__ import annotations

import logging
import posixpath
import re
import shlex
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

from .code import sed_effects
from .programs import (
    ALIASES,
    CODE_MODULES,
    CODE_VARIABLES,
    DATABASES,
    DELETES,
    DRIVEN,
    EXPANDED_VARIABLES,
    GIT_SETTING,
    GIT_SETTINGS,
    GLOBALS,
    INTERPRETERS,
    LINE_OPTIONS,
    LINE_SETTINGS,
    LINE_VARIABLES,
    NATIVE,
    NO_CODE,
    OPTION_VARIABLES,
    READERS,
    RUNNER_NAMES,
    RUNNERS,
    RUNS,
    SCRIPTS_OF,
    SHELLS,
    STATEMENTS,
    WRITTEN,
    Interpreter,
    Runner,
)
from .rules import UNREADABLE

if TYPE_CHECKING:
    from tree_sitter import Language, Node

log = logging.getLogger(__name__)

DEEPEST = 6  # lines within lines
MAX_DEPTH = 200  # nodes within nodes
MAX_NESTED = 40  # commands within commands
MAX_BASES = 64  # folders that a line may be in
USER = frozenset(("-u", "--user"))  # options of runuser's, which is su without them
MAX_WORDS = 40_000  # taken in, those of commands within commands too
MAX_JOINTS = 1500  # in a line: the parser takes a time that grows with their square

JOINTS = re.compile(r"\||<<|[<>]&")

# Marks of direction and invisible letters make a line read other than it is.
DISGUISES = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


@dataclass(frozen=True, slots=True)
class Word:
    """``text`` is what the command gets; where that is not ``known``, what the line says. ``-r$X`` is an option as far
    as it is known, and whatever else may come of it."""

    text: str
    known: bool = True
    glob: bool = False  # it stands for the files that fit
    option: bool = False  # not known, and may turn out to be an option
    own: bool = False  # the number of a process that this line started


@dataclass(frozen=True, slots=True)
class Command:
    """A simple command: its name and what it is given. ``>`` is one that truncates a file, ``DROP`` and the like what
    an SQL statement does. Such a one is ``derived``: it is not written so; ``origin`` is the command as it is written,
    where that says it all."""

    words: tuple[Word, ...]
    derived: bool = False
    origin: tuple[Word, ...] = field(default=(), hash=False)  # it may be long, and thousands may have the same

    @property
    def name(self) -> str:
        return self.words[0].text

    @property
    def options(self) -> list[Word]:
        return [word for word, option in self._sorted() if option]

    @property
    def operands(self) -> list[Word]:
        return [word for word, option in self._sorted() if not (option and word.known)]

    def _sorted(self) -> Iterator[tuple[Word, bool]]:
        ended = False
        for word in self.words[1:]:
            yield word, not ended and len(word.text) > 1 and word.text.startswith("-") and word.text != "--"
            ended = ended or word.text == "--"

    def __str__(self) -> str:
        return " ".join(shlex.quote(word.text) if word.known and " " in word.text else word.text for word in self.words)


@dataclass(frozen=True, slots=True)
class Reading:
    """``bases``: the folders that the line may be in when a command runs; None for one that cannot be told."""

    commands: tuple[Command, ...]
    bases: tuple[str | None, ...]


def read(line: str) -> Reading:
    """The simple commands of a line for bash, from the outside in."""
    reader = _Reader()
    plain = DISGUISES.sub("\ufffd", line)  # the parser is slow on some of them
    if plain != line:
        reader.unreadable()
    try:
        reader.line(plain)
        reader.finish()
    except _TooLongError:
        reader.commands.append(Command((Word(UNREADABLE),)))
    except Exception as error:  # too deep, or what nobody thought of: a person reads it
        log.warning(
            "A command could not be read, so it asks: %s", error, exc_info=not isinstance(error, RecursionError)
        )
        reader.unreadable()
    return Reading(tuple(dict.fromkeys(reader.commands)), tuple(dict.fromkeys(reader.bases)))


class _TooLongError(Exception):
    """A line comes to more words than are looked at."""


REDIRECTS = frozenset(["file_redirect", "heredoc_redirect", "herestring_redirect"])
TRUNCATING = frozenset([">", ">|", "&>", ">&"])
EXPANSIONS = frozenset(
    ["simple_expansion", "expansion", "command_substitution", "process_substitution", "arithmetic_expansion"]
)
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "e": "\x1b", "E": "\x1b", "f": "\f", "v": "\v"}


@cache
def _bash() -> Language:
    import tree_sitter_bash
    from tree_sitter import Language

    return Language(tree_sitter_bash.language())


def _tree(text: str) -> Node:
    from tree_sitter import Parser

    return Parser(_bash()).parse(text.encode("utf-8", "replace")).root_node


@dataclass(slots=True)
class _Reader:
    commands: list[Command] = field(default_factory=list[Command])
    bases: list[str | None] = field(default_factory=lambda: [""])
    started: set[str] = field(default_factory=set[str])  # variables that hold processes of this line
    dashed: bool = False  # a variable holds an option
    depth: int = 0
    nested: int = 0
    left: int = MAX_WORDS
    fed: bool = False  # commands get more arguments than those written
    deriving: bool = False
    origin: tuple[Word, ...] = ()
    parents: dict[int, Node] = field(default_factory=dict[int, "Node"])
    git_settings: dict[tuple[str, str], list[Word]] = field(default_factory=dict[tuple[str, str], list[Word]])
    stated: set[int] = field(default_factory=set[int])  # statements that were looked through for a database's

    def unreadable(self, *words: Word) -> None:
        self.add(Word(UNREADABLE), *words)

    def add(self, *words: Word) -> None:
        self.spend(len(words))
        self.commands.append(Command(words, self.deriving, self.origin))

    def spend(self, words: int) -> None:
        self.left -= words
        if self.left < 0:
            raise _TooLongError

    @contextmanager
    def part_of(self, *words: Word) -> Generator[None]:
        """What is added now follows from the command ``words`` (none: from more than that)."""
        before = self.deriving, self.origin
        self.deriving, self.origin = True, (() if self.deriving and not self.origin else self.origin or words)
        try:
            yield
        finally:
            self.deriving, self.origin = before

    def line(self, text: str) -> None:
        if self.depth >= DEEPEST:
            self.unreadable()
            return
        if len(JOINTS.findall(text)) > MAX_JOINTS:
            raise _TooLongError
        self.depth += 1
        root = _tree(text)
        if root.has_error:
            self.unreadable()
        self._look_ahead(root)
        self._visit(root, 0)
        self.depth -= 1

    def finish(self) -> None:
        """Names of git's settings for which the line has no values: those come from elsewhere."""
        for (kind, number), names in self.git_settings.items():
            if kind == "KEY" and ("VALUE", number) not in self.git_settings:
                for name in names:
                    self._git_setting(name, Word("", known=False))

    # The tree

    def _look_ahead(self, root: Node) -> None:
        """Where the line goes to, and what its variables hold, wherever it says so."""
        for node in _all(root):
            for child in node.children:
                self.parents[child.id] = node
            if node.type == "variable_assignment" and (value := node.child_by_field_name("value")):
                name = _text(node.child_by_field_name("name"))
                if _text(value).strip('"') == "$!":
                    self.started.add(name)
                self.dashed = self.dashed or _text(value).lstrip("\"'").startswith("-")
                self._variable(name, self._word(value))
            elif node.type == "command":
                words = self._words(node)
                if words and words[0].text in ("cd", "pushd"):
                    self._go(words[1:])

    def _go(self, words: Sequence[Word]) -> None:
        to = next((word for word in words if not word.text.startswith("-")), None)
        if to is None or not to.known or to.glob:
            self.bases.append(None)
        else:
            found = [posixpath.normpath(posixpath.join(base, to.text)) for base in self.bases if base is not None]
            self.bases = list(dict.fromkeys([*self.bases, *found]))
            if len(self.bases) > MAX_BASES:
                self.bases = [None]

    def _visit(self, node: Node, depth: int) -> None:
        if depth > MAX_DEPTH:
            self.unreadable()
            return
        if node.type == "command":
            self._command(node)
        elif node.type == "file_redirect":
            self._redirect(node)
        for child in node.children:
            self._visit(child, depth + 1)

    def _redirect(self, node: Node) -> None:
        marks = [child.type for child in node.children if not child.is_named]
        if not marks or marks[0] not in TRUNCATING:
            return
        for target in node.children_by_field_name("destination"):
            word = self._word(target)
            if not (marks[0] == ">&" and re.fullmatch(r"\d+|-", word.text)):
                self.add(Word(">"), word)

    def _command(self, node: Node) -> None:
        words = self._words(node)
        if words:
            self._simple(words, node)

    def _words(self, node: Node) -> list[Word]:
        found: list[Word] = []
        for child in node.children:
            if child.type in REDIRECTS or child.type == "variable_assignment":
                continue
            inner = child.children[0] if child.type == "command_name" and child.children else child
            found.append(self._word(inner))
        return found

    # A simple command

    def _simple(self, words: Sequence[Word], node: Node | None) -> None:
        """Take in a command and those in its arguments. ``node`` is where it stands in the line, for what it reads."""
        first, *rest = words
        name = posixpath.basename(first.text) or first.text
        if not first.known:
            name = name.rstrip('"')
        if self.nested >= MAX_NESTED or (not first.known and not re.fullmatch(r"[\w.+-]+", name)):
            self.unreadable(*rest)
            return
        if self.fed and name in ("rm", "unlink"):
            self.add(Word("rm"), Word("-r"), *rest)  # of many files it is like that of a folder
        else:
            self.add(Word(name), *rest)
        self.nested += 1
        self._within(ALIASES.get(name, name), rest, node)
        self.nested -= 1

    def _within(self, name: str, rest: Sequence[Word], node: Node | None) -> None:
        """Take in what a command runs, and what it writes over."""
        key, after = _subcommand(name, rest)
        if name == "git":
            after = self._git(rest)
        if name == "su" or (name == "runuser" and not parsed(rest, USER)[0]):
            self._su(rest, node)
        elif key in RUNNERS and not (name == "command" and rest and rest[0].text in ("-v", "-V")):
            if key in ("xargs", "parallel"):
                with self.part_of(), self._feeding():
                    self._many(key, after)
            else:
                self._run(RUNNERS[key], after, node)
        elif name in SHELLS:
            self._shell(rest, node)
        elif name in READERS:
            self._standard_input(node)
        elif name == "eval":
            self._texts(_after_double_dash(rest))
        elif name in (".", "source"):
            if rest and rest[0].text.startswith(("<(", "/dev/stdin", "/dev/fd")):
                self.unreadable()
        elif name == "trap":
            self._texts(_after_double_dash(rest)[:1])
        elif name == "alias":
            for word in rest:
                if "=" in word.text:
                    self._setting(Word(word.text.partition("=")[2], word.known))
        elif name in ("find", "gfind"):
            with self.part_of(Word(name), *rest):
                self._find(rest)
        elif name in ("fd", "fdfind"):
            with self.part_of(), self._feeding():
                self._fd(rest)
        elif name == "kill":
            self._kill(rest)
        elif name == "tee" and not any(word.text in ("-a", "--append") for word in rest):
            for word in rest:
                if not word.text.startswith("-"):
                    self.add(Word(">"), word)
        elif name == "truncate":
            for word in parsed(rest, frozenset(("-s", "--size", "-r", "--reference")), everywhere=True)[1]:
                self.add(Word(">"), word)
        elif name == "dd":
            for word in rest:
                if word.text.startswith("of="):
                    self.add(Word(">"), Word(word.text[3:], word.known))
        elif name in ("socat", "socat1"):
            for word in rest:
                kind, _, line = word.text.partition(":")
                if kind.lower() in ("exec", "system", "shell"):
                    self._setting(Word(line.partition(",")[0], word.known))
        elif name == "cp" and len(rest) == 2 and rest[0].text == "/dev/null":
            self.add(Word(">"), rest[1])
        lined = key if key in LINE_OPTIONS else name
        if lined in LINE_OPTIONS:
            self._options_with_lines(lined, after if lined == key else rest, node)
        self._code(name, rest, node)
        if name in DATABASES or key.rpartition(" ")[2] in DATABASES:
            with self.part_of(Word(name), *rest):
                told = " ".join(word.text for word in rest)
                found = self._statements(told)
                self._native("database", told)
            if node is not None and not found:
                whole = self._statement(node)
                if whole.id not in self.stated:
                    self.stated.add(whole.id)
                    with self.part_of():
                        self._statements(_text(whole))
                        self._native("database", _text(whole))

    @contextmanager
    def _feeding(self) -> Generator[None]:
        before, self.fed = self.fed, True
        try:
            yield
        finally:
            self.fed = before

    def _run(self, runner: Runner, words: Sequence[Word], node: Node | None) -> None:
        """Take in the command in the arguments of one such as ``sudo``, ``env`` or ``timeout``, behind its options."""
        options, rest = parsed(words, runner.valued | runner.lines)
        if runner.operands:
            more, rest = parsed(rest[runner.operands :], runner.lines)
            options += more
        self._lines(options, runner.lines)
        while rest and rest[0].known and (assigned := re.match(r"(\w+)=", rest[0].text)):
            self._variable(assigned[1], Word(rest[0].text[assigned.end() :]))
            rest = rest[1:]
        rest = rest[1:] if rest and rest[0].text == "--" else rest
        if not rest:
            return
        if runner.each:
            for word in rest:
                self._texts([word])
        elif runner.joined and all(word.known for word in rest):
            self._texts(rest)
        else:
            self._inner(rest, node, package=runner.package)

    def _inner(self, words: Sequence[Word], node: Node | None, *, package: bool = False) -> None:
        """Take in a command that another one runs: its words, or all of it in one."""
        first, *rest = words
        if first.known and re.search(r"[\s;|&]", first.text.strip()):
            self._texts([first])
            return
        if package and "@" in first.text[1:]:  # npx rimraf@6
            first = Word(first.text[: first.text.index("@", 1)], first.known)
        self._simple([first, *rest], node)

    def _lines(self, options: Sequence[tuple[str, Word | None]], lines: frozenset[str]) -> None:
        for option, value in options:
            if option in lines and value is not None:
                self._texts([value])

    def _options_with_lines(self, key: str, words: Sequence[Word], node: Node | None) -> None:
        options, rest = parsed(words, LINE_OPTIONS[key], everywhere=True)
        with self.part_of(*(Word(part) for part in key.split()), *words):
            for option, value in options:
                if option.startswith("--checkpoint-action") and value is not None:
                    action, _, line = value.text.partition("=")
                    if action == "exec":
                        self._texts([Word(line, value.known)])
                elif option in LINE_OPTIONS[key] and value is not None:
                    if key in ("make", "gmake"):
                        self._effects(value.text, "make")
                    else:
                        self._texts([value])
            for word in rest:
                if word.text.startswith("ext::"):  # an address of git's
                    self._texts([Word(word.text[5:], word.known)])
        if key in ("make", "gmake"):
            asked = [word.text for word in words]
            if any(one in ("-f-", "-f/dev/stdin") for one in map("".join, pairwise([*asked, ""]))):
                self._standard_input(node)

    def _variable(self, name: str, value: Word) -> None:
        """Take in what a program may run because a variable says so."""
        if LINE_VARIABLES.fullmatch(name) or (name in EXPANDED_VARIABLES and ("$(" in value.text or "`" in value.text)):
            self._setting(value)
        elif name in CODE_VARIABLES:
            with self.part_of():
                self._effects(value.text, CODE_VARIABLES[name])
        elif name in OPTION_VARIABLES:
            self._options_with_lines(OPTION_VARIABLES[name], _split(value), None)
        elif setting := GIT_SETTING.fullmatch(name):
            kind, number = setting.groups()
            self.git_settings.setdefault((kind, number), []).append(value)
            for other in self.git_settings.get(("VALUE" if kind == "KEY" else "KEY", number), ()):
                self._git_setting(*((value, other) if kind == "KEY" else (other, value)))
        elif name == GIT_SETTINGS:
            for word in _split(value):
                self._git_setting(*_assigned(word))

    def _setting(self, value: Word) -> None:
        """Take in a command line that something is set to, which may be run."""
        if not value.known:
            return
        line = value.text.lstrip("!").strip()
        if line:
            self._texts([Word(line)])

    def _git(self, rest: Sequence[Word]) -> list[Word]:
        """Take in what git's settings and subcommands run; returns what follows its own options and subcommand."""
        options, plain = parsed(rest, GLOBALS["git"])
        if len(plain) != len(rest):
            self.add(Word("git"), *plain)
        with self.part_of(Word("git"), *rest):
            for option, value in options:
                if value is not None and option in ("-c", "--config-env"):
                    name, line = _assigned(value)
                    if option == "-c":
                        self._git_setting(name, line)
                    else:
                        self._git_setting(name, Word("", known=False))
            if plain and plain[0].text in ("config", "clone"):
                found, operands = parsed(
                    plain[1:], frozenset(("-c", "--config", "-f", "--file", "-t", "--type")), everywhere=True
                )
                for option, value in found:
                    if option in ("-c", "--config") and value is not None and plain[0].text == "clone":
                        self._git_setting(*_assigned(value))
                if plain[0].text == "config":
                    for name, line in pairwise(operands):
                        self._git_setting(name, line)
        return _subcommand("git", rest)[1]

    def _git_setting(self, setting: Word, value: Word) -> None:
        name = setting.text
        if setting.known and not LINE_SETTINGS.fullmatch(name):
            return
        if not setting.known or not value.known:
            self.unreadable()
        elif name.lower().startswith("alias.") and not value.text.startswith("!"):
            self._texts([Word(f"git {value.text}")])
        else:
            self._setting(value)

    def _kill(self, rest: Sequence[Word]) -> None:
        """``-1`` is a signal where it comes first, and every process there is where it comes later."""
        words = list(rest)
        if words and words[0].text in ("-s", "-n", "--signal"):
            words = words[2:]
        elif words and words[0].text.startswith(("-l", "-L", "--list", "--table")):
            return
        elif words and words[0].text.startswith("-"):
            words = words[1:]
        if any(word.text.startswith("-") and word.text != "--" for word in words):
            self.add(Word("kill"), Word("--"), *(word for word in words if word.text != "--"))

    def _shell(self, rest: Sequence[Word], node: Node | None) -> None:
        operands: list[Word] = []
        takes_line = stdin = False
        words = iter(rest)
        for word in words:
            text = word.text
            if operands or not text.startswith(("-", "+")) or text == "-":
                operands.append(word)
            elif text in ("--rcfile", "--init-file"):
                next(words, None)
            elif text.startswith(("--command", "--init-command")):
                self._texts([Word(text.partition("=")[2], word.known)] if "=" in text else [next(words, Word(""))])
            elif not text.startswith("--"):
                takes_line = takes_line or "c" in text
                stdin = stdin or "s" in text
                for letter in text[1:]:
                    if letter in "oO":  # bash -euo pipefail
                        next(words, None)
        if takes_line:
            self._texts(operands[:1])
        elif operands and not stdin and operands[0].text not in ("-", "/dev/stdin"):
            if operands[0].text.startswith(("<(", "/dev/fd")):
                self.unreadable()
        else:
            self._standard_input(node)

    def _su(self, rest: Sequence[Word], node: Node | None) -> None:
        lines = frozenset(("-c", "--command", "--session-command"))
        valued = frozenset(("-g", "-G", "-s", "-w", "--group", "--supp-group", "--shell"))
        options, operands = parsed(rest, lines | valued, everywhere=True)
        operands = [word for word in operands if word.text != "-"]
        self._lines(options, lines)
        if len(operands) > 1:
            self._shell(operands[1:], None)
        elif not any(option in lines for option, _ in options):
            self._standard_input(node)

    def _standard_input(self, node: Node | None) -> None:
        """Take in the lines that a command reads."""
        if node is None:
            return
        given = self._given(node)
        if given is not None and (given.type == "heredoc_body" or self._here(given)):
            self.line(_text(given) if given.type == "heredoc_body" else self._here(given))
        elif given is not None or self._is_piped(node):
            self.unreadable()

    def _here(self, node: Node) -> str:
        """What a here-string gives; empty where that cannot be told."""
        if node.type != "herestring_redirect" or not node.named_children:
            return ""
        word = self._word(node.named_children[-1])
        return word.text if word.known else ""

    def _texts(self, words: Sequence[Word]) -> None:
        """Take in words that are read as one command line, as ``eval`` joins them."""
        if any(not word.known for word in words):
            self.unreadable(*words)
        elif words:
            self.line(" ".join(word.text for word in words))

    def _many(self, key: str, words: Sequence[Word]) -> None:
        """Take in the command that ``xargs``, ``parallel`` or ``fd --exec`` runs on each line or operand."""
        rest = parsed(words, RUNNERS[key].valued)[1] if key in RUNNERS else list(words)
        if key == "parallel":
            at = next((at for at, word in enumerate(rest) if word.text.startswith(":::")), len(rest))
            rest, given = rest[:at], rest[at + 1 :]
            if not rest:
                if not given:
                    self.unreadable()
                for word in given:
                    self._texts([word])
                return
        if rest:
            fed = Word("…", known=False, option=True)
            self._inner([*rest, fed], None)

    def _find(self, rest: Sequence[Word]) -> None:
        start = 0
        while start < len(rest) and rest[start].text in ("-H", "-L", "-P"):
            start += 1
        end = start
        while end < len(rest) and not rest[end].text.startswith(("-", "(", "!", "\\")):
            if end > start and rest[end].option:
                break
            end += 1
        roots = list(rest[start:end]) or [Word(".")]
        at, before = end, ""
        while at < len(rest):
            word, at = rest[at], at + 1
            if word.text == "-delete":
                self.add(Word("rm"), Word("-r"), *roots)
            elif word.text in ("-exec", "-execdir", "-ok", "-okdir"):
                inner: list[Word] = []
                while at < len(rest) and rest[at].text not in (";", "+"):
                    inner += roots if rest[at].text == "{}" else [rest[at]]
                    at += 1
                self.spend(len(inner))
                if inner:
                    with self._feeding():
                        self._simple(inner, None)
            elif word.text in ("-fprint", "-fprintf", "-fls", "-fprint0") and at < len(rest):
                self.add(Word(">"), rest[at])
            elif word.option and not before.startswith("-"):
                self.add(Word("rm"), Word("-r"), word)  # it may be -delete
            before = word.text

    def _fd(self, rest: Sequence[Word]) -> None:
        for at, word in enumerate(rest):
            if word.text in ("-x", "--exec", "-X", "--exec-batch"):
                self._many("fd", [part for part in rest[at + 1 :] if part.text != ";"])
                return

    def _code(self, name: str, rest: Sequence[Word], node: Node | None) -> None:
        """What code of another language does, as far as that is easily seen."""
        program = "python" if re.fullmatch(r"python[\d.]*|pypy[\d.]*|ipython[\d.]*", name) else name
        program = re.sub(r"(?<=\w)[\d.]+$", "", program) if program not in INTERPRETERS else program
        if program not in INTERPRETERS:
            return
        codes, plain = _codes(program, INTERPRETERS[program], rest)
        fed = (not plain or plain[0].text in ("-", "/dev/stdin")) and not codes and program not in ("awk", "sed")
        fed = fed and not any(word.text in NO_CODE for word in rest)
        if (fed or program in DRIVEN) and node is not None:
            given = self._given(node)
            if given is not None and given.type in ("heredoc_body", "herestring_redirect"):
                with self.part_of():
                    self._effects(self._here(given) or _text(given), program)
            elif given is not None or self._is_piped(node):
                self.unreadable()
        for code in codes:
            with self.part_of(Word(name), *rest):
                if program == "sed":
                    self._sed(code.text)
                elif program == "deno" or code.text:
                    self._effects(code.text, program)

    def _sed(self, script: str) -> None:
        for effect, text in sed_effects(script):
            if effect == "write":
                self.add(Word(">"), Word(text))
            elif text:
                self._texts([Word(text)])
            else:
                self.unreadable()  # it runs what the file says

    def _effects(self, code: str, language: str) -> None:
        if DELETES.search(code):
            self.add(Word("rm"), Word("-r"), Word("…", known=False))
        self._statements(code)
        for found in RUNS.finditer(code):
            line = re.sub(r"\\(.)", r"\1", found["line"])
            words = [text[1:-1] for text in re.findall(r"\"[^\"]*\"|'[^']*'", found["words"])]
            if words and not re.search(r"\s", line):
                line = shlex.join([line, *words])
            self._told(f'{line} "$…"' if found["more"] else line)
        self._native(language, code)

    def _native(self, language: str, code: str) -> None:
        if language in NATIVE:
            for found in NATIVE[language].finditer(code):
                self._told(next(text for text in found.groupdict().values() if text))
        if language in WRITTEN:
            for found in WRITTEN[language].finditer(code):
                self.add(Word(">"), Word(found["file"].strip()))

    def _told(self, line: str) -> None:
        """Take in a line that code seems to run; what is none is some other text."""
        if len(JOINTS.findall(line)) > MAX_JOINTS or not _tree(line).has_error:
            self.line(line)

    def _statements(self, text: str) -> bool:
        """Take in what statements in a text delete; whether there are any."""
        known = len(self.commands)
        for found in STATEMENTS.finditer(text):
            if found["drop"]:
                self.add(Word("DROP"), Word(found["what"].upper()))
            elif found["mongo"]:
                self.add(Word("DROP"), Word("COLLECTION"))
            else:
                self.add(Word("TRUNCATE" if found["truncate"] else "DELETE"), Word("…", known=False))
        return len(self.commands) > known

    def _statement(self, node: Node) -> Node:
        """The pipeline or redirection around a command, which says what it reads; itself where there is none."""
        while (parent := self.parents.get(node.id)) is not None and parent.type in STATEMENT:
            node = parent
        return node

    def _given(self, node: Node) -> Node | None:
        """What a command reads in place of its standard input, if the line says so: the body of a here-document, a
        here-string, a process substitution."""
        around = [*node.children]
        parent = self.parents.get(node.id)
        if parent is not None and parent.type == "redirected_statement":
            around += parent.children
        for child in around:
            if child.type == "heredoc_redirect":
                return next((part for part in child.children if part.type == "heredoc_body"), None)
            if child.type == "herestring_redirect":
                return child
            if child.type == "file_redirect" and any(part.type == "<" for part in child.children):
                return next((part for part in child.children if part.type == "process_substitution"), None)
        return None

    def _is_piped(self, node: Node) -> bool:
        """True if a command reads what another one prints."""
        while (parent := self.parents.get(node.id)) is not None:
            if parent.type in ("command_substitution", "process_substitution"):
                return False
            if parent.type == "pipeline" and parent.child(0) != node:
                return True
            if parent.type == "heredoc_redirect" and node.type == "pipeline":
                return True  # cat <<EOF | sh
            node = parent
        return False

    # Words

    def _word(self, node: Node) -> Word:
        text, known, glob, quoted = self._value(node)
        if known:
            return Word(text, glob=glob)
        held = text.strip('"').removeprefix("-")  # a group of processes
        own = held in ("$!", "${!}") or held.lstrip("$").strip("{}") in self.started
        option = self.dashed or text.startswith("-") or (not quoted and text.startswith(("$", "`", "{")))
        return Word(text, known=False, glob=glob, option=option and not own, own=own)

    def _value(self, node: Node) -> tuple[str, bool, bool, bool]:
        """A word's text, whether that is what the command gets, whether it stands for files, whether it is quoted."""
        raw = _text(node)
        match node.type:
            case "raw_string":
                return raw[1:-1], True, False, True
            case "string" | "translated_string":
                inner = raw.removeprefix("$")[1:-1]
                known = not any(child.type in EXPANSIONS for child in _all(node))
                return (re.sub(r'\\([\\"$`])', r"\1", inner.replace("\\\n", "")) if known else raw), known, False, True
            case "ansi_c_string":
                return _unescaped(raw[2:-1]), True, False, True
            case "concatenation":
                return self._joined(node)
            case kind if kind in EXPANSIONS:
                return raw, False, False, False
            case "brace_expression":
                return raw, False, False, False
            case _:
                glob = bool(re.search(r"(?<!\\)[*?\[]", raw))
                return re.sub(r"\\(.)", r"\1", raw.replace("\\\n", "")), True, glob, False

    def _joined(self, node: Node) -> tuple[str, bool, bool, bool]:
        parts = [self._value(child) for child in node.children]
        bare = "".join("" if quoted else text for text, _, _, quoted in parts)
        braces = re.search(r"\{[^{}]*(?:,|\.\.)[^{}]*\}", bare) is not None
        known = all(part[1] for part in parts) and not braces
        text = "".join(part[0] for part in parts) if known else _text(node)
        return text, known, any(part[2] for part in parts), all(part[3] for part in parts)


def _all(node: Node) -> Iterator[Node]:
    """The node and all below it."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        yield one
        waiting.extend(reversed(one.children))


def _text(node: Node | None) -> str:
    return node.text.decode("utf-8", "replace") if node is not None and node.text is not None else ""


def parsed(
    words: Sequence[Word], valued: frozenset[str], *, everywhere: bool = False
) -> tuple[list[tuple[str, Word | None]], list[Word]]:
    """A command's options with their values, and its operands: what follows the options, or, with ``everywhere``, what
    stands between them too."""
    options: list[tuple[str, Word | None]] = []
    rest: list[Word] = []
    at = 0
    while at < len(words):
        word = words[at]
        text = word.text
        at += 1
        if text == "--":
            return options, [*rest, *words[at:]]
        if not text.startswith("-") or text == "-":
            if not everywhere:
                return options, list(words[at - 1 :])
            rest.append(word)
            continue
        name, equals, value = text.partition("=")
        if text in valued or (text.startswith("--") and not equals and (name := _whole_name(text, valued)) in valued):
            options.append((name, words[at] if at < len(words) else None))
            at += 1
        elif text.startswith("--") or name in valued:
            options.append((_whole_name(name, valued), Word(value, word.known) if equals else None))
        else:
            for place, letter in enumerate(text[1:], 2):
                if f"-{letter}" not in valued:
                    options.append((f"-{letter}", None))
                    continue
                if attached := text[place:]:
                    options.append((f"-{letter}", Word(attached, word.known)))
                else:
                    options.append((f"-{letter}", words[at] if at < len(words) else None))
                    at += 1
                break
    return options, rest


def _whole_name(name: str, valued: frozenset[str]) -> str:
    """A long option that may be written short."""
    if name in valued or len(name) < 5:
        return name
    return next((known for known in valued if known.startswith(name)), name)


def _after_double_dash(words: Sequence[Word]) -> Sequence[Word]:
    return words[1:] if words and words[0].text == "--" else words


def _subcommand(name: str, rest: Sequence[Word]) -> tuple[str, list[Word]]:
    """A program with the subcommands that say what it runs, and what follows these."""
    if name not in RUNNER_NAMES and name not in GLOBALS:
        return name, list(rest)
    plain = parsed(rest, GLOBALS.get(name, frozenset()))[1]
    key = name
    for length in range(1, 3):
        # Options may stand between: git submodule --quiet foreach
        if not plain or not plain[0].known:
            break
        key = f"{key} {plain[0].text}"
        plain = plain[1:]
        if key in RUNNERS or key in LINE_OPTIONS:
            return key, plain
        if length == 1:
            inner = parsed(plain, frozenset())[1]
            if not inner or f"{key} {inner[0].text}" not in RUNNERS:
                return (key, plain) if key.rpartition(" ")[2] in DATABASES else (name, list(rest))
            plain = inner
    return name, list(rest)


def _codes(program: str, interpreter: Interpreter, rest: Sequence[Word]) -> tuple[list[Word], list[Word]]:
    """The code that an interpreter is given as text, and its operands."""
    codes: list[Word] = []
    words = list(rest)
    if interpreter.subcommand:
        if not words or words[0].text != interpreter.subcommand:
            return [], words
        words = words[1:]
    at = 0
    module = ""
    from_file = False
    while at < len(words):
        text, known = words[at].text, words[at].known
        if text == "--":
            at += 1
            break
        if not text.startswith("-") or text == "-":
            break
        at += 1
        name, equals, value = text.partition("=")
        from_file = from_file or name in SCRIPTS_OF.get(program, "").split()
        if text in interpreter.code:
            codes += words[at : at + 1]
            at += not words[at : at + 1] or not words[at].text.startswith("-")  # node -p -e CODE
        elif text in interpreter.valued:
            module = words[at].text if text == "-m" and at < len(words) else module
            at += 1
        elif text.startswith("--"):
            if equals and name in interpreter.code:
                codes.append(Word(value, known))
        else:
            for place, letter in enumerate(text[1:], 2):
                option, attached = f"-{letter}", text[place:]
                if option in interpreter.attached:
                    break
                if option in interpreter.code and not (attached and set(attached) & set("ep") and len(attached) == 1):
                    codes += [Word(attached.removeprefix("="), known)] if attached else words[at : at + 1]
                    at += not attached
                    break
                if option in interpreter.valued:
                    module = attached if option == "-m" else module
                    at += not attached
                    break
        if program == "python" and (codes or module):
            break  # all that follows is the code's
    plain = words[at:]
    if module in CODE_MODULES:
        codes += plain
    if interpreter.operand and not codes and not from_file:
        codes, plain = list(plain[:1]), plain[1:]
    return codes, list(plain)


def _assigned(word: Word) -> tuple[Word, Word]:
    """The two sides of ``name=value``, of which only one may be known."""
    name, _, value = word.text.partition("=")
    return Word(name, word.known or not re.search(r"[$`{]", name)), Word(value, word.known)


def _split(value: Word) -> list[Word]:
    """The words in a variable's value, quoted as for a shell."""
    if value.known:
        with suppress(ValueError):
            return [Word(text) for text in shlex.split(value.text)]
    return [Word(value.text, known=False)]


def _unescaped(text: str) -> str:
    """The text of ``$'…'``."""

    def one(found: re.Match[str]) -> str:
        code = found[1]
        if code[0] == "x":
            return chr(int(code[1:], 16))
        if code[0] in "uU":
            number = int(code[1:], 16)
            return chr(number) if number < 0x110000 else "\ufffd"
        if code[0] in "01234567":
            return chr(int(code, 8) & 0xFF)
        return ESCAPES.get(code, code)

    return re.sub(r"\\(x[0-9A-Fa-f]{1,2}|u[0-9A-Fa-f]{1,4}|U[0-9A-Fa-f]{1,8}|[0-7]{1,3}|.)", one, text, flags=re.DOTALL)


STATEMENT = frozenset(["pipeline", "redirected_statement", "heredoc_redirect", "negated_command"])
