"""Frames and the texts in them: timestamps, paths, and what an answer looks like."""

import json
from typing import Any

import pytest

from unisono import InvalidPathError, RemoteProtocolError
from unisono.core import messages
from unisono.core.messages import ABSENT, Failure, StateVersion, Success, canonical_path

from .conftest import vectors


@pytest.mark.parametrize("vector", vectors("timestamps"))
def test_a_timestamp_and_its_text_lead_to_each_other(vector: dict[str, str]) -> None:
    """Exactly, also beyond 2**53."""
    assert messages.encode_ts(int(vector["ts"])) == vector["wire"]
    assert messages.decode_ts(vector["wire"]) == int(vector["ts"])


@pytest.mark.parametrize("vector", vectors("timestamps", "invalid"))
def test_a_bad_timestamp_is_refused_by_its_rule(vector: dict[str, str]) -> None:
    """Lenient reading would hide a broken writer."""
    with pytest.raises(RemoteProtocolError) as caught:
        messages.decode_ts(vector["wire"])

    assert caught.value.rule == vector["rule"]


@pytest.mark.parametrize("vector", vectors("paths"))
def test_all_spellings_of_a_path_become_one(vector: dict[str, str]) -> None:
    """The client's canonical form has no extension and always a function."""
    assert canonical_path(vector["path"]) == vector["client"]


@pytest.mark.parametrize("vector", vectors("paths", "invalid"))
def test_a_bad_path_is_refused_at_the_call(vector: dict[str, str]) -> None:
    """The error says what a path looks like."""
    with pytest.raises(InvalidPathError, match="module:function"):
        canonical_path(vector["path"])


def test_a_transition_is_read_whole() -> None:
    """Versions, results, failures, removals and journals, each in its place."""
    body = {
        "type": "Transition",
        "startVersion": {"querySet": 0, "identity": 0, "ts": "AAAAAAAAAAA="},
        "endVersion": {"querySet": 1, "identity": 2, "ts": "6AMAAAAAAAA="},
        "modifications": [
            {
                "type": "QueryUpdated",
                "queryId": 0,
                "value": [{"$integer": "AQAAAAAAAAA="}],
                "logLines": ["[LOG] hi"],
                "journal": "j",
            },
            {"type": "QueryFailed", "queryId": 1, "errorMessage": "boom", "errorData": None},
            {"type": "QueryRemoved", "queryId": 2, "news": "unknown fields are ignored"},
        ],
        "clientClockSkew": -3,
    }

    read = messages.read(json.dumps(body))

    assert read == messages.Transition(
        StateVersion(0, 0, 0),
        StateVersion(1, 2, 1000),
        (
            messages.QueryAnswered(0, Success([1], ("[LOG] hi",)), "j"),
            messages.QueryAnswered(1, Failure("boom", None), None),
            messages.QueryRemoved(2),
        ),
        -3.0,
    )


def test_absent_data_is_not_null_data() -> None:
    """Only a failure with the key is an application error."""
    with_null = '{"type":"ActionResponse","requestId":0,"success":false,"result":"x"'

    plain = messages.read(with_null + "}")
    telling = messages.read(with_null + ',"errorData":null}')

    assert isinstance(plain, messages.ActionResponse)
    assert isinstance(telling, messages.ActionResponse)
    assert isinstance(plain.outcome, Failure)
    assert isinstance(telling.outcome, Failure)
    assert plain.outcome.data is ABSENT
    assert telling.outcome.data is None


@pytest.mark.parametrize("tag", ['"$integer"', '"\\u0024integer"'])
@pytest.mark.parametrize("kind", [str, bytes])
def test_tagged_values_are_found_however_they_are_spelled(tag: str, kind: type) -> None:
    """The short cut around the walk through the values misses nothing."""
    text = (
        '{"type":"ActionResponse","requestId":0,"success":true,"result":{"a":{%s:"AQAAAAAAAAA="}}}'
    )

    read = messages.read(text % tag if kind is str else (text % tag).encode())

    assert read == messages.ActionResponse(0, Success({"a": 1}))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"type":5}',
        '{"type":"Transition"}',
        '{"type":"FatalError","error":5}',
        '{"type":"MutationResponse","requestId":0,"success":true,"result":1,"ts":null}',
        '{"type":"MutationResponse","requestId":0,"success":"yes","result":1}',
        '{"type":"MutationResponse","requestId":-1,"success":false,"result":"x"}',
        '{"type":"ActionResponse","requestId":1.5,"success":true,"result":1}',
        '{"type":"TransitionChunk","chunk":5,"partNumber":0,"totalParts":1,"transitionId":"1"}',
        '{"type":"AuthError","error":null}',
        '{"type":"ActionResponse","requestId":0,"success":true,"result":NaN}',
    ],
)
def test_an_unreadable_message_is_the_servers_fault(text: str) -> None:
    """Nothing of it is guessed."""
    with pytest.raises(RemoteProtocolError):
        messages.read(text)


def test_an_unknown_type_is_named() -> None:
    """The session ignores it; it is not an error."""
    assert messages.read('{"type":"Weather","sun":true}') == messages.Unknown("Weather")


def test_what_the_client_says_has_the_fields_of_the_protocol() -> None:
    """Optional fields are left out, not null, except a journal that came as null."""
    connect: dict[str, Any] = json.loads(messages.connect("s", 0, "InitialConnect", 5, None))
    again = json.loads(messages.connect("s", 1, None, 5, 1000))

    assert "maxObservedTimestamp" not in connect
    assert (again["lastCloseReason"], again["maxObservedTimestamp"]) == (None, "6AMAAAAAAAA=")
    assert messages.add(0, "m:f", {}) == {
        "type": "Add",
        "queryId": 0,
        "udfPath": "m:f",
        "args": [{}],
    }
    assert messages.add(0, "m:f", {}, None)["journal"] is None
    assert json.loads(messages.authenticate(1, "None")) == {
        "type": "Authenticate",
        "baseVersion": 1,
        "tokenType": "None",
    }
    assert json.loads(messages.authenticate(0, "Admin", "k", {"name": "U"}))["impersonating"] == {
        "name": "U"
    }
