"""The proxy: invisible by default, misbehaving on request, with a memory."""

import asyncio
import json
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from conformance.fixture import fx
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as listen
from websockets.exceptions import ConnectionClosed, InvalidStatus

from unisono_mock import Server, serve
from unisono_mock.faults import (
    AfterClient,
    AuthError,
    BeforeServer,
    CloseWith,
    Delay,
    Drop,
    Fault,
    Fragment,
    InChunks,
    OnConnect,
    Refuse,
    Reset,
    Restart,
    Silence,
    SlowReader,
    Trigger,
    UnknownField,
)
from unisono_mock.plans import BadPlan, Plan, read_plan
from unisono_mock.proxy import Proxy, main, proxy, replay
from unisono_mock.recording import BadRecording, Recorder, read_recording

from .apps import make_app
from .wire import SESSION, add

pytestmark = pytest.mark.asyncio

TRANSITION = BeforeServer("Transition")


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    async with serve(make_app()) as server:
        yield server


@pytest_asyncio.fixture
async def front(server: Server) -> AsyncIterator[Proxy]:
    async with proxy(server.url) as front:
        yield front


def dial(url: str, path: str = "/api/sync", **more: Any) -> Any:
    address = url.replace("http", "ws") + path
    return connect(
        address, proxy=None, ping_interval=None, compression=None, close_timeout=1, max_size=None,
        **more,
    )  # fmt: skip


async def say(connection: ClientConnection, **message: Any) -> None:
    await connection.send(json.dumps(message))


async def modify(connection: ClientConnection, base: int = 0) -> None:
    await say(
        connection, type="ModifyQuerySet", baseVersion=base, newVersion=base + 1,
        modifications=[add(base, "tasks:list")],
    )  # fmt: skip


async def mutate(connection: ClientConnection, request: int = 0, text: str = "x") -> None:
    await say(
        connection, type="Mutation", requestId=request, udfPath="tasks:add",
        args=[{"text": text}],
    )  # fmt: skip


async def hear(connection: ClientConnection) -> dict[str, Any]:
    frame: dict[str, Any] = json.loads(await connection.recv())
    return frame


async def fence(server: Server) -> None:
    """Whatever has reached the server before has been handled when this returns."""
    async with httpx.AsyncClient() as client:
        await client.get(server.url + "/version")


async def end_of(connection: ClientConnection) -> tuple[int | None, str | None]:
    with suppress(ConnectionClosed):
        async for _ in connection:
            pass
    return connection.close_code, connection.close_reason


# Invisible


async def test_a_client_notices_nothing(server: Server, front: Proxy) -> None:
    """Messages pass in both directions, as they were."""
    async with dial(front.url) as through, dial(server.url) as direct:
        for connection in (through, direct):
            await modify(connection)
        one, other = await hear(through), await hear(direct)
        assert one["modifications"] == other["modifications"]
        await mutate(through)
        assert [(await hear(through))["type"] for _ in range(2)] == [
            "MutationResponse",
            "Transition",
        ]


async def test_the_server_behind_knows_who_the_client_is(server: Server, front: Proxy) -> None:
    """By the path, and by the header."""
    headers = {"Convex-Client": "myclient-1.2.3"}
    async with dial(front.url, "/api/1.30.0/sync"), dial(front.url, additional_headers=headers):
        named = {peer.session.options.client.text for peer in server.backend.peers.values()}

    assert named == {"npm-1.30.0", "myclient-1.2.3"}


async def test_large_messages_pass_and_are_chunked_by_the_server_behind(
    server: Server, front: Proxy
) -> None:
    """The proxy does not put together what it was not asked to."""
    async with dial(front.url, "/api/1.30.0/sync") as connection:
        for number in range(8):
            await mutate(connection, number, "y" * 900_000)
            await hear(connection)
            await hear(connection)
        await modify(connection)
        first, second = await hear(connection), await hear(connection)

    assert (first["type"], first["totalParts"]) == ("TransitionChunk", 2)
    assert len(json.loads(first["chunk"] + second["chunk"])["modifications"][0]["value"]) == 8


@pytest.mark.parametrize(("code", "reason"), [(1011, "InternalServerError"), (None, "")])
async def test_the_close_of_the_server_behind_is_the_close(
    server: Server, front: Proxy, code: int | None, reason: str
) -> None:
    """With its code and reason, or without."""
    async with dial(front.url) as connection:
        if code is None:
            await connection.send("not json")
            assert (await hear(connection))["type"] == "FatalError"
        else:
            await modify(connection, base=0)
            await hear(connection)
            await modify(connection, base=1)
            await hear(connection)
            server.backend.misbehave(CloseWith(code, reason))
        assert await end_of(connection) == (code or 1005, reason)


async def test_a_reset_of_the_server_behind_is_a_reset(server: Server, front: Proxy) -> None:
    """No Close frame is made up."""
    server.backend.misbehave(Reset(), when=TRANSITION)
    async with dial(front.url) as connection:
        await modify(connection)
        assert await end_of(connection) == (1006, "")


async def test_the_server_behind_learns_that_the_client_has_left(
    server: Server, front: Proxy
) -> None:
    """Nothing is kept for a client that is gone."""
    async with dial(front.url) as connection:
        await modify(connection)
        await hear(connection)
        assert len(server.backend.peers) == 1
    await fence(server)
    assert server.backend.peers == {}


async def test_requests_pass_and_a_refusal_of_a_socket_too(front: Proxy) -> None:
    """Everything that the server behind answers, with its headers."""
    async with httpx.AsyncClient(base_url=front.url) as client:
        version = await client.get("/version", headers={"Origin": "http://page.test"})
        assert version.status_code == 200
        assert version.headers.get_list("access-control-allow-origin") == ["http://page.test"]
        assert (await client.get("/nowhere")).status_code == 404
        answer = await client.post("/api/query", json={"path": "tasks:list", "args": {}})
        assert answer.json() == {"status": "success", "value": []}

    with pytest.raises(InvalidStatus) as caught:
        await dial(front.url, additional_headers={"Convex-Client": "npm-0.1.0"})
    assert caught.value.response.headers["x-convex-deprecation-state"] == "Unsupported"


async def test_no_server_behind_is_a_bad_gateway() -> None:
    """For requests and for sockets."""
    async with proxy("ws://127.0.0.1:1") as front, httpx.AsyncClient() as client:
        assert (await client.get(front.url + "/version")).status_code == 502
        with pytest.raises(InvalidStatus, match="502"):
            await dial(front.url)


async def test_the_server_behind_may_be_any(tmp_path: Path) -> None:
    """Fragments are put together, pings are passed on, any close code comes through."""

    async def answer(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.send(['{"type":', '"Ping"', "}"])
        await (await connection.ping())
        await connection.close(4040, "not here")

    async with listen(answer, "127.0.0.1", 0, ping_interval=None) as behind:
        port = behind.sockets[0].getsockname()[1]
        file = tmp_path / "session.jsonl"
        async with proxy(f"ws://127.0.0.1:{port}/", record=file) as front, dial(front.url) as one:
            await one.send("hello")
            assert await hear(one) == {"type": "Ping"}
            assert await end_of(one) == (4040, "not here")


async def test_what_is_no_server_is_a_bad_gateway() -> None:
    """An answer that is no HTTP, or a switch to nothing."""
    for answer in (b"SSH-2.0\r\n", b"HTTP/1.1 101 Switching Protocols\r\n\r\n"):
        ended = asyncio.Event()

        async def say_it(
            reader: asyncio.StreamReader,
            writer: asyncio.StreamWriter,
            answer: bytes = answer,
            ended: asyncio.Event = ended,
        ) -> None:
            writer.write(answer)
            with suppress(ConnectionError):
                while await reader.read(1000):
                    pass
            writer.close()
            ended.set()

        behind = await asyncio.start_server(say_it, "127.0.0.1", 0)
        port = behind.sockets[0].getsockname()[1]
        async with proxy(f"http://127.0.0.1:{port}") as front:
            with pytest.raises(InvalidStatus, match="502"):
                await dial(front.url)
        await ended.wait()
        behind.close()


# Misbehaving


@pytest.mark.parametrize(
    ("fault", "end"),
    [
        (CloseWith(1013, "Busy"), (1013, "Busy")),
        (Reset(), (1006, "")),
        (AuthError("no"), (1005, "")),
    ],
)
async def test_a_proxy_ends_connections_that_the_server_would_keep(
    server: Server, front: Proxy, fault: Fault, end: tuple[int, str]
) -> None:
    """The commit stays, the answer is lost, the server behind is left."""
    front.misbehave(fault, when=BeforeServer("MutationResponse"))
    async with dial(front.url) as connection:
        await mutate(connection)
        assert await end_of(connection) == end
    await fence(server)
    assert server.backend.peers == {}
    async with httpx.AsyncClient(base_url=server.url) as client:
        answer = await client.post("/api/query", json={"path": "tasks:list", "args": {}})
        assert answer.json()["value"] == ["x"]


async def test_a_made_up_auth_error_knows_the_version(front: Proxy) -> None:
    """It is read from the last Transition that has passed."""
    async with dial(front.url) as connection:
        await say(connection, type="Authenticate", baseVersion=0, tokenType="None")
        assert (await hear(connection))["endVersion"]["identity"] == 1
        front.misbehave(AuthError("no"))
        assert (await hear(connection))["baseVersion"] == 1


async def test_delays_and_losses_before_any_server(server: Server, front: Proxy) -> None:
    """In both directions."""
    late = front.misbehave(Delay(), when=AfterClient("Mutation"))
    front.misbehave(Drop(), when=BeforeServer("MutationResponse"))
    async with dial(front.url) as connection:
        await modify(connection)
        await mutate(connection)
        assert (await hear(connection))["modifications"][0]["value"] == []
        late.release()
        assert (await hear(connection))["modifications"][0]["value"] == ["x"]


async def test_a_proxy_refuses_and_restarts(server: Server, front: Proxy) -> None:
    """The server behind sees connections end, and its data stays."""
    front.misbehave(Refuse(503), when=OnConnect(), times=2)
    for _ in range(2):
        with pytest.raises(InvalidStatus, match="503"):
            await dial(front.url)
    async with dial(front.url) as one, dial(front.url) as other:
        front.misbehave(Restart())
        assert [await end_of(each) for each in (one, other)] == [(1006, ""), (1006, "")]
    async with dial(front.url) as connection:
        await modify(connection)
        assert (await hear(connection))["type"] == "Transition"


async def test_a_slow_client_makes_the_server_behind_hold_back(
    server: Server, front: Proxy
) -> None:
    """The proxy does not read for a client that does not."""
    async with dial(front.url) as connection, dial(server.url) as writer:
        await modify(connection)
        await hear(connection)
        fault = front.misbehave(SlowReader(), when=AfterClient("Event"))
        fired = asyncio.Event()
        fault.then(fired.set)
        await say(connection, type="Event", eventType="x", event=None)
        await fired.wait()
        size = 900_000
        for number in range(14):
            await mutate(writer, number, f"{number:02}" + "z" * size)
            await hear(writer)
            await hear(writer)
        reader = next(iter(server.backend.peers))
        assert reader.transitions.unsent == 2
        fault.release()
        counts = [0]
        while counts[-1] < 14:
            frame = await hear(connection)
            if frame["type"] == "Transition":
                counts.append(len(frame["modifications"][0]["value"]))

    assert len(counts) < 12


async def test_a_silent_proxy_keeps_the_socket(front: Proxy) -> None:
    """Nothing comes, nothing ends."""
    fault = front.misbehave(Silence(), when=AfterClient("ModifyQuerySet"))
    fired = asyncio.Event()
    fault.then(fired.set)
    async with dial(front.url) as silent, dial(front.url) as other:
        await modify(silent)
        await fired.wait()
        pong = await silent.ping()
        await mutate(other)
        assert (await hear(other))["type"] == "MutationResponse"
        assert not pong.done()
        front.misbehave(Restart())
        await front.stop()


# The official client through the proxy

PEER = Path(__file__).parent / "peers" / "convex_client.mjs"


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")
@pytest.mark.parametrize(
    ("fault", "when"),
    [
        pytest.param(Reset(), BeforeServer("MutationResponse"), id="lost-response"),
        pytest.param(Reset(), AfterClient("Mutation", 2), id="lost-after-commit"),
        pytest.param([Drop(), Reset()], AfterClient("Mutation"), id="lost-before-commit"),
        pytest.param(CloseWith(1013, "Busy"), BeforeServer("Transition", 2), id="closed"),
        pytest.param(Refuse(503), OnConnect(), id="refused"),
        pytest.param(Fragment(4), BeforeServer("Transition"), id="fragments"),
        pytest.param(InChunks(3), BeforeServer("Transition"), id="chunks"),
        pytest.param(UnknownField(), BeforeServer(), id="unknown-field"),
    ],
)
async def test_the_official_client_gets_over_a_fault(
    fault: Fault | list[Fault], when: Trigger
) -> None:
    """Every mutation happens once, every call settles, the list ends complete."""
    async with serve(fx.app) as server, proxy(server.url) as front:
        armed = front.misbehave(fault, when=when)
        process = await asyncio.create_subprocess_exec(
            "node", str(PEER), front.url, "key", stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate()
        report = json.loads(output.decode().strip().splitlines()[-1])

    assert armed.fired == 1
    assert (report["seen"][-1], report["numbers"]) == (["one", "two"], 1)


# Recording and replaying


async def record(server: Server, file: Path) -> list[dict[str, Any]]:
    """Two connections, the first of which the server closes."""
    async with proxy(server.url, record=file) as front:
        front.misbehave(CloseWith(1011, "InternalServerError"), when=BeforeServer("Transition", 3))
        async with dial(front.url, "/api/1.30.0/sync") as connection:
            await say(connection, type="Connect", sessionId=SESSION, connectionCount=0)
            await say(connection, type="Authenticate", baseVersion=0, tokenType="None")
            await hear(connection)
            await modify(connection)
            await hear(connection)
            await mutate(connection)
            await end_of(connection)
        async with dial(front.url) as connection:
            await say(
                connection, type="Authenticate", baseVersion=0, tokenType="User", value="t.o.ken"
            )
            await end_of(connection)
    with file.open() as lines:
        return [json.loads(line) for line in lines]


async def test_a_recording_has_both_directions_and_no_token(server: Server, tmp_path: Path) -> None:
    """What the client said and what it saw, numbered; what was lost on the way is not there."""
    head, *events = await record(server, tmp_path / "session.jsonl")

    assert head["format"] == "unisono-recording"
    assert [event["n"] for event in events] == list(range(1, len(events) + 1))
    first = [event for event in events if event["connection"] == 1]
    shown = [
        (each["what"], each.get("message", {}).get("type") or each.get("by") or each["client"])
        for each in first
    ]
    sent = [what for what in shown if what[0] == "c2s"]
    assert shown[0] == ("opened", "npm-1.30.0")
    assert [kind for _, kind in sent] == ["Connect", "Authenticate", "ModifyQuerySet", "Mutation"]
    assert [kind for what, kind in shown if what == "s2c"] == [
        "Transition",
        "Transition",
        "MutationResponse",
    ]
    assert (first[-1]["by"], first[-1]["code"]) == ("server", 1011)
    (token,) = (e["message"]["value"] for e in events if e.get("message", {}).get("value"))
    assert token.startswith("sha256:")


async def test_a_replay_says_the_same_to_a_client_that_does(server: Server, tmp_path: Path) -> None:
    """Each message when as much has been heard as before it, each close as it was."""
    file = tmp_path / "session.jsonl"
    await record(server, file)
    async with replay(file) as played:
        async with dial(played.url) as connection:
            await say(connection, type="Connect", sessionId=SESSION, connectionCount=0)
            await modify(connection)
            await say(connection, type="Event", eventType="x", event=1)
            await say(connection, type="Authenticate", baseVersion=0, tokenType="None")
            assert (await hear(connection))["endVersion"]["identity"] == 1
            assert (await hear(connection))["endVersion"]["querySet"] == 1
            await mutate(connection)
            assert (await hear(connection))["success"] is True
            assert await end_of(connection) == (1011, "InternalServerError")
        async with dial(played.url) as connection:
            await say(connection, type="Authenticate", baseVersion=0, tokenType="User", value="u")
            assert (await hear(connection))["type"] == "AuthError"
            assert await end_of(connection) == (1005, "")
        assert played.replay.surprises == []
        with pytest.raises(InvalidStatus, match="503"):
            await dial(played.url)


async def test_a_replay_notes_what_was_never_recorded(server: Server, tmp_path: Path) -> None:
    """It goes on as recorded, and tells."""
    file = tmp_path / "session.jsonl"
    await record(server, file)
    async with replay(file) as played, dial(played.url) as connection:
        await say(connection, type="Action", requestId=0, udfPath="a:b", args=[{}])
        await connection.send(b"\0")
        await say(connection, type="Connect", sessionId=SESSION, connectionCount=0)
        await say(connection, type="Authenticate", baseVersion=0, tokenType="None")
        await hear(connection)

    assert played.replay.surprises == [
        "connection 1: a Action that was not recorded",
        "connection 1: a binary message",
    ]


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        (["{}"], "line 1"),
        (["no"], "line 1"),
        (['{"format":"unisono-recording","version":2}'], "line 1"),
        (['{"format":"unisono-recording","version":1}', "[]"], "line 2"),
        (['{"format":"unisono-recording","version":1}', '{"connection":1}'], "line 2"),
    ],
)
async def test_a_file_that_is_no_recording(lines: list[str], line: str) -> None:
    """The error names the line."""
    with pytest.raises(BadRecording, match=line):
        read_recording(lines)


async def test_what_is_no_json_is_recorded_as_text() -> None:
    """So that a recording of a broken peer shows what it said."""
    lines: list[str] = []
    recorder = Recorder(lines.append, "http://x.test")
    recorder.message(1, "c2s", "not json")
    recorder.message(1, "s2c", b"\xff")

    assert [json.loads(line).get("text") for line in lines] == [None, "not json", "\ufffd"]


# On the command line


async def test_a_plan_is_json() -> None:
    """Names and fields are those of the faults."""
    text = '{"when":{"on":"BeforeServer","kind":"Transition","n":2},"do":{"fault":"Drop"}}'
    assert read_plan(text) == Plan((Drop(),), BeforeServer("Transition", 2))
    text = '{"when":{"on":"OnConnect"},"do":[{"fault":"Refuse","status":503}],"times":null}'
    assert read_plan(text) == Plan((Refuse(503),), OnConnect(), None)


@pytest.mark.parametrize(
    "text",
    [
        "no",
        "[]",
        "{}",
        '{"do":{"fault":"Explode"},"when":{"on":"OnConnect"}}',
        '{"do":{"fault":"Drop"},"when":{"on":"OnConnect"}}',
        '{"do":{"fault":"Reset","code":1},"when":{"on":"OnConnect"}}',
        '{"do":{"fault":["Reset"]},"when":{"on":"OnConnect"}}',
        '{"do":"Reset","when":{"on":"OnConnect"}}',
    ],
)
async def test_what_is_no_plan(text: str) -> None:
    """One error, which shows the text."""
    with pytest.raises(BadPlan):
        read_plan(text)


async def test_the_command_line_proxies_records_and_misbehaves(
    server: Server, tmp_path: Path
) -> None:
    """It prints its port, ends with a signal, and leaves a recording that can be replayed."""
    file = tmp_path / "session.jsonl"
    plan = '{"when":{"on":"BeforeServer","kind":"Transition","n":2},"do":{"fault":"Reset"}}'
    front = ["--upstream", server.url, "--record", str(file), "--misbehave", plan]
    for options in (front, ["--replay", str(file)]):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "unisono_mock.proxy", *options, stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        greeting = (await process.stdout.readline()).decode()
        async with dial(greeting.removeprefix("Serving on ").strip()) as connection:
            await modify(connection)
            await hear(connection)
            await modify(connection, base=1)
            assert await end_of(connection) == (1006, "")
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0


async def test_a_wrong_command_line_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On standard error, with an exit code."""

    def run(*arguments: str) -> int:
        return main(arguments)

    for arguments in (
        ("--upstream", "ftp://x.test"),
        ("--replay", str(tmp_path / "none.jsonl")),
        ("--upstream", "http://x.test", "--misbehave", "no"),
    ):
        assert await asyncio.to_thread(run, *arguments) == 1
        error = capsys.readouterr().err
        assert error.startswith("unisono-mock proxy: ")
        assert len(error.splitlines()) == 1
