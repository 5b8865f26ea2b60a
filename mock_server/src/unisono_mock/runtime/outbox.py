"""The outbox: what one turn of the event loop has caused to be said is written when it is over.

A response and the transition behind it are one system call, and the sockets of a fan-out are
written to one right after the other.

Spec: transitions
Not here: frames (see runtime.websocket).
"""

import asyncio
from typing import Protocol


class Holding(Protocol):
    """A socket that holds something to be written."""

    def release(self) -> None:
        """Write it."""


class Outbox:
    """The sockets of one port that hold something."""

    def __init__(self) -> None:
        self._holding: list[Holding] = []

    def add(self, socket: Holding) -> None:
        """This socket holds something since now."""
        if not self._holding:
            asyncio.get_running_loop().call_soon(self._release)
        self._holding.append(socket)

    def _release(self) -> None:
        holding, self._holding = self._holding, []
        for each in holding:
            each.release()
