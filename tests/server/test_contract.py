"""openapi.yaml against the code it describes."""

from __future__ import annotations

import json
from typing import get_args, get_type_hints

import pytest
import yaml
from openapi_spec_validator import validate
from tornado.web import RequestHandler

from jupyter_appbuilder.events import LIVE, PAYLOADS
from jupyter_appbuilder.server.routes import ROUTES
from jupyter_appbuilder.wire import (
    EventJsonOf,
    EventsMessage,
    LiveOf,
    PartialCall,
    PartialResponse,
    SessionMessage,
    SnapshotMessage,
    WireMessage,
)

from .contract import DOCUMENT


def test_the_document_is_valid_openapi():
    validate(DOCUMENT)


def test_every_mounted_route_is_in_the_document_and_the_other_way_round():
    methods = ("get", "post", "put", "patch", "delete")
    mounted = {
        (path, method)
        for path, handler in ROUTES.items()
        for method in methods
        if getattr(handler, method) is not RequestHandler._unimplemented_method
    }
    documented = {(path, method) for path, item in DOCUMENT["paths"].items() for method in methods if method in item}
    assert mounted == documented


@pytest.mark.parametrize("type", PAYLOADS)
def test_every_event_is_described_as_it_is(type):
    payload = PAYLOADS[type]
    schema = DOCUMENT["components"]["schemas"].get(payload.__name__)
    assert schema, f"openapi.yaml has no schema {payload.__name__}."
    assert set(schema.get("properties", {})) == payload.__required_keys__ | payload.__optional_keys__
    assert set(schema.get("required", [])) == payload.__required_keys__


def test_the_lists_of_event_and_live_types_are_whole():
    schemas = DOCUMENT["components"]["schemas"]
    assert schemas["Event"]["properties"]["type"]["enum"] == list(PAYLOADS), "openapi.yaml: Event.type"
    named = [variant["properties"]["type"]["const"] for variant in schemas["Event"]["oneOf"]]
    assert named == list(PAYLOADS), "openapi.yaml: Event.oneOf"
    assert schemas["LiveMessage"]["properties"]["type"]["enum"] == list(LIVE)


@pytest.mark.parametrize(("number", "type"), enumerate(LIVE))
def test_every_live_message_is_described_as_it_is(number, type):
    schemas = DOCUMENT["components"]["schemas"]
    described = schemas["LiveMessage"]["oneOf"][number]["properties"]
    assert described["type"]["const"] == type
    data = described["data"]
    schema = schemas[data["$ref"].rpartition("/")[2]] if "$ref" in data else data
    assert set(schema["properties"]) == LIVE[type].__required_keys__ | LIVE[type].__optional_keys__
    assert set(schema["required"]) == LIVE[type].__required_keys__


@pytest.mark.parametrize(
    ("name", "message"),
    {
        "Event": EventJsonOf,
        "EventsMessage": EventsMessage,
        "LiveMessage": LiveOf,
        "SnapshotMessage": SnapshotMessage,
        "PartialResponse": PartialResponse,
        "PartialCall": PartialCall,
        "SessionMessage": SessionMessage,
    }.items(),
)
def test_every_message_is_typed_as_it_is_described(name, message):
    schema = DOCUMENT["components"]["schemas"][name]
    typed = get_type_hints(message)
    assert set(schema["properties"]) == set(typed)
    assert set(schema["required"]) == message.__required_keys__
    if kind := schema["properties"].get("kind"):
        assert get_args(typed["kind"]) == (kind["const"],)


def test_the_kinds_of_messages_are_those_described():
    described = DOCUMENT["components"]["schemas"]["WireMessage"]["discriminator"]["mapping"]
    assert sorted(get_args(get_type_hints(one)["kind"])[0] for one in get_args(WireMessage)) == sorted(described)


async def test_the_document_is_served_in_both_forms(call):
    as_yaml = await call("GET", "openapi.yaml")
    as_json = await call("GET", "openapi.json")
    assert yaml.safe_load(as_yaml.body) == json.loads(as_json.body) == DOCUMENT
