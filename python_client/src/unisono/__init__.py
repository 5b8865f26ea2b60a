"""Unisono: the queries of a reactive backend, in unison, one snapshot at a time."""

from typing import TYPE_CHECKING, Any

from .client import Client, InFlight
from .core.connection import ConnectionState
from .core.errors import (
    ApplicationError,
    CallLostError,
    ClientClosedError,
    FunctionError,
    HttpStatusError,
    InvalidPathError,
    InvalidTypeError,
    InvalidUrlError,
    InvalidValueError,
    LocalProtocolError,
    RemoteProtocolError,
    RequestFailedError,
    ServerRefusedError,
    UnisonoError,
)
from .core.optimistic import LocalStore
from .core.pagination import Pages, Status
from .core.session import Options
from .core.values import Int64
from .engine import AuthState
from .hooks import Hooks
from .runtime.transport import WebSocketOptions
from .streams import Stream
from .subscription import PaginatedSubscription, Subscription, View
from .typed import Query
from .version import __version__

if TYPE_CHECKING:
    from .runtime.http import HttpClient, SyncHttpClient
    from .sync import SyncClient

__all__ = [
    "ApplicationError",
    "AuthState",
    "CallLostError",
    "Client",
    "ClientClosedError",
    "ConnectionState",
    "FunctionError",
    "Hooks",
    "HttpClient",
    "HttpStatusError",
    "InFlight",
    "Int64",
    "InvalidPathError",
    "InvalidTypeError",
    "InvalidUrlError",
    "InvalidValueError",
    "LocalProtocolError",
    "LocalStore",
    "Options",
    "Pages",
    "PaginatedSubscription",
    "Query",
    "RemoteProtocolError",
    "RequestFailedError",
    "ServerRefusedError",
    "Status",
    "Stream",
    "Subscription",
    "SyncClient",
    "SyncHttpClient",
    "UnisonoError",
    "View",
    "WebSocketOptions",
    "__version__",
]

#: What is loaded when it is first asked for, so that importing this package stays quick.
_LATER = {
    "HttpClient": ".runtime.http",
    "SyncHttpClient": ".runtime.http",
    "SyncClient": ".sync",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'unisono' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LATER[name], __name__), name)
