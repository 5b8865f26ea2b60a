"""Unisono: the queries of a reactive backend, in unison, one snapshot at a time."""

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
    ServerRefusedError,
    UnisonoError,
)
from .core.optimistic import LocalStore
from .core.session import Options
from .core.values import Int64
from .engine import AuthState
from .hooks import Hooks
from .runtime.transport import WebSocketOptions
from .streams import Stream
from .subscription import Subscription, View
from .typed import Query
from .version import __version__

__all__ = [
    "ApplicationError",
    "AuthState",
    "CallLostError",
    "Client",
    "ClientClosedError",
    "ConnectionState",
    "FunctionError",
    "Hooks",
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
    "Query",
    "RemoteProtocolError",
    "ServerRefusedError",
    "Stream",
    "Subscription",
    "UnisonoError",
    "View",
    "WebSocketOptions",
    "__version__",
]
