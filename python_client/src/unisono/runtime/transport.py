"""What the driver needs of a socket, whoever provides it.

Not here: the WebSocket itself (see websocket), the one in memory (see testing).
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeAlias

from ..core.errors import UnisonoError

if TYPE_CHECKING:
    import ssl


class SocketLost(UnisonoError):
    """A socket is gone, or could not be opened; `code` is the one of its close frame."""

    def __init__(self, code: int | None, reason: str = "", why: str = "") -> None:
        super().__init__(code, reason, why)
        self.code = code
        self.reason = reason
        self.why = why

    def __str__(self) -> str:
        return self.why or self.reason or f"closed with code {self.code}"


Take: TypeAlias = Callable[[Sequence[bytes]], Callable[[], Awaitable[None]] | None]
"""Takes the messages of one read; returns what to await before it is given more, if anything."""


class Socket(Protocol):
    """One open socket for text messages."""

    def send(self, texts: Sequence[str]) -> None:
        """Take messages to be sent together; never waits."""

    def ping(self) -> None:
        """Take a WebSocket ping to be sent; never waits."""

    @property
    def pongs(self) -> int:
        """How many pings were answered."""
        ...

    async def run(self, take: Take) -> None:
        """Hand over the messages as they come. Raises SocketLost when there will be none."""

    async def aclose(self, code: int, reason: str) -> None:
        """Say goodbye if that is still possible, and free the socket."""


Connector: TypeAlias = Callable[[], Awaitable[Socket]]
"""Opens a socket, or raises SocketLost."""


@dataclass(frozen=True, slots=True)
class WebSocketOptions:
    """How sockets are made.

    `proxy` is the address of an HTTP proxy; None takes the one of the environment, and an
    empty text takes none.
    """

    headers: Mapping[str, str] = field(default_factory=dict)
    compression: bool | None = None
    max_message_bytes: int = 256 * 1024 * 1024
    ssl_context: "ssl.SSLContext | None" = None
    proxy: str | None = None
