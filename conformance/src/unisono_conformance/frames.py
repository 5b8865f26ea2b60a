"""What every frame of a server must look like, and what every chain of them must keep.

Spec: messages, transitions, queries
Not here: what a case expects beyond that (see server_player).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from unisono_conformance.matching import Mismatch, match
from unisono_conformance.outcome import Failed
from unisono_conformance.values import ZERO, Json, decode_ts

_VERSION: Final = {"querySet": "$type/u32", "identity": "$type/u32", "ts": "$type/ts"}
_LOGS: Final = "$type/array"
_NULLABLE_TEXT: Final = {"$oneOf": [None, "$type/string"]}
_NULLABLE_INTEGER: Final = {"$oneOf": [None, "$type/number"]}

SHAPES: Final[Mapping[str, Json]] = {
    "Transition": {
        "startVersion": _VERSION,
        "endVersion": _VERSION,
        "modifications": "$type/array",
        "clientClockSkew": {"$maybe": _NULLABLE_INTEGER},
        "serverTs": {"$maybe": _NULLABLE_INTEGER},
    },
    "TransitionChunk": {
        "chunk": "$type/string",
        "partNumber": "$type/u32",
        "totalParts": "$type/u32",
        "transitionId": "$type/string",
    },
    "MutationResponse": {
        "requestId": "$type/u32",
        "success": "$type/boolean",
        "result": "$any",
        "logLines": _LOGS,
    },
    "ActionResponse": {
        "requestId": "$type/u32",
        "success": "$type/boolean",
        "result": "$any",
        "logLines": _LOGS,
    },
    "AuthError": {"error": "$type/string", "authUpdateAttempted": "$type/boolean"},
    "FatalError": {"error": "$type/string"},
    "Ping": {},
}

MODIFICATIONS: Final[Mapping[str, Json]] = {
    "QueryUpdated": {
        "queryId": "$type/u32",
        "value": "$any",
        "logLines": _LOGS,
        "journal": _NULLABLE_TEXT,
    },
    "QueryFailed": {
        "queryId": "$type/u32",
        "errorMessage": "$type/string",
        "logLines": _LOGS,
        "journal": _NULLABLE_TEXT,
    },
    "QueryRemoved": {"queryId": "$type/u32"},
}


def check_server_frame(frame: Json) -> None:
    """Raise Failed, naming the rule, when a server's frame is not well formed."""
    kind = frame.get("type") if isinstance(frame, dict) else None
    shape = SHAPES.get(str(kind))
    if shape is None:
        raise Failed(f"[messages.unknown-type] a server message of type {kind!r}")
    _fit("messages.one-object", shape, frame)
    for change in frame.get("modifications", ()):
        name = str(change.get("type")) if isinstance(change, dict) else "none"
        if name not in MODIFICATIONS:
            raise Failed(f"[messages.unknown-type] a modification of type {name!r}")
        _fit("messages.one-object", MODIFICATIONS[name], change)
    if kind == "MutationResponse":
        wanted: Json = "$type/ts" if frame["success"] else None
        _fit("messages.timestamp-encoding", {"ts": wanted}, frame)


def _fit(rule: str, shape: Json, frame: Json) -> None:
    try:
        match(shape, frame, {})
    except Mismatch as mismatch:
        raise Failed(f"[{rule}] a malformed {frame.get('type')}: {mismatch}") from None


@dataclass
class Held:
    """What a right client would hold on one connection: version and results."""

    version: Json = field(default_factory=lambda: dict(ZERO))
    sent_query_set: int = 0
    sent_identity: int = 0
    known: dict[int, int] = field(default_factory=dict)
    removed: dict[int, int] = field(default_factory=dict)
    results: dict[int, Json] = field(default_factory=dict)

    def sent(self, frame: Json) -> None:
        """Follow what the client's side has told the server."""
        if frame.get("type") == "ModifyQuerySet":
            self.sent_query_set = frame.get("newVersion", self.sent_query_set)
            for change in frame.get("modifications", ()):
                if change.get("type") == "Add":
                    self.known[change.get("queryId")] = self.sent_query_set
                    self.removed.pop(change.get("queryId"), None)
                elif change.get("type") == "Remove":
                    self.removed[change.get("queryId")] = self.sent_query_set
        elif frame.get("type") == "Authenticate":
            self.sent_identity += 1

    def apply(self, frame: Json) -> None:
        """Apply a Transition, or raise Failed with the rule that it breaks."""
        start, end = frame["startVersion"], frame["endVersion"]
        if start != self.version:
            raise Failed(f"[transitions.chain] starts at {start}, the chain is at {self.version}")
        for part in ("querySet", "identity"):
            if end[part] < start[part]:
                raise Failed(f"[transitions.monotonic] {part} goes down: {start} to {end}")
        before, after = decode_ts(start["ts"]), decode_ts(end["ts"])
        if before is None or after is None or after < before:
            raise Failed(f"[transitions.monotonic] ts goes down: {before} to {after}")
        if end["querySet"] > self.sent_query_set:
            raise Failed(f"[transitions.chain] acknowledges {end['querySet']}, never sent")
        if end["identity"] > self.sent_identity:
            raise Failed(f"[auth.identity-step] acknowledges {end['identity']}, never sent")
        self._apply_changes(frame["modifications"], end["querySet"])
        self.version = end

    def _apply_changes(self, changes: list[Json], query_set: int) -> None:
        ids = [change["queryId"] for change in changes]
        if ids != sorted(set(ids)):
            raise Failed(f"[transitions.sorted] modifications for {ids}")
        for change in changes:
            query_id = change["queryId"]
            added = self.known.get(query_id)
            if added is None or added > query_set:
                raise Failed(f"[queries.every-add-answered] query {query_id} was not asked for yet")
            if change["type"] == "QueryRemoved":
                self.results.pop(query_id, None)
                continue
            removed = self.removed.get(query_id)
            if removed is not None and removed <= query_set:
                raise Failed(f"[queries.every-remove-acknowledged] query {query_id} was removed")
            self.results[query_id] = (
                {"value": change["value"]}
                if change["type"] == "QueryUpdated"
                else {
                    "error": {
                        "message": change["errorMessage"],
                        **({"data": change["errorData"]} if "errorData" in change else {}),
                    }
                }
            )
