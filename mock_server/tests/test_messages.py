"""The frames of both directions."""

import json
from typing import Any

import pytest

from unisono_mock.core import messages
from unisono_mock.core.errors import ConnectionFailure, ProtocolError
from unisono_mock.core.messages import Add, Authenticate, Call, Connect, Event, Remove, parse

from .wire import SESSION


def read(**message: Any) -> Any:
    return parse(json.dumps(message))


def test_client_frames_are_read() -> None:
    """Each with its fields; unknown fields are not looked at."""
    connect = read(
        type="Connect", sessionId=SESSION, connectionCount=1, lastCloseReason=None, clientTs=5,
        maxObservedTimestamp="AQAAAAAAAAA=", novelty=True,
    )  # fmt: skip
    assert isinstance(connect, Connect)
    assert (str(connect.session_id), connect.max_observed_ts, connect.client_ts_ms) == (
        SESSION, 1, 5,
    )  # fmt: skip
    modify = read(
        type="ModifyQuerySet",
        baseVersion=0,
        newVersion=1,
        modifications=[
            {"type": "Add", "queryId": 1, "udfPath": "a:b", "args": [{}], "journal": "j"},
            {"type": "Remove", "queryId": 2},
        ],
    )
    assert modify.modifications == (Add(1, "a:b", [{}], "j"), Remove(2))
    call = read(type="Action", requestId=3, udfPath="a:b", args=[{}])
    assert call == Call(3, "a:b", [{}], True)
    assert read(type="Event", eventType="x", event=[1]) == Event("x")


@pytest.mark.parametrize("spelling", ["impersonating", "acting_as"])
def test_two_spellings_name_the_user_to_act_as(spelling: str) -> None:
    """And a third one, which looks right, does not."""
    fields = {"type": "Authenticate", "baseVersion": 0, "tokenType": "Admin", "value": "key"}
    assert read(**fields, **{spelling: {"a": 1}}) == Authenticate(0, "Admin", "key", {"a": 1})
    assert read(**fields, actingAs={"a": 1}) == Authenticate(0, "Admin", "key", None)


@pytest.mark.parametrize("session", [SESSION, SESSION.replace("-", ""), f"{{{SESSION}}}"])
def test_every_usual_spelling_of_a_session(session: str) -> None:
    """Hyphens and braces do not matter."""
    assert str(read(type="Connect", sessionId=session, connectionCount=0).session_id) == SESSION


@pytest.mark.parametrize(
    ("message", "rule"),
    [
        ({"type": "Connect", "sessionId": "x", "connectionCount": 0}, "errors.malformed"),
        ({"type": "Connect", "sessionId": SESSION}, "errors.malformed"),
        ({"type": "Connect", "sessionId": SESSION, "connectionCount": 1.0}, "errors.malformed"),
        ({"type": "Connect", "sessionId": SESSION, "connectionCount": 2**32}, "errors.malformed"),
        ({"type": "Connect", "sessionId": SESSION, "connectionCount": True}, "errors.malformed"),
        (
            {
                "type": "Connect", "sessionId": SESSION, "connectionCount": 0,
                "maxObservedTimestamp": "AA==",
            },
            "messages.timestamp-encoding",
        ),
        ({"type": "Mutation", "requestId": 0, "udfPath": "a:b"}, "errors.malformed"),
        (
            {"type": "Mutation", "requestId": 0, "udfPath": "/a:b", "args": []},
            "messages.path-syntax",
        ),
        ({"type": "Authenticate", "baseVersion": 0, "tokenType": "User"}, "errors.malformed"),
        (
            {"type": "Authenticate", "baseVersion": 0, "tokenType": "Other", "value": ""},
            "messages.unknown-type-fatal",
        ),
        (
            {
                "type": "ModifyQuerySet", "baseVersion": 0, "newVersion": 1,
                "modifications": [{"type": "Change"}],
            },
            "messages.unknown-type-fatal",
        ),
        ({"type": None}, "errors.malformed"),
        ({}, "errors.malformed"),
    ],
)  # fmt: skip
def test_frames_that_cannot_be_read(message: dict[str, Any], rule: str) -> None:
    """The rule that was broken is known; the peer gets the sentence."""
    with pytest.raises(ProtocolError) as failure:
        read(**message)
    assert failure.value.rule == rule


@pytest.mark.parametrize("text", ["", "[]", "null", "{", '{"type": "Event", "eventType": NaN}'])
def test_text_that_is_not_one_object(text: str) -> None:
    """Only an object is a message."""
    with pytest.raises(ProtocolError):
        parse(text)


def test_a_component_other_than_the_root_does_not_exist() -> None:
    """The peer learns nothing more than that it did not work."""
    with pytest.raises(ConnectionFailure) as failure:
        read(type="Mutation", requestId=0, udfPath="a:b", args=[], componentPath="c")
    assert failure.value.ending.code == 1011


def test_server_frames_are_json() -> None:
    """Put together from pieces, they are whole."""
    version = messages.StateVersion(1, 2, 3)
    pieces = [
        messages.query_updated(0, b"1.0", b"[]", b"null"),
        messages.query_failed(1, 'a "quote"', b"null", b'["[LOG] 1"]', b'"j"'),
        messages.query_removed(2),
    ]
    frame = json.loads(messages.transition(messages.StateVersion(), version, pieces, -5, 7))
    assert frame == {
        "type": "Transition",
        "startVersion": {"querySet": 0, "identity": 0, "ts": "AAAAAAAAAAA="},
        "endVersion": {"querySet": 1, "identity": 2, "ts": "AwAAAAAAAAA="},
        "modifications": [
            {"type": "QueryUpdated", "queryId": 0, "value": 1.0, "logLines": [], "journal": None},
            {
                "type": "QueryFailed", "queryId": 1, "errorMessage": 'a "quote"',
                "logLines": ["[LOG] 1"], "journal": "j", "errorData": None,
            },
            {"type": "QueryRemoved", "queryId": 2},
        ],
        "clientClockSkew": -5,
        "serverTs": 7,
    }  # fmt: skip
    assert json.loads(messages.call_failed(1, True, "no", None, b"[]")) == {
        "type": "ActionResponse", "requestId": 1, "success": False, "result": "no", "logLines": [],
    }  # fmt: skip
    assert json.loads(messages.auth_error("no", 3, True)) == {
        "type": "AuthError", "error": "no", "baseVersion": 3, "authUpdateAttempted": True,
    }  # fmt: skip
