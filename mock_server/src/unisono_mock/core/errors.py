"""What went wrong, who did it, and how each failure reaches the peer.

    ConnectionFailure      the connection cannot go on; its class picks message and close code
      ProtocolError        the peer broke the protocol (a message, a version, a path)
    FunctionError          one call failed; the text and the data go to its caller
      ApplicationError     raised by an app on purpose, with data for the client
    Conflict               two transactions touched the same rows; the loser runs again

Spec: errors
Not here: the JSON of HTTP failures (see http).
"""

from dataclasses import dataclass
from enum import Enum
from typing import Any

MAX_MESSAGE_BYTES = 65_536
MAX_REASON_BYTES = 123


class FailureKind(Enum):
    """The class of a failure that ends a connection."""

    BAD_REQUEST = "BadRequest"
    CONFLICT = "Conflict"
    UNAUTHENTICATED = "Unauthenticated"
    AUTH_UPDATE_FAILED = "AuthUpdateFailed"
    FORBIDDEN = "Forbidden"
    NOT_FOUND = "NotFound"
    CLIENT_DISCONNECT = "ClientDisconnect"
    OCC = "OCC"
    OVERLOADED = "Overloaded"
    RATE_LIMITED = "RateLimited"
    INTERNAL = "Internal"


class LastMessage(Enum):
    """The message that may precede the Close frame."""

    NONE = "none"
    FATAL = "FatalError"
    AUTH = "AuthError"


@dataclass(frozen=True, slots=True)
class Ending:
    """How a connection ends: the last message, the close code, the fixed reason text."""

    last_message: LastMessage
    code: int | None
    reason: str | None = None


# [errors.close-code] One table: the class of the failure decides the last
# message and the close code, never the place where it happened.
ENDINGS = {
    FailureKind.BAD_REQUEST: Ending(LastMessage.FATAL, None),
    FailureKind.CONFLICT: Ending(LastMessage.FATAL, None),
    FailureKind.UNAUTHENTICATED: Ending(LastMessage.AUTH, None),
    FailureKind.AUTH_UPDATE_FAILED: Ending(LastMessage.AUTH, None),
    FailureKind.FORBIDDEN: Ending(LastMessage.FATAL, 1000),
    FailureKind.NOT_FOUND: Ending(LastMessage.NONE, 1000),
    FailureKind.CLIENT_DISCONNECT: Ending(LastMessage.NONE, 1000, "ClientDisconnected"),
    FailureKind.OCC: Ending(LastMessage.NONE, 1013, "OptimisticConcurrencyControlFailure"),
    FailureKind.OVERLOADED: Ending(LastMessage.NONE, 1013),
    FailureKind.RATE_LIMITED: Ending(LastMessage.NONE, 1013),
    FailureKind.INTERNAL: Ending(LastMessage.NONE, 1011, "InternalServerError"),
}


class ConnectionFailure(Exception):
    """A failure that ends one connection and no other."""

    def __init__(self, kind: FailureKind, code: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.code = code
        self.message = message

    @property
    def ending(self) -> Ending:
        """The row of the table that this failure takes."""
        return ENDINGS[self.kind]

    @property
    def close_reason(self) -> str:
        """The text of the Close frame: a short code that clients classify for their backoff."""
        # [errors.close-reason] A Close frame has room for 123 bytes of reason.
        if self.ending.code is None:
            return ""
        return (self.ending.reason or self.code)[:MAX_REASON_BYTES]


class ProtocolError(ConnectionFailure):
    """The peer broke the protocol; the sentence says which rule and how."""

    def __init__(self, rule: str, message: str, code: str = "WSMessageInvalidJson") -> None:
        super().__init__(FailureKind.BAD_REQUEST, code, message)
        self.rule = rule


def internal_failure(message: str) -> ConnectionFailure:
    """The failure that tells the peer nothing but "try again"."""
    return ConnectionFailure(FailureKind.INTERNAL, "InternalServerError", message)


class FunctionError(Exception):
    """One call failed. `message` is what follows the request id in the text."""

    def __init__(self, message: str, frames: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.frames = frames


class ApplicationError(FunctionError):
    """Raise this in a function to fail with data that the client can read.

    The data reaches the client even where error texts are redacted.
    """

    def __init__(self, data: Any = None) -> None:
        super().__init__("Uncaught ConvexError")
        self.data = data


class Conflict(Exception):
    """A read of this transaction was overwritten before it could commit."""

    def __init__(self, table: str, document_id: str | None = None) -> None:
        super().__init__(table, document_id)
        self.table = table
        self.document_id = document_id

    def __str__(self) -> str:
        which = f' The document with ID "{self.document_id}" changed.' if self.document_id else ""
        return (
            f'Documents read from or written to the "{self.table}" table changed while this '
            f"mutation was being run and on every subsequent retry.{which}"
        )


def error_text(request_id: str, message: str, frames: str = "", *, redact: bool = False) -> str:
    """The text of a failed call, as every client shows it."""
    # [errors.request-id] The first line is all that a redacting server tells.
    head = f"[Request ID: {request_id}] Server Error"
    # [errors.redaction] Where texts are redacted, neither message nor frames leave the server.
    if redact:
        return head
    return f"{head}\n{_cut(message)}\n{frames}"


def _cut(message: str) -> str:
    encoded = message.encode("utf-8", "replace")
    if len(encoded) <= MAX_MESSAGE_BYTES:
        return message
    return encoded[:MAX_MESSAGE_BYTES].decode("utf-8", "ignore")
