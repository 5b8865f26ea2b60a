"""Effects: what a session wants done, by its socket and by the backend around it.

Spec: session
Not here: who wants it (see session), who does it (see runtime, backend).
"""

import uuid
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from .auth import Identity
from .messages import Authenticate, Call
from .queries import Query

# To the socket


class Send(NamedTuple):
    """Write one text frame."""

    text: bytes


@dataclass(frozen=True, slots=True)
class SendWebSocketPing:
    """Write a WebSocket ping, which the peer's library answers."""


@dataclass(frozen=True, slots=True)
class Close:
    """End the connection; no code means an empty Close frame."""

    code: int | None
    reason: str = ""


# Only where a script makes a server misbehave.


@dataclass(frozen=True, slots=True)
class SendFragments:
    """Write one text message in several frames."""

    text: bytes
    pieces: int


@dataclass(frozen=True, slots=True)
class Abort:
    """Let the connection go without a word."""


@dataclass(frozen=True, slots=True)
class Mute:
    """Keep the connection, neither write to it nor read from it."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Read from the connection, or stop for a while."""

    on: bool


# To the backend


@dataclass(frozen=True, slots=True)
class Verify:
    """Check a token, then say `verified` or `rejected`."""

    message: Authenticate


@dataclass(frozen=True, slots=True)
class Request:
    """One call as it was received: who asked, as whom, for what."""

    call: Call
    identity: Identity
    session_id: uuid.UUID | None


@dataclass(frozen=True, slots=True)
class RunMutation:
    """Run a mutation, then say `mutation_finished`."""

    request: Request


@dataclass(frozen=True, slots=True)
class RunAction:
    """Run an action, then say `action_finished`."""

    request: Request


class Round(NamedTuple):
    """Evaluate these queries at one timestamp, then say `round_finished`."""

    query_set: int
    identity_version: int
    identity: Identity
    queries: tuple[tuple[int, Query], ...]
    removed: tuple[int, ...]


WireEffect: TypeAlias = Send | SendWebSocketPing | Close | SendFragments | Abort | Mute | Reading
Effect: TypeAlias = WireEffect | Verify | RunMutation | RunAction | Round
