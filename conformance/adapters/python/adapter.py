"""The Python client behind the line protocol of the conformance suite.

    python adapter.py [asyncio|trio]     the client, over real sockets
    python adapter.py --core             the bare core: no socket, no clock, no chance

The operations and events are those of ADAPTER.md.
"""

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any

import anyio
import anyio.to_thread

import unisono
from unisono import Client, Hooks, SyncHttpClient
from unisono.core.auth import AuthChanged, FetchToken
from unisono.core.connection import Close, ConnectionState, Open, Send, StateChanged, sync_url
from unisono.core.errors import ApplicationError, UnisonoError
from unisono.core.messages import ABSENT, Failure, Outcome, Success, canonical_path
from unisono.core.mutations import ACTION, MUTATION, Settle
from unisono.core.optimistic import LocalStore, Publish, Snapshot
from unisono.core.pagination import Lists, Pages
from unisono.core.queries import token_of
from unisono.core.session import Effect, Options, Session
from unisono.core.transitions import Log
from unisono.core.values import copied, decode, encode

Json = Any
Op = dict[str, Json]
FEATURES = (
    "mutations actions auth optimistic snapshot codec stats pause state log query pagination http "
    "host.int64 options.inactivity options.expect_auth"
).split()
START_S = 1_700_000_000.0


class Unsupported(Exception):
    """An operation that this adapter does not have."""


def emit(event: str, client: str, **fields: Json) -> None:
    """Write an event."""
    print(json.dumps({"ev": event, "client": client, **fields}), flush=True)


def view(outcome: Outcome | None) -> Op:
    """What is visible of one query."""
    if outcome is None:
        return {"loading": True}
    if isinstance(outcome, Success) and isinstance(outcome.value, Pages):
        items, status = outcome.value
        return {"value": {"items": encode(items), "status": status.value}}
    if isinstance(outcome, Success):
        return {"value": encode(outcome.value)}
    error: Op = {"message": outcome.message}
    if outcome.data is not ABSENT:
        error["data"] = encode(outcome.data)
    return {"error": error}


def ending(outcome: Outcome | UnisonoError) -> Op:
    """How a call ended, as the fields of a `settled` event."""
    match outcome:
        case Success(value):
            return {"value": encode(value)}
        case Failure(message, data):
            if data is ABSENT:
                return {"error": {"kind": "function", "message": message}}
            return {"error": {"kind": "application", "message": message, "data": encode(data)}}
        case unisono.CallLostError():
            kind = "lost"
        case unisono.ClientClosedError() | unisono.ServerRefusedError():
            kind = "closed"
        case _:
            kind = "local"
    return {"error": {"kind": kind, "message": str(outcome)}}


def ending_of(error: UnisonoError) -> Op:
    """How a call ended that raised at the caller."""
    match error:
        case ApplicationError():
            return ending(Failure(error.message, error.data))
        case unisono.FunctionError():
            return ending(Failure(error.message))
        case _:
            return ending(error)


def state_of(state: ConnectionState, inflight: int) -> Op:
    """What a user can know of the connection."""
    return {
        "state": state.kind,
        "connected": state.is_connected,
        "ever_connected": state.has_ever_connected,
        "connections": state.connection_count,
        "retries": state.failures,
        "inflight": inflight,
    }


def options_of(op: Op) -> Options:
    """The options of an `open`."""
    given = op.get("options") or {}
    options = Options(expect_auth=bool(given.get("expect_auth", False)))
    if "inactivity_ms" in given:
        options = replace(options, inactivity_s=given["inactivity_ms"] / 1000)
    unknown = set(given) - {"inactivity_ms", "expect_auth", "jitter"}
    if unknown:
        raise Unsupported(f"unknown options: {', '.join(sorted(unknown))}")
    return options


def update_of(changes: list[Op]) -> Callable[[LocalStore], None]:
    """An optimistic update from its description."""

    runs = count(1)

    def update(store: LocalStore) -> None:
        run = next(runs)
        for change in changes:
            if change["transform"] == "raise":
                if run >= (change.get("value") or 1):
                    raise RuntimeError("the update raises")
                continue
            if change["transform"] == "loading":
                store.set_loading(change["path"], decode(copied(change["args"])))
                continue
            args, missing = decode(copied(change["args"])), object()
            old = store.get(change["path"], args, missing)
            if old is missing and (change["transform"], change["pointer"]) != ("set", ""):
                continue
            store.set(change["path"], args, transformed(old, change))

    return update


def transformed(old: Json, change: Op) -> Json:
    """The value after one change at one place."""
    value, steps = decode(copied(change["value"])), change["pointer"].split("/")[1:]
    holder: Op = {"": old}
    target: Json = holder
    steps = ["", *steps]
    for step in steps[:-1]:
        target = target[int(step)] if isinstance(target, list) else target[step]
    last: Any = int(steps[-1]) if isinstance(target, list) else steps[-1]
    match change["transform"]:
        case "set":
            target[last] = value
        case "append":
            target[last] = [*target[last], value]
        case "inc":
            target[last] = target[last] + value
        case name:
            raise Unsupported(f"transform {name}")
    return holder[""]


def given(json: Json) -> Any:
    """What an operation gives as arguments; some values of the host have no encoded form."""
    if isinstance(json, dict) and "$host" in json:
        if "int64" not in json["$host"]:
            raise Unsupported(f"Python has no value for {json['$host']}")
        return unisono.Int64(int(json["$host"]["int64"]))
    if isinstance(json, list):
        return [given(item) for item in json]
    if isinstance(json, dict) and not any(key.startswith("$") for key in json):
        return {key: given(item) for key, item in json.items()}
    return decode(json)


def http_ending(op: Op) -> Op:
    """Make a one-shot call over HTTP; return how it ended."""
    identity = {"token": op.get("token"), "admin_key": op.get("admin")}
    try:
        with SyncHttpClient(op["url"], **identity) as client:
            call: Callable[..., Any] = getattr(client, op["kind"])
            return {"value": encode(call(op["path"], given(op["args"])))}
    except UnisonoError as error:
        return ending_of(error)


class Adapted:
    """What the two kinds of client have in common: who subscribed to what."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.subs: dict[str, str] = {}

    def subscribed(self, sub: str, token: str, known: Outcome | None) -> None:
        """Remember a subscription; report what is known already."""
        self.subs[sub] = token
        if known is not None:
            emit("update", self.name, changes=[{"sub": sub, **view(known)}])

    def published(self, effect: Publish) -> None:
        """Report one atomic batch."""
        changes = [
            {"sub": sub, **view(effect.snapshot.results.get(token))}
            for sub, token in self.subs.items()
            if token in effect.changed
        ]
        if changes:
            emit("update", self.name, changes=changes)

    def views(self, results: Mapping[str, Outcome]) -> Op:
        """Everything that is visible."""
        return {sub: view(results.get(token)) for sub, token in self.subs.items()}


class CoreClient(Adapted):
    """A bare session: the runner is its wire, its clock and its luck."""

    def __init__(self, name: str, options: Options, adapter: "CoreAdapter") -> None:
        super().__init__(name)
        self.session = Session(f"00000000-0000-4000-8000-{adapter.count:012d}", options)
        self.adapter = adapter
        self.lists = Lists(self.session)
        self.calls: dict[int, str] = {}
        self.asked: dict[str, str] = {}

    def carry_out(self) -> None:
        """Turn effects into events."""
        while effects := self.session.take_effects():
            for effect in effects:
                self.do(effect)

    def do(self, effect: Effect) -> None:
        """Turn one effect into an event."""
        match effect:
            case Open():
                emit("wire", self.name, do="open")
            case Send(text):
                emit("wire", self.name, do="send", text=text)
            case Close(code):
                emit("wire", self.name, do="close", code=code)
            case Publish(changed, snapshot):
                self.publish(self.lists.update(changed, snapshot.results, self.adapter.now))
                self.answer(effect)
            case Settle(call_id, _, outcome) if call_id in self.calls:
                emit("settled", self.name, call=self.calls.pop(call_id), **ending(outcome))
            case StateChanged(state):
                emit("conn", self.name, state=state.kind)
                if state.kind == "closed":
                    self.close_queries()
            case FetchToken(number, force):
                emit("token_wanted", self.name, number=number, force=force)
            case AuthChanged(is_authenticated):
                emit("auth", self.name, authenticated=is_authenticated)
            case Log("function", text):
                emit("log", self.name, line=text)

    def snapshot(self) -> Snapshot:
        """Everything that is visible, the lists included."""
        plain = self.session.snapshot()
        return Snapshot(self.lists.extended(plain.results), plain.ts)

    def publish(self, changed: frozenset[str]) -> None:
        """Report one atomic batch, the lists included."""
        self.published(Publish(changed, self.snapshot()))

    def answer(self, effect: Publish) -> None:
        """Settle the one-shot queries that have a result now."""
        for call, token in list(self.asked.items()):
            outcome = effect.snapshot.results.get(token)
            if outcome is not None:
                self.settle_query(call, outcome)

    def settle_query(self, call: str, outcome: Outcome | UnisonoError) -> None:
        """End a one-shot query."""
        token = self.asked.pop(call)
        emit("settled", self.name, call=call, **ending(outcome))
        self.session.unsubscribe(token, self.adapter.now)

    def close_queries(self) -> None:
        """Reject the one-shot queries."""
        for call in list(self.asked):
            self.settle_query(call, self.session.ended_by)


class CoreAdapter:
    """The operations on bare cores."""

    features = (*FEATURES, "clock.virtual", "wire.inline")

    def __init__(self) -> None:
        self.now = START_S
        self.count = 0
        self.clients: dict[str, CoreClient] = {}

    def handle(self, op: Op) -> Op:
        """The answer to an operation."""
        name = op["op"]
        if name == "open":
            return self.open(op)
        if name == "advance":
            return self.advance(op)
        if name == "stats":
            return {"clients": len(self.clients), "sockets": 0, "timers": 0, "tasks": 0}
        if name == "http":
            emit("settled", op["client"], call=op["call"], **http_ending(op))
            return {}
        client = self.clients.get(op.get("client", ""))
        if client is None:
            # A socket may end, and a runner may tidy up, after its client was closed.
            if name in ("close", "wire"):
                return {}
            raise Unsupported(f"{name} of a client that is not open")
        try:
            return self.on_client(client, op)
        finally:
            client.carry_out()

    def open(self, op: Op) -> Op:
        """Make a client."""
        sync_url(op["url"])
        self.count += 1
        client = self.clients[op["client"]] = CoreClient(op["client"], options_of(op), self)
        client.session.start(self.now)
        client.carry_out()
        return {}

    def advance(self, op: Op) -> Op:
        """Move the clock from deadline to deadline."""
        end = self.now + op["ms"] / 1000
        while True:
            due = [
                (deadline, client)
                for client in self.clients.values()
                if (deadline := client.session.next_deadline()) is not None and deadline <= end
            ]
            if not due:
                break
            deadline, client = min(due, key=lambda each: each[0])
            self.now = max(self.now, deadline)
            client.session.tick(self.now, op.get("jitter", 0.5))
            client.carry_out()
        self.now = end
        return {}

    def on_client(self, client: CoreClient, op: Op) -> Op:
        """An operation on a client."""
        session, now = client.session, self.now
        match op["op"]:
            case "subscribe" if "pagination" in op:
                items = op["pagination"]["initial_items"]
                token = client.lists.add(op["path"], given(op["args"]), items, now)
                client.subscribed(op["sub"], token, client.snapshot().results.get(token))
            case "load_more":
                token, results = client.subs[op["sub"]], session.snapshot().results
                client.publish(client.lists.load_more(token, op["items"], results, now))
            case "unsubscribe" if client.subs[op["sub"]].startswith("list "):
                client.lists.remove(client.subs.pop(op["sub"]), now)
            case "subscribe":
                token = session.subscribe(op["path"], given(op["args"]), now)
                client.subscribed(op["sub"], token, session.snapshot().results.get(token))
            case "unsubscribe":
                session.unsubscribe(client.subs.pop(op["sub"]), now)
            case "query":
                token = session.subscribe(op["path"], given(op["args"]), now)
                client.asked[op["call"]] = token
                known = session.snapshot().results.get(token)
                if known is not None:
                    client.settle_query(op["call"], known)
            case "mutate":
                update = update_of(op["optimistic"]) if op.get("optimistic") else None
                call_id = session.mutate(op["path"], given(op["args"]), now, update)
                client.calls[call_id] = op["call"]
            case "action":
                client.calls[session.act(op["path"], given(op["args"]), now)] = op["call"]
            case "snapshot":
                return {"views": client.views(client.snapshot().results)}
            case "state":
                return state_of(session.state, session.calls.count(MUTATION, ACTION))
            case "set_auth":
                self.set_auth(session, op)
            case "token":
                if op.get("reject"):
                    session.token_failed(op["number"], now)
                else:
                    session.token(op["number"], op.get("token"), now)
            case "pause" | "resume" | "reconnect_now" | "close":
                getattr(session, op["op"])(now)
                if op["op"] == "close":
                    client.carry_out()
                    del self.clients[client.name]
            case "wire":
                self.wire(session, op)
            case name:
                raise Unsupported(name)
        return {}

    def set_auth(self, session: Session, op: Op) -> None:
        """Set or clear the identity."""
        match op["mode"]:
            case "static":
                session.set_auth(self.now, op["token"])
            case "fetcher":
                session.set_auth(self.now)
            case "admin":
                session.set_admin(op["token"], op.get("acting_as"), self.now)
            case "none":
                session.clear_auth(self.now)

    def wire(self, session: Session, op: Op) -> None:
        """What happens on the wire."""
        jitter = op.get("jitter", 0.5)
        match op["do"]:
            case "opened":
                session.opened(self.now)
            case "received":
                session.received(op["text"], self.now, jitter)
            case "lost":
                session.lost(self.now, jitter, op.get("code"), op.get("reason", ""))


class Told(Hooks):
    """Events of one client over a socket."""

    def __init__(self, adapted: "SocketClient") -> None:
        self.adapted = adapted

    def published(self, effect: Publish) -> None:
        """Report one atomic batch."""
        self.adapted.published(effect)

    def state_changed(self, state: ConnectionState) -> None:
        """Report a state of the connection."""
        emit("conn", self.adapted.name, state=state.kind)

    def auth_changed(self, is_authenticated: bool) -> None:
        """Report a decision about the identity."""
        emit("auth", self.adapted.name, authenticated=is_authenticated)

    def function_logged(self, path: str, line: str) -> None:
        """Report a log line of a function."""
        emit("log", self.adapted.name, line=line)


class SocketClient(Adapted):
    """A client as an application has it."""

    def __init__(self, name: str, url: str, options: Options) -> None:
        super().__init__(name)
        self.client = Client(url, options=options, hooks=[Told(self)])
        self.subscriptions: dict[str, Any] = {}
        self.opened = anyio.Event()
        self.wanted: dict[int, tuple[anyio.Event, Op]] = {}
        self.count = 0

    async def run(self) -> None:
        """Be a client until it is closed."""
        async with self.client:
            self.opened.set()
            async for _ in self.client.states():
                pass

    async def fetch(self, force: bool) -> str | None:
        """Ask the runner for a token."""
        self.count += 1
        number, answered, answer = self.count, anyio.Event(), Op()
        self.wanted[number] = answered, answer
        emit("token_wanted", self.name, number=number, force=force)
        await answered.wait()
        if answer.get("reject"):
            raise RuntimeError("the fetcher rejects")
        token: str | None = answer.get("token")
        return token

    async def settle(self, call: str, work: Callable[[], Any]) -> None:
        """Make a call and report its end."""
        try:
            fields = {"value": encode(await work())}
        except UnisonoError as error:
            fields = ending_of(error)
        except RuntimeError as error:
            fields = {"error": {"kind": "local", "message": str(error)}}
        emit("settled", self.name, call=call, **fields)


class SocketAdapter:
    """The operations on real clients."""

    features = tuple(FEATURES)

    def __init__(self, tasks: anyio.abc.TaskGroup) -> None:
        self.tasks = tasks
        self.clients: dict[str, SocketClient] = {}

    async def handle(self, op: Op) -> Op:
        """The answer to an operation."""
        name = op["op"]
        if name == "open":
            adapted = SocketClient(op["client"], op["url"], options_of(op))
            self.clients[op["client"]] = adapted
            self.tasks.start_soon(adapted.run)
            await adapted.opened.wait()
            return {}
        if name == "stats":
            return {"clients": len(self.clients)}
        if name == "http":
            ended = await anyio.to_thread.run_sync(http_ending, op)
            emit("settled", op["client"], call=op["call"], **ended)
            return {}
        known = self.clients.get(op.get("client", ""))
        if known is None:
            if name == "close":
                return {}
            raise Unsupported(f"{name} of a client that is not open")
        return self.on_client(known, op)

    def on_client(self, adapted: SocketClient, op: Op) -> Op:
        """An operation on a client."""
        client = adapted.client
        match op["op"]:
            case "subscribe" if "pagination" in op:
                items = op["pagination"]["initial_items"]
                pages = client.paginated(op["path"], given(op["args"]), initial_items=items)
                adapted.subscriptions[op["sub"]] = pages
                token = pages.token
                adapted.subscribed(op["sub"], token, client.snapshot().results[token])
            case "load_more":
                adapted.subscriptions[op["sub"]].load_more(op["items"])
            case "subscribe":
                args = given(op["args"])
                token = token_of(canonical_path(op["path"]), encode(args))
                adapted.subscriptions[op["sub"]] = client.subscribe(op["path"], args)
                known = client.snapshot().results.get(token)
                adapted.subscribed(op["sub"], token, known)
            case "unsubscribe":
                del adapted.subs[op["sub"]]
                adapted.subscriptions.pop(op["sub"]).close()
            case "query" | "mutate" | "action":
                self.tasks.start_soon(adapted.settle, op["call"], self.call(client, op))
            case "snapshot":
                return {"views": adapted.views(client.snapshot().results)}
            case "state":
                flying = client.in_flight
                return state_of(client.state, flying.mutations + flying.actions)
            case "set_auth":
                self.set_auth(adapted, op)
            case "token":
                answered, answer = adapted.wanted.pop(op["number"])
                answer.update(op)
                answered.set()
            case "pause" | "resume" | "reconnect_now" | "close":
                getattr(client, op["op"])()
                if op["op"] == "close":
                    del self.clients[adapted.name]
            case name:
                raise Unsupported(name)
        return {}

    def call(self, client: Client, op: Op) -> Callable[[], Any]:
        """The call that an operation makes."""
        args = given(op["args"])
        if op["op"] == "mutate" and op.get("optimistic"):
            update = update_of(op["optimistic"])
            return partial(client.mutation, op["path"], args, optimistic=update)
        kinds: dict[str, Any] = {
            "query": client.query,
            "mutate": client.mutation,
            "action": client.action,
        }
        return partial(kinds[op["op"]], op["path"], args)

    def set_auth(self, adapted: SocketClient, op: Op) -> None:
        """Set or clear the identity."""
        match op["mode"]:
            case "static":
                adapted.client.set_auth(op["token"])
            case "fetcher":
                adapted.client.set_auth(adapted.fetch)
            case "admin":
                adapted.client.set_admin_auth(op["token"], op.get("acting_as"))
            case "none":
                adapted.client.clear_auth()


def simple(op: Op, adapter: CoreAdapter | SocketAdapter) -> Op | None:
    """The answer to an operation that needs no client; None if it needs one."""
    match op["op"]:
        case "hello":
            return {
                "name": "unisono",
                "version": unisono.__version__,
                "language": "Python",
                "levels": "L2" if isinstance(adapter, CoreAdapter) else "L1",
                "features": list(adapter.features),
            }
        case "codec" if "encode" in op:
            return {"json": encode(decode(op["encode"]))}
        case "codec":
            return {"value": encode(decode(op["decode"]))}
        case "bye":
            return {}
    return None


def answer(op: Op, result: Op) -> None:
    """Answer an operation."""
    print(json.dumps({"re": op["seq"], "ok": True, **result}), flush=True)


def refuse(op: Op, error: Exception) -> None:
    """Say that an operation failed."""
    body: Op = {"re": op["seq"], "ok": False, "error": f"{type(error).__name__}: {error}"}
    if isinstance(error, Unsupported):
        body = {"re": op["seq"], "ok": False, "unsupported": True, "reason": str(error)}
    print(json.dumps(body), flush=True)


def run_core() -> None:
    """Play bare cores."""
    adapter = CoreAdapter()
    for line in sys.stdin:
        op = json.loads(line)
        try:
            plain = simple(op, adapter)
            answer(op, adapter.handle(op) if plain is None else plain)
        except (Unsupported, UnisonoError, RuntimeError) as error:
            refuse(op, error)
        if op["op"] == "bye":
            return


async def run_sockets() -> None:
    """Play clients over sockets."""
    async with anyio.create_task_group() as tasks:
        adapter = SocketAdapter(tasks)
        while line := await anyio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True):
            op = json.loads(line)
            try:
                plain = simple(op, adapter)
                answer(op, await adapter.handle(op) if plain is None else plain)
            except (Unsupported, UnisonoError, RuntimeError) as error:
                refuse(op, error)
            if op["op"] == "bye":
                break
        tasks.cancel_scope.cancel()


def main() -> None:
    """Choose the form of play."""
    mode = sys.argv[1] if len(sys.argv) > 1 else "asyncio"
    if mode == "--core":
        run_core()
    else:
        anyio.run(run_sockets, backend=mode)


if __name__ == "__main__":
    main()
