"""The client over real sockets, against a scripted server of the `websockets` library."""

import contextlib
import json
import re
import ssl
import threading
from collections.abc import Iterator
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request
from websockets.server import ServerProtocol
from websockets.sync.server import Server, ServerConnection, serve
from websockets.uri import parse_uri

from unisono import Client, Options, UnisonoError, WebSocketOptions
from unisono.runtime.dial import dial
from unisono.runtime.frames import Frames
from unisono.runtime.transport import Socket, SocketLost
from unisono.testing import Voice

pytestmark = pytest.mark.anyio
ROWS = 200


async def connect(port: int) -> Socket:
    """The socket that a client of this loop would get."""
    return await dial(f"ws://127.0.0.1:{port}", WebSocketOptions(), {})


async def heard(port: int) -> list[bytes]:
    """What a server says before it ends the connection."""
    socket = await connect(port)
    messages: list[bytes] = []
    try:
        await socket.run(messages.extend)
    finally:
        await socket.aclose(1003, "")
    return messages


class Backend:
    """A server in a thread: it answers every query with a value and every mutation at once."""

    def __init__(self, compression: str | None = None, ssl: "ssl.SSLContext | None" = None) -> None:
        self.value: Any = {"rows": list(range(ROWS))}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.frames: list[dict[str, Any]] = []
        self.extensions: list[str] = []
        self.fragments = False
        self.drop_after_mutation = False
        self.closed: list[int | None] = []
        self.has_closed = threading.Event()
        self._server: Server = serve(
            self._handle, "127.0.0.1", 0, compression=compression, max_size=None, ssl=ssl
        )
        self.port: int = self._server.socket.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()

    def _handle(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        self.requests.append((socket.request.path, dict(socket.request.headers)))
        self.extensions += [each.name for each in socket.protocol.extensions]
        # The client may be gone before it has heard everything.
        with contextlib.suppress(ConnectionClosed):
            self._talk(socket)
        self.closed.append(socket.close_code)
        self.has_closed.set()

    def _talk(self, socket: ServerConnection) -> None:
        voice, ts = Voice(), 0
        for text in socket:
            frame = json.loads(text)
            self.frames.append(frame)
            if frame["type"] == "ModifyQuerySet":
                ids = [each["queryId"] for each in frame["modifications"] if "udfPath" in each]
                gone = [each["queryId"] for each in frame["modifications"] if "args" not in each]
                ts += 1
                version = frame["newVersion"]
                updates = dict.fromkeys(ids, self.value)
                self._say(
                    socket,
                    voice.transition(query_set=version, ts=ts, updates=updates, removed=gone),
                )
            elif frame["type"] == "Mutation":
                ts += 1
                if self.drop_after_mutation:
                    self.drop_after_mutation = False
                    socket.close(1013, "CommitterFullError")
                    break
                self._say(socket, voice.mutated(frame["requestId"], "ok", ts=ts))
                self._say(socket, voice.transition(ts=ts))

    def _say(self, socket: ServerConnection, frame: dict[str, Any]) -> None:
        text = json.dumps(frame)
        if self.fragments:
            socket.send(text[start : start + 7] for start in range(0, len(text), 7))
        else:
            socket.send(text)


@pytest.fixture
def backend() -> Iterator[Backend]:
    running = Backend()
    yield running
    running.stop()


async def test_queries_and_mutations_over_a_socket(backend: Backend) -> None:
    """The address, the name of the client, and the whole way there and back."""
    async with Client(backend.address + "/") as client:
        assert await client.query("m:list") == backend.value
        assert await client.mutation("m:send", {"body": "héllo 😀"}) == "ok"
    path, headers = backend.requests[0]

    assert path == "/api/sync"
    assert headers["convex-client"].startswith("unisono-")
    assert backend.frames[0]["type"] == "Connect"
    assert backend.frames[-1]["args"] == [{"body": "héllo 😀"}]


async def test_fragmented_messages_are_joined(backend: Backend) -> None:
    """A character may be cut in the middle by a frame."""
    backend.fragments, backend.value = True, "héllo 😀" * 20
    async with Client(backend.address) as client:
        assert await client.query("m:list") == backend.value


async def test_a_frame_of_64_megabytes(backend: Backend) -> None:
    """It arrives whole."""
    backend.value = "x" * (64 * 1024 * 1024)
    async with Client(backend.address) as client:
        assert len(await client.query("m:list")) == 64 * 1024 * 1024


@pytest.mark.parametrize("wanted", [None, True, False])
async def test_compression_is_used_where_it_is_wanted(wanted: bool | None) -> None:
    """Unless told, not on the loopback, where it only costs."""
    backend = Backend(compression="deflate")
    try:
        options = WebSocketOptions(compression=wanted)
        async with Client(backend.address, websocket=options) as client:
            assert await client.query("m:list") == backend.value
    finally:
        backend.stop()

    assert bool(backend.extensions) is bool(wanted)


async def test_a_mutation_survives_the_loss_of_its_connection(backend: Backend) -> None:
    """It is sent again under the same number, and the close reason is told."""
    backend.drop_after_mutation = True
    async with Client(backend.address) as client, anyio.create_task_group() as tasks:
        states = client.states()

        async def hurry() -> None:
            async for state in states:
                if state.kind == "waiting":
                    client.reconnect_now()

        tasks.start_soon(hurry)
        assert await client.mutation("m:send") == "ok"
        tasks.cancel_scope.cancel()
    sent = [frame["requestId"] for frame in backend.frames if frame["type"] == "Mutation"]
    connects = [frame for frame in backend.frames if frame["type"] == "Connect"]

    assert sent == [0, 0]
    assert connects[1]["lastCloseReason"] == "CommitterFullError"
    assert connects[0]["sessionId"] == connects[1]["sessionId"]


async def test_the_socket_is_closed_with_the_block(backend: Backend) -> None:
    """With a close frame, not by a reset."""
    async with Client(backend.address) as client:
        await client.query("m:list")
    assert backend.has_closed.wait(5)

    assert backend.closed == [1000]


async def test_a_backend_that_is_not_there_is_said(backend: Backend) -> None:
    """The state tells why, in words, and when the next attempt is."""
    backend.stop()
    async with Client(backend.address) as client:
        async for state in client.states():
            if state.kind == "waiting":
                break

    assert "cannot reach 127.0.0.1" in state.why
    assert state.retry_at is not None


async def test_binary_messages_are_refused() -> None:
    """The protocol has none."""

    def speak(socket: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            socket.send(b"\x00")
            socket.recv(timeout=5)

    with serve(speak, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        port = server.socket.getsockname()[1]
        with pytest.raises(SocketLost, match="binary"):
            await heard(port)
        server.shutdown()
        thread.join()


async def test_a_server_that_speaks_no_websocket_is_said() -> None:
    """One sentence, with what it said instead."""
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(anyio.abc.SocketAttribute.local_port)

    async def answer(stream: anyio.abc.SocketStream) -> None:
        async with stream:
            await stream.receive()
            await stream.send(b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnope")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, answer)
        with pytest.raises(UnisonoError, match="HTTP 404 nope"):
            await connect(port)
        tasks.cancel_scope.cancel()
    await listener.aclose()


async def test_a_handshake_without_an_end_is_given_up() -> None:
    """The inactivity time covers it."""
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(anyio.abc.SocketAttribute.local_port)
    async with Client(f"http://127.0.0.1:{port}", options=Options(inactivity_s=0.05)) as client:
        async for state in client.states():
            if state.kind == "waiting":
                break
    await listener.aclose()

    assert state.why == "the server is silent"


async def test_a_ping_reaches_the_server_and_its_pong_counts(backend: Backend) -> None:
    """The library answers it; nobody is told, but it can be seen."""
    socket = await dial(backend.address.replace("http", "ws"), WebSocketOptions(), {})
    heard_of: list[bytes] = []

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(socket.run, heard_of.extend)
        socket.ping()
        socket.send([json.dumps({"type": "Mutation", "requestId": 0})])
        while not heard_of:
            await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()
    await socket.aclose(1000, "")

    assert socket.pongs == 1


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_messages_do_not_depend_on_how_the_bytes_are_cut(size: int) -> None:
    """Short, long and very long frames, a ping between them, and the end."""
    texts = [b"x" * length for length in (0, 1, 125, 126, 65535, 65536)]
    server = ServerProtocol()
    frames = Frames(parse_uri("ws://h/"), WebSocketOptions(compression=False), {})
    frames.greet()
    server.receive_data(frames.take_outgoing())
    (request,) = server.events_received()
    assert isinstance(request, Request)
    server.send_response(server.accept(request))
    for text in texts:
        server.send_text(text)
        server.send_ping(b"")
    server.send_text(b"sp", fin=False)
    server.send_continuation(b"lit", fin=True)
    server.send_close(1001, "bye")
    said = b"".join(server.data_to_send())
    for start in range(0, len(said), size):
        frames.feed(said[start : start + size])

    assert frames.take_messages() == [*texts, b"split"]
    assert frames.is_over
    assert frames.lost().reason == "bye"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\x81\x81\x00\x00\x00\x00x", "masking"),
        (b"\x81\xff" + bytes(12), "masking"),
        (b"\x81\x7f\x00\x00\x00\x00\x00\x00\x10\x00", "too big|exceeds|over size|limit"),
        (b"\x01\x01a\x81\x01b", "continuation"),
        (b"\xc1\x01a", "reserved"),
    ],
)
def test_frames_that_no_server_may_send_end_the_connection(data: bytes, why: str) -> None:
    """The library says what is wrong with them."""
    server = ServerProtocol()
    options = WebSocketOptions(compression=False, max_message_bytes=1000)
    frames = Frames(parse_uri("ws://h/"), options, {})
    frames.greet()
    server.receive_data(frames.take_outgoing())
    (request,) = server.events_received()
    assert isinstance(request, Request)
    server.send_response(server.accept(request))
    frames.feed(b"".join(server.data_to_send()) + data)

    assert frames.is_over
    assert re.search(why, str(frames.lost()))
