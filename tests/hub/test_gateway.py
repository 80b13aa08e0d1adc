"""The gateway to models: who may ask, what passes, what it costs, and what happens when somebody breaks off."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from model_server import ModelServer, model_server_in_thread

from jupyter_appbuilder.hub.database import open_database
from jupyter_appbuilder.hub.ledger import Ledger, LimitScope, Period, Person, Quota
from jupyter_appbuilder.models.base import ModelError, ModelSettings
from jupyter_appbuilder.models.openai_compatible import Endpoint, OpenAICompatibleModel

from .service_process import KEY, HubApi, hub_api, service

ADA = Person("ada", ("staff",))
ASKED = {"model": "coder", "messages": [{"role": "user", "content": "Hello"}], "stream": True}


def tables(*servers: ModelServer, price: tuple[float, float] = (1000.0, 1000.0)) -> dict[str, Any]:
    """Providers and models on them; by default a token costs a thousandth of a dollar."""
    providers = {f"p{n}": {"base_url": s.url, "key_env": "KEY_OF_THE_PROVIDER"} for n, s in enumerate(servers)}
    names = ["coder", "spare"][: len(servers)]
    models = {
        name: {"provider": f"p{n}", "model": "scripted", "price": price, "max_output": 1000}
        for n, name in enumerate(names)
    }
    if len(servers) > 1:
        models["coder"]["fallback"] = ["spare"]
    models["secret"] = {"provider": "p0", "model": "scripted", "price": price, "groups": ["staff"]}
    return {"providers": providers, "models": models, "token_seconds": 0.5}


@pytest.fixture(scope="module")
def api() -> Iterator[HubApi]:
    with hub_api() as found:
        found.add("ada", "staff")
        found.add("bob")
        yield found


@contextlib.contextmanager
def running(folder: Path, api: HubApi, *steps: Any, url: str = "", **settings: Any) -> Iterator[tuple[Any, Any]]:
    """The service before one model; both."""
    given = {"database": url or f"sqlite:///{folder}/hub.sqlite"}
    with model_server_in_thread(list(steps)) as model:
        with service(folder, api, **(given | tables(model) | settings)) as found:
            yield found, model


async def in_ledger(url: str, work: Callable[[Ledger], Awaitable[Any]]) -> Any:
    database = await open_database(url)
    try:
        return await work(Ledger(database))
    finally:
        await database.close()


def limit(url: str, dollars: float, scope: LimitScope = "everyone", name: str = "", period: Period = "day") -> None:
    asyncio.run(in_ledger(url, lambda money: money.set_limit(scope, name, period, round(dollars * 1e6), "root")))


def usage(url: str) -> list[dict[str, Any]]:
    """Rows of usage, once nothing is held; the ledger adds up."""

    async def look(money: Ledger) -> list[dict[str, Any]]:
        assert await money.differences() == []
        if await money.database.read("SELECT id FROM reservations"):
            return []
        return await money.database.read("SELECT * FROM usage ORDER BY id")

    return asyncio.run(in_ledger(url, look))


def settled(url: str, count: int) -> list[dict[str, Any]]:
    deadline = time.monotonic() + 20
    while len(rows := usage(url)) < count:
        assert time.monotonic() < deadline, rows
        time.sleep(0.05)
    return rows


def quota(url: str) -> Quota:
    return asyncio.run(in_ledger(url, lambda money: money.quotas(ADA)))[0]


def test_an_answer_passes_byte_for_byte_and_is_settled_with_what_it_reports(api: HubApi, tmp_path: Path):
    step = {
        "text": "Hëllo — 你好 " * 3000,
        "reasoning": "hm",
        "size": 5,
        "usage": {"prompt_tokens": 9, "completion_tokens": 7},
    }
    url = f"sqlite:///{tmp_path}/hub.sqlite"
    with running(tmp_path, api, step, step, {"plain": True, "text": "Short."}) as (found, model):
        with found.client("token-of-ada") as ada:
            body = ASKED | {"model": "scripted", "stream_options": {"include_usage": True}}
            direct = httpx.post(f"{model.url}/chat/completions", json=body).content
            answer = ada.post("v1/chat/completions", json=ASKED)
            assert answer.headers["content-type"] == "text/event-stream"
            assert answer.content == direct
            assert ada.post("v1/chat/completions", json=ASKED | {"stream": False}).json()["choices"]
        asked = model.requests[1]
        assert asked.headers["authorization"] == f"Bearer {KEY}"
        assert asked.body["model"] == "scripted"
        assert asked.body["stream_options"] == {"include_usage": True}
    rows = settled(url, 2)
    told = [
        (row["user_name"], row["input_tokens"], row["output_tokens"], row["micros"], row["outcome"]) for row in rows
    ]
    assert told == [("ada", 9, 7, 16_000, "done"), ("ada", 100, 20, 120_000, "done")]


def test_who_may_ask_is_the_hubs_to_say(api: HubApi, tmp_path: Path):
    other = api.add("eve", scopes=("access:servers",))
    revoked = api.add("zoe")
    with running(tmp_path, api) as (found, _):

        def ask(token: str, model: str = "coder") -> tuple[int, str]:
            with found.client(token) as client:
                answer = client.post("v1/chat/completions", json=ASKED | {"model": model, "stream": False})
                return answer.status_code, answer.json().get("error", {}).get("type", "")

        assert httpx.post(f"{found.url}v1/chat/completions", json=ASKED).status_code == 401
        assert ask("of-nobody") == (403, "permission_error")
        assert ask(other) == (403, "permission_error")
        assert ask(revoked) == (200, "")
        del api.users[revoked]
        deadline = time.monotonic() + 20
        while ask(revoked)[0] == 200:
            assert time.monotonic() < deadline
        assert ask("token-of-bob", "secret") == (404, "invalid_request_error")
        assert ask("token-of-ada", "secret") == (200, "")
        with found.client("token-of-bob") as bob:
            assert [one["id"] for one in bob.get("v1/models").json()["data"]] == ["coder"]
            for field, value in (("models", ["other"]), ("service_tier", "priority"), ("n", 1000), ("max_tokens", -1)):
                refused = bob.post("v1/chat/completions", json=ASKED | {field: value})
                assert (refused.status_code, refused.json()["error"]["param"]) == (400, field)
            for text in ("", "[]", "{", '{"model": "coder", "messages": []}', "[" * 100_000):
                assert bob.post("v1/chat/completions", content=text).status_code == 400
            tools = [{"type": "web_search"}]
            assert bob.post("v1/chat/completions", json=ASKED | {"tools": tools}).status_code == 400


def test_nothing_of_a_body_is_taken_before_it_is_known_whose_it_is(api: HubApi, tmp_path: Path):
    with running(tmp_path, api, body_bytes=3_000_000, requests_per_person=1) as (found, _):
        parts = urlsplit(found.url)
        assert parts.hostname

        def begun(token: str, length: int = 1000) -> socket.socket:
            """A request of which the head was sent."""
            client = socket.create_connection((parts.hostname, parts.port), 20)
            head = f"POST {parts.path}v1/chat/completions HTTP/1.1\r\nHost: here\r\nContent-Length: {length}\r\n"
            client.sendall(f"{head}Authorization: Bearer {token}\r\n\r\n{{".encode())
            return client

        for token, length, status in (("of-nobody", 2_999_999, b"403"), ("token-of-ada", 3_000_001, b"413")):
            with begun(token, length) as client:
                assert client.recv(100_000).split()[1] == status
        # What is on its way counts as one of theirs, until they hang up.
        with begun("token-of-ada"), found.client("token-of-ada") as ada:
            waits_for(lambda: ada.post("v1/chat/completions", json=ASKED).status_code == 429)
        with found.client("token-of-ada") as ada:
            waits_for(lambda: ada.post("v1/chat/completions", json=ASKED).status_code == 200)
            long = ASKED | {"messages": [{"role": "user", "content": "x" * 2_500_000}]}
            assert ada.post("v1/chat/completions", json=long).status_code == 200
            pieces = iter([b"x" * 1_000_000] * 4)
            with contextlib.suppress(httpx.HTTPError):
                assert ada.post("v1/chat/completions", content=pieces).status_code == 400


def waits_for(happens: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not happens():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_what_is_no_answer_is_not_paid_for_and_one_of_the_other_kind_is(api: HubApi, tmp_path: Path):
    url = f"sqlite:///{tmp_path}/hub.sqlite"
    steps = [
        {"plain": True, "text": "x" * 400, "usage": None},
        {"status": 200, "body": "<!doctype html><title>Log in</title>"},
        {"status": 307, "headers": {"Location": "https://elsewhere.example/"}},
        {"error": {"message": "Overloaded", "code": 529}, "usage": None},
    ]
    with running(tmp_path, api, *steps) as (found, _), found.client("token-of-ada") as ada:
        assert ada.post("v1/chat/completions", json=ASKED).json()["choices"]
        for _ in range(2):
            refused = ada.post("v1/chat/completions", json=ASKED)
            assert (refused.status_code, refused.json()["error"]["code"]) == (503, "model_down")
        assert "Overloaded" in ada.post("v1/chat/completions", json=ASKED).text
    [row] = settled(url, 1)
    assert (row["output_tokens"], row["outcome"]) == (100, "done")


def test_fifty_at_once_cannot_overdraw_and_hear_when_it_resets(api: HubApi, tmp_path: Path, database_url: str):
    step = {"text": "Hello", "usage": {"prompt_tokens": 30, "completion_tokens": 70}}  # ten cents
    with running(tmp_path, api, step, url=database_url, requests_per_person=50) as (found, model):
        model.repeat = True
        limit(database_url, 1.0)
        body = ASKED | {"max_tokens": 70}

        def ask(_: int) -> int:
            with found.client("token-of-ada") as ada:
                return ada.post("v1/chat/completions", json=body).status_code

        with ThreadPoolExecutor(50) as pool:
            statuses = list(pool.map(ask, range(50)))
        assert set(statuses) <= {200, 402, 429}
        # Each holds about as much as it costs; whoever is refused for what others hold may ask again.
        while ask(0) == 200:
            statuses.append(200)
        assert 9 <= statuses.count(200) <= 10
        with found.client("token-of-ada") as ada:
            refused = ada.post("v1/chat/completions", json=body)
            error = refused.json()["error"]
            assert (refused.status_code, error["type"], error["code"]) == (402, "insufficient_quota", "over_quota")
            assert "Your budget of $1.00 for this day" in error["message"]
            assert "00:00 (UTC)" in error["message"]
            assert refused.headers["x-should-retry"] == "false"
            assert 0 < int(refused.headers["retry-after"]) <= 86_400
            spent = ada.get("api/me").json()["quotas"][0]
            assert 0.9 <= spent["spent"] <= 1.0
    settled(database_url, 9)


def test_an_answer_gets_a_limit_where_its_money_ends(api: HubApi, tmp_path: Path):
    url = f"sqlite:///{tmp_path}/hub.sqlite"
    with running(tmp_path, api, {"text": "x", "usage": {"prompt_tokens": 30, "completion_tokens": 1}}) as (
        found,
        model,
    ):
        model.repeat = True
        with found.client("token-of-ada") as ada:
            ada.post("v1/chat/completions", json=ASKED)
            limit(url, 0.431)
            ada.post("v1/chat/completions", json=ASKED)
            ada.post("v1/chat/completions", json=ASKED | {"max_completion_tokens": 50})
        assert "max_tokens" not in model.requests[0].body  # nothing limits her: nothing is changed
        assert 256 < model.requests[1].body["max_tokens"] < 400
        assert model.requests[2].body["max_completion_tokens"] == 50
        assert "max_tokens" not in model.requests[2].body


def test_what_a_provider_does_not_report_is_counted_here(api: HubApi, tmp_path: Path):
    url = f"sqlite:///{tmp_path}/hub.sqlite"
    steps = [{"text": "x" * 4000, "usage": None}, {"text": "y" * 400, "refuse_usage": True, "usage": None}]
    steps.append({"text": "z" * 40, "raw_usage": {"prompt_tokens": "many", "completion_tokens": -3}})
    with running(tmp_path, api, *steps) as (found, model), found.client("token-of-ada") as ada:
        for _ in range(3):
            assert ada.post("v1/chat/completions", json=ASKED).status_code == 200
        assert ["stream_options" in request.body for request in model.requests] == [True, True, False, False]
    rows = settled(url, 3)
    assert [(row["output_tokens"], row["estimated"]) for row in rows] == [(1000, 1), (100, 1), (10, 1)]
    assert all(row["input_tokens"] > 10 for row in rows)


def test_one_other_model_is_asked_before_the_first_byte_and_none_after_it(api: HubApi, tmp_path: Path):
    url = f"sqlite:///{tmp_path}/hub.sqlite"
    first = [{"status": 503}, {"status": 401}, {"text": "x" * 400, "drop_after": 5}, {"status": 400}]
    with model_server_in_thread(first) as one, model_server_in_thread([{"text": "spare"}] * 9) as other:
        given = tables(one, other)
        with service(tmp_path, api, database=url, **given) as found, found.client("token-of-ada") as ada:
            for _ in range(2):
                assert "spare" in ada.post("v1/chat/completions", json=ASKED | {"stream": False}).text
            with pytest.raises(httpx.RemoteProtocolError):
                ada.post("v1/chat/completions", json=ASKED)
            assert ada.post("v1/chat/completions", json=ASKED).status_code == 400  # is about the request
            assert len(other.requests) == 2
    rows = settled(url, 3)
    assert [(row["provider"], row["outcome"]) for row in rows] == [("p1", "done"), ("p1", "done"), ("p0", "failed")]
    assert 0 < rows[2]["output_tokens"] < 100


def test_a_provider_that_is_gone_or_refuses_the_key_is_said_without_it(api: HubApi, tmp_path: Path):
    url = f"sqlite:///{tmp_path}/hub.sqlite"
    echo = {"status": 401, "body": {"error": {"message": f"Incorrect API key provided: {KEY}"}}}
    quoting = {"status": 400, "body": {"error": {"message": f"bad header Bearer {KEY}"}}}
    with model_server_in_thread([echo, quoting, quoting]) as model:
        given = tables(model)
        given["providers"]["gone"] = {"base_url": f"http://127.0.0.1:9/v1?key={KEY}"}
        given["providers"]["asked"] = {"base_url": f"{model.url}?key={KEY}"}
        given["models"]["asked"] = {"provider": "asked", "price": (1, 1)}
        given["models"]["gone"] = {"provider": "gone", "price": (1, 1)}
        with service(tmp_path, api, database=url, **given) as found, found.client("token-of-ada") as ada:
            refused = ada.post("v1/chat/completions", json=ASKED)
            assert (refused.status_code, refused.json()["error"]["code"]) == (503, "provider_refuses")
            quoted = ada.post("v1/chat/completions", json=ASKED)
            assert quoted.status_code == 400
            in_url = ada.post("v1/chat/completions", json=ASKED | {"model": "asked"})
            assert KEY not in refused.text + quoted.text + in_url.text
            gone = ada.post("v1/chat/completions", json=ASKED | {"model": "gone"})
            assert (gone.status_code, gone.json()["error"]["code"]) == (503, "model_down")
            assert KEY not in gone.text
            for path in ("responses", "messages", "completions", "embeddings"):  # where nothing would be counted
                assert ada.post(f"v1/{path}", json=ASKED).status_code == 404
    assert usage(url) == []  # nothing was answered, nothing is paid for


def test_who_hangs_up_pays_for_what_was_sent_and_the_provider_is_hung_up_on(api: HubApi, tmp_path: Path):
    url = f"sqlite:///{tmp_path}/hub.sqlite"
    slow = {"text": "x" * 40_000, "size": 40, "delay": 0.02}
    with running(tmp_path, api, slow, {"first_byte": 30}) as (found, model), found.client("token-of-ada") as ada:
        with ada.stream("POST", "v1/chat/completions", json=ASKED) as answer:
            for count, _ in enumerate(answer.iter_lines()):
                if count > 20:
                    break
        rows = settled(url, 1)
        assert rows[0]["outcome"] == "cancelled"
        assert 50 < rows[0]["output_tokens"] < 5000
        with pytest.raises(httpx.ReadTimeout):
            ada.post("v1/chat/completions", json=ASKED, timeout=1)
        assert settled(url, 2)[1]["output_tokens"] == 0
        deadline = time.monotonic() + 20
        while model.closed_early < 1:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_a_provider_that_took_the_request_and_is_not_heard_of_in_time_is_paid_for_it(api: HubApi, tmp_path: Path):
    url = f"sqlite:///{tmp_path}/hub.sqlite"
    with model_server_in_thread([{"first_byte": 30}] * 2) as one, model_server_in_thread([{"text": "spare"}]) as other:
        with (
            service(tmp_path, api, database=url, **tables(one, other), first_byte_seconds=0.5) as found,
            found.client("token-of-ada") as ada,
        ):
            assert "spare" in ada.post("v1/chat/completions", json=ASKED).text
            alone = ada.post("v1/chat/completions", json=ASKED | {"model": "secret"})
            assert (alone.status_code, alone.json()["error"]["code"]) == (503, "model_down")
    spare, lost = settled(url, 2)
    assert (lost["outcome"], lost["output_tokens"], lost["estimated"]) == ("failed", 0, 1)
    assert lost["micros"] == 1000 * lost["input_tokens"] > 0
    assert spare["micros"] > 1000 * (spare["input_tokens"] + spare["output_tokens"])


def test_no_more_at_once_than_one_person_may(api: HubApi, tmp_path: Path):
    held = threading.Event()
    with running(tmp_path, api, *[{"held": held, "text": "x"}] * 2, requests_per_person=2) as (found, model):
        with ThreadPoolExecutor(2) as pool, found.client("token-of-ada") as ada, found.client("token-of-bob") as bob:
            asked = [pool.submit(ada.post, "v1/chat/completions", json=ASKED) for _ in range(2)]
            deadline = time.monotonic() + 20
            while len(model.requests) < 2:
                assert time.monotonic() < deadline
                time.sleep(0.02)
            refused = ada.post("v1/chat/completions", json=ASKED)
            assert (refused.status_code, refused.json()["error"]["code"]) == (429, "too_many_requests")
            assert bob.post("v1/chat/completions", json=ASKED).status_code == 200
            held.set()
            assert [one.result().status_code for one in asked] == [200, 200]


def test_what_a_killed_service_held_is_settled_by_the_next(api: HubApi, tmp_path: Path, database_url: str):
    slow = {"text": "x" * 400_000, "size": 40, "delay": 0.01}
    with model_server_in_thread([slow] * 3) as model:
        given = {"database": database_url, "between_seconds": 30.0, **tables(model)}
        with service(tmp_path, api, **given) as found, ThreadPoolExecutor(3) as pool:

            def ask(_: int) -> None:
                with found.client("token-of-ada") as ada, contextlib.suppress(httpx.HTTPError):
                    ada.post("v1/chat/completions", json=ASKED)

            asked = [pool.submit(ask, n) for n in range(3)]
            deadline = time.monotonic() + 40
            while min((row["sent"] for row in held_in(database_url)), default=0) == 0 or len(model.requests) < 3:
                assert time.monotonic() < deadline
                time.sleep(0.2)
            found.kill()
            for one in asked:
                one.result()
        assert usage(database_url) == []
        with service(tmp_path, api, **given):
            rows = settled(database_url, 3)
        assert {row["outcome"] for row in rows} == {"lost"}
        assert all(row["output_tokens"] > 10 for row in rows)


def held_in(url: str) -> list[dict[str, Any]]:
    return asyncio.run(in_ledger(url, lambda money: money.database.read("SELECT * FROM reservations")))


async def test_the_panel_says_what_it_is(api: HubApi, tmp_path: Path):
    url = f"sqlite:///{tmp_path}/hub.sqlite"
    with running(tmp_path, api) as (found, _):
        await in_ledger(url, lambda money: money.set_limit("user", "ada", "month", 0, "root"))
        endpoint = Endpoint("hub", "Your JupyterHub", f"{found.url}v1", "token-of-ada")
        with pytest.raises(ModelError) as refused:
            async for _ in OpenAICompatibleModel(endpoint, "coder").stream(
                [{"role": "user", "content": "Hello"}], [], ModelSettings()
            ):
                pass
        assert "Your budget of $0.00 for this month is used up" in refused.value.message
        assert "billing" not in str(refused.value)
        assert refused.value.reason == "quota"
