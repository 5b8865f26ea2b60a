"""For tests of apps: a backend in memory that the test plays, and a clock that it moves.

    backend, clock = MemoryBackend(), ManualClock()
    async with Client(backend.address, connector=backend.connect, clock=clock) as client:
        line = await backend.accept()
        frame = await line.receive("ModifyQuerySet")
        ...

Not here: a backend that runs functions (see the package `unisono-mock`).
"""

import json
import math
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import anyio

from .core.messages import ABSENT, StateVersion, encode_ts
from .core.values import Value, encode
from .runtime.transport import Socket, SocketLost, Take

Frame: TypeAlias = dict[str, Any]


class ManualClock:
    """A clock that stands still until the test moves it."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self._now = now
        self._moved = anyio.Event()

    def now(self) -> float:
        """What the clock shows."""
        return self._now

    async def sleep_until(self, when: float) -> None:
        """Wait until the test has moved the clock to this time."""
        if when == math.inf:
            await anyio.sleep_forever()
        while self._now < when:
            await self._moved.wait()

    def advance(self, seconds: float) -> None:
        """Move the clock; whoever waits for the new time is woken."""
        self._now += seconds
        moved, self._moved = self._moved, anyio.Event()
        moved.set()


class Voice:
    """What a server says: it writes frames, and keeps the chain of versions."""

    def __init__(self) -> None:
        self.version = StateVersion()

    def transition(
        self,
        *,
        query_set: int | None = None,
        identity: int | None = None,
        ts: int | None = None,
        updates: Mapping[int, Value] | None = None,
        failures: Mapping[int, str] | None = None,
        removed: Sequence[int] = (),
        journals: Mapping[int, str] | None = None,
        log_lines: Sequence[str] = (),
        skew_ms: float | None = None,
    ) -> Frame:
        """The next step; what is not given stays as it was."""
        start = self.version
        self.version = StateVersion(
            start.query_set if query_set is None else query_set,
            start.identity if identity is None else identity,
            start.ts if ts is None else ts,
        )
        rest = {"logLines": list(log_lines)}
        notes = journals or {}
        modifications: list[Frame] = [
            {"type": "QueryUpdated", "queryId": key, "value": encode(value), **rest}
            | {"journal": notes.get(key)}
            for key, value in (updates or {}).items()
        ]
        modifications += [
            {"type": "QueryFailed", "queryId": key, "errorMessage": text, **rest}
            | {"journal": notes.get(key)}
            for key, text in (failures or {}).items()
        ]
        modifications += [{"type": "QueryRemoved", "queryId": key} for key in removed]
        return {
            "type": "Transition",
            "startVersion": _version(start),
            "endVersion": _version(self.version),
            "modifications": sorted(modifications, key=lambda each: int(each["queryId"])),
            "clientClockSkew": skew_ms,
            "serverTs": None,
        }

    def mutated(self, request_id: int, value: Value = None, ts: int = 1) -> Frame:
        """A mutation was committed at this moment."""
        return {
            "type": "MutationResponse",
            "requestId": request_id,
            "success": True,
            "result": encode(value),
            "ts": encode_ts(ts),
            "logLines": [],
        }

    def acted(self, request_id: int, value: Value = None) -> Frame:
        """An action has returned."""
        return {
            "type": "ActionResponse",
            "requestId": request_id,
            "success": True,
            "result": encode(value),
            "logLines": [],
        }

    def failed(
        self, request_id: int, message: str, data: Value = ABSENT, *, kind: str = "Mutation"
    ) -> Frame:
        """A mutation or an action has failed, on purpose if there is data."""
        body: Frame = {
            "type": f"{kind}Response",
            "requestId": request_id,
            "success": False,
            "result": message,
            "logLines": [],
        }
        if kind == "Mutation":
            body["ts"] = None
        if data is not ABSENT:
            body["errorData"] = encode(data)
        return body

    def refused(
        self, base_version: int, message: str = "refused", *, attempted: bool = True
    ) -> Frame:
        """The token that was sent over this identity version is not accepted."""
        return {
            "type": "AuthError",
            "error": message,
            "baseVersion": base_version,
            "authUpdateAttempted": attempted,
        }


def _version(version: StateVersion) -> Frame:
    return {
        "querySet": version.query_set,
        "identity": version.identity,
        "ts": encode_ts(version.ts),
    }


class Line:
    """One connection of a client to a backend in memory, at the backend's end."""

    def __init__(self) -> None:
        self.voice = Voice()
        self.is_open = True
        self.frames: list[Frame] = []
        #: How many WebSocket pings the client has sent.
        self.pings = 0
        self._unread = 0
        self._arrived = anyio.Event()
        self._socket = _MemorySocket(self)

    @property
    def socket(self) -> Socket:
        """The client's end."""
        return self._socket

    async def receive(self, kind: str | None = None) -> Frame:
        """The next frame of the client, or the next of one kind."""
        while True:
            while self._unread < len(self.frames):
                frame = self.frames[self._unread]
                self._unread += 1
                if kind is None or frame["type"] == kind:
                    return frame
            if not self.is_open:
                raise SocketLost(1005, "", "the client has closed this connection")
            self._arrived = anyio.Event()
            await self._arrived.wait()

    def send(self, frame: Frame | str) -> None:
        """Say something to the client: a frame, or any text."""
        text = frame if isinstance(frame, str) else json.dumps(frame)
        self._socket.deliver(text.encode())

    def transition(self, **changes: Any) -> None:
        """Send the next Transition; see `Voice.transition`."""
        self.send(self.voice.transition(**changes))

    def drop(self, code: int | None = 1006, reason: str = "") -> None:
        """Lose the connection."""
        self._socket.deliver(SocketLost(code, reason))

    def took(self, frame: Frame) -> None:
        """The client has said something."""
        self.frames.append(frame)
        self._arrived.set()

    def ended(self) -> None:
        """The client is gone."""
        self.is_open = False
        self._arrived.set()


class _MemorySocket:
    pongs = 0

    def __init__(self, line: Line) -> None:
        self._line = line
        self._incoming: deque[bytes | SocketLost] = deque()
        self._arrived = anyio.Event()

    def deliver(self, item: bytes | SocketLost) -> None:
        self._incoming.append(item)
        self._arrived.set()

    def send(self, texts: Sequence[str]) -> None:
        for text in texts:
            self._line.took(json.loads(text))

    def ping(self) -> None:
        self._line.pings += 1

    async def run(self, take: Take) -> None:
        while True:
            while not self._incoming:
                self._arrived = anyio.Event()
                await self._arrived.wait()
            texts = []
            while self._incoming:
                item = self._incoming.popleft()
                if isinstance(item, SocketLost):
                    self._incoming.appendleft(item)
                    break
                texts.append(item)
            rest = take(texts) if texts else None
            if rest is not None:
                await rest()
            if not texts and isinstance(self._incoming[0], SocketLost):
                raise self._incoming[0]

    async def aclose(self, code: int, reason: str) -> None:
        self._line.ended()


class MemoryBackend:
    """A backend without a network: give its `connect` to a client as the connector."""

    address = "http://memory.invalid"

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self._refusals = 0
        self._accepted = 0
        self._arrived = anyio.Event()

    async def connect(self) -> Socket:
        """A client wants a socket."""
        await anyio.lowlevel.checkpoint()
        if self._refusals:
            self._refusals -= 1
            raise SocketLost(1006, "", "refused by the test")
        line = Line()
        self.lines.append(line)
        self._arrived.set()
        return line.socket

    def refuse(self, times: int = 1) -> None:
        """Turn the next attempts away."""
        self._refusals += times

    async def accept(self) -> Line:
        """The next connection that a client opens."""
        while self._accepted >= len(self.lines):
            self._arrived = anyio.Event()
            await self._arrived.wait()
        self._accepted += 1
        return self.lines[self._accepted - 1]
