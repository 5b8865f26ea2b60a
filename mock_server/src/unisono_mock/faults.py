"""Faults as values: when a connection misbehaves, and how.

    backend.misbehave(Reset(), when=BeforeServer("MutationResponse"))

A trigger is an event, never a time. What a fault does to a message is a pure function.

Spec: session
Not here: counting the events and holding messages back (see script).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from .core.effects import Abort, Close, Mute, Send, SendFragments, WireEffect
from .core.messages import auth_error, decode_ts, encode_ts, fatal_error, transition_chunk
from .core.values import Json, json_bytes, parse_json

# When


@dataclass(frozen=True, slots=True)
class AfterClient:
    """The server has just received the n-th client message of a type, counted from now on.

    `connection` asks for one connection, by its number since the server began.
    """

    kind: str | None = None
    n: int = 1
    connection: int | None = None


@dataclass(frozen=True, slots=True)
class BeforeServer:
    """The server is about to send its n-th message of a type, counted from now on.

    `connection` asks for one connection, by its number since the server began.
    """

    kind: str | None = None
    n: int = 1
    connection: int | None = None


@dataclass(frozen=True, slots=True)
class OnConnect:
    """The n-th connection, counted from now on."""

    n: int = 1


Trigger: TypeAlias = AfterClient | BeforeServer | OnConnect

# What: a message


@dataclass(frozen=True, slots=True)
class Delay:
    """The message, and all that follows it in its direction, waits until it is released."""


@dataclass(frozen=True, slots=True)
class Drop:
    """The message is lost, the connection is not."""


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The message arrives several times."""

    times: int = 2


@dataclass(frozen=True, slots=True)
class Fragment:
    """The message arrives as one frame and continuation frames."""

    pieces: int = 3


@dataclass(frozen=True, slots=True)
class StaleVersion:
    """The Transition starts at a version that is not the one before it."""

    part: str = "ts"


@dataclass(frozen=True, slots=True)
class InChunks:
    """The Transition comes in chunks. `order` names the ones that arrive: (0, 2) loses one."""

    parts: int = 3
    order: Sequence[int] | None = None


@dataclass(frozen=True, slots=True)
class PutAfter:
    """The message waits until the server has sent one of this type, and follows it.

    A client whose response comes after the Transition that covers it has to wait for another.
    """

    kind: str = "Transition"


@dataclass(frozen=True, slots=True)
class UnknownField:
    """The message has a field that no version of the protocol knows."""

    name: str = "x-unknown"
    value: Json = field(default_factory=lambda: {"nested": [1, None]})


@dataclass(frozen=True, slots=True)
class Say:
    """The server says something else first."""

    message: Json


@dataclass(frozen=True, slots=True)
class UnknownMessage:
    """The server says first what no version of the protocol knows."""

    kind: str = "Unheard"


# What: a connection


@dataclass(frozen=True, slots=True)
class AuthError:
    """The server refuses the client's identity and closes without a code."""

    error: str = "Convex token identity expired"
    attempted: bool = True
    base_version: int | None = None


@dataclass(frozen=True, slots=True)
class FatalError:
    """The server calls the client broken and closes without a code."""

    error: str = "The client is at fault"


@dataclass(frozen=True, slots=True)
class CloseWith:
    """A Close frame with a code and a reason."""

    code: int = 1011
    reason: str = "InternalServerError"


@dataclass(frozen=True, slots=True)
class CloseWithoutCode:
    """An empty Close frame."""


@dataclass(frozen=True, slots=True)
class Reset:
    """The connection is gone without a Close frame."""


@dataclass(frozen=True, slots=True)
class Silence:
    """The connection stays open and nothing comes from it any more, not even pongs."""


@dataclass(frozen=True, slots=True)
class SlowReader:
    """The client reads nothing until released: what the server sends counts as unsent."""


@dataclass(frozen=True, slots=True)
class StopReading:
    """The server reads nothing until released: what the client sends piles up."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """A connection is not accepted: by an HTTP status, or without one by a reset."""

    status: int | None = None


@dataclass(frozen=True, slots=True)
class Restart:
    """The server comes back at once: every connection is reset, every session forgotten."""


Fault: TypeAlias = (
    Delay | Drop | Duplicate | Fragment | StaleVersion | InChunks | PutAfter | UnknownField | Say
    | UnknownMessage | AuthError | FatalError | CloseWith | CloseWithoutCode | Reset | Silence
    | SlowReader | StopReading | Refuse | Restart
)  # fmt: skip

_PARTS = ("querySet", "identity", "ts")


def lost_chunk(number: int, parts: int = 3) -> InChunks:
    """The Transition in chunks, without one of them."""
    return InChunks(parts, tuple(each for each in range(parts) if each != number))


def swapped_chunks(number: int, parts: int = 3) -> InChunks:
    """The Transition in chunks, one of them after its successor."""
    order = list(range(parts))
    order[number], order[number + 1] = order[number + 1], order[number]
    return InChunks(parts, tuple(order))


def duplicated_chunk(number: int, parts: int = 3) -> InChunks:
    """The Transition in chunks, one of them twice."""
    return InChunks(parts, tuple(sorted((*range(parts), number))))


def check(fault: Fault, trigger: Trigger | None) -> None:
    """Whether a fault can happen at such an event; ValueError says why not."""
    if isinstance(fault, Refuse) and not isinstance(trigger, OnConnect):
        raise ValueError("only a connection that begins can be refused; say when=OnConnect()")
    if isinstance(fault, _ON_SERVER_MESSAGES) and not isinstance(trigger, BeforeServer):
        raise ValueError(f"{type(fault).__name__} needs a message; say when=BeforeServer(...)")
    if isinstance(fault, _ON_MESSAGES) and not isinstance(trigger, BeforeServer | AfterClient):
        raise ValueError(f"{type(fault).__name__} needs a message; say when=AfterClient(...)")
    if isinstance(fault, StaleVersion) and fault.part not in _PARTS:
        raise ValueError(f"a version has the parts {', '.join(_PARTS)}, not {fault.part}")
    if isinstance(fault, InChunks) and not all(0 <= i < fault.parts for i in fault.order or ()):
        raise ValueError(f"a Transition in {fault.parts} chunks has none of some number named")


_ON_SERVER_MESSAGES = (Fragment, StaleVersion, InChunks, PutAfter, UnknownField)
_ON_MESSAGES = (Delay, Drop, Duplicate)


def transform(fault: Fault, item: Send) -> list[WireEffect]:
    """What is written instead of one server message."""
    match fault:
        case Drop():
            return []
        case Duplicate(times):
            return [item] * times
        case Fragment(pieces):
            return [SendFragments(item.text, pieces)]
        case UnknownField(name, value):
            return [_changed(item, lambda message: {**message, name: value})]
        case StaleVersion(part):
            return [_changed(item, lambda message: _stale(message, part))]
        case InChunks(parts, order):
            return _chunks(item.text, parts, range(parts) if order is None else order)
        case _:
            raise AssertionError(f"{fault} is not about one message")


def said(fault: Fault) -> list[WireEffect]:
    """What the server says by itself because of a fault."""
    match fault:
        case Say(message):
            return [Send(json_bytes(message))]
        case UnknownMessage(kind):
            return [Send(json_bytes({"type": kind}))]
        case _:
            return []


def ending(fault: Fault, identity: int) -> list[WireEffect] | None:
    """What is written when a connection ends by this fault, or None if it does not end."""
    match fault:
        case AuthError(error, attempted, base_version):
            base = identity if base_version is None else base_version
            return [Send(auth_error(error, base, attempted)), Close(None)]
        case FatalError(error):
            return [Send(fatal_error(error)), Close(None)]
        case CloseWith(code, reason):
            return [Close(code, reason)]
        case CloseWithoutCode():
            return [Close(None)]
        case Reset():
            return [Abort()]
        case Silence():
            return [Mute()]
        case _:
            return None


def _chunks(text: bytes, parts: int, order: Sequence[int]) -> list[WireEffect]:
    characters = text.decode()
    size = -(-len(characters) // parts)
    pieces = [characters[number * size : (number + 1) * size] for number in range(parts)]
    return [Send(transition_chunk(pieces[i], i, parts, str(len(text)))) for i in order]


def _stale(message: dict[str, Json], part: str) -> dict[str, Json]:
    start = message.get("startVersion")
    if not isinstance(start, dict):
        return message
    value = start[part]
    other = encode_ts(_before(decode_ts(value))) if part == "ts" else _before(value)
    return {**message, "startVersion": {**start, part: other}}


def _before(number: int) -> int:
    return number - 1 if number > 0 else number + 1


def _changed(item: Send, change: Callable[[dict[str, Json]], dict[str, Json]]) -> Send:
    message = parse_json(item.text)
    return Send(json_bytes(change(message))) if isinstance(message, dict) else item
