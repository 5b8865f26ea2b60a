"""More broken clients of the parts values, messages, connection, queries and transitions."""

# ruff: noqa: D102 - what a hook is for stands in Fault; what is wrong, at the class

from __future__ import annotations

import json

from conformance.broken.tracking import Tracking, number

from unisono_conformance.faults import Fault, Frames
from unisono_conformance.values import Json, encode_ts


class WaitsTooLong(Fault):
    """Lets its delay grow without a bound."""

    name, rule = "waits-too-long", "connection.backoff-cap"

    def op(self, op: str, fields: Json) -> Json:
        return {**fields, "ms": fields["ms"] / 2} if op == "advance" else fields


class KnowsNoClasses(Fault):
    """Waits as long after every reason."""

    name, rule = "knows-no-classes", "connection.backoff-class"

    def op(self, op: str, fields: Json) -> Json:
        is_loss = op == "wire" and fields["do"] == "lost"
        return {**fields, "reason": "", "code": 1006} if is_loss else fields


class ForgetsFailuresTooSoon(Fault):
    """Begins with short delays again after the first message of a connection."""

    name, rule = "forgets-failures-too-soon", "connection.backoff-reset"
    is_fast = False

    def s2c(self, frame: Json) -> Frames:
        self.is_fast = not frame.get("modifications")
        return [frame]

    def op(self, op: str, fields: Json) -> Json:
        is_fast = op == "advance" and self.is_fast
        return {**fields, "ms": fields["ms"] * 2} if is_fast else fields


class GivesUp(Fault):
    """Makes no more than twenty attempts."""

    name, rule = "gives-up", "connection.retry-forever"
    attempts = 0

    def wire(self, event: Json) -> Frames:
        self.attempts += event["do"] == "open"
        return [event] if event["do"] != "open" or self.attempts <= 20 else []


class GivesUpOnPolicy(Fault):
    """Takes some close codes for final."""

    name, rule = "gives-up-on-policy", "errors.close-code-retry"
    is_final = False

    def op(self, op: str, fields: Json) -> Json:
        if op == "wire" and fields.get("code") == 1008:
            self.is_final = True
        return fields

    def wire(self, event: Json) -> Frames:
        return [] if self.is_final and event["do"] == "open" else [event]


class ReplaysOldEdits(Fault):
    """Sends the edits of the last connection again."""

    name, rule = "replays-old-edits", "connection.rebuild"

    def c2s(self, frame: Json) -> Frames:
        if frame["type"] == "Connect" and frame["connectionCount"] > 0:
            edit = {"type": "ModifyQuerySet", "baseVersion": 1, "newVersion": 2}
            return [frame, {**edit, "modifications": []}]
        return [frame]


class UsesAnotherPath(Fault):
    """Asks for its socket at an address of its own."""

    name, rule = "uses-another-path", "connection.url"
    is_inline = False

    def op(self, op: str, fields: Json) -> Json:
        return {**fields, "url": fields["url"].rstrip("/") + "/x"} if op == "open" else fields


class KeepsSlashes(UsesAnotherPath):
    """Keeps what stands at the end of the deployment address."""

    name, rule = "keeps-slashes", "connection.url-slash"


class PutsTokensIntoAddresses(UsesAnotherPath):
    """Puts a key into the address of its socket."""

    name, rule = "puts-tokens-into-addresses", "security.no-token-in-address"

    def op(self, op: str, fields: Json) -> Json:
        return {**fields, "url": fields["url"] + "/tok-secret"} if op == "open" else fields


class TakesEverything(Fault):
    """Lets calls pass that it should refuse."""

    name, rule = "takes-everything", "errors.local-at-call"

    def op(self, op: str, fields: Json) -> Json:
        if op in ("mutate", "action", "subscribe") and fields.get("call", "bad") != "m":
            return {**fields, "path": "fx:get", "args": {}}
        return fields


class TakesDollars(TakesEverything):
    """Sends keys that begin with a dollar."""

    name, rule = "takes-dollars", "values.key-dollar"


class TakesEveryLetter(TakesEverything):
    """Sends keys beyond ASCII."""

    name, rule = "takes-every-letter", "values.key-ascii"


class TakesEndlessKeys(TakesEverything):
    """Sends keys of any length."""

    name, rule = "takes-endless-keys", "values.key-length"


class TakesHalfPairs(TakesEverything):
    """Sends half of a surrogate pair."""

    name, rule = "takes-half-pairs", "values.unicode"


class SendsBareArguments(Fault):
    """Writes args as an object."""

    name, rule = "sends-bare-arguments", "messages.args-array"

    def c2s(self, frame: Json) -> Frames:
        for each in (frame, *frame.get("modifications", ())):
            if "args" in each:
                each["args"] = each["args"][0]
        return [frame]


class TidiesJournals(Fault):
    """Trims a journal before it sends it back."""

    name, rule = "tidies-journals", "messages.journal-opaque"

    def c2s(self, frame: Json) -> Frames:
        for change in frame.get("modifications", ()):
            if change.get("journal"):
                change["journal"] = change["journal"].strip()
        return [frame]


class WantsTheTypeFirst(Fault):
    """Overlooks messages whose first key is not their type."""

    name, rule = "wants-the-type-first", "messages.key-order"

    def s2c(self, frame: Json) -> Frames:
        return [frame] if next(iter(frame)) == "type" else []


class SendsLists(Fault):
    """Puts its messages into lists."""

    name, rule = "sends-lists", "messages.one-object"

    def c2s(self, frame: Json) -> Frames:
        return [[frame]]


class LeavesFieldsOut(Fault):
    """Sends a Connect without connectionCount."""

    name, rule = "leaves-fields-out", "messages.required-field"

    def c2s(self, frame: Json) -> Frames:
        frame.pop("connectionCount", None)
        return [frame]


class BelievesTheServersClock(Tracking):
    """Takes serverTs for the time of the results."""

    name, rule = "believes-the-servers-clock", "messages.server-ts"

    def s2c(self, frame: Json) -> Frames:
        if frame.get("type") == "Transition" and (frame.get("serverTs") or 0) > 2**62:
            for request_id in self.responses:
                self.settle(request_id)
        return super().s2c(frame)


class WritesBigEndian(Fault):
    """Writes timestamps with the most significant byte first."""

    name, rule = "writes-big-endian", "messages.timestamp-encoding"

    def c2s(self, frame: Json) -> Frames:
        if "maxObservedTimestamp" in frame:
            turned = number(frame["maxObservedTimestamp"]).to_bytes(8, "big")
            frame["maxObservedTimestamp"] = encode_ts(int.from_bytes(turned, "little"))
        return [frame]


class NumbersAsText(Fault):
    """Writes its ids as text."""

    name, rule = "numbers-as-text", "messages.u32"

    def c2s(self, frame: Json) -> Frames:
        if "requestId" in frame:
            frame["requestId"] = str(frame["requestId"])
        return [frame]


class _Lenient(Fault):
    def s2c(self, frame: Json) -> Frames:
        return [frame] if self.is_fine(frame) else []

    def is_fine(self, frame: Json) -> bool:
        """Whether the frame may reach the client."""
        changes = frame.get("modifications", ())
        return "666" not in json.dumps(changes) and self.is_plain(frame)

    def is_plain(self, frame: Json) -> bool:
        """Whether it has all it needs."""
        return frame.get("type") != "Transition" or {"endVersion", "modifications"} <= set(frame)


class OverlooksUnreadable(_Lenient):
    """Overlooks a Transition that it cannot read."""

    name, rule = "overlooks-unreadable", "transitions.unreadable"


class OverlooksLargeTimestamps(_Lenient):
    """Overlooks a timestamp that is out of range."""

    name, rule = "overlooks-large-timestamps", "messages.timestamp-range"


class StaysStuck(Tracking):
    """Overlooks a Transition that does not fit, and stays connected."""

    name, rule = "stays-stuck", "transitions.failed-heals"

    def s2c(self, frame: Json) -> Frames:
        if frame.get("type") == "Transition" and frame.get("startVersion") != self.held:
            return []
        return super().s2c(frame)


class TakesTheLastResponse(Fault):
    """Believes the last response to a mutation instead of the first."""

    name, rule = "takes-the-last-response", "mutations.duplicate-response"
    held: Json = None

    def s2c(self, frame: Json) -> Frames:
        if frame.get("type") != "MutationResponse":
            return [frame]
        held, self.held = self.held, frame
        return [] if held is None else [frame]


class DiesOfUnknownResponses(Tracking):
    """Takes a response to a request that nobody made for fatal."""

    name, rule = "dies-of-unknown-responses", "mutations.unknown-response"

    def s2c(self, frame: Json) -> Frames:
        if frame.get("requestId", 0) not in self.calls and "requestId" in frame:
            return [{"type": "FatalError", "error": "who asked?"}]
        return super().s2c(frame)


class ReadsOldResults(Fault):
    """Settles a call while the results from before it are still shown."""

    name, rule = "reads-old-results", "mutations.read-your-writes"

    def __init__(self, emit: object) -> None:
        super().__init__(emit)  # type: ignore[arg-type]
        self.held: list[Json] = []

    def event(self, event: Json) -> Frames:
        if event["ev"] != "update":
            return [event]
        self.held.append(event)
        return []

    def after(self, op: str, fields: Json) -> None:
        held, self.held = self.held, []
        for event in held:
            self.emit(event)


class AddsNothing(Fault):
    """Asks for nothing once its connection is open."""

    name, rule = "adds-nothing", "queries.add"

    def c2s(self, frame: Json) -> Frames:
        return [] if frame.get("baseVersion", 0) > 0 else [frame]


class UsesOneIdForAll(Fault):
    """Gives every query the same id."""

    name, rule = "uses-one-id-for-all", "queries.id-unique"

    def c2s(self, frame: Json) -> Frames:
        for change in frame.get("modifications", ()):
            change["queryId"] = 0
        return [frame]


class KeepsKnownValues(Tracking):
    """Lets a second subscriber wait for the next change."""

    name, rule = "keeps-known-values", "queries.known-value"
    is_subscribing = False

    def op(self, op: str, fields: Json) -> Json:
        self.is_subscribing = op == "subscribe"
        return super().op(op, fields)

    def event(self, event: Json) -> Frames:
        return [] if event["ev"] == "update" and self.is_subscribing else super().event(event)


class SendsEveryEdit(Fault):
    """Sends edits that undo each other."""

    name, rule = "sends-every-edit", "queries.net-edits"

    def c2s(self, frame: Json) -> Frames:
        if frame["type"] == "ModifyQuerySet":
            frame["modifications"].append({"type": "Remove", "queryId": 99})
        return [frame]


class HidesItsState(Fault):
    """Always says that it is connected."""

    name, rule = "hides-its-state", "session.connected-state"

    def answer(self, op: str, answer: Json) -> Json:
        return {**answer, "connected": True} if op == "state" else answer


class ForgetsAnsweredCalls(Fault):
    """Counts a call as done when its response has come."""

    name, rule = "forgets-answered-calls", "session.inflight"

    def answer(self, op: str, answer: Json) -> Json:
        return {**answer, "inflight": 0} if op == "state" else answer


class ForgetsItsSession(Fault):
    """Connects as somebody else the second time."""

    name, rule = "forgets-its-session", "session.id-kept"

    def c2s(self, frame: Json) -> Frames:
        if frame["type"] == "Connect" and frame["connectionCount"] > 0:
            frame["sessionId"] = "123e4567-e89b-42d3-a456-426614174000"
        return [frame]
