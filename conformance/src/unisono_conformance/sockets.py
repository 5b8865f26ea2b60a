"""The server under test, and the sockets of the runner to it.

Spec: connection
Not here: what is sent and expected (see server_player).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from websockets.asyncio.client import ClientConnection
from websockets.frames import Frame, Opcode
from websockets.protocol import Event, State

from unisono_conformance.frames import Held
from unisono_conformance.values import Json


@dataclass(frozen=True)
class ServerTarget:
    """A running server: where it is, and what it says that it can do."""

    url: str
    name: str = "server"
    features: frozenset[str] = frozenset()
    credentials: Mapping[str, str] = field(default_factory=dict)
    control: str | None = None

    @property
    def socket_url(self) -> str:
        """The same address for WebSockets."""
        return "ws" + self.url.rstrip("/").removeprefix("http")


@dataclass
class Socket:
    """One connection of the runner to the server."""

    name: str
    socket: ClientConnection
    reader: asyncio.Task[None] | None = None
    frames: list[Json] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    cursor: int = 0
    held: Held = field(default_factory=Held)
    violation: str | None = None
    is_open: bool = True
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class Connection(ClientConnection):
    """A connection that counts the pings of the server."""

    pings = 0
    changed: asyncio.Event | None = None

    def process_event(self, event: Event) -> None:
        """Look at a frame before the library does."""
        if isinstance(event, Frame) and event.opcode is Opcode.PING:
            self.pings += 1
            if self.changed is not None:
                self.changed.set()
        super().process_event(event)


class SilentConnection(Connection):
    """A connection that does not even answer pings."""

    def process_event(self, event: Event) -> None:
        """Read everything, say nothing."""
        if not (isinstance(event, Frame) and event.opcode is Opcode.PING):
            super().process_event(event)

    def send_data(self) -> None:
        """Keep the pongs that the protocol has ready to itself."""
        if self.protocol.state is not State.OPEN:
            super().send_data()
        else:
            self.protocol.data_to_send()
