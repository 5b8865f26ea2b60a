"""What can go wrong, whose fault it was, and what to do about it.

    UnisonoError
    ├── LocalProtocolError       our caller: nothing was sent, nothing was used up
    │   ├── InvalidValueError    a value that cannot be written; says where in it
    │   ├── InvalidPathError     a function path that breaks the grammar
    │   ├── InvalidUrlError      an address that no backend can have
    │   ├── InvalidTypeError     a result that does not fit the type that was asked for
    │   └── ClientClosedError    the client was closed, before or during the call
    ├── RemoteProtocolError      the server: it broke a rule, named by `rule`
    ├── ServerRefusedError       the server told this client to stop for good
    ├── FunctionError            a function of the app failed
    │   └── ApplicationError     ... on purpose: it carries the app's `data`
    ├── CallLostError            an action was on its way when the connection died
    ├── RequestFailedError       an HTTP request without an answer
    └── HttpStatusError          an HTTP answer that is no function result

Spec: errors
Not here: what the session does about each of them (see session).
"""

from typing import Any


class UnisonoError(Exception):
    """Everything that this package raises on its own account."""


class LocalProtocolError(UnisonoError):
    """The caller asked for something that cannot be done."""


class InvalidValueError(LocalProtocolError, ValueError):
    """A value that has no form on the wire; `path` leads to the bad part."""

    def __init__(self, rule: str, reason: str) -> None:
        super().__init__(rule, reason)
        self.rule = rule
        self.reason = reason
        self.path = ""

    def below(self, step: str) -> "InvalidValueError":
        """Say that the bad part lies below this key or index."""
        self.path = step + self.path
        return self

    def __str__(self) -> str:
        return f"value{self.path}: {self.reason}" if self.path else self.reason


class InvalidPathError(LocalProtocolError, ValueError):
    """A function path that the grammar does not allow."""

    def __init__(self, path: object, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"{self.path!r} is no function path: {self.reason}. "
            "Write it as 'module:function', for example 'messages:list'."
        )


class InvalidUrlError(LocalProtocolError, ValueError):
    """An address that cannot be the one of a backend."""

    def __init__(self, url: object, reason: str) -> None:
        super().__init__(url, reason)
        self.url = url
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"{self.url!r} is no address of a backend: {self.reason}. "
            "Give it as 'http://127.0.0.1:3210' or 'https://name.example.com'."
        )


class InvalidTypeError(LocalProtocolError):
    """A result that does not fit the type that the caller asked for."""

    def __init__(self, path: str, wanted: str, reason: str) -> None:
        super().__init__(path, wanted, reason)
        self.path = path
        self.wanted = wanted
        self.reason = reason

    def __str__(self) -> str:
        return f"the result of {self.path} is no {self.wanted}: {self.reason}"


class ClientClosedError(LocalProtocolError):
    """The client was closed before the call could finish."""

    def __str__(self) -> str:
        return "the client is closed; make calls while its `with` block, or `async with`, is open"


class RemoteProtocolError(UnisonoError):
    """The server broke a rule of the protocol; the connection is given up."""

    def __init__(self, rule: str, **facts: Any) -> None:
        super().__init__(rule, facts)
        self.rule = rule
        self.facts = facts

    def __str__(self) -> str:
        said = ", ".join(f"{name} {fact!r}" for name, fact in self.facts.items())
        return f"the server broke [{self.rule}]" + (f": {said}" if said else "")


class ServerRefusedError(UnisonoError):
    """The server declared this client to be at fault; it will not be asked again."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return f"the server refused this client for good: {self.message}"


class FunctionError(UnisonoError):
    """A query, mutation or action of the app failed."""

    def __init__(self, path: str, message: str, log_lines: tuple[str, ...] = ()) -> None:
        super().__init__(path, message)
        self.path = path
        self.message = message
        self.log_lines = log_lines

    def __str__(self) -> str:
        return f"{self.path} failed: {self.message}"


class ApplicationError(FunctionError):
    """A function failed on purpose and says why in `data`."""

    def __init__(self, path: str, message: str, data: Any, log_lines: tuple[str, ...] = ()) -> None:
        super().__init__(path, message, log_lines)
        self.data = data


class CallLostError(UnisonoError):
    """An action was sent and the connection died before its answer came."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return (
            f"the connection was lost while {self.path} was in flight: it may or may not have "
            "run; call it again only if a second run does no harm"
        )


class RequestFailedError(UnisonoError):
    """No answer came over HTTP; a mutation or an action may or may not have run."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(url, reason)
        self.url = url
        self.reason = reason

    def __str__(self) -> str:
        return f"no answer from {self.url}: {self.reason}"


class HttpStatusError(UnisonoError):
    """An HTTP request was answered, but not by a function."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(status, code, message)
        self.status = status
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"HTTP {self.status} {self.code}: {self.message}".rstrip(": ")
