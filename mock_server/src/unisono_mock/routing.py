"""The routes of HTTP actions: exact paths, and prefixes of which the longest wins.

Spec: http
Not here: running the function (see http_actions).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

METHODS = ("GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")


@dataclass(slots=True)
class Router:
    """Which function answers which request."""

    exact: dict[tuple[str, str], Callable[..., Any]] = field(default_factory=dict)
    prefixes: dict[tuple[str, str], Callable[..., Any]] = field(default_factory=dict)

    def add(self, method: str, path: str, handler: Callable[..., Any], *, prefix: bool) -> None:
        """Register a function; one for each method and path."""
        if method not in METHODS:
            raise ValueError(f"method must be one of {', '.join(METHODS)}, not {method!r}")
        if not path.startswith("/") or (prefix and not path.endswith("/")):
            raise ValueError(f"{path!r} must begin with a slash, and as a prefix end with one")
        if path == "/.files" or path.startswith("/.files/"):
            raise ValueError("/.files is reserved")
        routes = self.prefixes if prefix else self.exact
        if (method, path) in routes:
            raise ValueError(f"two functions answer {method} {path}")
        routes[method, path] = handler

    def find(self, method: str, path: str) -> Callable[..., Any] | None:
        """The function for a request: an exact path, or else the longest prefix."""
        method = "GET" if method == "HEAD" else method
        found = self.exact.get((method, path))
        if found is not None:
            return found
        fitting = [
            (len(prefix), handler)
            for (one, prefix), handler in self.prefixes.items()
            if one == method and path.startswith(prefix)
        ]
        return max(fitting, key=lambda each: each[0])[1] if fitting else None

    def spec(self) -> list[Mapping[str, str]]:
        """The entries of the function spec."""
        routes = [
            *self.exact,
            *((method, f"{path}*") for method, path in self.prefixes),
        ]
        return [
            {"functionType": "HttpAction", "method": method, "path": path}
            for method, path in routes
        ]
