"""The examples: each does in a test what its first lines promise."""

import importlib
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

import unisono
from unisono_mock.testing import ServerThread

ROOT = Path(__file__).parents[2]
NOBODY = "http://127.0.0.1:1"


@contextmanager
def program(name: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A program of the examples, talking through pipes."""
    command = [sys.executable, "-m", f"examples.{name}", *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True
    ) as running:
        yield running
        running.kill()


@pytest.fixture
def server(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ServerThread]:
    """The backend of an example. Examples are run, and found, from the root."""
    monkeypatch.syspath_prepend(ROOT)
    backend = importlib.import_module(f"examples.{request.param}.backend")
    with ServerThread(backend.app) as running:
        yield running


def needs(library: str) -> None:
    """Skip where an example's library is not installed; installing it is up to its users."""
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"the example needs `pip install {library}`")


@pytest.mark.parametrize("server", ["optimistic_list"], indirect=True)
def test_the_optimistic_list_shows_guesses_and_takes_them_back(server: ServerThread) -> None:
    """An item has no number before it is confirmed, and a refused one disappears."""
    with program("optimistic_list.items", server.url) as items:
        shown, errors = items.communicate("milk\n1\nCHEESE\n", timeout=30)
    snapshots = [each.splitlines()[1:] for each in shown.split("-- ")]

    assert (items.returncode, errors) == (0, "")
    assert ["   ? [ ] milk"] in snapshots
    assert snapshots[-1] == ["   1 [x] milk"]
    assert any("   ? [ ] CHEESE" in each for each in snapshots)
    assert "!! CHEESE: there is no shouting on this list" in shown


@pytest.mark.parametrize("server", ["token_refresh"], indirect=True)
def test_the_session_outlives_its_tokens(server: ServerThread) -> None:
    """Four tokens later the backend still takes it for the same user, without a gap."""
    options = ("--name", "bob", "--lifetime", "4", "--leeway", "3.9", "--tokens", "4")
    with program("token_refresh.session", server.url, *options) as session:
        shown, errors = session.communicate(timeout=30)
    lines = [line.strip() for line in shown.splitlines()]

    assert (session.returncode, errors) == (0, "")
    assert lines.count("fetched a token by force") == 3
    assert lines.count("the backend takes us for bob") == 1
    assert "auth: valid" in lines
    assert "signed out" in lines


@pytest.mark.parametrize("name", ["optimistic_list.items", "token_refresh.session"])
def test_a_backend_that_is_not_there_is_one_sentence(name: str) -> None:
    """And exit code 1."""
    with program(name, NOBODY, "--patience", "0.1") as running:
        _, errors = running.communicate(timeout=30)

    assert running.returncode == 1
    assert len(errors.splitlines()) == 1
    assert NOBODY in errors


@pytest.mark.anyio
@pytest.mark.parametrize("server", ["chat"], indirect=True)
async def test_the_web_api_reads_writes_and_streams(
    server: ServerThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is posted is in the list and in the next event; a refused message is a 422."""
    needs("fastapi")
    from examples.fastapi_app.web import app

    monkeypatch.setenv("UNISONO_URL", server.url)
    message = {"author": "ada", "body": "hello"}
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://web") as web,
    ):
        assert (await web.get("/messages")).json() == []
        assert (await web.post("/messages", json=message)).status_code == 201
        assert (await web.get("/messages")).json() == [message]
        events = await web.get("/messages/events", params={"times": 1})
        assert events.text == 'data: [{"author": "ada", "body": "hello"}]\n\n'
        refused = await web.post("/messages", json={"author": "ada", "body": " "})
        assert refused.status_code == 422
        assert "a message needs a body" in refused.json()["detail"]
        assert (await web.get("/health")).json()["is_connected"] is True


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("server", ["chat"], indirect=True)
async def test_the_terminal_chat_shows_what_is_said(server: ServerThread) -> None:
    """A line typed is a message for everybody, and everybody's messages are on the screen."""
    needs("textual")
    from examples.textual_app.chat import ChatApp
    from textual.widgets import Label

    screen = ChatApp(server.url, "ada")

    def lines() -> list[str]:
        return [str(label.render()) for label in screen.query(Label) if label.parent]

    async with screen.run_test() as pilot, unisono.Client(server.url) as other:
        await pilot.press(*"hello", "enter")
        async for messages in other.subscribe("messages:list"):
            if messages:
                assert messages == [{"author": "ada", "body": "hello"}]
                break
        await other.mutation("messages:send", {"author": "bob", "body": "[b]hi"})
        while "bob: [b]hi" not in lines():
            await pilot.pause()

        assert "ada: hello" in lines()
