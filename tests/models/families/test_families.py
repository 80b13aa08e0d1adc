"""Each family of endpoints plays through the whole product: a person asks, says something in the middle, stops,
goes on, changes to another family's model, and back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from building import app_builder
from models.families.anthropic import Anthropic, AnthropicInOpenAIFormat
from models.families.azure import Azure
from models.families.deepseek import DeepSeek
from models.families.frame import KEY, Answer, Family, FamilyServer
from models.families.gemini import Gemini
from models.families.groq import Cerebras, Groq
from models.families.local import VLLM, LlamaCpp, LMStudio, Ollama
from models.families.mistral import Mistral
from models.families.openai import OpenAI
from models.families.openrouter import OpenRouter
from plain_app import assert_sound, plain

from jupyter_appbuilder.agents import asking
from jupyter_appbuilder.models import clients
from jupyter_appbuilder.session import Session

LONGEST = 60  # seconds after which a turn counts as hanging

FAMILIES: list[Family] = [
    OpenAI(), Gemini(), DeepSeek(), Mistral(), Anthropic(), AnthropicInOpenAIFormat(), OpenRouter(), Groq(), Cerebras(),
    VLLM(), Ollama(), LMStudio(), LlamaCpp(), Azure(),
]  # fmt: skip

UNKNOWN: list[Family] = [
    replace(family, provider="somewhere", model="m", learns=1)
    for family in FAMILIES
    if family.name in ("OpenAI", "DeepSeek", "Mistral", "Gemini")
]
"""The same by a name that tells nothing, as behind a gateway."""


def script(family: Family) -> dict[str, Answer]:
    page = "<!doctype html>\n<title>Owls</title>\n<h1>Owls</h1>\n"
    look = [("list_files", {}), ("read_file", {"path": "page.html"})]
    edit = {"path": "page.html", "edits": [{"search": "<h1>Owls</h1>", "replace": "<h1>Blue owls</h1>"}]}
    long = "Now I tell at length what was made of the page and why it is blue, and what I would do next, if asked to."
    return {
        "write": Answer("I write the page first.", calls=[("write_file", {"path": "page.html", "content": page})]),
        "look": Answer("Let me look.", calls=look if family.parallel else look[:1]),
        "edit": Answer("They want it blue.", "I make it blue.", [("edit_file", edit)], hold="before"),
        "check": Answer("", "", [("check_app", {})]),
        "notes": Answer("I note it.", "", [("write_file", {"path": "notes.txt", "content": "blue\n"})]),
        "stopped": Answer("I sum up.", long, hold="middle"),
        "again": Answer("On I go.", "", [("list_files", {})]),
        "nothing": Answer("Hm.", "Never read.", hold="before"),
        "more": Answer("", "I add it.", [("write_file", {"path": "more.txt", "content": "more\n"})]),
        "done": Answer("That is all.", "All is done."),
        "back": Answer("I am back.", "", [("write_file", {"path": "back.txt", "content": "back\n"})]),
        "end": Answer("", "All is done again."),
    }


def elsewhere() -> list[Answer]:
    return [
        Answer("Another one thinks.", calls=[("write_file", {"path": "other.txt", "content": "other\n"})]),
        Answer("Well.", "The other one is done."),
    ]


@asynccontextmanager
async def session_with(folder: Path, *servers: FamilyServer) -> AsyncIterator[Session]:
    """A session whose models are at ``servers``."""
    async with AsyncExitStack() as stack:
        providers: dict[str, Any] = {}
        for server in servers:
            await stack.enter_async_context(server.running())
            providers[server.family.provider] = {"base_url": server.url, "api_key": KEY}
        first = servers[0].family
        traits = {"model": f"{first.provider}:{first.model}", "providers": providers, **plain(folder)}
        builder = await stack.enter_async_context(app_builder(folder, **traits))
        yield await builder.create(name="played")


async def responses(session: Session) -> list[Any]:
    return [event.data for event in await session.events() if event.type == "response.completed"]


async def told(session: Session, text: str, model: str | None = None) -> str:
    """How a turn ended."""
    await session.send(text, model=model)
    return await ended(session)


async def ended(session: Session) -> str:
    async with asyncio.timeout(LONGEST):
        end = await session.wait()
    return end["reason"] if end["reason"] in ("done", "stopped") else f"{end['reason']}: {end['message']}"


async def reached(session: Session, answer: Answer) -> None:
    """Wait until the model is asked for an answer that it holds back."""
    waiting = {asyncio.ensure_future(answer.reached.wait()), asyncio.ensure_future(session.wait())}
    await asyncio.wait(waiting, timeout=LONGEST, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
    assert answer.reached.is_set(), await ended(session)


async def stopped_at(session: Session, answer: Answer) -> str:
    await reached(session, answer)
    async with asyncio.timeout(LONGEST):
        if answer.hold == "middle":
            await shown(session, answer.text[:12])
        await session.stop()
    return await ended(session)


async def shown(session: Session, text: str) -> None:
    """Wait until words are on the screen."""
    said = ""
    async for message in session.watch(len(await session.events())):
        if message["kind"] == "snapshot":
            said = (message["response"] or {}).get("text", "")
        elif message.get("type") == "text.delta":
            said += message["data"]["text"]
        if text in said:
            return


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "RETRY_DELAY", 0.01)
    monkeypatch.setattr(clients, "_clients", {}, raising=False)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
async def test_a_family_plays_through_the_product(family: Family, tmp_path: Path):
    await play(family, FAMILIES[(FAMILIES.index(family) + 1) % len(FAMILIES)], tmp_path)


@pytest.mark.parametrize("family", UNKNOWN, ids=lambda family: family.name)
async def test_a_family_that_nothing_tells_is_learned_from_what_it_refuses(family: Family, tmp_path: Path):
    await play(family, FAMILIES[0], tmp_path)


async def play(family: Family, another: Family, folder: Path) -> None:
    family, another = replace(family), replace(another)
    steps = script(family)
    server = FamilyServer(family, steps.values())
    other = FamilyServer(another, elsewhere())
    async with session_with(folder, server, other) as session:
        app = session.workspace.app
        await session.send("Make a page about owls.")
        await reached(session, steps["edit"])
        await session.send("Make it blue.")
        steps["edit"].let_go.set()
        assert await stopped_at(session, steps["stopped"]) == "stopped"
        assert "<h1>Blue owls</h1>" in (app / "page.html").read_text()
        assert (app / "notes.txt").read_text() == "blue\n"
        kept = (await responses(session))[-1]["text"]
        assert kept.strip(), "what was said is kept"
        assert steps["stopped"].text.startswith(kept)

        await session.send("Go on.")
        assert await stopped_at(session, steps["nothing"]) == "stopped"
        assert await told(session, "Finish it.") == "done"
        assert (await responses(session))[-1]["text"] == "All is done."

        assert await told(session, "Look once more.", f"{other.family.provider}:{other.family.model}") == "done"
        assert (await responses(session))[-1]["text"] == "The other one is done."
        assert await told(session, "And you?", f"{family.provider}:{family.model}") == "done"
        assert (await responses(session))[-1]["text"] == "All is done again."
        for name in ("more", "other", "back"):
            assert (app / f"{name}.txt").read_text() == f"{name}\n"
        await assert_sound(session, folder)
        thoughts = [data.get("reasoning", "") for data in await responses(session)]
    assert len(server.refused) <= family.learns, server.refused
    assert len(other.refused) <= other.family.learns, other.refused
    assert len(set(server.refused)) == len(server.refused), "what was refused once is not tried again"
    if family.thinks:
        assert "I write the page first." in thoughts
    heard = str([message["content"] for body in server.taken for message in body["messages"]])
    assert "Make it blue." in heard
