"""The issuer over the network: discovery, rotation, and what happens while it is away."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from unisono_mock import Backend, Server, serve
from unisono_mock.core.effects import Close, Reading
from unisono_mock.core.errors import ConnectionFailure, FailureKind
from unisono_mock.core.session import MAX_INBOX
from unisono_mock.core.tokens import JwtProvider
from unisono_mock.issuer import JWKS_PATH, Issuer
from unisono_mock.runtime.keysets import DISCOVERY, Answer, KeySets, Shared, Unreachable

from .test_auth import ADMIN_KEY, authenticate, users_app
from .wire import Wire, add

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture(params=["RS256", "EdDSA", "ES256"])
async def issuer(request: pytest.FixtureRequest) -> AsyncIterator[Issuer]:
    issuer = Issuer(algorithm=request.param)
    async with issuer.serve():
        yield issuer


@pytest_asyncio.fixture
async def server(issuer: Issuer) -> AsyncIterator[Server]:
    async with serve(users_app(issuer.remote_provider())) as server:
        yield server


class Socket:
    """A raw client."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def ask(self, **message: Any) -> dict[str, Any]:
        """Send a message; the next one of the server that is no Ping."""
        await self._connection.send(json.dumps(message))
        return await self.next()

    async def next(self) -> dict[str, Any]:
        while True:
            frame: dict[str, Any] = json.loads(await self._connection.recv())
            if frame["type"] != "Ping":
                return frame

    async def user(self, token: str, base: int = 0) -> dict[str, Any]:
        return await self.ask(type="Authenticate", baseVersion=base, tokenType="User", value=token)

    async def closed(self) -> tuple[int | None, str]:
        with pytest.raises(ConnectionClosed):
            await self._connection.recv()
        return self._connection.close_code, self._connection.close_reason or ""


async def dial(server: Server) -> Socket:
    url = server.url.replace("http", "ws") + "/api/sync"
    return Socket(await connect(url, proxy=None, ping_interval=None, close_timeout=1))


async def test_a_token_is_good_on_every_kind_of_key(issuer: Issuer, server: Server) -> None:
    """The server finds the keys by itself."""
    socket = await dial(server)
    frame = await socket.user(issuer.mint("ada"))

    assert frame["endVersion"]["identity"] == 1
    expected = [JWKS_PATH] if issuer.algorithm == "ES256" else [DISCOVERY, JWKS_PATH]
    assert issuer.requests == expected


async def test_what_the_issuer_publishes_is_json(issuer: Issuer) -> None:
    """No private half of a key gets out."""
    async with httpx.AsyncClient() as client:
        document = (await client.get(issuer.url + DISCOVERY)).json()
        keys = (await client.get(document["jwks_uri"])).json()["keys"]

    assert document["issuer"] == issuer.url
    assert [set(key) & {"d", "p", "q"} for key in keys] == [set()]


async def test_a_rotated_key_is_found_and_the_old_one_is_forgotten(
    issuer: Issuer, server: Server
) -> None:
    """Though the server was allowed to keep the keys for an hour."""
    issuer.max_age_s = 3600
    socket = await dial(server)
    old = issuer.mint("ada")
    await socket.user(old)
    asked = len(issuer.requests)
    await socket.user(issuer.mint("ada"), base=1)
    assert len(issuer.requests) == asked

    issuer.rotate()
    assert (await socket.user(issuer.mint("ada"), base=2))["endVersion"]["identity"] == 3
    assert (await socket.user(old, base=3))["type"] == "AuthError"


async def test_an_old_key_may_stay_for_a_while(issuer: Issuer, server: Server) -> None:
    """Tokens signed before the rotation are good as long as their key is published."""
    old = issuer.mint("ada")
    issuer.rotate(keep_old=True)
    socket = await dial(server)

    assert (await socket.user(old))["endVersion"]["identity"] == 1
    assert (await socket.user(issuer.mint("ada"), base=1))["endVersion"]["identity"] == 2


@pytest.mark.parametrize("issuer", ["EdDSA"], indirect=True)
@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [
        (500, 1013, "AuthProviderDiscoveryFailed"),
        (429, 1013, "AuthProviderDiscoveryFailed"),
        (404, 1000, "AuthProviderDiscoveryFailed"),
    ],
)
async def test_trouble_of_the_issuer_is_not_the_fault_of_the_token(
    issuer: Issuer, server: Server, status: int, code: int, reason: str
) -> None:
    """The connection is closed for a while, without an AuthError."""
    issuer.go_away(status)
    socket = await dial(server)
    with pytest.raises(ConnectionClosed):
        await socket.user(issuer.mint())
    assert await socket.closed() == (code, reason)

    issuer.come_back()
    assert (await (await dial(server)).user(issuer.mint()))["endVersion"]["identity"] == 1


@pytest.mark.parametrize("issuer", ["EdDSA"], indirect=True)
@pytest.mark.parametrize("status", [401, 403, 418, None])
async def test_an_issuer_that_refuses_or_is_gone_is_an_auth_error(
    issuer: Issuer, server: Server, status: int | None
) -> None:
    """The text names the issuer, and closes without a code."""
    issuer.go_away(status)
    socket = await dial(server)
    frame = await socket.user(issuer.mint())

    assert (frame["type"], frame["authUpdateAttempted"]) == ("AuthError", True)
    assert frame["error"].startswith(f"Auth provider discovery of {issuer.url} failed")
    assert await socket.closed() == (1005, "")


@pytest.mark.parametrize("issuer", ["EdDSA"], indirect=True)
async def test_only_the_connection_that_asks_waits_for_the_issuer(issuer: Issuer) -> None:
    """Others are served, and what the one says meanwhile is answered afterwards, in order."""
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def fetch(url: str) -> Answer:
        asked.set()
        await go_on.wait()
        path = url.removeprefix(issuer.url)
        document = issuer.jwks() if path == JWKS_PATH else {
            "issuer": issuer.url, "jwks_uri": issuer.url + JWKS_PATH
        }  # fmt: skip
        return Answer(200, json.dumps(document).encode())

    async with serve(users_app(issuer.remote_provider())) as server:
        server.backend.verifier.key_sets = KeySets(fetch, server.backend.clock.now)
        slow = Wire(server.backend)
        slow.send(type="Authenticate", baseVersion=0, tokenType="User", value=issuer.mint("ada"))
        slow.modify(0, add(0, "users:whoami"))
        await asked.wait()
        other = await dial(server)
        frame = await other.ask(
            type="ModifyQuerySet", baseVersion=0, newVersion=1,
            modifications=[add(0, "users:constant")],
        )  # fmt: skip
        assert frame["modifications"][0]["value"] == 1
        assert slow.frames == []

        go_on.set()
        await asyncio.gather(*server.clock.tasks)
        first, second = slow.take()
        assert (first["endVersion"]["identity"], first["endVersion"]["querySet"]) == (1, 0)
        assert second["modifications"][0]["value"]["subject"] == "ada"


async def test_who_floods_a_server_that_waits_is_not_read() -> None:
    """What comes while a token is verified is kept up to a number, and then left in the socket."""
    answers: list[asyncio.Future[Answer]] = []

    async def fetch(url: str) -> Answer:
        answers.append(asyncio.get_running_loop().create_future())
        return await answers[-1]

    issuer = Issuer()
    async with serve(users_app(issuer.remote_provider())) as server:
        server.backend.verifier.key_sets = KeySets(fetch, server.backend.clock.now)
        wire = Wire(server.backend)
        wire.send(type="Authenticate", baseVersion=0, tokenType="User", value=issuer.mint())
        for base in range(MAX_INBOX):
            wire.modify(base)
        assert wire.others == [Reading(False)]

        while len(answers) < 2:
            await asyncio.sleep(0)
            for each in answers:
                if not each.done():
                    document = {"issuer": issuer.url, "jwks_uri": "keys", **issuer.jwks()}
                    each.set_result(Answer(200, json.dumps(document).encode()))
        await asyncio.gather(*server.clock.tasks)

    assert wire.others == [Reading(False), Reading(True)]
    assert wire.take()[-1]["endVersion"]["querySet"] == MAX_INBOX


@pytest.mark.parametrize("issuer", ["EdDSA"], indirect=True)
async def test_a_bearer_is_a_user_and_a_bad_one_is_refused(issuer: Issuer, server: Server) -> None:
    """By HTTP, with the status of the failure."""
    async with httpx.AsyncClient(base_url=server.url) as client:

        async def ask(authorization: str) -> httpx.Response:
            call = {"path": "users:whoami", "args": {}}
            headers = {"Authorization": authorization}
            return await client.post("/api/query", json=call, headers=headers)

        answer = await ask(f"Bearer {issuer.mint('ada')}")
        assert answer.json()["value"]["subject"] == "ada"
        refused = await ask(f"Bearer {issuer.mint_expired()}")
        assert (refused.status_code, refused.json()["code"]) == (401, "Unauthenticated")
        call = {"path": "users:secret", "args": {}}
        for key, status in ((ADMIN_KEY, 200), ("bad|key", 401)):
            answer = await client.post("/api/function", params={"adminKey": key}, json=call)
            assert answer.status_code == status
        refused = await ask("Bearer a.b.c")
        assert (refused.status_code, refused.json()["code"]) == (401, "InvalidAuthHeader")
        issuer.go_away(503)
        refused = await ask(f"Bearer {issuer.mint()}")
        assert (refused.status_code, refused.json()["code"]) == (
            503,
            "AuthProviderDiscoveryFailed",
        )


@pytest.mark.parametrize("issuer", ["EdDSA"], indirect=True)
async def test_a_client_that_leaves_while_its_token_is_verified_harms_nobody(
    issuer: Issuer, server: Server
) -> None:
    """The answer comes to nobody."""
    wire = Wire(server.backend)
    wire.send(type="Authenticate", baseVersion=0, tokenType="User", value=issuer.mint())
    wire.peer.lost()
    await asyncio.gather(*server.clock.tasks)

    assert (wire.frames, wire.closed, server.backend.peers) == ([], None, {})


async def test_an_issuer_rotates_and_goes_away_without_a_port() -> None:
    """A backend in process asks it directly, by the same addresses."""
    issuer = Issuer(now=lambda: 1_750_000_000.0)
    backend = Backend(users_app(issuer.remote_provider()), fetch=issuer.fetch)
    assert authenticate(Wire(backend), issuer.mint())[0]["endVersion"]["identity"] == 1

    issuer.rotate()
    assert authenticate(Wire(backend), issuer.mint())[0]["endVersion"]["identity"] == 1

    issuer.go_away()
    (frame,) = authenticate(Wire(backend), issuer.mint())
    assert frame["error"].endswith("https://issuer.test has gone away")

    issuer.go_away(503)
    wire = Wire(backend)
    assert authenticate(wire, issuer.mint()) == []
    assert wire.closed == Close(1013, "AuthProviderDiscoveryFailed")


async def serving(*command: str) -> tuple[asyncio.subprocess.Process, str]:
    """A process and the address that it prints."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *command, stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode()
    return process, line.removeprefix("Serving on ").strip()


async def test_an_issuer_and_a_server_from_the_command_line() -> None:
    """Tests in any language can mint tokens and be let in."""
    issuer, issuer_url = await serving("unisono_mock.issuer")
    server, server_url = await serving(
        "unisono_mock", "conformance.fixture.fx:app", "--port", "0",
        "--issuer", issuer_url, "--admin-key", ADMIN_KEY,
    )  # fmt: skip
    call = {"path": "fx:whoami", "args": {}}
    async with httpx.AsyncClient(base_url=server_url) as client:
        query = {"subject": "ada", "lifetime_s": "60"}
        token = (await client.get(issuer_url + "/mint", params=query)).text
        for key in (f"Bearer {token}", f"Convex {ADMIN_KEY}"):
            answer = await client.post("/api/query", json=call, headers={"Authorization": key})
            assert answer.json()["status"] == "success"
        refused = await client.get(issuer_url + "/mint", params={"lifetime_s": "long"})
        assert refused.status_code == 400

    for process in (issuer, server):
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0


# Key sets, with a fetch of the test


class Web:
    """Addresses and what they answer."""

    def __init__(self, **answers: Answer) -> None:
        self.answers = answers
        self.asked: list[str] = []
        self.now = 0.0
        self.key_sets = KeySets(Shared(self.fetch), lambda: self.now)

    async def fetch(self, url: str) -> Answer:
        self.asked.append(url)
        await asyncio.sleep(0)
        if url not in self.answers:
            raise Unreachable("no such host")
        return self.answers[url]


async def test_a_thousand_connections_ask_once() -> None:
    """Whoever asks while a fetch is under way shares its answer."""
    web = Web(a=Answer(200, b'{"keys":[]}'))
    found = await asyncio.gather(*(web.key_sets.at("a") for _ in range(1000)))

    assert (len(found), web.asked) == (1000, ["a"])


async def test_keys_are_kept_as_long_as_their_publisher_says() -> None:
    """And not at all where it says nothing, or no-store."""
    kept, fresh, secret = (
        Answer(200, b"{}", cache_control=control)
        for control in ("public, max-age=60", "", "no-store, max-age=60")
    )
    web = Web(kept=kept, fresh=fresh, secret=secret)
    for _ in range(2):
        for url in ("kept", "fresh", "secret"):
            with pytest.raises(ConnectionFailure, match="Invalid JWKS response body"):
                await web.key_sets.at(url)
    assert web.asked == ["kept", "fresh", "secret", "fresh", "secret"]

    web.now = 60
    with pytest.raises(ConnectionFailure):
        await web.key_sets.at("kept")
    assert web.asked[-1] == "kept"


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (None, "Could not fetch JWKS from URL 'a': no such host"),
        (Answer(500, b""), "Could not fetch JWKS from URL 'a': HTTP 500"),
        (Answer(200, b"{}", "text/html"), "Invalid Content-Type 'text/html' when fetching"),
        (Answer(200, b"{}", "application/json; charset=latin-1"), "Invalid Content-Type"),
        (Answer(200, b"[]"), "Invalid JWKS response body"),
        (Answer(200, b"no"), "Invalid JWKS response body"),
        (Answer(200, b"x" * (2**20 + 1)), "Could not fetch JWKS from URL 'a': the answer is too"),
    ],
)
async def test_a_key_set_that_cannot_be_had(answer: Answer | None, text: str) -> None:
    """Every fault of the address is a fault of the token, with its text."""
    web = Web(**({} if answer is None else {"a": answer}))
    with pytest.raises(ConnectionFailure) as caught:
        await web.key_sets.at("a")

    assert caught.value.message.startswith(text)
    assert (caught.value.kind, caught.value.code) == (
        FailureKind.UNAUTHENTICATED,
        "InvalidAuthHeader",
    )


@pytest.mark.parametrize(
    "document",
    [b"no", b"{}", b'{"issuer":"https://else.test","jwks_uri":"https://a.test/keys"}'],
)
async def test_a_discovery_document_must_be_of_the_issuer(document: bytes) -> None:
    """Otherwise anybody could speak for anybody."""
    web = Web(**{"https://a.test" + DISCOVERY: Answer(200, document)})
    with pytest.raises(ConnectionFailure) as caught:
        await web.key_sets.of_issuer("a.test/")

    assert (caught.value.kind, caught.value.code) == (
        FailureKind.BAD_REQUEST,
        "AuthProviderDiscoveryFailed",
    )


async def test_keys_with_nonsense_in_them_verify_nothing() -> None:
    """A set of anything is no reason to fall over."""
    issuer = Issuer("https://a.test", algorithm="ES256", now=lambda: 1_750_000_000.0)
    good = issuer.jwks()["keys"][0]
    for keys in ([], ["x"], None, [{**good, "x": "!"}], [{**good, "use": "enc"}]):
        provider = JwtProvider("https://a.test", {"keys": keys}, "ES256", "unisono")
        wire = Wire(Backend(users_app(provider)))
        (frame,) = authenticate(wire, issuer.mint())
        assert "Could not decode token" in frame["error"]
