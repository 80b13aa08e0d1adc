"""What is counted of an answer that passes, in the shapes in which providers report usage, or do not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from jupyter_appbuilder.errors import InvalidInput
from jupyter_appbuilder.hub.answers import DOCUMENT, Counter
from jupyter_appbuilder.hub.gateway import read_request
from jupyter_appbuilder.hub.models import read_models


def event(content: str = "", usage: Any = ..., **more: Any) -> bytes:
    body = {"choices": [{"index": 0, "delta": {"content": content} if content else {}}]} | more
    return b"data: " + json.dumps(body if usage is ... else body | {"usage": usage}).encode() + b"\n\n"


USED = {"prompt_tokens": 84, "completion_tokens": 8, "prompt_tokens_details": {"cached_tokens": 80}}


@pytest.mark.parametrize(
    ("stream", "reported"),
    [
        (event("Hi", None) + event(usage=USED), (84, 8, 80)),  # null until the last
        (event("Hi") + event(usage=USED, choices=[]), (84, 8, 80)),
        (event("Hi", USED | {"completion_tokens": 3}) + event(usage=USED), (84, 8, 80)),  # so far, then in all
        (event("Hi") + event(x_groq={"usage": USED}), (84, 8, 80)),
        (
            event("Hi") + event(usage={"prompt_tokens": 84, "completion_tokens": 8, "prompt_cache_hit_tokens": 99}),
            (84, 8, 84),
        ),
        (event("Hi") + event(usage={"prompt_tokens": 0, "completion_tokens": 0}), None),
        (event("Hi") + event(usage={"prompt_tokens": True, "completion_tokens": -4}), None),
        (event("Hi") + event(usage={"prompt_tokens": 1e300, "completion_tokens": "8"}), None),
        (event("Hi") + event(usage=[]) + b"data: [DONE]\n\n", None),
    ],
)
def test_usage_is_found_in_every_shape_whatever_pieces_it_comes_in(stream: bytes, reported: Any):
    for size in (1, 7, len(stream)):
        counter = Counter()
        for at in range(0, len(stream), size):
            counter.take(stream[at : at + size])
        counter.end()
        assert (counter.reported, counter.bytes) == (reported, len(stream))
        assert counter.output_tokens == 1


def test_what_passed_is_counted_of_a_long_stream_that_breaks_off():
    counter = Counter()
    for _ in range(5000):
        counter.take(event("word"))
    counter.take(b'data: {"choices": [{"delta": {"content": "cut')
    assert counter.output_tokens == 5000
    hostile = Counter()
    for _ in range(40):
        hostile.take(b"x" * 100_000)
    hostile.end()
    assert 0 < hostile.output_tokens <= 1_000_000


def test_texts_of_all_kinds_are_counted_and_names_are_not():
    counter = Counter()
    call = {"index": 0, "id": "c" * 400, "type": "function", "function": {"name": "", "arguments": "a" * 40}}
    counter.take(event(choices=[{"delta": {"role": "assistant", "tool_calls": [call]}}]))
    counter.take(event(choices=[{"delta": {"reasoning_content": "r" * 40}}]))
    counter.take(event(choices=[{"delta": {"content": [{"type": "text", "text": "t" * 40}]}}]))
    assert counter.output_tokens == 30


def test_a_request_cannot_leave_out_that_usage_is_reported():
    models = read_models(
        {"p": {"base_url": "http://127.0.0.1:9/v1"}}, {"m": {"provider": "p", "model": "m", "price": (1, 1)}}
    )
    raw = b'{"model": "m",  "messages": [{}], "stream": true, "stream_options": {"include_usage": %s}}'
    hidden = json.loads(read_request(raw % b"false").for_model(models["m"], None, usage=True))
    assert hidden["stream_options"] == {"include_usage": True}
    asked = raw % b"true"
    assert read_request(asked).for_model(models["m"], None, usage=True) is asked  # nothing to change: as it came


def test_what_a_request_takes_is_what_it_says_and_what_it_shows() -> None:
    def tokens(content: Any, **more: Any) -> int:
        body = {"model": "m", "messages": [{"role": "user", "content": content}]} | more
        return read_request(json.dumps(body).encode()).tokens

    data = f"data:image/png;base64,{'A' * 400_000}"
    picture = {"type": "image_url", "image_url": {"url": data}}
    assert 1000 <= tokens([picture]) < 1100
    assert 2000 <= tokens([picture, {"type": "image_url", "image_url": {"url": "https://a.example/b.png"}}]) < 2200
    assert tokens([{"type": "file", "file": {"file_data": data}}]) > 5000
    # Text is text, whatever it looks like.
    for said in (data, [{"type": "text", "text": data}], [{"type": "text", "text": "", "image_url": {"url": data}}]):
        assert tokens(said) > 100_000
    assert tokens("", tools=[{"type": "function", "function": {"url": data}}]) > 100_000


def test_what_is_said_twice_is_refused_and_half_a_sign_is_passed_on_as_one_that_can_be_sent() -> None:
    for raw in (
        b'{"model": "dear", "model": "m", "messages": [{}]}',
        b'{"model": "m", "messages": [{}], "stream_options": {"include_usage": false, "include_usage": true}}',
    ):
        with pytest.raises(InvalidInput, match="twice"):
            read_request(raw)
    models = read_models(
        {"p": {"base_url": "http://127.0.0.1:9/v1"}}, {"m": {"provider": "p", "model": "other", "price": (1, 1)}}
    )
    cut = read_request(b'{"model": "m", "messages": [{"role": "user", "content": "so \\ud83d"}]}')
    sent = json.loads(cut.for_model(models["m"], None, usage=True))
    assert (sent["model"], sent["messages"][0]["content"]) == ("other", "so \ufffd")


def test_a_document_that_is_too_long_to_be_read_is_counted_by_its_length() -> None:
    counter = Counter()
    for _ in range(3):
        counter.take(b" " * DOCUMENT)
    counter.end()
    assert (counter.reported, counter.output_tokens) == (None, 3 * DOCUMENT // 4)
