"""Recordings: what went over the wire of a proxy, as JSON lines, and playing it again.

The first line says what the file is. Every other line is an event with its number `n`, the
connection it belongs to, and what it was: `opened`, `c2s`, `s2c` or `closed`. Tokens and keys
are hashed.

Spec: session
Not here: where the events come from (see proxy).
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from .clocks import Clock
from .core.connection import ClientVersion
from .core.effects import Abort, Close, Effect, Send
from .core.values import InvalidValue, Json, json_bytes, parse_json
from .line import kind_of

FORMAT = "unisono-recording"
VERSION = 1

# What a client says by itself and not because of what it was asked to do.
_NOISE = "Event"


class BadRecording(ValueError):
    """A file is no recording; the sentence says which line is wrong."""


class Recorder:
    """Numbers events and writes them."""

    def __init__(self, write: Callable[[str], object], upstream: str) -> None:
        self._write = write
        self._number = 0
        self._connections = 0
        self._put({"format": FORMAT, "version": VERSION, "upstream": upstream})

    def opened(self, client: ClientVersion) -> int:
        """A client has connected; returns the number of its connection."""
        self._connections += 1
        self._event(self._connections, "opened", client=client.text)
        return self._connections

    def message(self, connection: int, what: str, text: str | bytes) -> None:
        """A message has passed, `c2s` or `s2c`."""
        try:
            document = parse_json(text)
        except InvalidValue:
            raw = text if isinstance(text, str) else text.decode("utf-8", "replace")
            self._event(connection, what, text=raw)
            return
        self._event(connection, what, message=without_secrets(document))

    def closed(self, connection: int, by: str, code: int | None = None, reason: str = "") -> None:
        """A connection has ended: by `client` or `server`, or by a `reset` of the server."""
        self._event(connection, "closed", by=by, code=code, reason=reason)

    def _event(self, connection: int, what: str, **more: Json) -> None:
        self._number += 1
        self._put({"n": self._number, "connection": connection, "what": what, **more})

    def _put(self, line: dict[str, Json]) -> None:
        self._write(json_bytes(line).decode() + "\n")


def without_secrets(document: Json) -> Json:
    """A message that may be kept."""
    # [auth.token-secret] Equal tokens stay equal, and none can be used.
    if not isinstance(document, dict) or not isinstance(document.get("value"), str):
        return document
    if document.get("type") != "Authenticate":
        return document
    digest = hashlib.sha256(document["value"].encode("utf-8", "surrogatepass")).hexdigest()
    return {**document, "value": f"sha256:{digest[:16]}"}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that the recorded server did, and how many messages it had received before."""

    effect: Effect
    after: Counter[str]


@dataclass(slots=True)
class Recorded:
    """One recorded connection."""

    steps: list[Step] = field(default_factory=list)
    expects: Counter[str] = field(default_factory=Counter)


def read_recording(lines: Iterable[str]) -> list[Recorded]:
    """The connections of a recording, in the order in which they were opened."""
    connections: dict[int, Recorded] = {}
    for number, line in enumerate(lines, 1):
        try:
            event = parse_json(line)
            if number > 1:
                _read(event, connections)
            elif (event["format"], event["version"]) != (FORMAT, VERSION):
                raise BadRecording(f"line 1 is not of {FORMAT} version {VERSION}")
        except (InvalidValue, KeyError, TypeError) as error:
            raise BadRecording(f"line {number} is not an event of a recording: {error}") from None
    return list(connections.values())


def _read(event: dict[str, Any], connections: dict[int, Recorded]) -> None:
    connection = connections.setdefault(event["connection"], Recorded())
    match event["what"]:
        case "c2s":
            kind = kind_of(_text(event))
            if kind != _NOISE:
                connection.expects[kind] += 1
        case "s2c":
            connection.steps.append(Step(Send(_text(event)), connection.expects.copy()))
        case "closed" if event["by"] != "client":
            how = Abort() if event["by"] == "reset" else Close(event["code"], event["reason"])
            connection.steps.append(Step(how, connection.expects.copy()))


def _text(event: dict[str, Any]) -> bytes:
    if "message" in event:
        return json_bytes(event["message"])
    return str(event["text"]).encode()


class Replay:
    """A server that does what a recorded one did, each time a client has said as much.

    The order within what the client says between two messages of the server does not matter,
    nor do the values; what was never recorded is noted in `surprises`.
    """

    def __init__(self, recording: list[Recorded], clock: Clock) -> None:
        self.clock = clock
        self.surprises: list[str] = []
        self._waiting = list(enumerate(recording, 1))

    @property
    def is_over(self) -> bool:
        """Whether no recorded connection is left."""
        return not self._waiting

    def connect(self, sink: Callable[[Effect], None], client: ClientVersion) -> "ReplayedPeer":
        """The next recorded connection begins."""
        number, recorded = self._waiting.pop(0)
        return ReplayedPeer(self, number, recorded, sink)


class ReplayedPeer:
    """The server's end of one connection, as it was recorded."""

    def __init__(
        self, replay: Replay, number: int, recorded: Recorded, sink: Callable[[Effect], None]
    ) -> None:
        self._replay = replay
        self._number = number
        self._recorded = recorded
        self._sink = sink
        self._heard: Counter[str] = Counter()
        self._next = 0

    def received(self, text: str) -> None:
        """The client said something."""
        kind = kind_of(text)
        if kind == _NOISE:
            return
        self._heard[kind] += 1
        if self._heard[kind] > self._recorded.expects[kind]:
            self._surprise(f"a {kind or 'text without a type'} that was not recorded")
        self._go_on()

    def received_binary(self) -> None:
        """The client said something that is in no recording."""
        self._surprise("a binary message")

    def heard(self) -> None:
        """A ping or a pong came."""

    def sent(self) -> None:
        """What was written has left."""

    def flushed(self) -> None:
        """What could not leave has left."""

    def fail(self, reason: str) -> None:
        """The client broke a rule below the messages."""
        self._surprise(reason)

    def lost(self) -> None:
        """The client is gone."""
        self._next = len(self._recorded.steps)

    def tick(self) -> None:
        """The connection begins."""
        self._go_on()

    def next_deadline(self) -> float | None:
        """A recording knows no time."""
        return None

    def _go_on(self) -> None:
        steps = self._recorded.steps
        while self._next < len(steps) and steps[self._next].after <= self._heard:
            step = steps[self._next]
            self._next += 1
            self._sink(step.effect)

    def _surprise(self, what: str) -> None:
        self._replay.surprises.append(f"connection {self._number}: {what}")
