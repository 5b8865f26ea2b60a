"""The way through an HTTP proxy: which one it is, and what is said to it.

Not here: the bytes in between (see websocket).
"""

from websockets.exceptions import InvalidProxy
from websockets.headers import build_authorization_basic, build_host
from websockets.proxy import Proxy, get_proxy, parse_proxy
from websockets.uri import WebSocketURI

from .frames import END_OF_HEAD, LONGEST_HEAD_BYTES, is_loopback
from .transport import SocketLost, WebSocketOptions


def proxy_for(uri: WebSocketURI, options: WebSocketOptions) -> Proxy | None:
    """The proxy on the way to an address, if there is one. Raises SocketLost."""
    address = options.proxy
    if address is None and not is_loopback(uri.host):
        # HTTPS_PROXY and its kin, without the hosts of NO_PROXY.
        address = get_proxy(uri)
    if not address:
        return None
    try:
        proxy = parse_proxy(address)
    except InvalidProxy as error:
        # The address may hold a password, so it is not repeated.
        raise SocketLost(1006, "", f"the proxy has a bad address: {error.msg}") from None
    if proxy.scheme != "http":
        raise SocketLost(1006, "", f"the proxy must be an http:// one, not {proxy.scheme}://")
    return proxy


class Tunnel:
    """The question to a proxy, and its answer."""

    def __init__(self, proxy: Proxy, uri: WebSocketURI) -> None:
        target = build_host(uri.host, uri.port, uri.secure, always_include_port=True)
        lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
        if proxy.user_info is not None:
            lines.append(f"Proxy-Authorization: {build_authorization_basic(*proxy.user_info)}")
        self.question = "\r\n".join([*lines, "", ""]).encode()
        self._answer = b""

    def feed(self, data: bytes) -> bool:
        """Take bytes of the answer; say whether the way is open. Raises SocketLost."""
        self._answer += data
        head, end, _ = self._answer.partition(END_OF_HEAD)
        if data and not end and len(head) < LONGEST_HEAD_BYTES:
            return False
        status = head.split(b"\r\n", 1)[0].decode("latin-1")
        version, _, rest = status.partition(" ")
        if not end or not version.startswith("HTTP/1.") or not rest.startswith("2"):
            raise SocketLost(1006, "", f"the proxy answered {status[:200]!r}")
        return True
