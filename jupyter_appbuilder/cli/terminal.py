"""Progress on the terminal: streams the agent's text and prints one line per action."""

from __future__ import annotations

import contextlib
import io
import locale
import os
import re
import sys
from typing import TextIO

from ..client.feed import Entry, Feed, always
from ..errors import InvalidInput
from ..events import ApprovalRequested

# What a terminal obeys rather than shows: escape sequences can write to the clipboard, change the title or type for the
# person, and marks of direction make text read other than it is.
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")

COLOURS = {"✓": "32", "✗": "31", "⚠": "33"}


def speak_plainly() -> None:
    """What an output's encoding lacks, and bytes of an input that are no text, are shown by other characters: neither
    ends the program."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def read_input() -> str:
    """All of stdin. Raises ``InvalidInput`` where it is no text."""
    data = sys.stdin.buffer.read()
    for encoding in ("utf-8-sig", locale.getencoding()):
        with contextlib.suppress(UnicodeDecodeError):
            return data.decode(encoding).replace("\r\n", "\n")
    raise InvalidInput("The input on stdin is not text.", hint="Send it as UTF-8.")


class Terminal:
    """Writes to ``stream``; in colour, and with lines that are redrawn, when that is a terminal."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.live = stream.isatty() and os.environ.get("TERM") != "dumb"
        self.coloured = self.live and "NO_COLOR" not in os.environ
        self._written: dict[Entry, int] = {}  # characters of each text entry that are out
        self._finished: set[Entry] = set()
        self._open = False  # whether the last line is unfinished
        self._redrawn = False  # whether the last line may be written over

    def note(self, text: str) -> None:
        self._line(self.colour("2", shown(text)))

    def heading(self, text: str) -> None:
        self._line(self.colour("1", shown(text)))

    def error(self, message: str, hint: str = "") -> None:
        self._line(f"{self.colour('31', '✗')} {shown(message)}")
        if hint:
            self._line(f"  {shown(hint)}")

    def status(self, text: str) -> None:
        """A line that the next one replaces; shown on terminals only."""
        if self.live:
            self._break()
            width = os.get_terminal_size(self.stream.fileno()).columns - 1
            self._write("\r\x1b[K" + self.colour("2", shown(text)[:width]))
            self._open = self._redrawn = True

    def aside(self, text: str) -> None:
        """The same, unless a line of text is being written."""
        if not self._open or self._redrawn:
            self.status(text)

    @property
    def can_ask(self) -> bool:
        """True if somebody sits there to answer."""
        return self.live and sys.stdin is not None and sys.stdin.isatty()

    def reply(self, prompt: str) -> str:
        """A line from the person."""
        self._break(force=True)
        self._write(prompt)
        return sys.stdin.readline().strip()

    def ask(self, question: ApprovalRequested) -> dict[str, bool]:
        """Put a question of the agent's (an event's data) to the person. What is not clearly yes is no."""
        for_app = ", [a]lways for this app" if question.get("remember") else ""
        if for_app and (told := always(question)):
            self._line(f"  {shown(told)}")
        answer = self.reply(f"  [y]es, once{for_app}, [N]o: ").casefold()[:1]
        return {"granted": answer in ("y", "a"), "remember": answer == "a" and bool(for_app)}

    def feed(self, feed: Feed, touched: list[Entry]) -> None:
        for entry in touched:
            if entry.kind == "text":
                self._text(entry)
            elif entry.kind == "note":
                self._line(f"{self._mark(entry)} {shown(entry.text)}")
            elif entry.tool == "approval" and entry.state == "running":
                self._line(f"{self.colour('33', '?')} {shown(entry.text)}")
                if entry.code:
                    self._line("\n".join(f"    {line}" for line in shown(entry.code).split("\n")))
            elif entry.state == "running":
                self.status(f"◌ {entry.text}" + (f"  {last}" if (last := _last_line(entry.output)) else ""))
            elif entry not in self._finished:
                self._finished.add(entry)
                self._line(f"{self._mark(entry)} {shown(' '.join(entry.text.split()))}")

    def _mark(self, entry: Entry) -> str:
        return self.colour(COLOURS[entry.mark], entry.mark)

    def _text(self, entry: Entry) -> None:
        written = self._written.get(entry, 0)
        fresh = entry.text[written:] if written else entry.text.lstrip()
        if not written and fresh:
            self._break(force=True)
            self._write("\n")
        if fresh:
            if self._redrawn:
                self._break(force=True)
            self._write(shown(fresh))
            self._open = True
        self._written[entry] = len(entry.text)
        if entry.state == "done" and entry not in self._finished:
            self._finished.add(entry)
            self._line("")

    def _line(self, text: str) -> None:
        self._break(force=True)
        self._write(text + "\n")

    def _break(self, *, force: bool = False) -> None:
        """End the line in progress: written over if it may be, kept if it is text."""
        if self._open and self._redrawn:
            self._write("\r\x1b[K")
        elif self._open:
            self._write("\n")
        self._open = self._redrawn = False

    def _write(self, text: str) -> None:
        self.stream.write(text)
        self.stream.flush()

    def colour(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.coloured else text


def _last_line(output: str) -> str:
    lines = output.strip().splitlines()
    return lines[-1].strip() if lines else ""


def shown(text: str) -> str:
    """``text`` with nothing in it that a terminal would obey; line breaks and tabs stay."""
    return OBEYED.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n"))


def say(text: str) -> None:
    """A line of the result, on stdout."""
    print(shown(text), flush=True)
    sys.stdout.flush()
