"""The server on a port: HTTP, pages, sockets, the command."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from unisono_mock import App, MutationContext, QueryContext, Server, serve

from .apps import make_app
from .wire import add

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    (tmp_path / "index.html").write_text("<p>hello</p>")
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "code.js").write_text("export {}")
    (tmp_path / "secret.txt").write_text("secret")
    app = make_app()
    app.pages = {"/": tmp_path / "index.html", "/unisono/": tmp_path / "dist"}
    async with serve(app) as server:
        yield server


async def test_pages_are_served_and_nothing_beside_them(server: Server) -> None:
    """A file, a folder, their types; no way out of the folder."""
    async with httpx.AsyncClient(base_url=server.url) as client:
        page = await client.get("/")
        assert (page.text, page.headers["content-type"]) == (
            "<p>hello</p>",
            "text/html; charset=utf-8",
        )
        code = await client.get("/unisono/code.js")
        assert (code.text, code.headers["content-type"]) == (
            "export {}",
            "text/javascript; charset=utf-8",
        )
        for path in ("/unisono/nothing.js", "/unisono/", "/nothing"):
            assert (await client.get(path)).status_code == 404
        assert (await client.get("/version")).text == "unisono-mock"


@pytest.mark.parametrize("path", ["/unisono/../secret.txt", "/unisono/%2e%2e%2fsecret.txt"])
async def test_no_path_leads_out_of_a_folder(server: Server, path: str) -> None:
    """Dots do not help, encoded or not."""
    port = int(server.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 404")


async def test_two_requests_on_one_connection(server: Server) -> None:
    """Keep-alive and pipelining work; what is no HTTP is refused."""
    port = int(server.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    request = b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n"
    writer.write(request + request + b"nonsense\r\n\r\n")
    answer = await reader.read()
    writer.close()
    assert answer.count(b"HTTP/1.1 200") == 2
    assert answer.count(b"HTTP/1.1 400") == 1


@pytest.mark.parametrize("fault", ["binary", "utf8", "frame"])
async def test_what_is_no_text_ends_one_connection_only(server: Server, fault: str) -> None:
    """The others do not notice."""
    url = server.url.replace("http", "ws") + "/api/sync"
    async with connect(url) as other, connect(url) as bad:
        if fault == "binary":
            await bad.send(b"\x00")
        elif fault == "utf8":
            await bad.send(b"\xff", text=True)
        else:
            bad.transport.write(b"\xf3\x80\x00\x00\x00\x00")
        with pytest.raises(ConnectionClosed) as closed:
            await bad.recv()
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1011, "InternalServerError")
        message = {"type": "ModifyQuerySet", "baseVersion": 0, "newVersion": 1, "modifications": []}
        await other.send(json.dumps(message))
        assert json.loads(await other.recv())["type"] == "Transition"


@pytest.mark.parametrize("kind", ["query", "mutation", "action"])
async def test_a_fault_of_the_server_ends_the_connection_that_met_it(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a function may wait: nobody hangs, and the others do not notice."""
    app = make_app()
    for register in (app.query, app.mutation, app.action):

        @register(f"late:{register.__name__}")
        async def late(ctx: QueryContext) -> None:
            await asyncio.sleep(0)

    modify = {"type": "ModifyQuerySet", "baseVersion": 0, "newVersion": 1}
    late_query = {**modify, "modifications": [add(0, "late:query")]}
    call = {"type": kind.title(), "requestId": 0, "udfPath": f"late:{kind}", "args": [{}]}
    async with serve(app) as server:
        url = server.url.replace("http", "ws") + "/api/sync"
        async with connect(url) as other, connect(url) as bad:

            async def broken(*arguments: object, **more: object) -> bytes:
                await asyncio.sleep(0)
                raise RuntimeError("broken")

            with monkeypatch.context() as patch:
                patch.setattr(server.backend.transactions.runner, "run", broken)
                await bad.send(json.dumps(late_query if kind == "query" else call))
                with pytest.raises(ConnectionClosed) as closed:
                    await bad.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1011
            await other.send(json.dumps(late_query))
            assert json.loads(await other.recv())["modifications"][0]["value"] is None


async def test_a_malformed_message_is_fatal_and_closes_without_a_code(server: Server) -> None:
    """FatalError, then an empty Close frame."""
    async with connect(server.url.replace("http", "ws") + "/api/1.48.0/sync") as socket:
        await socket.send("{")
        assert json.loads(await socket.recv())["type"] == "FatalError"
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1005


@pytest.mark.parametrize(
    ("path", "headers", "code"),
    [
        ("/api/latest/sync", {}, "InvalidClientVersion"),
        ("/api/0.19.0/sync", {}, "ClientVersionUnsupported"),
        ("/api/sync", {"Convex-Client": "python-dev"}, "ClientVersionUnsupported"),
    ],
)
async def test_some_clients_are_not_let_in(
    server: Server, path: str, headers: dict[str, str], code: str
) -> None:
    """The handshake is refused with the reason."""
    with pytest.raises(InvalidStatus) as refused:
        await connect(server.url.replace("http", "ws") + path, additional_headers=headers)
    assert refused.value.response.status_code == 400
    assert json.loads(refused.value.response.body)["code"] == code


async def test_closing_the_server_says_goodbye_to_everybody() -> None:
    """Sockets get a Close frame, the port is free again."""
    async with serve(make_app()) as server:
        socket = await connect(server.url.replace("http", "ws") + "/api/sync")
    with pytest.raises(ConnectionClosed) as closed:
        await socket.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1001


async def start(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "unisono_mock",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("name", ["own", "uvicorn"])
async def test_the_command_prints_its_url_and_ends_on_a_signal(
    name: str, number: signal.Signals
) -> None:
    """One line, then exit code 0; on sockets of our own, or behind uvicorn."""
    process = await start("conformance.fixture.fx:app", "--port", "0", "--server", name)
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode()
    url = line.split()[-1]
    async with httpx.AsyncClient() as client:
        assert (await client.get(url + "/version")).status_code == 200
    process.send_signal(number)
    rest, errors = await process.communicate()
    assert (process.returncode, rest, errors) == (0, b"", b"")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing.here:app"], "cannot import nothing.here"),
        (["conformance.fixture.fx:nothing"], "has no App called nothing"),
        (["conformance.fixture.fx"], "module:attribute"),
    ],
)
async def test_an_app_that_is_not_there_is_one_sentence(arguments: list[str], words: str) -> None:
    """No traceback, exit code 1."""
    process = await start(*arguments)
    _, errors = await process.communicate()
    assert process.returncode == 1
    assert words in errors.decode()
    assert len(errors.decode().splitlines()) == 1


async def test_a_port_in_use_is_one_sentence(server: Server) -> None:
    """The sentence names the port."""
    port = server.url.rpartition(":")[2]
    process = await start("conformance.fixture.fx:app", "--port", port)
    _, errors = await process.communicate()
    assert process.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in errors.decode()
    assert len(errors.decode().splitlines()) == 1


async def test_a_slow_reader_costs_two_transitions_and_gets_the_newest_state() -> None:
    """What it does not read is not made; the others do not wait for it."""
    app = App()

    @app.query("s:big")
    def big(ctx: QueryContext) -> list[str]:
        return [str(len(ctx.db.query("t").collect())), "x" * 3_000_000]

    @app.mutation("s:add")
    def insert(ctx: MutationContext) -> str:
        return ctx.db.insert("t", {})

    async with serve(app) as server, httpx.AsyncClient(base_url=server.url) as client:
        url = server.url.replace("http", "ws") + "/api/sync"
        async with connect(url, max_size=None, max_queue=1, compression=None) as slow:
            subscribe = {"type": "ModifyQuerySet", "baseVersion": 0, "newVersion": 1}
            await slow.send(json.dumps({**subscribe, "modifications": [add(0, "s:big")]}))
            for _ in range(30):
                await client.post("/api/mutation", json={"path": "s:add", "args": {}})
            (peer,) = server.backend.sessions
            assert peer.session.transitions.unsent == 2
            seen: list[str] = []
            while not seen or seen[-1] != "30":
                frame = json.loads(await slow.recv())
                seen += [each["value"][0] for each in frame["modifications"]]
            assert len(seen) < 10


async def test_the_command_prints_the_function_spec() -> None:
    """The official JSON, with two spaces, and nothing is served."""
    process = await start("conformance.fixture.fx:app", "--function-spec")
    output, errors = await process.communicate()
    spec = json.loads(output)
    assert (process.returncode, errors) == (0, b"")
    assert output.startswith(b'{\n  "url"')
    assert {"fx.js:list", "fx.js:append"} <= {each["identifier"] for each in spec["functions"]}


async def test_the_command_takes_json_lines_and_gives_them(tmp_path: Path) -> None:
    """One table from a file, and back into another at the end."""
    incoming, outgoing = tmp_path / "items.jsonl", tmp_path / "out" / "items.jsonl"
    outgoing.parent.mkdir()
    incoming.write_text('{"key": "k", "id": "one"}\n{"key": "k", "id": "two"}\n')
    process = await start(
        "conformance.fixture.fx:app", "--port", "0",
        "--import", str(incoming), "--export", str(outgoing),
    )  # fmt: skip
    assert process.stdout is not None
    url = (await process.stdout.readline()).decode().split()[-1]
    async with httpx.AsyncClient() as client:
        body = {"path": "fx:list", "args": {"key": "k"}}
        answer = await client.post(url + "/api/query", json=body)
    process.terminate()
    assert await process.wait() == 0
    assert answer.json()["value"] == ["one", "two"]
    kept = [json.loads(line) for line in outgoing.read_text().splitlines()]
    assert [(each["key"], each["id"]) for each in kept] == [("k", "one"), ("k", "two")]
    assert all({"_id", "_creationTime"} <= set(each) for each in kept)


async def test_when_files_run_out_those_who_are_there_stay(tmp_path: Path) -> None:
    """New connections wait, and are served when there is room again."""
    command = (
        "import resource, sys; from unisono_mock import __main__ as command; "
        "command._open_many_files = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (60, 60)); "
        "sys.exit(command.main())"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", command, "conformance.fixture.fx:app", "--port", "0",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert process.stdout is not None
    url = (await process.stdout.readline()).decode().split()[-1]
    port = int(url.rpartition(":")[2])
    try:
        async with connect(f"ws://127.0.0.1:{port}/api/sync") as early:
            crowd = [await asyncio.open_connection("127.0.0.1", port) for _ in range(100)]
            message = {"type": "ModifyQuerySet", "baseVersion": 0, "newVersion": 1}
            await early.send(json.dumps({**message, "modifications": []}))
            assert json.loads(await early.recv())["type"] == "Transition"
            for _, writer in crowd:
                writer.close()
            async with connect(f"ws://127.0.0.1:{port}/api/sync") as late:
                await late.send(json.dumps({**message, "modifications": []}))
                assert json.loads(await late.recv())["type"] == "Transition"
    finally:
        process.terminate()
        await process.wait()
