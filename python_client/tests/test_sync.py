"""The client without await: several threads, timeouts, Ctrl-C, and an end that leaves nothing."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

import unisono
from unisono import ClientClosedError, FunctionError, LocalProtocolError, Query
from unisono.sync import Client
from unisono_mock import App, MutationContext, QueryContext
from unisono_mock.issuer import Issuer
from unisono_mock.testing import ServerThread

NOBODY = "http://127.0.0.1:1"
issuer = Issuer()
app = App(auth=[issuer.provider()])


@app.query("notes:list")
def list_notes(ctx: QueryContext) -> list[str]:
    return [note["text"] for note in ctx.db.query("notes").collect()]


@app.query("notes:first")
def first_note(ctx: QueryContext) -> str:
    found = ctx.db.query("notes").first()
    if found is None:
        raise ValueError("there is no note")
    return str(found["text"])


@app.query("notes:mine")
def whose(ctx: QueryContext) -> str | None:
    user = ctx.auth.user()
    return None if user is None else str(user["subject"])


@app.mutation("notes:add")
def add_note(ctx: MutationContext, text: str) -> str:
    ctx.db.insert("notes", {"text": text})
    return text.upper()


@pytest.fixture
def server() -> Iterator[ServerThread]:
    with ServerThread(app) as running:
        yield running


@pytest.fixture(params=["asyncio", "trio"])
def client(server: ServerThread, request: pytest.FixtureRequest) -> Iterator[Client]:
    with Client(server.url, backend=request.param) as running:
        yield running


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "unisono"]


def test_a_script_reads_and_writes_without_await(client: Client) -> None:
    """A mutation returns when its effect is visible to every iterator."""
    with client.subscribe("notes:list") as notes:
        assert next(notes) == []
        assert client.mutation("notes:add", {"text": "a"}, type=str) == "A"

        assert notes.get(timeout=0) == ["a"]
        assert client.query("notes:list", type=list[str]) == ["a"]
        assert [outcome[0] for outcome in client.snapshot().results.values()] == [["a"]]


def test_a_wait_that_times_out_loses_nothing(client: Client) -> None:
    """The value that comes after a timeout is the next one of the same iterator."""
    notes = client.subscribe("notes:list")
    assert notes.get() == []
    with pytest.raises(TimeoutError, match="nothing came within 0 s"):
        notes.get(timeout=0)
    client.mutation("notes:add", {"text": "a"})

    assert notes.get(timeout=10) == ["a"]


def test_an_iteration_can_have_a_timeout(client: Client) -> None:
    """It raises out of the loop, and another loop goes on."""
    notes = client.subscribe("notes:list", timeout=0.01)
    seen = [notes.get()]
    with pytest.raises(TimeoutError):
        seen.extend(notes)
    client.mutation("notes:add", {"text": "a"})
    seen.append(next(notes))

    assert seen == [[], ["a"]]


def test_a_call_can_have_a_timeout() -> None:
    """Nobody answers, so the caller gets the thread back."""
    with Client(NOBODY) as client:
        with pytest.raises(TimeoutError):
            client.query("notes:list", timeout=0.01)
        with pytest.raises(TimeoutError):
            client.mutation("notes:add", {"text": "a"}, timeout=0.01)

        assert client.in_flight.mutations == 1


def test_many_threads_call_at_once(client: Client) -> None:
    """Eight callers share one client, and a reader sees all that they wrote."""
    texts = [str(number) for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(client.mutation, "notes:add", {"text": each}) for each in texts]
        assert {call.result() for call in calls} == set(texts)

    assert sorted(client.query("notes:list")) == sorted(texts)


def test_two_threads_share_one_iterator(client: Client) -> None:
    """With the policy `every` each result reaches exactly one of them."""
    notes = client.subscribe("notes:list", policy="every")
    assert notes.get() == []
    with ThreadPoolExecutor(2) as pool:
        shares = [pool.submit(lambda: [len(notes.get()) for _ in range(5)]) for _ in range(2)]
        for number in range(10):
            client.mutation("notes:add", {"text": str(number)})

        assert sorted(shares[0].result() + shares[1].result()) == list(range(1, 11))


def test_a_failing_query_raises_and_heals(client: Client) -> None:
    """The iterator can be used on after an error."""
    first = client.subscribe("notes:first")
    with pytest.raises(FunctionError, match="there is no note"):
        first.get()
    client.mutation("notes:add", {"text": "a"})

    assert first.get() == "a"


def test_views_and_states_are_iterators_too(client: Client) -> None:
    """Whatever streams in the client streams here."""
    view = client.view(Query("notes:list"), Query("notes:mine"))
    assert view.get().values == ([], None)
    assert next(each for each in client.states(timeout=10) if each.is_connected)
    client.pause()
    assert client.state.kind == "paused"
    client.resume()
    client.reconnect_now()

    assert next(each for each in client.states(timeout=10) if each.connection_count == 2)


def test_an_optimistic_update_is_seen_before_the_answer() -> None:
    """It runs at the call, so that a reader sees it while nobody answers."""
    with Client(NOBODY) as client:
        notes = client.subscribe("notes:list")
        with pytest.raises(TimeoutError):
            client.mutation(
                "notes:add",
                {"text": "a"},
                optimistic=lambda store: store.set("notes:list", {}, ["guess"]),
                timeout=0,
            )

        assert notes.get() == ["guess"]


def test_a_plain_function_fetches_tokens(server: ServerThread) -> None:
    """It runs in a thread of its own: it may block, and may use other clients."""
    ran_in = []

    def fetch(force_refresh: bool) -> str:
        ran_in.append(threading.current_thread())
        return issuer.mint("ada")

    with Client(server.url, auth=fetch) as client:
        mine = client.subscribe("notes:mine")
        assert next(each for each in mine if each is not None) == "ada"
        assert client.auth.is_authenticated
        assert ran_in[0].name not in ("unisono", threading.current_thread().name)
        client.clear_auth()

        assert next(each is None for each in mine)
        assert client.auth_changes().get().kind == "nobody"


def test_closing_from_another_thread_ends_every_wait() -> None:
    """Iterations end, calls are refused, and the thread is gone."""
    client = Client(NOBODY).open()
    with ThreadPoolExecutor(3) as pool:
        call = pool.submit(client.mutation, "notes:add", {"text": "a"})
        walk = pool.submit(list, client.subscribe("notes:list"))
        pool.submit(client.close)

        assert isinstance(call.exception(), ClientClosedError)
        assert walk.result() == []
    client.close()
    assert threads() == []
    assert client.state.kind == "closed"
    with pytest.raises(ClientClosedError):
        client.query("notes:list")


def test_nothing_runs_after_a_block_that_failed(server: ServerThread) -> None:
    """The error of the block passes, the thread does not."""
    notes = None

    def fail() -> None:
        nonlocal notes
        with Client(server.url) as client:
            notes = client.subscribe("notes:list")
            assert threads() == ["unisono"]
            raise KeyError("mine")

    with pytest.raises(KeyError):
        fail()
    assert threads() == []
    assert notes is not None
    assert list(notes) == []
    with pytest.raises(LocalProtocolError, match="has ended"):
        notes.get()


def test_a_closed_iterator_ends_and_the_client_goes_on(client: Client) -> None:
    """What was not read is not read any more, and closing twice is fine."""
    notes = client.subscribe("notes:list")
    assert client.query("notes:list") == []
    notes.close()
    notes.close()

    assert list(notes) == []
    assert client.query("notes:list") == []


def test_a_client_works_only_inside_its_block(server: ServerThread) -> None:
    """Before it the error says what to do, and one client has one block."""
    client = Client(server.url)
    with pytest.raises(LocalProtocolError, match="inside `with"):
        client.query("notes:list")
    with client, pytest.raises(LocalProtocolError, match="one life"):
        client.open()
    assert threads() == []


def test_a_wait_in_the_own_thread_is_refused(client: Client) -> None:
    """An optimistic update that calls its client would wait for itself."""
    assert client.query("notes:list") == []

    with pytest.raises(LocalProtocolError, match="own thread"):
        client.mutation(
            "notes:add", {"text": "a"}, optimistic=lambda store: client.query("notes:list")
        )


def test_bad_arguments_fail_at_the_call(client: Client) -> None:
    """The error comes out of the thread as it is."""
    with pytest.raises(LocalProtocolError):
        client.subscribe("no path!")
    with pytest.raises(LocalProtocolError):
        client.mutation("notes:add", {"text": "a", "$": 1})


def test_the_package_offers_it_as_sync_client() -> None:
    """`unisono.SyncClient` is loaded when it is first asked for."""
    assert unisono.SyncClient is Client


SCRIPT = """
import sys, threading, unisono.sync
try:
    with unisono.sync.Client(sys.argv[1]) as client:
        notes = client.subscribe("notes:list")
        notes.get()
        print("waiting", flush=True)
        notes.get()
except KeyboardInterrupt:
    print("interrupted", threading.active_count(), flush=True)
"""


def test_ctrl_c_reaches_the_waiting_thread(server: ServerThread) -> None:
    """KeyboardInterrupt comes out of the wait, and the block ends every thread."""
    command = [sys.executable, "-c", SCRIPT, server.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as script:
        assert script.stdout
        assert script.stdout.readline() == "waiting\n"
        script.send_signal(signal.SIGINT)

        assert script.stdout.readline() == "interrupted 1\n"
        assert script.wait(10) == 0
