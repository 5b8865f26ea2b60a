"""The client in memory: subscriptions, calls, states, the end of everything."""

import anyio
import pytest

from unisono import (
    ApplicationError,
    CallLostError,
    Client,
    ClientClosedError,
    FunctionError,
    InvalidPathError,
    InvalidUrlError,
    InvalidValueError,
    LocalProtocolError,
    ServerRefusedError,
)
from unisono.runtime.transport import Socket
from unisono.testing import Line, ManualClock, MemoryBackend

pytestmark = pytest.mark.anyio


def client_of(backend: MemoryBackend, clock: ManualClock | None = None) -> Client:
    return Client(backend.address, connector=backend.connect, clock=clock or ManualClock())


async def opened(backend: MemoryBackend) -> Line:
    line = await backend.accept()
    await line.receive("Connect")
    await line.receive("ModifyQuerySet")
    return line


async def test_a_subscription_yields_each_new_result() -> None:
    """Values come in the order of the Transitions that bring them."""
    backend = MemoryBackend()
    async with client_of(backend) as client, client.subscribe("m:list", {"a": 1}) as values:
        line = await opened(backend)
        line.transition(query_set=1, ts=1, updates={0: [1]})
        assert await anext(values) == [1]
        line.transition(ts=2, updates={0: [1, 2]})

        assert await anext(values) == [1, 2]


async def test_a_slow_reader_skips_to_the_newest() -> None:
    """With the policy `latest` an unread value makes room for its successor."""
    backend = MemoryBackend()
    async with client_of(backend) as client:
        latest = client.subscribe("m:list")
        every = client.subscribe("m:list", policy="every")
        line = await opened(backend)
        line.transition(query_set=1, ts=1, updates={0: 1})
        line.transition(ts=2, updates={0: 2})
        line.send({"type": "Ping"})
        await anyio.wait_all_tasks_blocked()

        assert await anext(latest) == 2
        assert [await anext(every), await anext(every)] == [1, 2]


async def test_a_cancelled_wait_sends_nothing_and_loses_nothing() -> None:
    """After a timeout the same iterator goes on, and the wire has seen nothing of it."""
    backend = MemoryBackend()
    async with client_of(backend) as client, client.subscribe("m:list") as values:
        line = await opened(backend)
        with anyio.move_on_after(0):
            await anext(values)
        line.transition(query_set=1, ts=1, updates={0: "kept"})

        assert await anext(values) == "kept"
        assert [frame["type"] for frame in line.frames] == ["Connect", "ModifyQuerySet"]


async def test_equal_subscriptions_share_one_query_and_the_last_removes_it() -> None:
    """One Add, however many readers; one Remove, when the last one leaves."""
    backend = MemoryBackend()
    async with client_of(backend) as client:
        line = await opened(backend)
        first = client.subscribe("m:list", {"a": 1, "b": 2})
        second = client.subscribe("m.js:list", {"b": 2.0, "a": 1})
        added = await line.receive("ModifyQuerySet")
        line.transition(query_set=2, ts=1, updates={0: "shared"})
        assert [await anext(first), await anext(second)] == ["shared", "shared"]
        first.close()
        second.close()
        removed = await line.receive("ModifyQuerySet")

        assert [each["type"] for each in added["modifications"]] == ["Add"]
        assert removed["modifications"] == [{"type": "Remove", "queryId": 0}]
        assert removed["baseVersion"] == 2


async def test_a_subscription_that_nobody_holds_is_removed() -> None:
    """Leaving an `async for` by break is enough."""
    backend = MemoryBackend()
    async with client_of(backend) as client:
        line = await backend.accept()
        await line.receive("ModifyQuerySet")

        async def answer() -> None:
            await line.receive("ModifyQuerySet")
            line.transition(query_set=2, ts=1, updates={0: 1})

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(answer)
            async for value in client.subscribe("m:list"):
                assert value == 1
                break
        removed = await line.receive("ModifyQuerySet")

        assert removed["modifications"] == [{"type": "Remove", "queryId": 0}]


async def test_a_late_reader_gets_the_known_value_at_once() -> None:
    """The server is not asked again for what is known."""
    backend = MemoryBackend()
    async with client_of(backend) as client, client.subscribe("m:list") as first:
        line = await opened(backend)
        line.transition(query_set=1, ts=1, updates={0: {"n": 1}})
        known = await anext(first)

        assert await client.query("m:list") is known
        assert len(line.frames) == 2


async def test_a_failing_query_raises_and_heals() -> None:
    """The iterator can be used on after an error."""
    backend = MemoryBackend()
    async with client_of(backend) as client, client.subscribe("m:list") as values:
        line = await opened(backend)
        line.transition(query_set=1, ts=1, failures={0: "boom"})
        with pytest.raises(FunctionError) as caught:
            await anext(values)
        line.transition(ts=2, updates={0: "good"})

        assert (caught.value.path, caught.value.message) == ("m:list", "boom")
        assert await anext(values) == "good"


async def test_a_mutation_returns_when_its_effect_is_visible() -> None:
    """It waits for the covering Transition, and its subscriber has the value by then."""
    backend = MemoryBackend()
    async with client_of(backend) as client, client.subscribe("m:list") as values:
        line = await opened(backend)
        line.transition(query_set=1, ts=1, updates={0: []})
        assert await anext(values) == []
        settled = []

        async def send() -> None:
            settled.append(await client.mutation("m:send", {"body": "x"}))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(send)
            call = await line.receive("Mutation")
            line.send(line.voice.mutated(call["requestId"], "id", ts=5))
            await anyio.wait_all_tasks_blocked()
            assert settled == []
            assert client.in_flight.mutations == 1
            line.transition(ts=5, updates={0: ["x"]})

        assert settled == ["id"]
        assert await anext(values) == ["x"]
        assert client.in_flight.mutations == 0


async def test_application_errors_carry_their_data() -> None:
    """Null data is data."""
    backend = MemoryBackend()
    async with client_of(backend) as client, anyio.create_task_group() as tasks:
        line = await opened(backend)
        caught: list[ApplicationError] = []

        async def send() -> None:
            with pytest.raises(ApplicationError) as info:
                await client.mutation("m:send")
            caught.append(info.value)

        tasks.start_soon(send)
        await line.receive("Mutation")
        line.send(line.voice.failed(0, "full", None))
        await anyio.wait_all_tasks_blocked()

        assert caught[0].data is None


async def test_an_action_in_flight_is_lost_with_its_connection() -> None:
    """It fails with an error of its own and is not sent again; a mutation is."""
    backend, clock = MemoryBackend(), ManualClock()
    async with client_of(backend, clock) as client, anyio.create_task_group() as tasks:
        line = await opened(backend)

        async def act() -> None:
            with pytest.raises(CallLostError):
                await client.action("m:act")

        tasks.start_soon(act)
        await line.receive("Action")
        tasks.start_soon(client.mutation, "m:send")
        await line.receive("Mutation")
        line.drop()
        await anyio.wait_all_tasks_blocked()
        clock.advance(2)
        line = await opened(backend)
        again = await line.receive()
        line.send(line.voice.mutated(1, ts=3))
        line.transition(query_set=1, ts=3)

        assert (again["type"], again["requestId"]) == ("Mutation", 1)


async def test_the_state_says_where_the_connection_stands() -> None:
    """connecting, live, waiting until a time, live again, paused, closed."""
    backend, clock = MemoryBackend(), ManualClock()
    kinds = []
    async with client_of(backend, clock) as client:
        states = client.states()
        await opened(backend)
        await anyio.wait_all_tasks_blocked()
        kinds.append((await anext(states)).kind)
        backend.lines[0].drop(1011, "InternalServerError")
        waiting = await anext(states)
        kinds.append(waiting.kind)
        assert waiting.retry_at is not None
        assert 0.5 <= waiting.retry_at - clock.now() <= 1.5
        assert waiting.why == "InternalServerError"
        client.reconnect_now()
        await opened(backend)
        kinds.append((await anext(states)).kind)
        client.pause()
        kinds.append((await anext(states)).kind)
        client.resume()
        await anyio.wait_all_tasks_blocked()
        kinds.append((await anext(states)).kind)

    assert kinds == ["live", "waiting", "live", "paused", "live"]
    assert [state.kind async for state in states] == ["closed"]


async def test_closing_ends_calls_and_iterations() -> None:
    """Pending calls are rejected, iterations end, later calls are refused."""
    backend = MemoryBackend()
    async with client_of(backend) as client:
        await opened(backend)
        values = client.subscribe("m:list")
        async with anyio.create_task_group() as tasks:

            async def send() -> None:
                with pytest.raises(ClientClosedError):
                    await client.mutation("m:send")

            tasks.start_soon(send)
            await backend.lines[0].receive("Mutation")
            client.close()

        assert [value async for value in values] == []
        with pytest.raises(ClientClosedError):
            client.subscribe("m:list")
    assert not backend.lines[0].is_open


async def test_a_fatal_error_is_final() -> None:
    """Calls and iterations get the server's words; no other connection is opened."""
    backend, clock = MemoryBackend(), ManualClock()
    async with client_of(backend, clock) as client, client.subscribe("m:list") as values:
        line = await opened(backend)
        line.send({"type": "FatalError", "error": "bad client"})

        with pytest.raises(ServerRefusedError, match="bad client"):
            await anext(values)
        with pytest.raises(ServerRefusedError):
            await client.mutation("m:send")
        clock.advance(100)
        await anyio.wait_all_tasks_blocked()
        assert len(backend.lines) == 1


async def test_wrong_calls_fail_before_anything_is_sent() -> None:
    """Bad paths and values raise at the call, and use up no number."""
    backend = MemoryBackend()
    async with client_of(backend) as client:
        line = await opened(backend)
        with pytest.raises(InvalidPathError):
            client.subscribe("not a path!")
        with pytest.raises(InvalidValueError, match=r"value\['a'\]\[1\]: 9007199254740993 is bey"):
            await client.mutation("m:send", {"a": [1, 2**53 + 1]})
        with pytest.raises(InvalidValueError):
            await client.query("m:list", {"$a": 1})
        client.subscribe("m:list").close()
        frame = await line.receive("ModifyQuerySet")

        assert frame["modifications"][0]["queryId"] == 0


@pytest.mark.parametrize("address", ["nonsense", "ftp://h", "http://", "http://h:x", 5])
async def test_a_wrong_address_is_refused_at_once(address: str) -> None:
    """The client is not even made."""
    with pytest.raises(InvalidUrlError):
        Client(address)


async def test_a_client_works_only_inside_its_block() -> None:
    """Outside of it, the error says what to do."""
    with pytest.raises(LocalProtocolError, match="async with"):
        await Client("http://127.0.0.1:1").mutation("m:send")


async def test_the_error_of_the_block_passes_unwrapped() -> None:
    """An exception of the user's is not put into a group."""
    with pytest.raises(KeyError):
        async with client_of(MemoryBackend()):
            raise KeyError("mine")


async def test_an_optimistic_update_is_seen_at_once_and_replaced_by_the_truth() -> None:
    """No reader sees a moment without the message."""
    backend = MemoryBackend()
    async with client_of(backend) as client, anyio.create_task_group() as tasks:
        values = client.subscribe("m:list", policy="every")
        line = await opened(backend)
        line.transition(query_set=1, ts=1, updates={0: ["a"]})
        assert await anext(values) == ["a"]

        async def send() -> None:
            await client.mutation(
                "m:send", optimistic=lambda store: store.set("m:list", {}, ["a", "guess"])
            )

        tasks.start_soon(send)
        await line.receive("Mutation")
        line.send(line.voice.mutated(0, ts=2))
        line.transition(ts=2, updates={0: ["a", "true"]})

        assert [await anext(values), await anext(values)] == [["a", "guess"], ["a", "true"]]


async def test_closing_in_the_moment_of_opening_is_a_clean_end() -> None:
    """A socket that opens for a client that has just been closed is closed as well."""
    backend = MemoryBackend()

    async def connect() -> Socket:
        socket = await backend.connect()
        client.close()
        return socket

    client = Client(backend.address, connector=connect, clock=ManualClock())
    async with client:
        assert [state.kind async for state in client.states()][-1] == "closed"

    assert [line.is_open for line in backend.lines] == [False]
