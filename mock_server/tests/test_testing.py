"""The fixtures that apps use for their own tests."""

import json
import time

import httpx
import pytest
from websockets.sync.client import connect

from unisono_mock import App, Backend
from unisono_mock.testing import ServerThread, mock_backend, mock_server

from .apps import make_app
from .wire import Wire, add

__all__ = ["mock_backend", "mock_server"]


@pytest.fixture
def unisono_app() -> App:
    return make_app()


def test_a_fresh_backend_takes_less_than_5_ms(unisono_app: App) -> None:
    """So that every test can have its own."""
    Backend(unisono_app)
    start = time.perf_counter()
    for _ in range(20):
        Backend(unisono_app)
    assert (time.perf_counter() - start) / 20 < 0.005


def test_two_fresh_backends_give_the_same_ids_and_times(unisono_app: App) -> None:
    """Seeded chance, virtual clock: a test can compare whole frames."""
    first, second = Wire(Backend(unisono_app)), Wire(Backend(unisono_app))
    for wire in (first, second):
        wire.connect()
        wire.modify(0, add(0, "tasks:list"))
        wire.mutate(0, "tasks:add", text="a")
    assert first.raw == second.raw


def test_functions_run_directly(mock_backend: Backend) -> None:
    """By path or as themselves, also internal ones."""
    mock_backend.run("tasks:addUnlessBad", text="a")
    handler = mock_backend.app.functions["tasks.js:list"].handler
    assert mock_backend.run(handler) == ["a"]


def test_a_server_in_a_thread_serves_plain_tests(mock_server: ServerThread) -> None:
    """Over the wire and from the inside."""
    url = mock_server.url.replace("http", "ws") + "/api/sync"
    with connect(url) as socket:
        message = {
            "type": "ModifyQuerySet",
            "baseVersion": 0,
            "newVersion": 1,
            "modifications": [add(0, "tasks:list")],
        }
        socket.send(json.dumps(message))
        assert json.loads(socket.recv())["modifications"][0]["value"] == []
        assert mock_server.call(lambda backend: len(backend.sessions)) == 1
        body = {"path": "tasks:add", "args": {"text": "a"}}
        assert httpx.post(mock_server.url + "/api/mutation", json=body).status_code == 200
        assert json.loads(socket.recv())["modifications"][0]["value"] == ["a"]


def test_a_port_in_use_is_said_at_once(mock_server: ServerThread, unisono_app: App) -> None:
    """Not by a thread that dies in silence."""
    port = int(mock_server.url.rpartition(":")[2])
    with pytest.raises(OSError, match="in use"), ServerThread(unisono_app, port=port):
        pass
