"""Compressed messages: agreed to when offered, understood, and small where it pays."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from unisono_mock import App, MutationContext, QueryContext, Server, serve

from .wire import add

pytestmark = pytest.mark.asyncio


def make_app() -> App:
    app = App()

    @app.query("c:text")
    def text(ctx: QueryContext, size: float) -> str:
        return "x" * int(size)

    @app.mutation("c:echo")
    def echo(ctx: MutationContext, text: str) -> str:
        return text

    return app


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    async with serve(make_app()) as server:
        yield server


def url(server: Server) -> str:
    return server.url.replace("http", "ws") + "/api/sync"


async def query(socket: ClientConnection, size: int) -> Any:
    modify = {"type": "ModifyQuerySet", "baseVersion": 0, "newVersion": 1}
    await socket.send(json.dumps({**modify, "modifications": [add(0, "c:text", size=size)]}))
    return json.loads(await socket.recv())["modifications"][0]["value"]


async def echo(socket: ClientConnection, number: int, text: str) -> Any:
    call = {"type": "Mutation", "requestId": number, "udfPath": "c:echo", "args": [{"text": text}]}
    await socket.send(json.dumps(call))
    response = json.loads(await socket.recv())
    await socket.recv()
    return response["result"]


async def test_both_sides_compress(server: Server) -> None:
    """The browser's offer is answered with the bare name; each message stands for itself."""
    async with connect(url(server), max_size=None) as socket:
        assert socket.response is not None
        assert socket.response.headers["Sec-WebSocket-Extensions"] == "permessage-deflate"
        assert await query(socket, 3_000_000) == "x" * 3_000_000
        for number in range(3):
            text = f"{number}" * 5000
            assert await echo(socket, number, text) == text


@pytest.mark.parametrize(("size", "is_compressed"), [(10, False), (5000, True)])
async def test_short_messages_go_as_they_are(
    server: Server, monkeypatch: pytest.MonkeyPatch, size: int, is_compressed: bool
) -> None:
    """Only where it pays is a message compressed."""
    frames = []
    async with connect(url(server)) as socket:
        (deflate,) = socket.protocol.extensions
        decode = deflate.decode

        def spy(frame: Frame, **more: Any) -> Frame:
            frames.append(frame)
            return decode(frame, **more)

        monkeypatch.setattr(deflate, "decode", spy)
        assert len(await query(socket, size)) == size
    assert [each.rsv1 for each in frames if each.opcode is Opcode.TEXT] == [is_compressed]


async def test_what_is_large_when_it_is_unpacked_ends_the_connection(server: Server) -> None:
    """A small frame must not become more than a message may be."""
    async with connect(url(server)) as socket:
        await socket.send("[" * (65 * 2**20))
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1011


async def test_compression_can_be_switched_off() -> None:
    """The offer is not answered, and all goes on without."""
    async with serve(make_app(), compression=False) as plain, connect(url(plain)) as socket:
        assert socket.response is not None
        assert "Sec-WebSocket-Extensions" not in socket.response.headers
        assert await query(socket, 5000) == "x" * 5000
