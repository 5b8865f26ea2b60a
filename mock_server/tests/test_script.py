"""Misbehaviour on request: each fault, at its event, and what the server knows of it."""

import asyncio
import json
import struct
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from unisono_mock import Backend, Server, serve
from unisono_mock.core.effects import Abort, Close, Mute, Reading, SendFragments
from unisono_mock.core.messages import decode_ts
from unisono_mock.faults import (
    AfterClient,
    AuthError,
    BeforeServer,
    CloseWith,
    CloseWithoutCode,
    Delay,
    Drop,
    Duplicate,
    FatalError,
    Fault,
    Fragment,
    InChunks,
    OnConnect,
    PutAfter,
    Refuse,
    Reset,
    Restart,
    Say,
    Silence,
    SlowReader,
    StaleVersion,
    StopReading,
    Trigger,
    UnknownField,
    UnknownMessage,
    duplicated_chunk,
    lost_chunk,
    swapped_chunks,
)

from .apps import make_app
from .wire import Wire, add

RESPONSE = BeforeServer("MutationResponse")
TRANSITION = BeforeServer("Transition")


def kinds(wire: Wire) -> list[str]:
    return [frame["type"] for frame in wire.take()]


# Server messages


def test_a_lost_response_is_a_mutation_that_happened(backend: Backend, wire: Wire) -> None:
    """Drop takes the message and nothing else."""
    backend.misbehave(Drop(), when=RESPONSE)
    wire.mutate(0, "tasks:add", text="x")

    assert kinds(wire) == ["Transition"]
    assert backend.query("tasks:list") == ["x"]


def test_a_fault_fires_once_or_as_often_as_it_says(backend: Backend, wire: Wire) -> None:
    """From the n-th event on, `times` times."""
    fault = backend.misbehave(Drop(), when=BeforeServer("MutationResponse", n=2), times=2)
    for request in range(4):
        wire.mutate(request, "tasks:add", text="x")

    answered = [frame["requestId"] for frame in wire.take() if "requestId" in frame]
    assert answered == [0, 3]
    assert fault.fired == 2


def test_a_fault_may_fire_for_ever_and_be_cancelled(backend: Backend, wire: Wire) -> None:
    """`times=None` has no end of its own."""
    fault = backend.misbehave(Drop(), when=RESPONSE, times=None)
    wire.mutate(0, "tasks:add", text="x")
    wire.mutate(1, "tasks:add", text="x")
    fault.cancel()
    wire.mutate(2, "tasks:add", text="x")

    assert [frame["requestId"] for frame in wire.take() if "requestId" in frame] == [2]


def test_a_fault_is_for_one_connection_if_it_says_so(backend: Backend, wire: Wire) -> None:
    """Connections are counted from the first one of the backend."""
    backend.misbehave(Drop(), when=BeforeServer("Transition", connection=2))
    other = Wire(backend)
    for each in (wire, other):
        each.modify(0)

    assert (kinds(wire), kinds(other)) == (["Transition"], [])


def test_a_message_can_be_duplicated(backend: Backend, wire: Wire) -> None:
    """The bytes are the same."""
    backend.misbehave(Duplicate(3), when=TRANSITION)
    wire.modify(0)

    assert len(wire.raw) == 3
    assert len(set(wire.raw)) == 1


def test_what_is_delayed_holds_up_what_follows(backend: Backend, wire: Wire) -> None:
    """Order is kept within the direction, and nothing is lost."""
    fault = backend.misbehave(Delay(), when=RESPONSE)
    wire.modify(0, add(0, "tasks:list"))
    for request in range(3):
        wire.mutate(request, "tasks:add", text="x")
    assert kinds(wire) == ["Transition"]

    fault.release()
    assert kinds(wire) == ["MutationResponse", "Transition"] * 3


def test_a_delay_may_be_followed_by_another(backend: Backend, wire: Wire) -> None:
    """What the first has held up may fire the second."""
    first = backend.misbehave(Delay(), when=RESPONSE)
    second = backend.misbehave(Delay(), when=BeforeServer("MutationResponse", n=1))
    third = backend.misbehave(Delay(), when=BeforeServer("MutationResponse", n=2))
    second.cancel()
    for request in range(3):
        wire.mutate(request, "tasks:add", text="x")
    first.release()
    assert kinds(wire) == ["MutationResponse", "Transition"]

    third.release()
    assert kinds(wire) == ["MutationResponse", "Transition"] * 2


def test_a_response_can_come_after_its_transition(backend: Backend, wire: Wire) -> None:
    """The order that a client must wait through."""
    backend.misbehave(PutAfter("Transition"), when=RESPONSE)
    wire.modify(0, add(0, "tasks:list"))
    wire.mutate(0, "tasks:add", text="x")

    first, second, response = wire.take()
    assert second["startVersion"] == first["endVersion"]
    assert decode_ts(second["endVersion"]["ts"]) == decode_ts(response["ts"])


@pytest.mark.parametrize("part", ["querySet", "identity", "ts"])
def test_a_transition_can_start_at_a_stale_version(backend: Backend, wire: Wire, part: str) -> None:
    """One component differs from the version before, all else is as it was."""
    wire.modify(0)
    backend.misbehave(StaleVersion(part), when=TRANSITION)
    wire.modify(1)

    first, second = wire.take()
    expected, got = first["endVersion"], second["startVersion"]
    assert [name for name in expected if expected[name] != got[name]] == [part]


def test_unknown_things_are_said(backend: Backend, wire: Wire) -> None:
    """A message of no known type before, a field of no known name inside."""
    backend.misbehave([UnknownMessage("Novelty"), UnknownField("later", 1)], when=TRANSITION)
    wire.modify(0)

    unknown, transition = wire.take()
    assert unknown == {"type": "Novelty"}
    assert (transition["later"], transition["type"]) == (1, "Transition")


def test_a_message_can_come_in_fragments(backend: Backend, wire: Wire) -> None:
    """The socket is told, the text stays."""
    backend.misbehave(Fragment(4), when=TRANSITION)
    wire.modify(0)

    (effect,) = wire.others
    assert isinstance(effect, SendFragments)
    assert effect.pieces == 4
    assert json.loads(effect.text)["type"] == "Transition"


@pytest.mark.parametrize(
    ("fault", "order"),
    [
        (InChunks(3), [0, 1, 2]),
        (lost_chunk(1), [0, 2]),
        (swapped_chunks(0), [1, 0, 2]),
        (duplicated_chunk(1), [0, 1, 1, 2]),
    ],
)
def test_a_transition_can_come_in_chunks_that_get_lost(
    backend: Backend, wire: Wire, fault: InChunks, order: list[int]
) -> None:
    """Each chunk says truly where it belongs."""
    backend.misbehave(fault, when=TRANSITION)
    wire.modify(0, add(0, "tasks:list"))

    frames = wire.take()
    assert [frame["partNumber"] for frame in frames] == order
    assert {frame["totalParts"] for frame in frames} == {3}
    if fault == InChunks(3):
        text = "".join(frame["chunk"] for frame in frames)
        assert json.loads(text)["type"] == "Transition"
        assert {frame["transitionId"] for frame in frames} == {str(len(text))}


# Client messages


def test_a_client_message_can_be_lost_doubled_or_late(backend: Backend, wire: Wire) -> None:
    """The client does not know."""
    backend.misbehave(Drop(), when=AfterClient("Mutation", n=1))
    backend.misbehave(Duplicate(), when=AfterClient("Mutation", n=2))
    late = backend.misbehave(Delay(), when=AfterClient("Mutation", n=3))
    for request in range(4):
        wire.mutate(request, "tasks:add", text=str(request))
    answered = [frame["requestId"] for frame in wire.take() if "requestId" in frame]
    assert answered == [1, 1]
    assert backend.query("tasks:list") == ["1"]

    late.release()
    assert backend.query("tasks:list") == ["1", "2", "3"]


def test_a_connection_can_end_right_after_a_message_has_arrived(
    backend: Backend, wire: Wire
) -> None:
    """The mutation commits, and no answer gets out."""
    fault = backend.misbehave(Reset(), when=AfterClient("Mutation"))
    told: list[int] = []
    fault.then(lambda: told.append(fault.fired))
    wire.mutate(0, "tasks:add", text="x")

    assert (wire.take(), wire.others, told) == ([], [Abort()], [1])
    assert backend.query("tasks:list") == ["x"]
    assert backend.peers == {}


def test_a_mutation_that_was_answered_by_a_reset_is_not_run_twice(backend: Backend) -> None:
    """The classic: commit, lose the answer, come back, send again."""
    backend.misbehave(Reset(), when=RESPONSE)
    first, second = Wire(backend), Wire(backend)
    for wire in (first, second):
        wire.connect()
        wire.mutate(0, "tasks:add", text="x")

    assert first.take() == []
    assert second.take()[0]["success"] is True
    assert backend.query("tasks:list") == ["x"]


# Connections


@pytest.mark.parametrize(
    ("fault", "effect"),
    [
        (CloseWith(1013, "TooManyWrites"), Close(1013, "TooManyWrites")),
        (CloseWithoutCode(), Close(None)),
        (Reset(), Abort()),
        (Silence(), Mute()),
    ],
)
@pytest.mark.parametrize("when", [TRANSITION, AfterClient("ModifyQuerySet"), None])
def test_a_connection_can_end_in_many_ways(
    backend: Backend, wire: Wire, fault: Fault, effect: Any, when: Trigger | None
) -> None:
    """Before a message of the server, after one of the client, or now; then comes nothing."""
    backend.misbehave(fault, when=when)
    wire.modify(0, add(0, "tasks:list"))
    backend.mutation("tasks:add", text="x")

    ends = [*wire.others, *([wire.closed] if wire.closed else [])]
    assert (ends, wire.take()) == ([effect], [])
    assert bool(backend.peers) is isinstance(fault, Silence)


def test_errors_of_the_protocol_can_be_made_up(backend: Backend, wire: Wire) -> None:
    """The last message, then a Close without a code."""
    wire.send(type="Authenticate", baseVersion=0, tokenType="None")
    wire.take()
    backend.misbehave(AuthError("no", attempted=False), when=AfterClient("Mutation"))
    wire.mutate(0, "tasks:add", text="x")
    assert wire.take() == [
        {"type": "AuthError", "error": "no", "baseVersion": 1, "authUpdateAttempted": False}
    ]
    assert wire.closed == Close(None)

    other = Wire(backend)
    backend.misbehave(FatalError("broken"))
    assert other.take() == [{"type": "FatalError", "error": "broken"}]
    assert other.closed == Close(None)


def test_what_was_said_before_an_end_is_said(backend: Backend, wire: Wire) -> None:
    """Faults of one event happen in their order; the message itself is lost with the line."""
    backend.misbehave([Say({"type": "Ping"}), CloseWithoutCode()], when=TRANSITION)
    wire.modify(0)

    assert kinds(wire) == ["Ping"]
    assert wire.closed == Close(None)


def test_a_slow_reader_gets_the_newest_state_and_not_every_state(
    backend: Backend, wire: Wire
) -> None:
    """What the server has sent counts as unsent, so it holds back after two transitions."""
    wire.modify(0, add(0, "tasks:list"))
    fault = backend.misbehave(SlowReader())
    for number in range(50):
        backend.mutation("tasks:add", text=str(number))
    wire.take()
    fault.release()

    frames = wire.take()
    assert [len(frame["modifications"][0]["value"]) for frame in frames] == [1, 2, 50]


def test_a_server_can_stop_reading(backend: Backend, wire: Wire) -> None:
    """The socket is told, and told again when the fault is released."""
    fault = backend.misbehave(StopReading(), when=AfterClient("Connect"))
    wire.connect()
    assert wire.others == [Reading(False)]

    fault.release()
    assert wire.others == [Reading(False), Reading(True)]


def test_a_restart_loses_every_session_and_no_data(backend: Backend, wire: Wire) -> None:
    """Also the duplicate of a committed mutation is still known."""
    other = Wire(backend)
    wire.mutate(0, "tasks:add", text="x")
    (response, _) = wire.take()
    backend.misbehave(Restart())
    assert (wire.others, other.others, backend.peers) == ([Abort()], [Abort()], {})

    again = Wire(backend)
    again.connect()
    again.mutate(0, "tasks:add", text="x")
    assert again.take()[0] == response
    assert backend.query("tasks:list") == ["x"]


def test_connections_can_be_refused(backend: Backend) -> None:
    """So many, from the n-th on."""
    backend.misbehave(Refuse(), when=OnConnect(2), times=2)
    wires = [Wire(backend) for _ in range(4)]

    assert [wire.others for wire in wires] == [[], [Abort()], [Abort()], []]


def test_silence_is_deaf_too(backend: Backend, wire: Wire) -> None:
    """What the client says on a dead line has no effect."""
    backend.misbehave(Silence())
    wire.mutate(0, "tasks:add", text="x")

    assert backend.query("tasks:list") == []


def test_a_connection_can_be_ill_from_the_start(backend: Backend) -> None:
    """The n-th connection is silent for ever, the next one is not."""
    backend.misbehave(Silence(), when=OnConnect())
    silent, good = Wire(backend), Wire(backend)
    for wire in (silent, good):
        wire.modify(0)

    assert (silent.others, silent.frames) == ([Mute()], [])
    assert silent.peer.session.queries.version == 0
    assert kinds(good) == ["Transition"]


def test_without_a_script_nobody_looks_at_messages(backend: Backend, wire: Wire) -> None:
    """A backend that behaves pays nothing for what it could do."""
    wire.modify(0)

    assert (wire.peer.line, backend.script.lines) == (None, {})


@pytest.mark.parametrize(
    ("fault", "when"),
    [
        (Drop(), None),
        (Delay(), OnConnect()),
        (PutAfter(), AfterClient("Mutation")),
        (Fragment(), None),
        (Refuse(), None),
        (Refuse(), TRANSITION),
        (StaleVersion("time"), TRANSITION),
        (InChunks(2, (0, 2)), TRANSITION),
    ],
)
def test_what_cannot_be_is_refused_where_it_is_asked_for(
    backend: Backend, fault: Fault, when: Trigger | None
) -> None:
    """Not later, when the event comes."""
    with pytest.raises(ValueError, match=r"\w"):
        backend.misbehave(fault, when=when)


# On a real socket


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    async with serve(make_app()) as server:
        yield server


def dial(server: Server) -> Any:
    url = server.url.replace("http", "ws") + "/api/sync"
    return connect(url, proxy=None, ping_interval=None, compression=None, close_timeout=1)


async def ask(connection: ClientConnection, base: int = 0) -> None:
    await connection.send(
        json.dumps(
            {
                "type": "ModifyQuerySet",
                "baseVersion": base,
                "newVersion": base + 1,
                "modifications": [add(base, "tasks:list")],
            }
        )
    )


async def end_of(connection: ClientConnection) -> tuple[int | None, str | None]:
    with suppress(ConnectionClosed):
        async for _ in connection:
            pass
    return connection.close_code, connection.close_reason


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("fault", "code", "reason"),
    [
        (CloseWith(1013, "TooManyWrites"), 1013, "TooManyWrites"),
        (CloseWithoutCode(), 1005, ""),
        (Reset(), 1006, ""),
        (FatalError(), 1005, ""),
    ],
)
async def test_a_client_sees_how_its_connection_ended(
    server: Server, fault: Fault, code: int, reason: str
) -> None:
    """By the close code, or by none at all."""
    server.backend.misbehave(fault, when=TRANSITION)
    async with dial(server) as connection:
        await ask(connection)
        assert await end_of(connection) == (code, reason)


@pytest.mark.asyncio
async def test_a_reset_is_a_reset_of_tcp(server: Server) -> None:
    """The kernel of the client says so."""
    server.backend.misbehave(Reset(), when=AfterClient())
    host, port = server.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        b"GET /api/sync HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    await reader.readuntil(b"\r\n\r\n")
    payload = b'{"type":"Event","eventType":"x","event":null}'
    writer.write(struct.pack(">BB4s", 0x81, 0x80 | len(payload), bytes(4)) + payload)

    with pytest.raises(ConnectionResetError):
        await reader.read()
    writer.close()


@pytest.mark.asyncio
async def test_fragments_are_frames(server: Server) -> None:
    """The first is text, the others continue it, and only the last one is final."""
    server.backend.misbehave(Fragment(3), when=TRANSITION)
    async with dial(server) as connection:
        await ask(connection)
        pieces = [piece async for piece in connection.recv_streaming()]

    assert len(pieces) == 3
    assert json.loads("".join(map(str, pieces)))["type"] == "Transition"


@pytest.mark.asyncio
async def test_silence_answers_no_ping(server: Server) -> None:
    """The socket stays open, and a new one is served."""
    fault = server.backend.misbehave(Silence(), when=AfterClient("ModifyQuerySet"))
    fired = asyncio.Event()
    fault.then(fired.set)
    async with dial(server) as silent, dial(server) as other:
        await ask(silent)
        await fired.wait()
        pong = await silent.ping()
        await ask(other)
        assert json.loads(await other.recv())["type"] == "Transition"
        assert not pong.done()
        for connection in list(server.connections):
            if connection.transport is not None:
                connection.transport.abort()


@pytest.mark.asyncio
async def test_a_server_that_stops_reading_leaves_the_client_waiting(server: Server) -> None:
    """What was sent is there when it reads again."""
    fault = server.backend.misbehave(StopReading(), when=AfterClient("ModifyQuerySet"))
    async with dial(server) as connection:
        await ask(connection)
        assert json.loads(await connection.recv())["endVersion"]["querySet"] == 1
        await ask(connection, 1)
        async with dial(server) as other:
            await ask(other)
            await other.recv()
        first = next(iter(server.backend.peers))
        assert first.queries.version == 1

        fault.release()
        assert json.loads(await connection.recv())["endVersion"]["querySet"] == 2


@pytest.mark.asyncio
async def test_a_refused_client_gets_a_status_or_nothing(server: Server) -> None:
    """And when there is no refusal left, a connection."""
    server.backend.misbehave(Refuse(503), when=OnConnect())
    server.backend.misbehave(Refuse(), when=OnConnect())
    with pytest.raises(InvalidHandshake, match="503"):
        await dial(server)
    with pytest.raises((InvalidHandshake, ConnectionError, EOFError)):
        await dial(server)
    async with dial(server) as connection:
        await ask(connection)
        assert json.loads(await connection.recv())["type"] == "Transition"


@pytest.mark.asyncio
async def test_what_is_said_on_connect_comes_first(server: Server) -> None:
    """Faults of a connection happen when it begins, before any message."""
    server.backend.misbehave(Say({"type": "Ping", "first": True}), when=OnConnect())
    async with dial(server) as connection:
        assert json.loads(await connection.recv())["first"] is True
