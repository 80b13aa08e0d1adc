"""What a command line comes to: its simple commands, also those within others (``bash -c``, ``$(…)``, ``xargs``).

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
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import zip_longest
from typing import TYPE_CHECKING

from .programs import (
    CODE_OPTIONS,
    DATABASES,
    DELETES,
    GIT,
    LINE_OPTIONS,
    NO_CODE,
    PARALLEL,
    SHELLS,
    STATEMENTS,
    WRAPPERS,
    XARGS,
)
from .rules import UNREADABLE

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

log = logging.getLogger(__name__)

DEEPEST = 6  # lines within lines
MAX_DEPTH = 200  # nodes within nodes

# Marks of direction and invisible letters make a line read other than it is.
DISGUISES = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


@dataclass(frozen=True, slots=True)
class Word:
    """``text`` is what the command gets; where that is not ``known``, what the line says."""

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
    origin: tuple[Word, ...] = ()

    @property
    def name(self) -> str:
        return self.words[0].text

    @property
    def options(self) -> list[Word]:
        return [word for word, option in self._sorted() if option]

    @property
    def operands(self) -> list[Word]:
        return [word for word, option in self._sorted() if not option]

    def _sorted(self) -> Iterator[tuple[Word, bool]]:
        ended = False
        for word in self.words[1:]:
            yield (
                word,
                not ended and word.known and len(word.text) > 1 and word.text.startswith("-") and word.text != "--",
            )
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
    if DISGUISES.search(line):
        reader.unreadable()
    try:
        reader.line(line)
    except Exception as error:  # too deep, or what nobody thought of: a person reads it
        log.warning(
            "A command could not be read, so it asks: %s", error, exc_info=not isinstance(error, RecursionError)
        )
        reader.unreadable()
    return Reading(tuple(dict.fromkeys(reader.commands)), tuple(dict.fromkeys(reader.bases)))


REDIRECTS = frozenset(["file_redirect", "heredoc_redirect", "herestring_redirect"])
TRUNCATING = frozenset([">", ">|", "&>", ">&"])
EXPANSIONS = frozenset(
    ["simple_expansion", "expansion", "command_substitution", "process_substitution", "arithmetic_expansion"]
)
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "e": "\x1b", "E": "\x1b", "f": "\f", "v": "\v"}


@cache
def _parser() -> Parser:
    import tree_sitter_bash
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_bash.language()))


@dataclass(slots=True)
class _Reader:
    commands: list[Command] = field(default_factory=list[Command])
    bases: list[str | None] = field(default_factory=lambda: [""])
    started: set[str] = field(default_factory=set[str])  # variables that hold processes of this line
    dashed: bool = False  # a variable holds an option
    depth: int = 0
    deriving: bool = False
    origin: tuple[Word, ...] = ()

    def unreadable(self, *words: Word) -> None:
        self.add(Word(UNREADABLE), *words)

    def add(self, *words: Word) -> None:
        self.commands.append(Command(words, self.deriving, self.origin))

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
        self.depth += 1
        root = _parser().parse(text.encode("utf-8", "replace")).root_node
        if root.has_error:
            self.unreadable()
        self._look_ahead(root)
        self._visit(root, 0)
        self.depth -= 1

    # The tree

    def _look_ahead(self, root: Node) -> None:
        """Where the line goes to, and what its variables hold, wherever it says so."""
        for node in _all(root):
            if node.type == "variable_assignment" and (value := node.child_by_field_name("value")):
                name = _text(node.child_by_field_name("name"))
                if _text(value).strip('"') == "$!":
                    self.started.add(name)
                self.dashed = self.dashed or _text(value).lstrip("\"'").startswith("-")
            elif node.type == "command":
                words = self._words(node)
                if words and words[0].text in ("cd", "pushd"):
                    self._go(words[1:])

    def _go(self, words: Sequence[Word]) -> None:
        to = next((word for word in words if not word.text.startswith("-")), None)
        if to is None or not to.known or to.glob:
            self.bases.append(None)
        else:
            self.bases += [posixpath.join(base, to.text) for base in list(self.bases) if base is not None][:16]

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
        if not first.known and not re.fullmatch(r"[\w.+-]+", name):
            self.unreadable(*rest)
            return
        self.add(Word(name), *rest)
        if len(self.commands) > 2000:
            return
        key = name if name in WRAPPERS else f"{name} {rest[0].text}" if rest and rest[0].known else name
        if key in WRAPPERS and not (name == "command" and rest and rest[0].text in ("-v", "-V")):
            self._wrapped(key, rest[1:] if " " in key else rest, node)
        elif name in SHELLS or name == "su":
            self._shell(name, rest, node)
        elif name == "eval":
            self._texts(rest)
        elif name in (".", "source"):
            if rest and (rest[0].text.startswith(("<(", "/dev/stdin", "/dev/fd")) or not rest):
                self.unreadable()
        elif name == "trap" and rest:
            self._texts(rest[:1])
        elif name in ("xargs", "parallel"):
            with self.part_of():
                self._many(_after_options(rest, XARGS if name == "xargs" else PARALLEL, 0))
        elif name in ("find", "gfind"):
            with self.part_of(Word(name), *rest):
                self._find(rest)
        elif name in ("fd", "fdfind"):
            with self.part_of():
                self._fd(rest)
        elif name == "git":
            plain = _after_options(rest, GIT, 0)
            if len(plain) != len(rest):
                self.add(Word("git"), *plain)
        elif name == "tee" and not any(word.text in ("-a", "--append") for word in rest):
            for word in rest:
                if not word.text.startswith("-"):
                    self.add(Word(">"), word)
        elif name == "truncate":
            for word in _after_options(rest, frozenset(("-s", "--size", "-r", "--reference")), 0):
                self.add(Word(">"), word)
        elif name == "dd":
            for word in rest:
                if word.text.startswith("of="):
                    self.add(Word(">"), Word(word.text[3:], word.known))
        elif name == "cp" and len(rest) == 2 and rest[0].text == "/dev/null":
            self.add(Word(">"), rest[1])
        self._code(name, rest, node)
        if name in DATABASES or key.rpartition(" ")[2] in DATABASES:
            with self.part_of(Word(name), *rest):
                told = self._statements(" ".join(word.text for word in rest))
            if node is not None and not told:
                with self.part_of():
                    self._statements(_whole(node))

    def _wrapped(self, name: str, rest: Sequence[Word], node: Node | None) -> None:
        options, operands = WRAPPERS[name]
        for option in LINE_OPTIONS.get(name, ()):
            for word, following in zip_longest(rest, rest[1:]):
                if word.text == option and following:
                    self._texts([following])
                elif word.text.startswith(option) and len(word.text) > len(option):
                    self._texts([Word(word.text.removeprefix(option).lstrip("="), word.known)])
        inner = _after_options(rest, options, operands, assignments=name in ("env", "sudo", "doas"))
        if inner:
            self._simple(inner, node)

    def _shell(self, name: str, rest: Sequence[Word], node: Node | None) -> None:
        operands: list[Word] = []
        takes_line = stdin = False
        words = iter(rest)
        for word in words:
            text = word.text
            if operands or not text.startswith(("-", "+")) or text == "-":
                operands.append(word)
            elif text in ("-o", "+o", "-O", "+O", "--rcfile", "--init-file"):
                next(words, None)
            elif not text.startswith("--"):
                takes_line = takes_line or "c" in text
                stdin = stdin or "s" in text
        if takes_line:
            self._texts(operands[1:2] if name == "su" and len(operands) > 1 else operands[:1])
        elif name == "su":
            pass
        elif operands and not stdin and operands[0].text not in ("-", "/dev/stdin"):
            if operands[0].text.startswith(("<(", "/dev/fd")):
                self.unreadable()
        elif node is not None:
            given = _given(node)
            if given is not None and (given.type == "heredoc_body" or self._here(given)):
                self.line(_text(given) if given.type == "heredoc_body" else self._here(given))
            elif given is not None or _is_piped(node):
                self.unreadable()

    def _here(self, node: Node) -> str:
        """What a here-string gives; empty where that cannot be told."""
        if node.type != "herestring_redirect" or not node.named_children:
            return ""
        word = self._word(node.named_children[-1])
        return word.text if word.known else ""

    def _texts(self, words: Sequence[Word]) -> None:
        """Words that are a command line when put together."""
        if any(not word.known for word in words):
            self.unreadable(*words)
        elif words:
            self.line(" ".join(word.text for word in words))

    def _many(self, words: Sequence[Word]) -> None:
        """A command that is run on whatever is fed to it."""
        if words:
            fed = Word("…", known=False, option=True)
            self._simple(_on_many([*words, fed]), None)

    def _find(self, rest: Sequence[Word]) -> None:
        start = 0
        while start < len(rest) and rest[start].text in ("-H", "-L", "-P"):
            start += 1
        end = start
        while end < len(rest) and not rest[end].text.startswith(("-", "(", "!", "\\")):
            end += 1
        roots = list(rest[start:end]) or [Word(".")]
        for at, word in enumerate(rest):
            if word.text == "-delete":
                self.add(Word("rm"), Word("-r"), *roots)
            elif word.text in ("-exec", "-execdir", "-ok", "-okdir"):
                inner: list[Word] = []
                for part in rest[at + 1 :]:
                    if part.text in (";", "+"):
                        break
                    inner += roots if part.text == "{}" else [part]
                if inner:
                    self._simple(_on_many(inner), None)
            elif word.text in ("-fprint", "-fprintf", "-fls", "-fprint0") and at + 1 < len(rest):
                self.add(Word(">"), rest[at + 1])

    def _fd(self, rest: Sequence[Word]) -> None:
        for at, word in enumerate(rest):
            if word.text in ("-x", "--exec", "-X", "--exec-batch"):
                self._many([part for part in rest[at + 1 :] if part.text != ";"])
                return

    def _code(self, name: str, rest: Sequence[Word], node: Node | None) -> None:
        """What code of another language does, as far as that is easily seen."""
        program = (
            "python" if re.fullmatch(r"python[\d.]*|pypy\d?|ipython", name) else "node" if name == "nodejs" else name
        )
        if program not in CODE_OPTIONS:
            return
        codes: list[str] = []
        for at, word in enumerate(rest):
            if word.text in CODE_OPTIONS[program] and at + 1 < len(rest):
                codes.append(rest[at + 1].text)
            elif any(word.text.startswith(f"{option}=") for option in CODE_OPTIONS[program]):
                codes.append(word.text)
        fed = next((word.text in ("-", "/dev/stdin") for word in rest if not re.match("-.", word.text)), True)
        if fed and not codes and node is not None and not any(word.text in NO_CODE for word in rest):
            given = _given(node)
            if given is not None and given.type in ("heredoc_body", "herestring_redirect"):
                with self.part_of():
                    self._effects(_text(given))
            elif given is not None or _is_piped(node):
                self.unreadable()
        for code in codes:
            with self.part_of(Word(name), *rest):
                self._effects(code)

    def _effects(self, code: str) -> None:
        if DELETES.search(code):
            self.add(Word("rm"), Word("-r"), Word("…", known=False))
        self._statements(code)

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

    # Words

    def _word(self, node: Node) -> Word:
        text, known, glob, quoted = self._value(node)
        if known:
            return Word(text, glob=glob)
        own = text in ("$!", '"$!"', "${!}") or text.strip('"').lstrip("$").strip("{}") in self.started
        option = self.dashed or (not quoted and text.startswith(("$", "`", "{")))
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


def _after_options(
    words: Sequence[Word], valued: frozenset[str], operands: int, *, assignments: bool = False
) -> list[Word]:
    """What follows a command's own options and its first operands."""
    at = 0
    while at < len(words):
        text = words[at].text
        if text == "--":
            at += 1
        elif words[at].known and text.startswith("-") and len(text) > 1:
            at += 2 if text in valued else 1
            continue
        elif assignments and re.match(r"\w+=", text):
            at += 1
            continue
        elif operands:
            operands -= 1
            at += 1
            continue
        break
    return list(words[at:])


def _on_many(words: Sequence[Word]) -> list[Word]:
    """``rm`` of many files is like that of a folder."""
    name = posixpath.basename(words[0].text)
    return [Word("rm"), Word("-r"), *words[1:]] if name in ("rm", "unlink") else list(words)


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


def _whole(node: Node) -> str:
    """The statement that a command is part of: what is fed to it, too."""
    while node.parent is not None and node.parent.type in STATEMENT:
        node = node.parent
    return _text(node)


def _given(node: Node) -> Node | None:
    """What a command reads in place of its standard input, if the line says so: the body of a here-document, a
    here-string, a process substitution."""
    around = [*node.children]
    if node.parent is not None and node.parent.type == "redirected_statement":
        around += node.parent.children
    for child in around:
        if child.type == "heredoc_redirect":
            return next((part for part in child.children if part.type == "heredoc_body"), None)
        if child.type == "herestring_redirect":
            return child
        if child.type == "file_redirect" and any(part.type == "<" for part in child.children):
            return next((part for part in child.children if part.type == "process_substitution"), None)
    return None


def _is_piped(node: Node) -> bool:
    """Whether a command reads what another one prints."""
    while (parent := node.parent) is not None and parent.type not in ("command_substitution", "process_substitution"):
        if parent.type == "pipeline" and parent.children[0] != node:
            return True
        if parent.type == "heredoc_redirect" and node.type == "pipeline":
            return True  # cat <<EOF | sh
        node = parent
    return False
