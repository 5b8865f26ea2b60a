"""More broken servers: auth, pagination, limits, and what the first ones left out."""

# ruff: noqa: D102 - what a hook is for stands in ServerFault; what is wrong, at the class

from __future__ import annotations

import re
from typing import Any

from conformance.broken.tracking import number

from unisono_conformance.faulty_server import Frames, Rechaining, ServerFault
from unisono_conformance.values import Json


def changes_of(frame: Json) -> list[Json]:
    """The modifications of a frame."""
    found: list[Json] = frame.get("modifications", [])
    return found


class ActsAsNobody(ServerFault):
    """Reads one spelling of the user to act as."""

    name, rule = "acts-as-nobody", "auth.acting-as"

    def c2s(self, frame: Json) -> Frames:
        frame.pop("acting_as", None)
        return [frame]


class TakesAnyIdentityVersion(ServerFault):
    """Accepts an Authenticate with any baseVersion."""

    name, rule = "takes-any-identity-version", "auth.base-version-check"
    held = 0

    def c2s(self, frame: Json) -> Frames:
        if frame["type"] == "Authenticate":
            frame["baseVersion"], self.held = self.held, self.held + 1
        return [frame]


class SkipsIdentities(Rechaining):
    """Raises the identity by two."""

    name, rule = "skips-identities", "auth.identity-step"

    def s2c(self, frame: Json) -> Frames:
        if frame["type"] == "Transition":
            frame["endVersion"]["identity"] *= 2
            return [self.chained(frame)]
        return [frame]


class ConfirmsNothingUnchanged(Rechaining):
    """Confirms an identity only when a result has changed by it."""

    name, rule = "confirms-nothing-unchanged", "transitions.unchanged-identity"

    def s2c(self, frame: Json) -> Frames:
        if frame["type"] != "Transition":
            return [frame]
        grew = frame["endVersion"]["identity"] > frame["startVersion"]["identity"]
        return [] if grew and not frame["modifications"] else [self.chained(frame)]


class BlamesExpiry(ServerFault):
    """Says of a refused token that an old one has expired."""

    name, rule = "blames-expiry", "auth.rejected"

    def s2c(self, frame: Json) -> Frames:
        if frame["type"] == "AuthError":
            frame["authUpdateAttempted"] = False
        return [frame]


class ClosesRefusalsWithACode(ServerFault):
    """Closes with 1000 after an AuthError."""

    name, rule = "closes-refusals-with-a-code", "auth.rejected-closes"

    def closing(self, code: int | None, reason: str) -> tuple[int | None, str] | None:
        return (1000, "") if code is None else (code, reason)


class KeepsOldResults(ServerFault):
    """Confirms a new identity with the results of the old one."""

    name, rule = "keeps-old-results", "auth.rerun"

    def s2c(self, frame: Json) -> Frames:
        if frame["type"] == "Transition":
            grew = frame["endVersion"]["identity"] > frame["startVersion"]["identity"]
            frame["modifications"] = [] if grew else frame["modifications"]
        return [frame]


class MixesIdentities(KeepsOldResults):
    """Sends one user what was computed for another."""

    name, rule = "mixes-identities", "security.identity-isolation"


class RepeatsTokens(ServerFault):
    """Says which token it has refused."""

    name, rule = "repeats-tokens", "auth.token-secret"
    token = ""

    def c2s(self, frame: Json) -> Frames:
        self.token = frame.get("value", self.token)
        return [frame]

    def s2c(self, frame: Json) -> Frames:
        if frame["type"] == "AuthError":
            frame["error"] += f" (token {self.token})"
        return [frame]


class RunsAsTheLatest(ServerFault):
    """Runs a mutation as whoever the connection belongs to later."""

    name, rule = "runs-as-the-latest", "mutations.identity-at-receipt"

    def __init__(self, shared: dict[Any, Any]) -> None:
        super().__init__(shared)
        self.held: list[Json] = []
        self.count = 0

    def c2s(self, frame: Json) -> Frames:
        if frame["type"] == "Mutation":
            self.count += 1
            if self.count == 1:
                self.held.append(frame)
                return []
        if frame["type"] == "Authenticate" and self.held:
            held, self.held = self.held, []
            return [frame, *held]
        return [frame]


class TellsNoSkew(ServerFault):
    """Does not compare clocks."""

    name, rule = "tells-no-skew", "connection.clock-skew"

    def s2c(self, frame: Json) -> Frames:
        if "clientClockSkew" in frame:
            frame["clientClockSkew"] = 0
        return [frame]


class LetsEverybodyIn(ServerFault):
    """Accepts every version in the path and in the header."""

    name, rule = "lets-everybody-in", "connection.version-gate"

    def upgrade(self, path: str, headers: dict[str, str]) -> tuple[str, dict[str, str]] | int:
        return "/api/sync", {}


class GivesNoReason(ServerFault):
    """Closes without a reason text."""

    name, rule = "gives-no-reason", "errors.close-reason"

    def closing(self, code: int | None, reason: str) -> tuple[int | None, str] | None:
        return code, ""


class DiesOfFunctions(ServerFault):
    """Takes the failure of a function for fatal."""

    name, rule = "dies-of-functions", "errors.fatal"

    def s2c(self, frame: Json) -> Frames:
        if frame.get("success") is False:
            self.close_with = (None, "")
            return [{"type": "FatalError", "error": frame["result"]}]
        return [frame]


class DrawsRequestIds(ServerFault):
    """Draws a new request id for every answer."""

    name, rule = "draws-request-ids", "errors.request-id"

    def s2c(self, frame: Json) -> Frames:
        if frame.get("success") is False:
            frame["result"] = re.sub(r"ID: [0-9a-f]{16}", "ID: 0000000000000000", frame["result"])
        return [frame]


class BlamesFunctions(ServerFault):
    """Answers with a failure when it is busy itself."""

    name, rule = "blames-functions", "errors.system-failure-closes"

    def s2c(self, frame: Json) -> Frames:
        if frame["type"] == "MutationResponse" and frame["requestId"] > 5:
            frame.update(success=False, result="[Request ID: 0] Server Error", ts=None)
        return [frame]


class AnswersUnoffered(ServerFault):
    """Names an extension that nobody has offered."""

    name, rule = "answers-unoffered", "extensions.answer"

    def s2c(self, frame: Json) -> Frames:
        if frame["type"] == "Transition":
            frame["extensions"] = {"example.delta": {"version": 1}}
        return [frame]


class UsesUnoffered(ServerFault):
    """Adds fields of an extension that nobody has offered."""

    name, rule = "uses-unoffered", "extensions.unoffered"

    def s2c(self, frame: Json) -> Frames:
        if frame["type"] == "MutationResponse":
            frame["extensions"] = {"example.delta": [1]}
        return [frame]


class WantsKeysInOrder(ServerFault):
    """Refuses messages whose first key is not their type."""

    name, rule = "wants-keys-in-order", "messages.key-order"

    def c2s(self, frame: Json) -> Frames:
        return [frame] if next(iter(frame)) == "type" else [{"type": "?"}]


class TakesLists(ServerFault):
    """Overlooks a message that is a list."""

    name, rule = "takes-lists", "messages.one-object"

    def c2s(self, frame: Json) -> Frames:
        return [] if isinstance(frame, list) else [frame]


class TakesOddPaths(ServerFault):
    """Takes a path that breaks the grammar for one of a missing function."""

    name, rule = "takes-odd-paths", "messages.path-syntax"

    def c2s(self, frame: Json) -> Frames:
        for each in (frame, *changes_of(frame)):
            if "/" in each.get("udfPath", "") or " " in each.get("udfPath", ""):
                each["udfPath"] = "no:such"
        return [frame]


class OmitsFields(ServerFault):
    """Leaves out the journal when there is none."""

    name, rule = "omits-fields", "messages.required-field"

    def s2c(self, frame: Json) -> Frames:
        for change in changes_of(frame):
            if change.get("journal", 0) is None:
                del change["journal"]
        return [frame]


class WritesBytes(ServerFault):
    """Writes timestamps as numbers."""

    name, rule = "writes-timestamps-as-numbers", "messages.timestamp-encoding"

    def s2c(self, frame: Json) -> Frames:
        if frame.get("ts"):
            frame["ts"] = number(frame["ts"])
        return [frame]


class TakesAnyTimestamp(ServerFault):
    """Overlooks a timestamp that is out of range."""

    name, rule = "takes-any-timestamp", "messages.timestamp-range"

    def c2s(self, frame: Json) -> Frames:
        frame.pop("maxObservedTimestamp", None)
        return [frame]


class TakesAnyNumber(ServerFault):
    """Takes ids of any size."""

    name, rule = "takes-any-number", "messages.u32"

    def c2s(self, frame: Json) -> Frames:
        for key in ("requestId", "baseVersion"):
            if key in frame:
                frame[key] = int(frame[key]) % 2**32
        return [frame]


class SendsBinary(ServerFault):
    """Sends its transitions as a list of one."""

    name, rule = "sends-odd-frames", "messages.text-frames"

    def binary(self, data: bytes) -> bytes | None:
        return None


class RunsActionsInTurn(ServerFault):
    """Starts an action when the one before it has ended."""

    name, rule = "runs-actions-in-turn", "mutations.action-concurrent"

    def __init__(self, shared: dict[Any, Any]) -> None:
        super().__init__(shared)
        self.held: list[Json] = []

    def s2c(self, frame: Json) -> Frames:
        if frame["type"] == "ActionResponse" and frame["requestId"] == 1:
            self.held.append(frame)
            return []
        return [frame, *self.held] if frame["type"] == "ActionResponse" else [frame]


class RemembersFailures(ServerFault):
    """Answers the repetition of a failed mutation from memory."""

    name, rule = "remembers-failures", "mutations.dedupe-failed"

    def __init__(self, shared: dict[Any, Any]) -> None:
        super().__init__(shared)
        self.failed: dict[int, Json] = {}

    def s2c(self, frame: Json) -> Frames:
        if frame["type"] == "MutationResponse" and not frame["success"]:
            self.failed[frame["requestId"]] = frame
        return [self.failed.get(frame.get("requestId", -1), frame)]


class SendsTransitionsEarly(ServerFault):
    """Sends the transition of a mutation before its response."""

    name, rule = "sends-transitions-early", "mutations.early-transition"
    held: Json = None

    def s2c(self, frame: Json) -> Frames:
        if frame["type"] == "MutationResponse":
            self.held = frame
            return []
        held, self.held = self.held, None
        return [frame] if held is None else [frame, held]
