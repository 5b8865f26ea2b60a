"""The ASGI face, without a server around it."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from unisono_mock.asgi import AsgiApp

from .apps import make_app
from .wire import add

pytestmark = pytest.mark.asyncio


class Socket:
    """The server's side of an ASGI WebSocket."""

    def __init__(self, application: AsgiApp, path: str = "/api/sync", root: str = "") -> None:
        self.sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.coming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        scope = {"type": "websocket", "path": root + path, "root_path": root, "headers": []}
        self.coming.put_nowait({"type": "websocket.connect"})
        self.task = asyncio.ensure_future(application(scope, self.coming.get, self._send))

    async def _send(self, message: Any) -> None:
        self.sent.put_nowait(dict(message))

    def send(self, **message: Any) -> None:
        self.coming.put_nowait({"type": "websocket.receive", "text": json.dumps(message)})

    async def receive(self) -> Any:
        message = await asyncio.wait_for(self.sent.get(), 5)
        return json.loads(message["text"]) if "text" in message else message

    async def close(self) -> None:
        self.coming.put_nowait({"type": "websocket.disconnect", "code": 1005})
        await self.task


async def test_a_socket_subscribes_and_mutates() -> None:
    """Mounted under a prefix, the routes are found behind it."""
    application = make_app().asgi()
    socket = Socket(application, root="/unisono")
    assert await socket.receive() == {"type": "websocket.accept"}
    modifications = [add(0, "tasks:list")]
    socket.send(type="ModifyQuerySet", baseVersion=0, newVersion=1, modifications=modifications)
    assert (await socket.receive())["modifications"][0]["value"] == []
    socket.send(type="Mutation", requestId=0, udfPath="tasks:add", args=[{"text": "a"}])
    assert (await socket.receive())["success"] is True
    assert (await socket.receive())["modifications"][0]["value"] == ["a"]
    await socket.close()
    assert application.backend.sessions == []


async def test_http_goes_the_same_way() -> None:
    """Bodies, headers, status codes."""
    application = make_app().asgi()
    transport = httpx.ASGITransport(app=application)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        body = {"path": "tasks:add", "args": {"text": "a"}}
        added = await client.post("/api/mutation", json=body, headers={"Origin": "http://page"})
        assert added.json()["status"] == "success"
        assert added.headers["access-control-allow-origin"] == "http://page"
        found = await client.post("/api/query", json={"path": "tasks:list", "args": {}})
        assert found.json()["value"] == ["a"]
        assert (await client.get("/nothing")).status_code == 404


async def test_a_protocol_error_is_told_and_closes() -> None:
    """FatalError first; the close has the code that ASGI allows."""
    socket = Socket(make_app().asgi())
    await socket.receive()
    socket.send(type="Nonsense")
    assert (await socket.receive())["type"] == "FatalError"
    assert await socket.receive() == {"type": "websocket.close", "code": 1000, "reason": ""}
    await socket.close()


@pytest.mark.parametrize("path", ["/elsewhere", "/api/latest/sync", "/api/0.1.0/sync"])
async def test_who_is_not_let_in_is_closed_before_accept(path: str) -> None:
    """An ASGI server makes a refused handshake of it."""
    socket = Socket(make_app().asgi(), path)
    assert (await socket.receive())["type"] == "websocket.close"
    await socket.task


async def test_the_lifespan_starts_and_ends() -> None:
    """With the messages that servers wait for."""
    coming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    sent = []

    async def send(message: Any) -> None:
        sent.append(message["type"])

    for kind in ("startup", "shutdown"):
        coming.put_nowait({"type": f"lifespan.{kind}"})
    await make_app().asgi()({"type": "lifespan"}, coming.get, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
