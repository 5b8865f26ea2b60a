"""The official PyPI package `convex` behind the adapter protocol, version 1.

    python adapters/convex_pypi/adapter.py

Its calls block, and hold the interpreter's lock meanwhile, and a client cannot be closed. So each
client has a process of its own (`adapter.py --one`), which does what it is told when it can; the
process that speaks with the runner answers at once and never waits, and it closes a client by
ending its process. The package is an independent implementation; it is judged, not copied.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import struct
import subprocess
import sys
import threading
from importlib.metadata import version
from typing import Any

# The package prints function logs to standard output, which belongs to the protocol.
PROTOCOL = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)

from convex import ConvexClient, ConvexError, ConvexInt64  # noqa: E402

# Mutations and actions are left out: each call holds the interpreter's lock until it has settled,
# so that no other operation can be answered meanwhile.
FEATURES: list[str] = []
LOCK = threading.Lock()


def write(message: dict[str, Any]) -> None:
    """Write one line of the protocol."""
    with LOCK:
        PROTOCOL.write(json.dumps(message) + "\n")
        PROTOCOL.flush()


def decode(value: Any) -> Any:
    """Turn an encoded value into one of the package's."""
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    if list(value) == ["$integer"]:
        return ConvexInt64(
            int.from_bytes(base64.b64decode(value["$integer"]), "little", signed=True)
        )
    if list(value) == ["$bytes"]:
        return base64.b64decode(value["$bytes"])
    if list(value) == ["$float"]:
        return struct.unpack("<d", base64.b64decode(value["$float"]))[0]
    return {key: decode(item) for key, item in value.items()}


def encode(value: Any) -> Any:
    """Turn a value of the package into an encoded one."""
    if isinstance(value, ConvexInt64):
        data = value.value.to_bytes(8, "little", signed=True)
        return {"$integer": base64.b64encode(data).decode()}
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    if isinstance(value, float) and (value != value or value in (float("inf"), -float("inf"))):
        return {"$float": base64.b64encode(struct.pack("<d", value)).decode()}
    if isinstance(value, float) and value == 0 and str(value) == "-0.0":
        return {"$float": base64.b64encode(struct.pack("<d", value)).decode()}
    if isinstance(value, list):
        return [encode(item) for item in value]
    if isinstance(value, dict):
        return {key: encode(item) for key, item in value.items()}
    return value


def error_of(error: Exception) -> dict[str, Any]:
    """Say what the package raised."""
    if isinstance(error, ConvexError):
        return {"kind": "application", "message": str(error), "data": encode(error.data)}
    return {"kind": "function", "message": str(error)}


class Client:
    """One client object and its threads."""

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        self.client = ConvexClient(url)
        self.subs: dict[str, Any] = {}
        self.followers: dict[str, asyncio.Task[None]] = {}

    def emit(self, ev: str, **fields: Any) -> None:
        """Report an event of this client."""
        write({"ev": ev, "client": self.name, **fields})

    async def follow(self, sub: str, subscription: Any) -> None:
        """Report a query; the package tells of it after every transition, changed or not."""
        last: Any = None
        while sub in self.subs:
            try:
                change = {"value": encode(await anext(subscription))}
            except Exception as error:
                change = {"error": {k: v for k, v in error_of(error).items() if k != "kind"}}
            if sub in self.subs and change != last:
                last = change
                self.emit("update", changes=[{"sub": sub, **change}])

    def unsubscribe(self, sub: str) -> None:
        """Leave a query; whoever waits for its next result is sent away first."""
        subscription = self.subs.pop(sub)
        task = self.followers.pop(sub)
        task.add_done_callback(lambda _: subscription.unsubscribe())
        task.cancel()


CLIENTS: dict[str, Client] = {}


def handle(op: dict[str, Any]) -> None:
    """Carry out one operation, blocking where the package blocks."""
    name = op["op"]
    if name == "open":
        CLIENTS[op["client"]] = Client(op["client"], op["url"])
        return
    client = CLIENTS[op["client"]]
    if name == "subscribe":
        subscription = client.client.subscribe(op["path"], decode(op["args"]))
        client.subs[op["sub"]] = subscription
        follower = asyncio.create_task(client.follow(op["sub"], subscription))
        client.followers[op["sub"]] = follower
    elif name == "unsubscribe":
        client.unsubscribe(op["sub"])
    elif name == "set_auth" and op["mode"] == "static":
        client.client.set_auth(op["token"])
    elif name == "set_auth" and op["mode"] == "none":
        client.client.clear_auth()
    elif name == "set_auth":
        client.client.set_admin_auth(op["token"])


async def one() -> None:
    """Be one client: carry out one line after the other."""
    while line := await asyncio.to_thread(sys.stdin.readline):
        op = json.loads(line)
        try:
            handle(op)
        except Exception as error:
            write({"ev": "error", "client": op["client"], "kind": "call", "message": str(error)})
    os._exit(0)


def refused(op: dict[str, Any]) -> str | None:
    """Why the package cannot do this."""
    if op["op"] == "open" and op.get("options"):
        return "it has no options"
    if op["op"] == "close":
        return "it cannot be closed; its process was ended"
    if op["op"] not in ("open", "subscribe", "unsubscribe", "set_auth") or op.get("pagination"):
        return f"{op['op']} is not in its API, or blocks all else"
    if op["op"] == "set_auth" and (op["mode"] == "fetcher" or op.get("acting_as")):
        return "it knows tokens and keys only"
    return None


class Processes:
    """The processes of the clients; what they report goes straight to the runner."""

    def __init__(self) -> None:
        self.running: dict[str, subprocess.Popen[str]] = {}

    def answer(self, op: dict[str, Any]) -> dict[str, Any]:
        """Answer an operation at once, and pass it on."""
        if op["op"] == "hello":
            about = {"version": version("convex"), "language": "python", "levels": "L0"}
            return {"ok": True, "name": "convex (PyPI)", "features": FEATURES, **about}
        if op["op"] == "bye":
            return {"ok": True}
        if op["op"] == "close":
            self.end(op["client"])
        reason = refused(op)
        if reason is not None:
            return {"ok": False, "unsupported": True, "reason": reason}
        if op["op"] == "open":
            command = [sys.executable, __file__, "--one"]
            self.running[op["client"]] = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=PROTOCOL, text=True
            )
        self.running[op["client"]].stdin.write(json.dumps(op) + "\n")  # type: ignore[union-attr]
        self.running[op["client"]].stdin.flush()  # type: ignore[union-attr]
        return {"ok": True}

    def end(self, client: str) -> None:
        """End a process; its socket goes with it."""
        process = self.running.pop(client, None)
        if process is not None:
            process.kill()
            process.wait()


def main() -> None:
    """Answer one line after the other."""
    processes = Processes()
    for line in sys.stdin:
        op = json.loads(line)
        write({"re": op["seq"], **processes.answer(op)})
        if op["op"] == "bye":
            break
    for client in list(processes.running):
        processes.end(client)


if "--one" in sys.argv:
    asyncio.run(one())
else:
    main()
