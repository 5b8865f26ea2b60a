"""The official npm client authenticates against this server: log in, refresh, be refused."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from unisono_mock import Server, serve
from unisono_mock.app import Kind
from unisono_mock.faults import AuthError, BeforeServer
from unisono_mock.issuer import Issuer

from .test_auth import users_app

PEER = Path(__file__).parent / "peers" / "convex_auth.mjs"

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed"),
]


@pytest_asyncio.fixture
async def issuer() -> AsyncIterator[Issuer]:
    issuer = Issuer()
    async with issuer.serve():
        yield issuer


@pytest_asyncio.fixture
async def server(issuer: Issuer) -> AsyncIterator[Server]:
    async with serve(users_app(issuer.remote_provider())) as server:
        yield server


class Client:
    """The official client, and what it has told."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.told: list[str] = []

    def do(self, command: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(command.encode() + b"\n")

    async def until(self, what: str) -> list[str]:
        """Wait until it tells this; everything since the last time."""
        assert self._process.stdout is not None
        heard: list[str] = []
        while not heard or heard[-1] != what:
            line = (await self._process.stdout.readline()).decode()
            assert line, f"the client ended after {self.told}"
            heard.append(line.strip())
            self.told.append(line.strip())
        return heard


@asynccontextmanager
async def client(
    server: Server, cached: Sequence[str | None], fresh: Sequence[str | None]
) -> AsyncIterator[Client]:
    process = await asyncio.create_subprocess_exec(
        "node", str(PEER), server.url, json.dumps(cached), json.dumps(fresh),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    peer = Client(process)
    try:
        yield peer
        peer.do("close")
        assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_a_login_sends_the_cached_token_and_then_a_fresh_one(
    issuer: Issuer, server: Server
) -> None:
    """Two Authenticates, one change; the results of the same user are not sent twice."""
    tokens = [issuer.mint("ada", jti=str(n)) for n in range(2)]
    async with client(server, tokens[:1], tokens[1:]) as peer:
        assert await peer.until("user nobody") == ["user nobody"]
        peer.do("login")
        await peer.until("fetch fresh")
        peer.do("sign")
        await peer.until("signed string")
        (session,) = server.backend.peers
        assert session.authentication.version == 2

    assert [each for each in peer.told if each.startswith("user")] == ["user nobody", "user ada"]
    assert "authenticated true" in peer.told
    assert "authenticated false" not in peer.told


async def test_a_token_is_refreshed_before_it_expires(issuer: Issuer, server: Server) -> None:
    """One second after the confirmation, as its life is eleven seconds and the leeway ten."""
    fresh = [issuer.mint("ada", lifetime_s=11), issuer.mint("ada", lifetime_s=3600, jti="2")]
    async with client(server, [issuer.mint("ada", jti="0")], fresh) as peer:
        peer.do("login")
        for _ in range(2):
            await peer.until("fetch fresh")
        peer.do("sign")
        await peer.until("signed string")
        (session,) = server.backend.peers
        assert session.authentication.version == 3

    assert peer.told.count("user ada") == 1
    assert "authenticated false" not in peer.told


async def test_a_rejected_cached_token_is_replaced(issuer: Issuer, server: Server) -> None:
    """AuthError, a forced fetch, another connection at once."""
    async with client(server, [issuer.mint_expired("ada")], [issuer.mint("ada")]) as peer:
        peer.do("login")
        await peer.until("user ada")
        peer.do("sign")
        await peer.until("signed string")

    assert peer.told.count("fetch fresh") == 1
    assert "authenticated false" not in peer.told


async def test_after_four_rejected_tokens_the_client_goes_on_as_nobody(
    issuer: Issuer, server: Server
) -> None:
    """The official client asks four times, says so once, and its query is answered."""
    forged = [issuer.mint_forged("eve", jti=str(number)) for number in range(9)]
    async with client(server, forged[:1], forged[1:]) as peer:
        peer.do("login")
        await peer.until("authenticated false")
        peer.do("sign")
        await peer.until("signed string")

    assert peer.told.count("fetch fresh") == 3
    assert peer.told.count("authenticated false") == 1
    assert "user eve" not in peer.told


async def test_a_token_that_expires_on_the_connection_is_replaced(
    issuer: Issuer, server: Server
) -> None:
    """A write reveals it; the mutation that met it runs under the next token."""
    fresh = [issuer.mint("ada", lifetime_s=60), issuer.mint("ada", lifetime_s=7200)]
    async with client(server, [issuer.mint("ada", lifetime_s=50)], fresh) as peer:
        peer.do("login")
        await peer.until("fetch fresh")
        peer.do("sign")
        await peer.until("signed string")
        server.clock.ahead_s = 3600
        peer.do("sign")
        assert "fetch fresh" in await peer.until("signed string")

    assert await server.backend.call(Kind.QUERY, "users:signatures", {}) == ["ada", "ada"]


async def test_no_token_is_nobody(server: Server) -> None:
    """A forced fetch is tried before the client gives up."""
    async with client(server, [None], [None]) as peer:
        peer.do("login")
        await peer.until("authenticated false")
        peer.do("sign")
        await peer.until("signed string")

    assert peer.told.count("fetch fresh") == 1


async def test_a_made_up_auth_error_is_believed(issuer: Issuer, server: Server) -> None:
    """The script refuses a good token once, and the client comes back with another."""
    server.backend.misbehave(AuthError("try again"), when=BeforeServer("Transition", n=1))
    tokens = [issuer.mint("ada", jti=str(n)) for n in range(3)]
    async with client(server, tokens[:1], tokens[1:]) as peer:
        peer.do("login")
        await peer.until("user ada")

    assert "fetch fresh" in peer.told
