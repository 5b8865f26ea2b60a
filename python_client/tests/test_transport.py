"""The way to a backend: TLS, proxies, and how many bytes travel."""

import ssl
from base64 import b64encode
from collections.abc import Iterator

import anyio
import pytest
import trustme
from anyio.abc import ByteReceiveStream, ByteSendStream, SocketAttribute, SocketStream
from websockets.uri import parse_uri

from unisono import Client, WebSocketOptions
from unisono.runtime.proxy import proxy_for
from unisono.runtime.transport import SocketLost

from .test_websocket import Backend

pytestmark = pytest.mark.anyio
END = b"\r\n\r\n"


class Proxy:
    """An HTTP proxy on the loopback; whatever host it is asked for, it leads to one backend."""

    def __init__(self, port: int, answer: bytes = b"HTTP/1.1 200 OK") -> None:
        self.questions: list[str] = []
        self.carried_bytes = 0
        self._port = port
        self._answer = answer

    async def serve(self, stream: SocketStream) -> None:
        async with stream:
            question = b""
            while END not in question:
                question += await stream.receive()
            self.questions.append(question.decode())
            await stream.send(self._answer + END)
            if b" 200 " not in self._answer:
                return
            async with (
                await anyio.connect_tcp("127.0.0.1", self._port) as target,
                anyio.create_task_group() as tasks,
            ):
                tasks.start_soon(self._carry, stream, target)
                await self._carry(target, stream)
                tasks.cancel_scope.cancel()

    async def _carry(self, source: ByteReceiveStream, target: ByteSendStream) -> None:
        try:
            async for data in source:
                self.carried_bytes += len(data)
                await target.send(data)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            # One side has gone without a word.
            pass


class Through:
    """A block with a running proxy, and its address."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy

    async def __aenter__(self) -> str:
        self._tasks = await anyio.create_task_group().__aenter__()
        self._listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
        self._tasks.start_soon(self._listener.serve, self._proxy.serve)
        return f"127.0.0.1:{self._listener.extra(SocketAttribute.local_port)}"

    async def __aexit__(self, *error: object) -> None:
        self._tasks.cancel_scope.cancel()
        await self._tasks.__aexit__(None, None, None)
        await self._listener.aclose()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def secure(authority: trustme.CA) -> Iterator[Backend]:
    """A backend behind TLS, whose certificate is for `localhost` and `backend.example`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "backend.example").configure_cert(context)
    running = Backend(ssl=context)
    yield running
    running.stop()


@pytest.fixture
def plain() -> Iterator[Backend]:
    running = Backend(compression="deflate")
    yield running
    running.stop()


@pytest.fixture
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


async def why_it_waits(client: Client) -> str:
    """What the state says after the first attempt has failed."""
    async for state in client.states():
        if state.kind == "waiting":
            return state.why
    raise AssertionError("the states ended")


async def test_tls_with_a_certificate_that_is_trusted(
    secure: Backend, trusting: ssl.SSLContext
) -> None:
    """The whole way there and back, through a context of the caller's own."""
    options = WebSocketOptions(ssl_context=trusting)
    async with Client(f"https://localhost:{secure.port}", websocket=options) as client:
        assert await client.query("m:list") == secure.value
        assert await client.mutation("m:send", {"body": "x" * 100_000}) == "ok"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_tls_with_a_certificate_that_is_not(
    secure: Backend, trusting: ssl.SSLContext, host: str
) -> None:
    """An unknown authority, or a name that is not in it: nothing is said to such a server."""
    options = WebSocketOptions(ssl_context=trusting if host == "127.0.0.1" else None)
    async with Client(f"https://{host}:{secure.port}", websocket=options) as client:
        assert "certificate" in (await why_it_waits(client)).lower()

    assert secure.requests == []


async def test_a_proxy_is_told_where_to_go(plain: Backend) -> None:
    """Host and port of the backend, and the name and password that stand in its address."""
    proxy = Proxy(plain.port)
    async with Through(proxy) as address:
        options = WebSocketOptions(proxy=f"http://me:secret%21@{address}")
        async with Client("http://backend.example:81", websocket=options) as client:
            assert await client.query("m:list") == plain.value
    lines = proxy.questions[0].split("\r\n")

    assert lines[0] == "CONNECT backend.example:81 HTTP/1.1"
    assert f"Proxy-Authorization: Basic {b64encode(b'me:secret!').decode()}" in lines


async def test_tls_goes_through_the_proxy_to_the_backend(
    secure: Backend, trusting: ssl.SSLContext
) -> None:
    """The certificate is the backend's, so the proxy sees nothing of what is said."""
    proxy = Proxy(secure.port)
    async with Through(proxy) as address:
        options = WebSocketOptions(proxy=f"http://{address}", ssl_context=trusting)
        async with Client("https://backend.example", websocket=options) as client:
            assert await client.query("m:list") == secure.value

    assert proxy.questions[0].startswith("CONNECT backend.example:443 ")


async def test_a_proxy_that_refuses_is_said() -> None:
    """In its own words, and without the password of its address."""
    proxy = Proxy(0, b"HTTP/1.1 407 Proxy Authentication Required")
    async with Through(proxy) as address:
        options = WebSocketOptions(proxy=f"http://me:secret@{address}")
        async with Client("http://backend.example", websocket=options) as client:
            why = await why_it_waits(client)

    assert "407" in why
    assert "secret" not in why


async def test_the_proxy_of_the_environment_is_used(
    plain: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for every other program."""
    proxy = Proxy(plain.port)
    async with Through(proxy) as address:
        monkeypatch.setenv("https_proxy", f"http://{address}")
        monkeypatch.setenv("no_proxy", "")
        async with Client("http://backend.example") as client:
            assert await client.query("m:list") == plain.value

    assert len(proxy.questions) == 1


def test_which_addresses_go_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the loopback, nor the hosts of NO_PROXY, nor any if the option says so."""
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "inside.example")
    by_environment, never = WebSocketOptions(), WebSocketOptions(proxy="")

    found = proxy_for(parse_uri("wss://outside.example/"), by_environment)
    assert found is not None
    assert (found.host, found.port) == ("proxy.example", 3128)
    assert proxy_for(parse_uri("wss://inside.example/"), by_environment) is None
    assert proxy_for(parse_uri("ws://127.0.0.1/"), by_environment) is None
    assert proxy_for(parse_uri("wss://outside.example/"), never) is None


@pytest.mark.parametrize("address", ["socks5://h:1", "https://h", "nonsense", "http://me:pw@h/p"])
def test_a_proxy_that_cannot_be_used_is_said(address: str) -> None:
    """Why, and never the password."""
    with pytest.raises(SocketLost, match="the proxy") as caught:
        proxy_for(parse_uri("wss://outside.example/"), WebSocketOptions(proxy=address))
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize("compresses", [True, False])
async def test_compression_saves_bytes_both_ways(plain: Backend, compresses: bool) -> None:
    """What travels through a proxy is a small part of what was said."""
    plain.value = "a result that repeats itself " * 4000
    proxy = Proxy(plain.port)
    async with Through(proxy) as address:
        options = WebSocketOptions(proxy=f"http://{address}", compression=compresses)
        async with Client("http://backend.example", websocket=options) as client:
            assert await client.query("m:list") == plain.value
            assert await client.mutation("m:send", {"body": plain.value}) == "ok"
    said = 2 * len(plain.value)

    assert plain.frames[-1]["args"] == [{"body": plain.value}]
    assert proxy.carried_bytes < said / 20 if compresses else proxy.carried_bytes > said
