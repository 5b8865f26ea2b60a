"""What several broken clients need to know about the client that they break."""

# ruff: noqa: D102 - what a hook is for stands in Fault; what is wrong, at the class

from __future__ import annotations

import base64
import json

from unisono_conformance.faults import Fault, Frames
from unisono_conformance.values import ZERO, Json


def number(ts: str) -> int:
    """Read a timestamp of the wire."""
    return int.from_bytes(base64.b64decode(ts), "little")


class Tracking(Fault):
    """Follows versions, calls and subscriptions; changes nothing by itself."""

    held: Json = ZERO
    connections = 0

    def __init__(self, emit: object) -> None:
        super().__init__(emit)  # type: ignore[arg-type]
        self.calls: dict[int, str] = {}
        self.responses: dict[int, Json] = {}
        self.settled: set[str] = set()
        self.subs: dict[str, tuple[str, str]] = {}
        self.query_ids: dict[tuple[str, str], int] = {}

    def opened(self) -> None:
        self.held = ZERO
        self.connections += 1

    def op(self, op: str, fields: Json) -> Json:
        if op in ("mutate", "action"):
            self.calls[len(self.calls)] = fields["call"]
        elif op == "subscribe":
            self.subs[fields["sub"]] = (fields["path"], json.dumps(fields["args"], sort_keys=True))
        elif op == "unsubscribe":
            self.subs.pop(fields["sub"], None)
        return fields

    def c2s(self, frame: Json) -> Frames:
        for change in frame.get("modifications", ()):
            if change["type"] == "Add":
                key = (change["udfPath"], json.dumps(change["args"][0], sort_keys=True))
                self.query_ids[key] = change["queryId"]
        return [frame]

    def s2c(self, frame: Json) -> Frames:
        if frame.get("type") == "Transition" and frame["startVersion"] == self.held:
            self.held = frame["endVersion"]
        elif frame.get("type") == "MutationResponse" and frame["success"]:
            self.responses.setdefault(frame["requestId"], frame)
        return [frame]

    def event(self, event: Json) -> Frames:
        if event["ev"] == "settled" and event["call"] in self.settled:
            return []
        return [event]

    def settle(self, request_id: int) -> None:
        """Settle a mutation before its time."""
        call = self.calls.get(request_id)
        if call is not None and call not in self.settled:
            self.settled.add(call)
            value = self.responses[request_id]["result"]
            self.emit({"ev": "settled", "call": call, "value": value})
