"""What is counted of an answer that passes, in the shapes in which providers report usage, or do not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from jupyter_appbuilder.hub.answers import Counter
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
        counter = Counter(stream=True)
        for at in range(0, len(stream), size):
            counter.take(stream[at : at + size])
        counter.end()
        assert (counter.reported, counter.bytes) == (reported, len(stream))
        assert counter.output_tokens == 1


def test_what_passed_is_counted_of_a_long_stream_that_breaks_off():
    counter = Counter(stream=True)
    for _ in range(5000):
        counter.take(event("word"))
    counter.take(b'data: {"choices": [{"delta": {"content": "cut')
    assert counter.output_tokens == 5000
    hostile = Counter(stream=True)
    for _ in range(40):
        hostile.take(b"x" * 100_000)
    hostile.end()
    assert 0 < hostile.output_tokens <= 1_000_000


def test_texts_of_all_kinds_are_counted_and_names_are_not():
    counter = Counter(stream=True)
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
