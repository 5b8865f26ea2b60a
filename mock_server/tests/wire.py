"""A client without a socket: frames in, frames out, for the tests of the server."""

import json
from typing import Any

from unisono_mock import Backend, Peer
from unisono_mock.core.connection import UNKNOWN_CLIENT, ClientVersion
from unisono_mock.core.effects import Close, Effect, Send, SendWebSocketPing

SESSION = "123e4567-e89b-42d3-a456-426614174000"


class Wire:
    def __init__(
        self, backend: Backend, client: ClientVersion = UNKNOWN_CLIENT, *, slow: bool = False
    ) -> None:
        self.frames: list[dict[str, Any]] = []
        self.raw: list[bytes] = []
        self.closed: Close | None = None
        self.pings = 0
        self.others: list[Effect] = []
        self.slow = slow
        self.peer: Peer = backend.connect(self._do, client)

    def _do(self, effect: Effect) -> None:
        match effect:
            case Send(text):
                self.raw.append(text)
                self.frames.append(json.loads(text))
                if not self.slow:
                    self.peer.session.transitions.unsent = 0
            case SendWebSocketPing():
                self.pings += 1
            case Close():
                self.closed = effect
            case _:
                self.others.append(effect)

    def send(self, **message: Any) -> None:
        self.peer.received(json.dumps(message))

    def connect(self, session: str = SESSION, **more: Any) -> None:
        self.send(type="Connect", sessionId=session, connectionCount=0, **more)

    def modify(self, base: int, *modifications: dict[str, Any], new: int | None = None) -> None:
        self.send(
            type="ModifyQuerySet",
            baseVersion=base,
            newVersion=base + 1 if new is None else new,
            modifications=list(modifications),
        )

    def mutate(self, request: int, path: str, **args: Any) -> None:
        self.send(type="Mutation", requestId=request, udfPath=path, args=[args])

    def act(self, request: int, path: str, **args: Any) -> None:
        self.send(type="Action", requestId=request, udfPath=path, args=[args])

    def take(self) -> list[dict[str, Any]]:
        frames, self.frames = self.frames, []
        return frames


def add(query_id: int, path: str, journal: str | None = None, **args: Any) -> dict[str, Any]:
    return {
        "type": "Add",
        "queryId": query_id,
        "udfPath": path,
        "args": [args],
        "journal": journal,
    }


def remove(query_id: int) -> dict[str, Any]:
    return {"type": "Remove", "queryId": query_id}
