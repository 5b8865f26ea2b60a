"""Breaks one rule of a right server: a proxy that changes frames and requests on their way.

Spec: reading
Not here: the faults themselves (see `broken/`), the proxy (see faulty_front).

The same proxy breaks clients: it stands between a right client and the runner, and what is called
the right server here is the runner then.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, ClassVar

from unisono_conformance.http_port import Answer, Reply, Request
from unisono_conformance.values import ZERO, Json

Frames = Iterable[Json]

WRITE_LIMIT = 2**15


class ServerFault:
    """One wrong server: by default it changes nothing. One object lives as long as one socket."""

    name: ClassVar[str]
    rule: ClassVar[str]
    delay_s: ClassVar[float] = 0.0
    write_limit: ClassVar[int] = WRITE_LIMIT
    answers_pings: ClassVar[bool] = False
    hears_pongs: ClassVar[bool] = True

    def __init__(self, shared: dict[Any, Any]) -> None:
        self.shared = shared
        self.close_with: tuple[int | None, str] | None = None

    def c2s(self, frame: Json) -> Frames:
        """A frame of the client on its way to the right server."""
        return [frame]

    def s2c(self, frame: Json) -> Frames:
        """A frame of the right server on its way to the client."""
        return [frame]

    def binary(self, data: bytes) -> bytes | None:
        """A binary message on its way to the right server; None drops it."""
        return data

    def broken_text(self, text: str) -> str | None:
        """Text that is no JSON on its way to the right server; None drops it."""
        return text

    def closing(self, code: int | None, reason: str) -> tuple[int | None, str] | None:
        """The close of the right server; None leaves the socket open."""
        return code, reason

    def upgrade(self, path: str, headers: dict[str, str]) -> tuple[str, dict[str, str]] | int:
        """The path and headers of an upgrade, or a status to refuse it with."""
        return path, headers

    def text_of(self, frame: Json) -> str | bytes:
        """Write a frame for the client."""
        return json.dumps(frame, ensure_ascii=False)

    def upward_text_of(self, frame: Json) -> str | bytes:
        """Write a frame for the right server."""
        return json.dumps(frame, ensure_ascii=False)

    def ping(self, data: bytes) -> bytes | None:
        """A WebSocket ping of the right server; None keeps it from the client."""
        return data

    async def exchange(self, request: Request, forward: Answer) -> Reply:
        """Answer an HTTP request, as a rule by the reply of the right server."""
        return await forward(request)


class Rechaining(ServerFault):
    """Keeps the chain of transitions whole when a fault drops or changes some of them."""

    told: Json = ZERO

    def chained(self, frame: Json) -> Json:
        """The Transition, starting where the last one ended that the client was told of."""
        frame = {**frame, "startVersion": self.told}
        self.told = frame["endVersion"]
        return frame
