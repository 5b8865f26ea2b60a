"""The connection: when to open a socket, when to give one up, and when to come back.

Spec: connection
Not here: what is said on it (see session), how a socket is made (see runtime).
"""

from dataclasses import dataclass
from enum import Enum
from urllib.parse import urlsplit, urlunsplit

from .errors import InvalidUrlError

SYNC_PATH = "/api/sync"
INITIAL_CONNECT = "InitialConnect"
INACTIVE_SERVER = "InactiveServer"
PAUSED = "paused"
PROTOCOL_ERROR = "ProtocolError"
FAILED_TO_SEND = "FailedToSendMessage"
CAP_S = 16.0
ORDINARY_S = 1.0
OWN_DECISION_S = 0.1
CROWDED_S = 3.0

#: Initial delays by the beginning of the close reason; anything else is ordinary.
INITIAL_DELAYS_S = {
    "InternalServerError": ORDINARY_S,
    "SubscriptionsWorkerFullError": CROWDED_S,
    "TooManyConcurrentRequests": CROWDED_S,
    "CommitterFullError": CROWDED_S,
    "AwsTooManyRequestsException": CROWDED_S,
    "ExecuteFullError": CROWDED_S,
    "SystemTimeoutError": CROWDED_S,
    "ExpiredInQueue": CROWDED_S,
    "VectorIndexesUnavailable": ORDINARY_S,
    "SearchIndexesUnavailable": ORDINARY_S,
    "TableSummariesUnavailable": ORDINARY_S,
    "VectorIndexTooLarge": CROWDED_S,
    "SearchIndexTooLarge": CROWDED_S,
    "TooManyWritesInTimePeriod": CROWDED_S,
}


class State(Enum):
    """Where a connection stands; `value` is what users see."""

    NEW = "idle"
    OPENING = "connecting"
    LIVE = "live"
    WAITING = "waiting"
    HELD = "authenticating"
    CLOSED = "closed"


class Event(Enum):
    """What happens to a connection."""

    START = "start"
    OPENED = "opened"
    LOST = "lost"
    GIVE_UP = "give up"
    RETRY = "retry"
    HOLD = "hold"
    RELEASE = "release"
    CLOSE = "close"


_S, _E = State, Event
TRANSITIONS: dict[State, dict[Event, State]] = {
    _S.NEW: {_E.START: _S.OPENING, _E.CLOSE: _S.CLOSED},
    _S.OPENING: {
        _E.OPENED: _S.LIVE,
        _E.LOST: _S.WAITING,
        _E.GIVE_UP: _S.WAITING,
        _E.CLOSE: _S.CLOSED,
    },
    _S.LIVE: {
        _E.LOST: _S.WAITING,
        _E.GIVE_UP: _S.WAITING,
        _E.HOLD: _S.HELD,
        _E.CLOSE: _S.CLOSED,
    },
    _S.WAITING: {_E.RETRY: _S.OPENING, _E.CLOSE: _S.CLOSED},
    _S.HELD: {_E.RELEASE: _S.OPENING, _E.CLOSE: _S.CLOSED},
    _S.CLOSED: {_E.CLOSE: _S.CLOSED},
}
HAS_SOCKET = frozenset({State.OPENING, State.LIVE})


@dataclass(frozen=True, slots=True)
class Open:
    """Effect: open a socket."""


@dataclass(frozen=True, slots=True)
class Send:
    """Effect: send a text on the open socket."""

    text: str


@dataclass(frozen=True, slots=True)
class SendPing:
    """Effect: send a WebSocket ping on the open socket."""


@dataclass(frozen=True, slots=True)
class Close:
    """Effect: close the socket, or give up opening it; nothing more is to be heard of it."""

    code: int = 1000
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ConnectionState:
    """What a user can know about the connection; times are those of the session's clock.

    `kind` is one of idle, connecting, live, waiting, authenticating, paused and closed.
    """

    kind: str
    why: str = ""
    is_connected: bool = False
    retry_at: float | None = None
    connection_count: int = 0
    failures: int = 0

    @property
    def has_ever_connected(self) -> bool:
        """Whether a socket was open at any time."""
        return self.connection_count > 0


@dataclass(frozen=True, slots=True)
class StateChanged:
    """Effect: the connection stands elsewhere now."""

    state: ConnectionState


class Connection:
    """The life of one socket after the other."""

    def __init__(self, inactivity_s: float, ping_s: float | None = None) -> None:
        self._inactivity_s = inactivity_s
        self._ping_s = ping_s
        self._ping_at = 0.0
        self._awaits_sign = False
        self._state = State.NEW
        self._deadline: float | None = None
        self._failures = 0
        self._opened = 0
        self._why = ""
        self._is_paused = False
        self._last_close_reason: str | None = INITIAL_CONNECT

    @property
    def state(self) -> State:
        """Where the connection stands."""
        return self._state

    @property
    def deadline(self) -> float | None:
        """When the clock has something to say: the peer is silent, a ping or a retry is due."""
        if self._ping_s is None or self._deadline is None or self._state is not State.LIVE:
            return self._deadline
        return min(self._deadline, self._ping_at)

    @property
    def has_failed(self) -> bool:
        """Whether failures are counted since all was well."""
        return self._failures > 0

    @property
    def last_close_reason(self) -> str | None:
        """Why the previous connection ended, in the words of the protocol."""
        return self._last_close_reason

    @property
    def connections_before(self) -> int:
        """How many connections were opened before the current one."""
        # [connection.connection-count]
        return self._opened - 1

    def described(self) -> ConnectionState:
        """The state for the user's eyes."""
        # [session.connected-state]
        is_paused = self._is_paused and self._state is not State.CLOSED
        return ConnectionState(
            kind=PAUSED if is_paused else self._state.value,
            why=self._why,
            is_connected=self._state is State.LIVE,
            retry_at=self._deadline if self._state is State.WAITING else None,
            connection_count=self._opened,
            failures=self._failures,
        )

    def _step(self, event: Event) -> bool:
        """Follow the table; say whether the state is another one now."""
        before, self._state = self._state, TRANSITIONS[self._state][event]
        return before is not self._state

    def _opening(self, now: float) -> None:
        # [connection.inactivity] It also covers a handshake that hangs.
        self._deadline = now + self._inactivity_s

    def moved(self, event: Event, now: float, why: str = "") -> bool:
        """Take an event that needs no delay; say whether a socket has to be opened."""
        if not self._step(event):
            return False
        self._why = why
        if event in (Event.HOLD, Event.CLOSE):
            # [connection.last-close-reason] Null: we wanted it ourselves.
            if self._opened:
                self._last_close_reason = None
            self._deadline = None
        if self._state is State.OPENING:
            self._opening(now)
        return self._state is State.OPENING

    @property
    def can_send(self) -> bool:
        """Whether there is a socket to send on and the user has not paused."""
        return self._state is State.LIVE and not self._is_paused

    def paused(self, is_paused: bool) -> None:
        """The user wants nothing to be sent, or wants it again."""
        self._is_paused = is_paused

    def opened(self, now: float) -> None:
        """The socket is open."""
        self._step(Event.OPENED)
        self._opened += 1
        self._why = ""
        self._deadline = now + self._inactivity_s
        self._ping_at = now + (self._ping_s or 0)
        self._awaits_sign = False

    def heard(self, now: float) -> None:
        """A message came."""
        self._deadline = now + self._inactivity_s
        self._awaits_sign = False

    def ponged(self) -> None:
        """A ping was answered."""
        # [connection.inactivity] A proxy may have done that, so it proves only that
        # the line is whole: the inactivity time runs on.
        self._awaits_sign = False

    def asks_for_sign(self, now: float) -> bool:
        """Whether to ping now; not when the last ping is still without any answer."""
        if self._awaits_sign or self._ping_s is None or now >= (self._deadline or 0):
            return False
        self._ping_at, self._awaits_sign = now + self._ping_s, True
        return True

    def ended(self, event: Event, now: float, jitter: float, reason: str, why: str) -> None:
        """The socket is gone, by LOST or GIVE_UP: wait, longer each time."""
        self._step(event)
        # A failed attempt is no connection that ended.
        if self._opened:
            self._last_close_reason = reason
        self._why = why or reason
        self._deadline = now + backoff_s(reason, self._failures, jitter)
        self._failures += 1

    def well(self) -> None:
        """Everything of the opening has been answered: failures are history."""
        # [connection.backoff-reset] An open socket proves nothing; this does.
        self._failures = 0


def backoff_s(reason: str, failures: int, jitter: float) -> float:
    """How long to wait before the next attempt."""
    # [connection.backoff-class] The server knows best what it suffers from.
    if reason in (INACTIVE_SERVER, FAILED_TO_SEND):
        initial = OWN_DECISION_S
    else:
        known = (s for text, s in INITIAL_DELAYS_S.items() if reason.startswith(text))
        initial = next(known, ORDINARY_S)
    # [connection.backoff-cap] The exponent is bounded too: 2.0**1024 is no float.
    capped = min(initial * 2.0 ** min(failures, 32), CAP_S)
    # [connection.backoff] Clients that lost the same server together must not
    # come back together.
    return capped * (0.5 + jitter)


def close_reason(code: int | None, reason: str) -> str:
    """What to say of a close frame: its own words, or its number."""
    # [connection.last-close-reason]
    return reason or f"closed with code {1006 if code is None else code}"


def sync_url(address: object) -> str:
    """The address of the socket of a deployment. Raises InvalidUrlError."""
    # [connection.url] [connection.url-slash]
    scheme, host, path = _split(address)
    scheme = {"http": "ws", "https": "wss"}.get(scheme, scheme)
    return urlunsplit((scheme, host, path + SYNC_PATH, "", ""))


def http_url(address: object) -> str:
    """The address of a deployment for HTTP, without a slash at the end."""
    scheme, host, path = _split(address)
    scheme = {"ws": "http", "wss": "https"}.get(scheme, scheme)
    return urlunsplit((scheme, host, path, "", ""))


def _split(address: object) -> tuple[str, str, str]:
    if not isinstance(address, str):
        raise InvalidUrlError(address, "it is no string")
    try:
        parts = urlsplit(address)
        has_good_port = parts.port is None or parts.port > 0
    except ValueError as error:
        raise InvalidUrlError(address, str(error)) from None
    if parts.scheme not in ("http", "https", "ws", "wss"):
        raise InvalidUrlError(address, "it does not begin with http:// or https://")
    if not parts.hostname or not has_good_port or " " in parts.netloc:
        raise InvalidUrlError(address, "it names no host")
    if parts.hostname.endswith(".convex.site"):
        raise InvalidUrlError(address, "that host serves HTTP actions; use its .convex.cloud")
    return parts.scheme, parts.netloc, parts.path.rstrip("/")
