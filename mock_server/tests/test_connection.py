"""The heartbeat, and who connects."""

import pytest

from unisono_mock import Backend
from unisono_mock.core.connection import BadClientVersion, identify, takes_compression
from unisono_mock.core.effects import Close

from .apps import make_app
from .wire import Wire


def test_an_idle_peer_hears_a_ping_every_15_seconds() -> None:
    """The interval begins again with every message that is queued."""
    backend = Backend(make_app())
    wire = Wire(backend)
    wire.connect()
    backend.advance(14)
    wire.peer.tick()
    assert wire.take() == []
    backend.advance(1)
    wire.peer.tick()
    assert wire.take() == [{"type": "Ping"}]
    backend.advance(14)
    wire.modify(0)
    wire.take()
    backend.advance(14)
    wire.peer.tick()
    assert wire.take() == []


def test_a_silent_peer_is_let_go_after_120_seconds() -> None:
    """A peer that answers nothing at all is gone."""
    backend = Backend(make_app())
    wire = Wire(backend)
    wire.connect()
    for _ in range(24):
        backend.advance(5)
        wire.peer.tick()
    assert not wire.peer.session.closed
    backend.advance(5)
    wire.peer.tick()
    assert wire.closed == Close(1000, "ClientDisconnected")
    assert wire.pings == 24


@pytest.mark.parametrize(
    ("path", "header", "chunks", "state"),
    [
        (None, None, False, None),
        ("1.28.0", None, True, None),
        ("1.28.0-alpha.1", None, False, None),
        ("1.27.9", None, False, None),
        ("0.19.1", None, False, "Unsupported"),
        (None, "npm-1.30.0", True, None),
        (None, "python-0.8.1", False, None),
        (None, "python-0.2.0", False, "UpgradeRequired"),
        (None, "python-dev", False, "Unsupported"),
        (None, "convex-foo-0.1.0", False, None),
        ("1.48.0", "unisono-0.1.0", False, None),
    ],
)
def test_a_client_is_known_by_name_and_version(
    path: str | None, header: str | None, chunks: bool, state: str | None
) -> None:
    """Only npm from 1.28 takes chunks; old versions are told so."""
    client = identify(path, header)
    assert (client.takes_chunks, client.deprecation) == (chunks, state)


@pytest.mark.parametrize(("path", "header"), [("latest", None), (None, "noversion")])
def test_a_version_that_is_none_is_refused(path: str | None, header: str | None) -> None:
    """The handshake fails before there is a socket."""
    with pytest.raises(BadClientVersion):
        identify(path, header)


@pytest.mark.parametrize(
    ("offers", "taken"),
    [
        ("permessage-deflate", True),
        ("permessage-deflate; client_max_window_bits", True),
        ("x-other, permessage-deflate", True),
        ("permessage-deflate; server_no_context_takeover", False),
        ("permessage-deflate; client_max_window_bits=10", False),
        ("permessage-deflate;client_max_window_bits", False),
        ("", False),
    ],
)
def test_compression_is_agreed_to_in_two_forms(offers: str, taken: bool) -> None:
    """No parameter is negotiated, so no offer with another one is taken."""
    assert takes_compression(offers) is taken
