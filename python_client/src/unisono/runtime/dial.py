"""Opens a WebSocket by the shortest way: which loop this is, and whether there is a proxy.

Not here: the sockets (see asyncio_socket, websocket).
"""

from collections.abc import Mapping

from websockets.uri import parse_uri

from .frames import is_loopback
from .loop import is_asyncio
from .transport import Socket, WebSocketOptions


async def dial(url: str, options: WebSocketOptions, name: Mapping[str, str]) -> Socket:
    """Open a WebSocket. Raises SocketLost."""
    uri, proxy = parse_uri(url), None
    if options.proxy or (options.proxy is None and not is_loopback(uri.host)):
        # Few are behind a proxy on the loopback, and the library of proxies is large.
        from .proxy import proxy_for

        proxy = proxy_for(uri, options)
    if is_asyncio() and proxy is None:
        from . import asyncio_socket

        return await asyncio_socket.connect(uri, options, name)
    from . import websocket

    return await websocket.connect(uri, options, name, proxy)
