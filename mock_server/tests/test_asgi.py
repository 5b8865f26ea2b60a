"""The ASGI face, without a server around it and behind uvicorn."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import fastapi
import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from unisono_mock import ActionContext, HttpRequest, QueryContext
from unisono_mock.asgi import AsgiApp
from unisono_mock.faults import BeforeServer, Fragment, Reset

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


@asynccontextmanager
async def served(application: Any, ws: Any = "auto") -> AsyncIterator[int]:
    """The port of a real uvicorn around an application."""
    config = uvicorn.Config(application, ws=ws, log_config=None)
    server = uvicorn.Server(config)
    listener = socket.create_server(("127.0.0.1", 0))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server._serve([listener]))
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True


def in_fastapi(application: AsgiApp) -> Any:
    api = fastapi.FastAPI()
    api.mount("/unisono", application)
    return api


def in_starlette(application: AsgiApp) -> Any:
    return Starlette(routes=[Mount("/unisono", app=application)])


@pytest.mark.parametrize("ws", ["websockets-sansio", "wsproto"])
@pytest.mark.parametrize("mount", [in_fastapi, in_starlette, None])
async def test_a_real_server_serves_it_alone_and_mounted(mount: Any, ws: str) -> None:
    """HTTP, HTTP actions, sockets: under a prefix or without."""
    app = make_app()

    @app.http("GET", "/hello")
    def hello(ctx: ActionContext, request: HttpRequest) -> str:
        return f"hello {request.path}"

    application = app.asgi()
    prefix = "" if mount is None else "/unisono"
    async with served(application if mount is None else mount(application), ws) as port:
        base = f"127.0.0.1:{port}{prefix}"
        async with httpx.AsyncClient(base_url=f"http://{base}") as client:
            body = {"path": "tasks:add", "args": {"text": "a"}}
            assert (await client.post("/api/mutation", json=body)).json()["status"] == "success"
            assert (await client.get("/http/hello")).text == "hello /hello"
        async with connect(f"ws://{base}/api/1.48.0/sync") as peer:
            subscribe = {"type": "ModifyQuerySet", "baseVersion": 0, "newVersion": 1}
            await peer.send(json.dumps({**subscribe, "modifications": [add(0, "tasks:list")]}))
            assert json.loads(await peer.recv())["modifications"][0]["value"] == ["a"]
            mutation = {"type": "Mutation", "requestId": 0, "udfPath": "tasks:add"}
            await peer.send(json.dumps({**mutation, "args": [{"text": "b"}]}))
            assert json.loads(await peer.recv())["success"] is True
            assert json.loads(await peer.recv())["modifications"][0]["value"] == ["a", "b"]
            await peer.send("{")
            assert json.loads(await peer.recv())["type"] == "FatalError"
            with pytest.raises(ConnectionClosed):
                await peer.recv()
        assert application.backend.sessions == []


@pytest.mark.parametrize("ws", ["websockets-sansio", "wsproto"])
async def test_a_reset_and_fragments_behind_a_real_server(ws: str) -> None:
    """What ASGI has no word for: the end comes without a Close, a message comes whole."""
    application = make_app().asgi()
    async with served(application, ws) as port:
        application.backend.misbehave(Fragment(3), when=BeforeServer("MutationResponse"))
        application.backend.misbehave(Reset(), when=BeforeServer("Transition"))
        async with connect(f"ws://127.0.0.1:{port}/api/sync") as peer:
            mutation = {"type": "Mutation", "requestId": 0, "udfPath": "tasks:add"}
            await peer.send(json.dumps({**mutation, "args": [{"text": "b"}]}))
            assert json.loads(await peer.recv())["success"] is True
            with pytest.raises(ConnectionClosed) as closed:
                await peer.recv()
    assert closed.value.rcvd is None


async def test_a_function_that_loops_behind_a_real_server() -> None:
    """It fails alone there as well."""
    app = make_app()

    @app.query("tasks:loop")
    def loop(ctx: QueryContext) -> None:
        while True:
            pass

    async with served(app.asgi()) as port, httpx.AsyncClient(timeout=20) as client:
        url = f"http://127.0.0.1:{port}/api/query"
        answer = await client.post(url, json={"path": "tasks:loop", "args": {}})
        assert "Function execution timed out" in answer.json()["errorMessage"]
        found = await client.post(url, json={"path": "tasks:list", "args": {}})
        assert found.json()["value"] == []
