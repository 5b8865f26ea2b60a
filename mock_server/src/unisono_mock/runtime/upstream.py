"""The other side of a proxy: a WebSocket to the server behind it.

Spec: connection
Not here: what passes between the two sides (see proxy).
"""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Response as HttpResponse
from websockets.protocol import State
from websockets.uri import WebSocketURI, parse_uri

from .keysets import Unreachable
from .websocket import QUIET, reset

PATIENCE_S = 10.0
SWITCHING_PROTOCOLS = 101


class Receiver(Protocol):
    """Who is told what the server behind says."""

    def said(self, text: bytes) -> None:
        """A text message came."""

    def pinged(self) -> None:
        """A WebSocket ping came; it has been answered."""

    def closed(self, code: int | None, reason: str) -> None:
        """A Close frame came."""

    def gone(self) -> None:
        """The connection ended without one."""


class Upstream(asyncio.Protocol):
    """One connection to the server behind."""

    def __init__(self, uri: WebSocketURI, headers: Mapping[str, str]) -> None:
        self._frames = ClientProtocol(uri, max_size=None, logger=QUIET)
        self._headers = headers
        self._transport: asyncio.Transport | None = None
        self._parts: list[bytes] = []
        self._early: list[Callable[[Receiver], None]] = []
        self._receiver: Receiver | None = None
        self._is_over = False
        self.answered: asyncio.Future[HttpResponse] = asyncio.get_running_loop().create_future()

    def receive(self, receiver: Receiver) -> None:
        """Tell this one from now on, and first what it has missed."""
        self._receiver = receiver
        for each in self._early:
            each(receiver)
        self._early.clear()

    def say(self, text: bytes) -> None:
        """Pass a text message on."""
        if self._frames.state is State.OPEN:
            self._frames.send_text(text)
            self._write()

    def leave(self) -> None:
        """The client has gone."""
        self._is_over = True
        if self._frames.state is State.OPEN:
            self._frames.send_close()
            self._write()
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Let the connection go."""
        self._is_over = True
        self.answered.cancel()
        if self._transport is not None:
            reset(self._transport)

    def reading(self, on: bool) -> None:
        """Take what the server sends, or let it wait."""
        if self._transport is not None:
            self._transport.resume_reading() if on else self._transport.pause_reading()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The server behind is there."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        request = self._frames.connect()
        for name, value in self._headers.items():
            request.headers[name] = value
        self._frames.send_request(request)
        self._write()

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        self._frames.receive_data(data)
        self._events()

    def eof_received(self) -> None:
        """The server will send no more."""
        self._frames.receive_eof()
        self._events()

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is gone."""
        if not self.answered.done():
            self.answered.set_exception(Unreachable("the server behind hung up"))
        self._tell(lambda receiver: receiver.gone())

    def _events(self) -> None:
        for event in self._frames.events_received():
            if isinstance(event, HttpResponse):
                self._answered(event)
            elif isinstance(event, Frame):
                self._frame(event)
        self._write()
        if self._frames.handshake_exc is not None and not self.answered.done():
            self.answered.set_exception(Unreachable(str(self._frames.handshake_exc)))

    def _answered(self, response: HttpResponse) -> None:
        fault = self._frames.handshake_exc
        if fault is None or isinstance(fault, InvalidStatus):
            self.answered.set_result(response)

    def _frame(self, frame: Frame) -> None:
        match frame.opcode:
            case Opcode.TEXT | Opcode.CONT:
                self._parts.append(bytes(frame.data))
                if frame.fin:
                    text, self._parts = b"".join(self._parts), []
                    self._tell(lambda receiver: receiver.said(text))
            case Opcode.PING:
                self._tell(lambda receiver: receiver.pinged())
            case Opcode.CLOSE:
                close = self._frames.close_rcvd
                assert close is not None
                code = None if close.code == CloseCode.NO_STATUS_RCVD else int(close.code)
                self._tell(lambda receiver: receiver.closed(code, close.reason))
                self._is_over = True

    def _tell(self, what: Callable[[Receiver], None]) -> None:
        if self._is_over:
            return
        if self._receiver is None:
            self._early.append(what)
        else:
            what(self._receiver)

    def _write(self) -> None:
        if self._transport is None:
            return
        for data in self._frames.data_to_send():
            if data:
                self._transport.write(data)
            elif self._transport.can_write_eof():
                self._transport.write_eof()


async def dial(url: str, headers: Mapping[str, str]) -> Upstream | HttpResponse:
    """A connection to the server behind, or its refusal; raises Unreachable."""
    uri = parse_uri(url)
    loop = asyncio.get_running_loop()
    tls: dict[str, Any] = {"ssl": ssl.create_default_context()} if uri.secure else {}
    upstream = Upstream(uri, headers)
    try:
        async with asyncio.timeout(PATIENCE_S):
            await loop.create_connection(lambda: upstream, uri.host, uri.port, **tls)
            response = await upstream.answered
    except (OSError, TimeoutError) as error:
        upstream.abort()
        raise Unreachable(f"{url}: {error or 'no answer'}") from None
    except (Unreachable, asyncio.CancelledError):
        upstream.abort()
        raise
    if response.status_code == SWITCHING_PROTOCOLS:
        return upstream
    upstream.abort()
    return response
