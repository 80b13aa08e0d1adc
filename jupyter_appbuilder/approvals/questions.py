"""Asks the person for approval and waits for the answer.

A question is an event, ``approval.requested``; its answer is ``approval.given``. Between the two the session is
*waiting*. Whoever watches can answer, through whichever face of the product; a page that is loaded again still shows
the question, because it is in the log.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass

from ..cancellation import uncut
from ..errors import Conflict, NotFound
from ..events import ApprovalCause, AskingRule, Draft, Event, Person
from ..log.journal import Journal


@dataclass(frozen=True, slots=True)
class Question:
    """``kind`` and ``subject`` say what it is about, for programs: ``"network"``, ``"api.example.org:443"``."""

    text: str  # one sentence for people, ending in a question mark
    kind: str
    subject: str
    call: str  # the tool call that asks
    turn: str | None = None
    reason: str = ""  # why, in the words of whoever asks
    remember: bool = False  # whether "for this app" can be answered
    rule: AskingRule | None = None
    allows: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """``remember``: it holds for this app, not only this once. ``cause`` is set where no person answered."""

    granted: bool
    remember: bool = False
    cause: ApprovalCause | None = None


class Approvals:
    """The open questions of one session."""

    def __init__(self, journal: Journal, asked: int = 0) -> None:
        """``asked``: how many questions the log holds already."""
        self._journal = journal
        self._open: dict[str, asyncio.Future[Answer]] = {}
        self._answered: set[str] = set()  # of those, the ones whose answer is on its way into the log
        self._numbers = itertools.count(asked + 1)
        self._clocks: dict[asyncio.Timeout, float] = {}  # with the seconds that were left when it was stopped

    @property
    def open(self) -> tuple[str, ...]:
        return tuple(self._open)

    async def ask(self, question: Question) -> Answer:
        """Ask, and wait however long it takes. Cancelling closes the question as not granted."""
        approval = f"{question.call}.a{next(self._numbers)}"
        data: dict[str, object] = {
            "approval": approval,
            "turn": question.turn,
            "call": question.call,
            "kind": question.kind,
            "subject": question.subject,
            "question": question.text,
            "reason": question.reason,
            "remember": question.remember,
        }
        if question.rule:
            data |= {"rule": dict(question.rule), "allows": list(question.allows)}
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._stop_clocks()
        self._open[approval] = answer
        try:
            await self._journal.append(Draft("approval.requested", data))
            return await answer
        except asyncio.CancelledError:
            if approval not in self._answered:
                self._answered.add(approval)
                await uncut(self._journal.append(closing(approval, "stopped")))
            raise
        finally:
            del self._open[approval]
            self._answered.discard(approval)
            self._start_clocks()

    async def give(
        self,
        approval: str,
        granted: bool,
        *,
        remember: bool = False,
        cause: ApprovalCause | None = None,
        by_whom: Person | None = None,
    ) -> None:
        """Answer an open question. Raises ``NotFound`` for one that was never asked here, ``Conflict`` (reason
        ``approval_closed``) for one that has its answer."""
        answer = self._open.get(approval)
        if answer is None:
            raise NotFound(
                "That question is not open.", hint="It was answered, or its turn has ended.", reason="unknown_approval"
            )
        if approval in self._answered:
            raise Conflict("That question was already answered.", reason="approval_closed")
        self._answered.add(approval)
        given = Answer(granted, granted and remember, cause)
        data: dict[str, object] = {"approval": approval, "granted": given.granted, "remember": given.remember}
        data |= ({"cause": cause} if cause else {}) | ({"by_whom": by_whom} if by_whom else {})

        async def store() -> None:
            try:
                await self._journal.append(Draft("approval.given", data))
            except BaseException:
                self._answered.discard(approval)  # it could not be stored: it can be given again
                raise
            if not answer.done():
                answer.set_result(given)

        await uncut(store())

    @contextlib.contextmanager
    def pausing(self, clock: asyncio.Timeout) -> Generator[None]:
        """A time limit that stands still while a question is open."""
        self._clocks[clock] = 0.0
        try:
            yield
        finally:
            del self._clocks[clock]

    def _stop_clocks(self) -> None:
        if not self._open:
            now = asyncio.get_running_loop().time()
            for clock in self._clocks:
                if not clock.expired():
                    self._clocks[clock] = (clock.when() or now) - now
                    clock.reschedule(None)

    def _start_clocks(self) -> None:
        if not self._open:
            now = asyncio.get_running_loop().time()
            for clock, left in self._clocks.items():
                if not clock.expired():
                    clock.reschedule(now + left)


def closing(approval: str, cause: ApprovalCause) -> Draft:
    """The end of a question that no person answered."""
    return Draft("approval.given", {"approval": approval, "granted": False, "remember": False, "cause": cause})


def unanswered(events: Iterable[Event]) -> list[str]:
    """The questions that have no answer in the log, in order."""
    asked: dict[str, None] = {}
    for event in events:
        if event.type == "approval.requested":
            asked[event.data["approval"]] = None
        elif event.type == "approval.given":
            asked.pop(event.data["approval"], None)
    return list(asked)
