"""What ends a connection, and what a failed call says."""

from typing import Any

import pytest

from unisono_mock import Backend
from unisono_mock.core.errors import (
    ENDINGS,
    MAX_MESSAGE_BYTES,
    ConnectionFailure,
    FailureKind,
    error_text,
)
from unisono_mock.core.messages import encode_ts

from .apps import make_app
from .wire import SESSION, Wire, add


def test_every_kind_of_failure_has_an_ending() -> None:
    """No failure is without a row in the table."""
    assert set(ENDINGS) == set(FailureKind)


def test_reasons_fit_into_a_close_frame() -> None:
    """123 bytes and not one more."""
    failure = ConnectionFailure(FailureKind.RATE_LIMITED, "x" * 200, "too much")
    assert len(failure.close_reason) == 123


def test_the_text_of_an_error() -> None:
    """Head, message, frames, always with a newline at the end; redacted: the head alone."""
    assert error_text("id", "boom") == "[Request ID: id] Server Error\nboom\n"
    assert error_text("id", "boom", redact=True) == "[Request ID: id] Server Error"
    long = error_text("", "é" * MAX_MESSAGE_BYTES)
    assert len(long.encode()) < MAX_MESSAGE_BYTES + 100


def test_a_redacting_server_tells_the_data_and_nothing_else() -> None:
    """Neither text nor log lines, over the wire."""
    wire = Wire(Backend(make_app(), redact=True))
    wire.connect()
    wire.modify(0, add(0, "tasks:log", line="secret"))
    wire.mutate(0, "tasks:addThenFail", text="x")
    transition, response, _ = wire.take()
    assert transition["modifications"][0]["logLines"] == []
    assert response["result"] == "[Request ID: 957b057e1fc995b7] Server Error"
    assert response["errorData"] == {"text": "x"}


@pytest.mark.parametrize(
    ("message", "code", "reason", "last"),
    [
        ({"type": "Nonsense"}, None, "", "FatalError"),
        ({"type": "ModifyQuerySet", "baseVersion": 0, "newVersion": 1}, None, "", "FatalError"),
        (
            {"type": "ModifyQuerySet", "baseVersion": 1, "newVersion": 2, "modifications": []},
            None,
            "",
            "FatalError",
        ),
        (
            {"type": "ModifyQuerySet", "baseVersion": 0, "newVersion": 0, "modifications": []},
            1011,
            "InternalServerError",
            None,
        ),
        (
            {"type": "Authenticate", "baseVersion": 3, "tokenType": "None"},
            1011,
            "InternalServerError",
            None,
        ),
        (
            {"type": "Authenticate", "baseVersion": 0, "tokenType": "User", "value": "x"},
            None,
            "",
            "AuthError",
        ),
        (
            {"type": "Mutation", "requestId": 0, "udfPath": "../x:f", "args": [{}]},
            None,
            "",
            "FatalError",
        ),
        ({"type": "Mutation", "requestId": -1, "udfPath": "f", "args": []}, None, "", "FatalError"),
        (
            {"type": "Connect", "sessionId": SESSION, "connectionCount": 0, "clientTs": 1.5},
            None,
            "",
            "FatalError",
        ),
        (
            {
                "type": "Connect",
                "sessionId": SESSION,
                "connectionCount": 0,
                "maxObservedTimestamp": encode_ts(2**63 - 1),
            },
            1011,
            "InternalServerError",
            None,
        ),
    ],
)
def test_what_breaks_the_protocol_ends_the_connection(
    wire: Wire, message: dict[str, Any], code: int | None, reason: str, last: str | None
) -> None:
    """The class of the fault decides the last message and the close code."""
    wire.send(**message)
    assert wire.closed is not None
    assert (wire.closed.code, wire.closed.reason) == (code, reason)
    assert [frame["type"] for frame in wire.take()] == ([last] if last else [])
    wire.modify(0)
    assert wire.take() == []
