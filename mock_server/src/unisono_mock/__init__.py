"""Unisono's server: a reactive backend whose functions are Python.

`App` names the functions, `Backend` runs them in this process, `serve` puts them on a port
for every client that speaks the protocol.
"""

from .annotations import Id, PaginationOptions
from .app import App
from .backend import Backend
from .clocks import VirtualClock
from .context import ActionContext, MutationContext, QueryContext
from .core.errors import ApplicationError, FunctionError
from .core.http import Response as HttpResponse
from .core.keys import UNDEFINED
from .core.tokens import JwtProvider, OidcProvider
from .core.values import Int64
from .execution import Failed
from .http_actions import HttpRequest
from .peer import Peer
from .schema import Schema, table
from .server import Server, serve

__all__ = [
    "UNDEFINED",
    "ActionContext",
    "App",
    "ApplicationError",
    "Backend",
    "Failed",
    "FunctionError",
    "HttpRequest",
    "HttpResponse",
    "Id",
    "Int64",
    "JwtProvider",
    "MutationContext",
    "OidcProvider",
    "PaginationOptions",
    "Peer",
    "QueryContext",
    "Schema",
    "Server",
    "VirtualClock",
    "serve",
    "table",
]
