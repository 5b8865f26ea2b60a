"""HTTP as the suite needs it: requests in, replies out, on streams of the standard library.

Spec: http
Not here: what a case expects of a request (see http_calls), what a broken peer does to it
(see faulty_server).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from unisono_conformance.values import Json

HEAD_END: Final = b"\r\n\r\n"
LONGEST_HEAD: Final = 2**16
HOP_HEADERS: Final = frozenset({"connection", "content-length", "transfer-encoding", "keep-alive"})


class NoAnswer(Exception):
    """The line went dead before there was a reply."""


@dataclass(frozen=True)
class Request:
    """What a client asks."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def is_upgrade(self) -> bool:
        """Whether it wants a WebSocket."""
        return self.headers.get("upgrade", "").lower() == "websocket"


@dataclass(frozen=True)
class Reply:
    """What a server answers."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


Answer = Callable[[Request], Awaitable[Reply]]


def json_of(body: bytes) -> Json:
    """The JSON of a body, or its text where it is none."""
    text = body.decode("utf-8", "replace")
    try:
        return json.loads(text)
    except ValueError:
        return text


def json_reply(status: int, body: Json) -> Reply:
    """A reply with a JSON body."""
    text = json.dumps(body, ensure_ascii=False)
    return Reply(status, {"content-type": "application/json"}, text.encode())


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """The next request of a connection, or None when there is none any more."""
    try:
        head = await reader.readuntil(HEAD_END)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    first, headers = _head(head)
    method, path, _ = first.split(" ", 2)
    return Request(method, path, headers, await _body(reader, headers))


async def forward(url: str, request: Request) -> Reply:
    """Ask a server by a connection of its own."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        headers = {**_kept(request.headers), "host": address.netloc, "connection": "close"}
        first = f"{request.method} {request.path} HTTP/1.1"
        writer.write(_written(first, headers, request.body))
        line, seen = _head(await reader.readuntil(HEAD_END))
        body = await _body(reader, seen) if "content-length" in seen else await reader.read()
    except (asyncio.IncompleteReadError, ConnectionError) as error:
        raise NoAnswer(url) from error
    finally:
        writer.close()
    return Reply(int(line.split(" ", 2)[1]), _kept(seen), body)


async def answer_all(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Request, answer: Answer
) -> None:
    """Answer this request and those that follow on its connection."""
    following: Request | None = request
    while following is not None:
        try:
            reply = await answer(following)
        except NoAnswer:
            writer.transport.abort()
            return
        phrase = HTTPStatus(reply.status).phrase if reply.status in set(HTTPStatus) else "Other"
        first = f"HTTP/1.1 {reply.status} {phrase}"
        writer.write(_written(first, _kept(reply.headers), reply.body))
        following = await read_request(reader)


@asynccontextmanager
async def http_port(answer: Answer) -> AsyncIterator[str]:
    """Answer requests on a free port of the loopback; yields its address."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await read_request(reader)
        if first is not None:
            await answer_all(reader, writer, first, answer)

    async with listening(handle) as port:
        yield f"http://127.0.0.1:{port}"


Handle = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(handle: Handle) -> AsyncIterator[int]:
    """Hand every connection to a coroutine; ends them all before it ends."""
    tasks: set[asyncio.Task[None]] = set()
    writers: set[asyncio.StreamWriter] = set()

    async def tracked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        writers.add(writer)
        try:
            with contextlib.suppress(ConnectionError, ValueError):
                await handle(reader, writer)
        finally:
            writer.close()
            tasks.discard(task)

    server = await asyncio.start_server(tracked, "127.0.0.1", 0, limit=LONGEST_HEAD)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0)


def head_of(request: Request) -> bytes:
    """Write a request's head again, letter by letter the same names in lower case."""
    return _written(f"{request.method} {request.path} HTTP/1.1", dict(request.headers), None)


def _head(head: bytes) -> tuple[str, dict[str, str]]:
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return first, {name.strip().lower(): value.strip() for name, _, value in pairs}


async def _body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return await _chunked(reader)
    return await reader.readexactly(int(headers.get("content-length", "0")))


async def _chunked(reader: asyncio.StreamReader) -> bytes:
    parts: list[bytes] = []
    while size := int((await reader.readline()).partition(b";")[0], 16):
        parts.append(await reader.readexactly(size))
        await reader.readline()
    await reader.readline()
    return b"".join(parts)


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in HOP_HEADERS}


def _written(first: str, headers: Mapping[str, str], body: bytes | None) -> bytes:
    length = {} if body is None else {"content-length": str(len(body))}
    lines = [first, *(f"{name}: {value}" for name, value in {**headers, **length}.items())]
    return "\r\n".join(lines).encode("latin-1") + HEAD_END + (body or b"")
