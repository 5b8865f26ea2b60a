"""Hooks: be told of everything that happens to a client, for metrics, traces and tools.

Not here: what happens (see core/session), the log lines of functions (see the logger
`unisono.functions`).
"""

from .core.connection import ConnectionState
from .core.mutations import Settle
from .core.optimistic import Publish


class Hooks:
    """Override what you want to know of.

    Every method is called in the client's loop, in order, and must not wait. What a hook
    raises is logged; the client goes on.
    """

    def published(self, effect: Publish) -> None:
        """A new snapshot is visible, and these queries differ from the one before."""

    def called(self, call_id: int, path: str) -> None:
        """A mutation or an action was called; this runs in the context of the caller."""

    def settled(self, effect: Settle) -> None:
        """A call has ended; the snapshot that shows it was published before."""

    def state_changed(self, state: ConnectionState) -> None:
        """The connection stands elsewhere."""

    def auth_changed(self, is_authenticated: bool) -> None:
        """The server has confirmed the identity, or the client goes on as nobody."""

    def function_logged(self, path: str, line: str) -> None:
        """A function of the backend has written a log line."""
