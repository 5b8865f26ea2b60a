"""Broken clients whose fault lies below the frames: in the upgrade, or in the socket itself."""

# ruff: noqa: D102, D106 - what a hook is for stands in ServerFault; what is wrong, at the class

from __future__ import annotations

import json
from typing import Any

from unisono_conformance.faults import Fault, Frames
from unisono_conformance.faulty_server import Frames as Written
from unisono_conformance.faulty_server import ServerFault
from unisono_conformance.values import Json


class _Plug(Fault):
    is_inline = False


class NamesNoClient(_Plug):
    """Does not say which client it is, neither in a header nor in the path."""

    name, rule = "names-no-client", "connection.identification"

    class front(ServerFault):
        def upgrade(self, path: str, headers: dict[str, str]) -> tuple[str, dict[str, str]]:
            return "/api/sync", {}


class NamesNoVersion(_Plug):
    """Says which client it is, but not which version of it."""

    name, rule = "names-no-version", "connection.identification"

    class front(ServerFault):
        def upgrade(self, path: str, headers: dict[str, str]) -> tuple[str, dict[str, str]]:
            return "/api/sync", {"Convex-Client": "somebody"}


class SendsBinary(_Plug):
    """Sends its messages as bytes."""

    name, rule = "sends-binary", "messages.text-frames"

    class front(ServerFault):
        def upward_text_of(self, frame: Json) -> str | bytes:
            return json.dumps(frame).encode()


class SendsTwoInOne(_Plug):
    """Puts the Connect and what follows it into one message."""

    name, rule = "sends-two-in-one", "messages.text-frames"

    class front(ServerFault):
        def __init__(self, shared: dict[Any, Any]) -> None:
            super().__init__(shared)
            self.held = ""

        def c2s(self, frame: Json) -> Written:
            if frame["type"] == "Connect":
                self.held = json.dumps(frame)
                return []
            return [frame]

        def upward_text_of(self, frame: Json) -> str | bytes:
            held, self.held = self.held, ""
            return held + json.dumps(frame)


class ReceivesAMegabyte(_Plug):
    """Gives up a connection on which a message of more than a megabyte comes."""

    name, rule = "receives-a-megabyte", "limits.client-receive"

    class front(ServerFault):
        def s2c(self, frame: Json) -> Written:
            change: Json = next(iter(frame.get("modifications", ())), {})
            if len(change.get("value") or "") > 2**20:
                self.close_with = (1009, "")
                return []
            return [frame]


class CountsSeconds(_Plug):
    """Tells its clock in seconds."""

    name, rule = "counts-seconds", "connection.client-ts"

    class front(ServerFault):
        def c2s(self, frame: Json) -> Written:
            if "clientTs" in frame:
                frame["clientTs"] //= 1000
            return [frame]


class CountsFromItsStart(Fault):
    """Tells the time of its first Connect for ever."""

    name, rule = "counts-from-its-start", "connection.client-ts"
    first: int | None = None

    def c2s(self, frame: Json) -> Frames:
        if frame["type"] == "Connect":
            self.first = self.first or frame["clientTs"]
            frame["clientTs"] = self.first
        return [frame]
