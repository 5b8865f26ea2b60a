"""A WebSocket after the upgrade: bytes to frames, frames to the session, effects to bytes.

Spec: connection
Not here: the request that asked for it (see runtime.connection).
"""

import asyncio
import logging
import socket
import struct
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from websockets.extensions import Extension
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.utils import apply_mask

from ..clocks import Clock
from ..core.connection import ClientVersion
from ..core.effects import (
    Abort,
    Close,
    Effect,
    Mute,
    Reading,
    Send,
    SendFragments,
    SendWebSocketPing,
)
from ..core.frames import Frames
from .outbox import Outbox

MAX_FRAME_BYTES = 16 * 2**20
MAX_MESSAGE_BYTES = 64 * 2**20
_OPEN = State.OPEN
CLOSE_WAIT_S = 2.0
# Where the client takes compressed messages, shorter ones are not worth it.
PLAIN_BYTES = 1024

# [auth.token-secret] The library would log every frame where everything is
# logged, and frames have tokens in them.
QUIET = logging.getLogger("unisono_mock.frames")
QUIET.setLevel(logging.INFO)


class Endpoint(Protocol):
    """Whoever answers one socket."""

    def received(self, text: str) -> None:
        """A text message came."""

    def received_binary(self) -> None:
        """A binary message came."""

    def heard(self) -> None:
        """A ping or a pong came."""

    def sent(self) -> None:
        """What was written has left this process."""

    def flushed(self) -> None:
        """What could not leave has left now."""

    def fail(self, reason: str) -> None:
        """The socket broke a rule below the messages."""

    def lost(self) -> None:
        """The socket is gone."""

    def tick(self) -> None:
        """A deadline has passed."""

    def next_deadline(self) -> float | None:
        """When `tick` is due; None for never again."""


class Host(Protocol):
    """Whoever answers sockets."""

    @property
    def clock(self) -> Clock:
        """The time by which deadlines are meant."""

    def connect(self, sink: Callable[[Effect], None], client: ClientVersion) -> Endpoint:
        """A new socket."""


class _Frames(ServerProtocol):
    """The frames of a socket that is already open; every fault of the peer is a 1011."""

    def fail(self, code: CloseCode | int, reason: str = "") -> None:
        # [errors.system-failure-closes] One answer for frames too large, frames
        # out of order and text that is not UTF-8.
        if code == CloseCode.ABNORMAL_CLOSURE:
            super().fail(code)
        else:
            super().fail(CloseCode.INTERNAL_ERROR, "InternalServerError")


class WebSocket:
    """The socket of one peer."""

    def __init__(
        self,
        host: Host,
        transport: asyncio.Transport,
        client: ClientVersion,
        outbox: Outbox,
        *,
        compressed: bool = False,
    ) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._frames = _Frames(
            state=State.OPEN, max_size=(MAX_MESSAGE_BYTES, MAX_FRAME_BYTES), logger=QUIET
        )
        self._plain_up_to = MAX_MESSAGE_BYTES
        if compressed:
            self._plain_up_to = PLAIN_BYTES
            self._frames.extensions = [_deflate()]
        self._timer: asyncio.TimerHandle | None = None
        self._parts: list[bytes] = []
        self._binary = False
        self._incoming = Frames(apply_mask)
        self._outbox = outbox
        self._held: list[bytes] = []
        self._paused = True
        self._muted = False
        self._clock = host.clock
        self.peer: Endpoint = host.connect(self._do, client)
        self._paused = False
        self.peer.tick()
        self._arm()

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        if self._muted:
            return
        for is_text, piece in self._incoming.receive(data, MAX_FRAME_BYTES):
            if is_text:
                self._text(piece)
            else:
                self._hand_on(piece)
                self._incoming.reads_texts = not self._parts and self._frames.state is _OPEN

    def _hand_on(self, data: bytes) -> None:
        self._frames.receive_data(data)
        for frame in self._frames.events_received():
            if isinstance(frame, Frame):
                self._received(frame)
        self.release()
        self._write()
        if self._frames.parser_exc is not None:
            self.peer.lost()

    def eof_received(self) -> None:
        """The peer will send no more."""
        self._frames.receive_eof()
        self._write()
        self.peer.lost()

    def connection_lost(self) -> None:
        """The socket is gone."""
        if self._timer is not None:
            self._timer.cancel()
        self.peer.lost()

    def pause_writing(self) -> None:
        """The peer reads more slowly than we write: what follows counts as unsent."""
        self._paused = True

    def resume_writing(self) -> None:
        """The peer has caught up."""
        self._paused = False
        self.peer.flushed()

    def close(self, code: int, reason: str = "") -> None:
        """End the connection from our side."""
        self._do(Close(code, reason))

    def _received(self, frame: Frame) -> None:
        match frame.opcode:
            case Opcode.TEXT | Opcode.BINARY | Opcode.CONT:
                self._data(frame)
            case Opcode.CLOSE:
                self.peer.lost()
            case _:
                self.peer.heard()

    def _data(self, frame: Frame) -> None:
        if frame.opcode is not Opcode.CONT:
            self._binary = frame.opcode is Opcode.BINARY
        self._parts.append(bytes(frame.data))
        if not frame.fin:
            return
        data, self._parts = b"".join(self._parts), []
        if self._binary:
            self.peer.received_binary()
            return
        self._text(data)

    def _text(self, data: bytes) -> None:
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            self.peer.fail("a text frame is not UTF-8")
            return
        self.peer.received(text)

    def _do(self, effect: Effect) -> None:
        if self._frames.state is not _OPEN or self._muted:
            return
        if type(effect) is Send and len(effect.text) <= self._plain_up_to:
            # A text frame without a mask is a head and the text. Every
            # transition of every socket goes this way.
            text = effect.text
            if not self._held:
                self._outbox.add(self)
            self._held += (_head(len(text)), text)
            return
        self.release()
        match effect:
            case Send(text):
                self._frames.send_text(text)
                self._sent()
            case SendWebSocketPing():
                self._frames.send_ping(b"")
                self._write()
            case Close(code, reason):
                self._frames.send_close(code, reason)
                self._incoming.reads_texts = False
                self._write()
                self._rearm(CLOSE_WAIT_S, self._transport.abort)
            case SendFragments(text, pieces):
                for number, piece in enumerate(_cut(text, pieces)):
                    send = self._frames.send_continuation if number else self._frames.send_text
                    send(piece, fin=number == pieces - 1)
                self._sent()
            case Abort():
                reset(self._transport)
            case Mute():
                self._muted = True
            case Reading(on):
                self._transport.resume_reading() if on else self._transport.pause_reading()

    def release(self) -> None:
        """Write what is held."""
        if self._held:
            held, self._held = b"".join(self._held), []
            self._transport.write(held)
            if not self._paused:
                self.peer.sent()

    def _sent(self) -> None:
        self._write()
        if not self._paused:
            self.peer.sent()

    def _write(self) -> None:
        for data in self._frames.data_to_send():
            if data:
                self._transport.write(data)
            elif not self._transport.is_closing():
                self._transport.close()

    def _arm(self) -> None:
        # Deadlines only move later, so the timer is set again when it fires
        # and not with every message.
        deadline = self.peer.next_deadline()
        if deadline is not None:
            self._rearm(max(0.0, deadline - self._clock.now()), self._tick)

    def _tick(self) -> None:
        self.peer.tick()
        self._arm()

    def _rearm(self, delay_s: float, call: Any) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(delay_s, call)


def _deflate() -> Extension:
    # Only a server whose clients compress has to load this.
    from websockets.extensions.permessage_deflate import PerMessageDeflate

    # The client may refer to what it has said before, as nothing was agreed.
    # We do not: a window for each connection costs more than it saves here.
    return PerMessageDeflate(False, True, 15, 15, {"level": 1})


def _cut(text: bytes, pieces: int) -> Iterator[bytes]:
    size = -(-len(text) // pieces)
    return (text[number * size : (number + 1) * size] for number in range(pieces))


def _head(size: int) -> bytes:
    if size < 126:
        return bytes((0x81, size))
    if size < 65_536:
        return b"\x81\x7e" + size.to_bytes(2, "big")
    return b"\x81\x7f" + size.to_bytes(8, "big")


def reset(transport: asyncio.Transport) -> None:
    """End a connection as a crash would."""
    # Lingering for no time makes the kernel send a reset and no polite end.
    held = transport.get_extra_info("socket")
    if held is not None:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
