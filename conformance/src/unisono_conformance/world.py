"""What the runner has seen of a client under test so far, and waiting for more of it.

Spec: reading
Not here: where it comes from (see wires), what it should have been (see client_player).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

from unisono_conformance.trace import Trace
from unisono_conformance.values import ZERO, Json

T = TypeVar("T")

EVENT_FRAME: Final = {"type": "Event"}
"""Frames that say nothing about the state: every case skips them."""


class Waited(Exception):
    """What was waited for did not come: in time, or (inline) at all."""

    def __init__(self, what: str) -> None:
        self.what = what
        super().__init__(f"waited for {what} in vain")


@dataclass
class Connection:
    """One socket of the client, seen from the server that the runner plays."""

    number: int
    frames: list[Json] = field(default_factory=list)
    cursor: int = 0
    is_open: bool = True
    closed_by_client: bool = False
    close_code: int | None = None
    version: Json = field(default_factory=lambda: dict(ZERO))
    request_path: str | None = None
    request_headers: Mapping[str, str] = field(default_factory=dict)

    def sent(self, frame: Json) -> None:
        """Follow the version that a client which got this frame holds."""
        if frame.get("type") == "Transition" and frame.get("startVersion") == self.version:
            self.version = frame.get("endVersion", self.version)


@dataclass
class World:
    """Connections, events, views and settled calls of one client in one case."""

    trace: Trace
    is_inline: bool
    connections: list[Connection] = field(default_factory=list)
    attempts: int = 0
    events: list[Json] = field(default_factory=list)
    views: dict[str, Json] = field(default_factory=dict)
    settled: dict[str, Json] = field(default_factory=dict)
    history: list[tuple[str, Json]] = field(default_factory=list)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def current(self) -> Connection | None:
        """The newest connection, if there ever was one."""
        return self.connections[-1] if self.connections else None

    def attempted(self, **about: Json) -> None:
        """The client began to open a socket."""
        self.attempts += 1
        self.trace.add("attempt", None, **about)
        self._note("attempt", about)

    def accepted(self, connection: Connection) -> None:
        """A socket of the client is open."""
        self.attempts -= 1
        self.connections.append(connection)
        self.trace.add("accepted", None, connection=connection.number)
        self._note("accepted", connection.number)

    def received(self, connection: Connection, frame: Json) -> None:
        """The client sent a frame."""
        connection.frames.append(frame)
        self.trace.add("c2s", frame)
        self._note("c2s", frame)

    def closed(self, connection: Connection, code: int | None, *, by_client: bool) -> None:
        """A socket is closed."""
        if not connection.is_open:
            return
        connection.is_open = False
        connection.closed_by_client = by_client
        connection.close_code = code
        self.trace.add("closed", None, code=code, by="client" if by_client else "runner")
        self._note("closed", {"code": code, "by_client": by_client})

    def event(self, event: Json) -> None:
        """The adapter reported something that the application would see."""
        self.trace.add("event", event)
        self.events.append(event)
        kind = event.get("ev")
        if kind == "update":
            for change in event.get("changes", ()):
                self.views[change["sub"]] = view_of(change)
        elif kind == "settled":
            self.settled.setdefault(event["call"], event)
        self._note("event", event)

    def requested(self, seen: Json) -> None:
        """The client sent an HTTP request."""
        self.trace.add("request", seen)
        self._note("request", seen)

    async def until(self, what: str, probe: Callable[[], T | None], budget_s: float) -> T:
        """Wait until the probe finds something. Inline, what is not there does not come."""
        deadline = asyncio.get_running_loop().time() + budget_s
        while (found := probe()) is None:
            remaining = deadline - asyncio.get_running_loop().time()
            if self.is_inline or remaining <= 0:
                raise Waited(what)
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), remaining)
            except TimeoutError:
                continue
        return found

    def _note(self, kind: str, body: Json) -> None:
        self.history.append((kind, body))
        self._changed.set()


def view_of(change: Json) -> Json:
    """Bring a change or a snapshot entry into one form: value, error or loading."""
    if "error" in change:
        error = change["error"]
        return {"error": {"message": error} if isinstance(error, str) else error}
    if change.get("loading"):
        return {"loading": True}
    return {"value": change.get("value")}
