"""The connection: who connects, and the heartbeat that shows both sides it is alive.

Spec: connection
Not here: what ends a connection (see errors), the messages (see messages).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

PING_EVERY_S = 15.0
WEBSOCKET_PING_EVERY_S = 5.0
SILENCE_LIMIT_S = 120.0
FIRST_CHUNK_VERSION = (1, 28, 0)
DEFLATE = "permessage-deflate"

_SEMVER = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?", re.ASCII
)
_UNSUPPORTED: Mapping[str, tuple[int, int, int]] = {
    "npm": (0, 19, 1), "npm-cli": (0, 19, 1), "actions": (0, 19, 1),
    "python": (0, 0, 2), "python-convex": (0, 0, 2), "rust": (0, 0, 1),
}  # fmt: skip
_UPGRADE = {**_UNSUPPORTED, "python": (0, 2, 0), "python-convex": (0, 2, 0)}
_FAMILIES = (*_UNSUPPORTED, "create-convex", "swift", "kotlin", "dashboard")


class Beat(Enum):
    """What the clock asks of a connection."""

    PING = "Ping"
    WEBSOCKET_PING = "WebSocket ping"
    SILENT = "silent"


class Heartbeat:
    """Deadlines of one connection. They only ever move later."""

    __slots__ = ("_heard_at", "_ping_at", "_websocket_ping_at")

    def __init__(self, now: float) -> None:
        self._heard_at = now
        self._ping_at = now + PING_EVERY_S
        self._websocket_ping_at = now

    def heard(self, now: float) -> None:
        """Any frame of the peer is a sign of life."""
        self._heard_at = now

    def queued(self, now: float) -> None:
        """A message is on its way to the peer, so no Ping is needed for a while."""
        self._ping_at = now + PING_EVERY_S

    def due(self, now: float) -> list[Beat]:
        """What is due now."""
        beats = []
        if now >= self._websocket_ping_at:
            # [connection.websocket-ping] At once, then every five seconds.
            self._websocket_ping_at = now + WEBSOCKET_PING_EVERY_S
            beats.append(Beat.WEBSOCKET_PING)
            # [connection.silent-peer] A peer that answers pings never gets here.
            if now - self._heard_at > SILENCE_LIMIT_S:
                return [Beat.SILENT]
        if now >= self._ping_at:
            # [connection.ping] Browsers cannot see WebSocket pings, so after
            # 15 seconds without a message there is one.
            self._ping_at = now + PING_EVERY_S
            beats.append(Beat.PING)
        return beats

    def next_deadline(self) -> float:
        """When to ask again."""
        return min(self._ping_at, self._websocket_ping_at)


@dataclass(frozen=True, slots=True)
class ClientVersion:
    """Who a client says it is."""

    name: str = "unknown"
    version: tuple[int, int, int] | None = None
    prerelease: bool = False
    text: str = ""

    @property
    def takes_chunks(self) -> bool:
        """Whether this client can put a Transition together from pieces."""
        # [transitions.chunk-only-known] Others would fail on the unknown message.
        if self.name != "npm" or self.version is None:
            return False
        if self.version == FIRST_CHUNK_VERSION:
            return not self.prerelease
        return self.version > FIRST_CHUNK_VERSION

    @property
    def deprecation(self) -> str | None:
        """`Unsupported`, `UpgradeRequired`, or None for a client that is welcome."""
        # [connection.version-gate] A known name with a version that is none is
        # older than every gate; an unknown name is never gated.
        for state, gates in (("Unsupported", _UNSUPPORTED), ("UpgradeRequired", _UPGRADE)):
            gate = gates.get(self.name)
            if gate is not None and (self.version is None or self.version <= gate):
                return state
        return None


DEFLATE = "permessage-deflate"

UNKNOWN_CLIENT = ClientVersion()


class BadClientVersion(ValueError):
    """The client's name and version cannot be read."""


def identify(path_version: str | None, header: str | None) -> ClientVersion:
    """Who the client is; the header wins over the version in the path."""
    # [connection.identification] Nobody has to say who they are.
    if header is not None:
        return _from_header(header)
    if path_version is None:
        return UNKNOWN_CLIENT
    found = _SEMVER.fullmatch(path_version)
    if found is None:
        raise BadClientVersion(f"{path_version!r} is not a version like 1.2.3")
    return _client("npm", path_version)


def takes_compression(offers: str) -> bool:
    """Whether one of the offered extensions is compression in a form that is understood."""
    forms = (DEFLATE, f"{DEFLATE}; client_max_window_bits")
    return any(offer.strip() in forms for offer in offers.split(","))


def _from_header(header: str) -> ClientVersion:
    parts = header.split("-")
    if len(parts) < 2:
        raise BadClientVersion(f"{header!r} is not a client like name-1.2.3")
    for split in range(1, len(parts)):
        version = "-".join(parts[split:])
        if _SEMVER.fullmatch(version):
            return _client("-".join(parts[:split]), version)
    for family in sorted(_FAMILIES, key=len, reverse=True):
        if header.lower().startswith(family + "-"):
            return ClientVersion(family, text=header)
    return ClientVersion(parts[0].lower(), text=header)


def _client(name: str, version: str) -> ClientVersion:
    found = _SEMVER.fullmatch(version)
    assert found is not None
    numbers = (int(found[1]), int(found[2]), int(found[3]))
    return ClientVersion(name.lower(), numbers, found[4] is not None, f"{name}-{version}")
