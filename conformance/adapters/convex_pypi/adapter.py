"""The official PyPI package `convex` behind the adapter protocol, version 1.

    python adapters/convex_pypi/adapter.py

Its calls block, and hold the interpreter's lock meanwhile, so they begin after their operation
has been answered, and results are read with `async for`. Play its cases one at a time
(`--side-by-side 1`). The package is an independent implementation; it is judged, not copied.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import struct
import sys
import threading
from collections.abc import Coroutine
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


class Unsupported(Exception):
    """The package has no such thing."""


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
        self.gone: set[str] = set()

    def emit(self, ev: str, **fields: Any) -> None:
        """Report an event of this client."""
        write({"ev": ev, "client": self.name, **fields})

    async def subscribe(self, sub: str, path: str, args: Any) -> None:
        """Follow a query; the package reports it after every transition, changed or not."""
        subscription = await asyncio.to_thread(self.client.subscribe, path, args)
        self.subs[sub] = subscription
        last: Any = None
        while sub not in self.gone:
            try:
                change = {"value": encode(await anext(subscription))}
            except Exception as error:
                change = {"error": {k: v for k, v in error_of(error).items() if k != "kind"}}
            if sub not in self.gone and change != last:
                last = change
                self.emit("update", changes=[{"sub": sub, **change}])

    def unsubscribe(self, sub: str) -> None:
        """Leave a query."""
        self.gone.add(sub)
        if sub in self.subs:
            self.subs.pop(sub).unsubscribe()

    async def call(self, kind: str, call: str, path: str, args: Any) -> None:
        """Make a call and report how it ended."""
        try:
            value = await asyncio.to_thread(getattr(self.client, kind), path, args)
        except Exception as error:
            self.emit("settled", call=call, error=error_of(error))
        else:
            self.emit("settled", call=call, value=encode(value))


CLIENTS: dict[str, Client] = {}


def handle(op: dict[str, Any], later: list[Coroutine[Any, Any, None]]) -> dict[str, Any]:
    """Carry out one operation; what blocks is put off until it has been answered."""
    name = op["op"]
    if name == "hello":
        about = {"version": version("convex"), "language": "python", "levels": "L0"}
        return {"name": "convex (PyPI)", "features": FEATURES, **about}
    if name == "bye":
        return {}
    if name == "open":
        if op.get("options"):
            raise Unsupported("it has no options")
        CLIENTS[op["client"]] = Client(op["client"], op["url"])
        return {}
    client = CLIENTS.get(op["client"])
    if client is None:
        return {}
    if name == "subscribe" and not op.get("pagination"):
        later.append(client.subscribe(op["sub"], op["path"], decode(op["args"])))
    elif name == "unsubscribe":
        client.unsubscribe(op["sub"])
    elif name in ("mutate", "action") and not op.get("optimistic"):
        kind = "mutation" if name == "mutate" else "action"
        later.append(client.call(kind, op["call"], op["path"], decode(op["args"])))
    elif name == "set_auth" and op["mode"] == "static":
        client.client.set_auth(op["token"])
    elif name == "set_auth" and op["mode"] == "none":
        client.client.clear_auth()
    elif name == "set_auth" and op["mode"] == "admin" and not op.get("acting_as"):
        client.client.set_admin_auth(op["token"])
    elif name == "close":
        raise Unsupported("it cannot be closed; it ends with its process")
    else:
        raise Unsupported(f"{name} is not in its API")
    return {}


async def main() -> None:
    """Answer one line after the other."""
    tasks: set[asyncio.Task[None]] = set()
    while line := await asyncio.to_thread(sys.stdin.readline):
        op = json.loads(line)
        later: list[Coroutine[Any, Any, None]] = []
        try:
            body = {"ok": True, **handle(op, later)}
        except Unsupported as unsupported:
            body = {"ok": False, "unsupported": True, "reason": str(unsupported)}
        except Exception as error:
            body = {"ok": False, "error": f"{type(error).__name__}: {error}"}
        write({"re": op["seq"], **body})
        if op["op"] == "bye":
            break
        tasks |= {asyncio.create_task(each) for each in later}
    PROTOCOL.flush()
    os._exit(0)


asyncio.run(main())
