"""Broken clients of the parts connection, queries, transitions, values and messages."""

# ruff: noqa: D102 - what a hook is for stands in Fault; what is wrong, at the class

from __future__ import annotations

import json
import uuid

from broken.tracking import Tracking, number
from unisono_conformance.faults import Fault, Frames
from unisono_conformance.values import ZERO, Json


class IgnoresStartVersion(Tracking):
    """Applies every transition, wherever it starts."""

    name, rule = "ignores-start-version", "transitions.continuity"

    def s2c(self, frame: Json) -> Frames:
        if frame.get("type") == "Transition":
            frame = {**frame, "startVersion": self.held}
        return super().s2c(frame)


class ComparesOnlyTheTimestamp(Tracking):
    """Looks at the ts of startVersion, not at its query set and identity."""

    name, rule = "compares-only-the-timestamp", "transitions.continuity"

    def s2c(self, frame: Json) -> Frames:
        if frame.get("type") == "Transition" and frame["startVersion"]["ts"] == self.held["ts"]:
            frame = {**frame, "startVersion": self.held}
        return super().s2c(frame)


class KeepsTheOldVersion(Tracking):
    """Does not start from zero on a new connection."""

    name, rule = "keeps-the-old-version", "transitions.start-at-zero"
    kept: Json = ZERO

    def opened(self) -> None:
        self.kept = self.held
        super().opened()

    def s2c(self, frame: Json) -> Frames:
        if frame.get("type") == "Transition" and frame["startVersion"] == self.kept:
            frame = {**frame, "startVersion": self.held}
        return super().s2c(frame)


class TearsBatches(Fault):
    """Tells the application each change by itself."""

    name, rule = "tears-batches", "transitions.atomic"

    def event(self, event: Json) -> Frames:
        if event["ev"] != "update":
            return [event]
        return [{**event, "changes": [change]} for change in event["changes"]]


class AnswersPing(Fault):
    """Sends a Pong for a Ping."""

    name, rule = "answers-ping", "connection.no-reply-to-ping"

    def s2c(self, frame: Json) -> Frames:
        if frame.get("type") == "Ping":
            self.send({"type": "Pong"})
        return [frame]


class PingIsNoActivity(Fault):
    """Does not restart its inactivity timer for a Ping."""

    name, rule = "ping-is-no-activity", "connection.inactivity"

    def s2c(self, frame: Json) -> Frames:
        return [] if frame.get("type") == "Ping" else [frame]


class ForgetsMaxObserved(Fault):
    """Connects without maxObservedTimestamp."""

    name, rule = "forgets-max-observed", "connection.max-observed"

    def c2s(self, frame: Json) -> Frames:
        frame.pop("maxObservedTimestamp", None)
        return [frame]


class _MaxObserved(Fault):
    highest: str | None = None

    def note(self, ts: str | None) -> None:
        if ts is not None and (self.highest is None or number(ts) > number(self.highest)):
            self.highest = ts

    def c2s(self, frame: Json) -> Frames:
        if frame["type"] == "Connect" and self.highest is not None:
            frame["maxObservedTimestamp"] = self.highest
        return [frame]


class ObservesRejectedTransitions(_MaxObserved):
    """Raises maxObservedTimestamp before it checks the transition."""

    name, rule = "observes-rejected-transitions", "connection.max-observed-accepted"

    def s2c(self, frame: Json) -> Frames:
        if frame.get("type") == "Transition":
            self.note(frame["endVersion"]["ts"])
        return [frame]


class ForgetsResponseTimestamps(Tracking):
    """Raises maxObservedTimestamp for transitions only."""

    name, rule = "forgets-response-timestamps", "mutations.ts-raises-observed"
    highest = ZERO["ts"]

    def s2c(self, frame: Json) -> Frames:
        frames = super().s2c(frame)
        if number(self.held["ts"]) > number(self.highest):
            self.highest = self.held["ts"]
        return frames

    def c2s(self, frame: Json) -> Frames:
        if "maxObservedTimestamp" in frame:
            frame["maxObservedTimestamp"] = self.highest
        return super().c2s(frame)


class NewSessionPerConnection(Fault):
    """Draws a new session id for every socket."""

    name, rule = "new-session-per-connection", "messages.session-id"

    def c2s(self, frame: Json) -> Frames:
        if frame["type"] == "Connect":
            frame["sessionId"] = str(uuid.uuid4())
        return [frame]


class CountsNoConnections(Fault):
    """Always says that this is its first connection."""

    name, rule = "counts-no-connections", "connection.connection-count"

    def c2s(self, frame: Json) -> Frames:
        if frame["type"] == "Connect":
            frame["connectionCount"] = 0
        return [frame]


class TellsNoCloseReason(Fault):
    """Forgets why the last connection ended."""

    name, rule = "tells-no-close-reason", "connection.last-close-reason"

    def c2s(self, frame: Json) -> Frames:
        if frame["type"] == "Connect" and frame["connectionCount"] > 0:
            frame["lastCloseReason"] = None
        return [frame]


class SendsFractionalClock(Fault):
    """Writes clientTs with a fraction."""

    name, rule = "sends-fractional-clock", "messages.client-ts-integer"

    def c2s(self, frame: Json) -> Frames:
        if frame["type"] == "Connect":
            frame["clientTs"] = (frame.get("clientTs") or 0) + 0.5
        return [frame]


class QuerySetBeforeConnect(Fault):
    """Sends its query set first and introduces itself afterwards."""

    name, rule = "query-set-before-connect", "connection.opening-order"
    connect: Json = None

    def c2s(self, frame: Json) -> Frames:
        if frame["type"] == "Connect":
            self.connect = frame
            return []
        if self.connect is not None and frame["type"] == "ModifyQuerySet":
            connect, self.connect = self.connect, None
            return [frame, connect]
        return [frame]


class SkipsAnEmptyQuerySet(Fault):
    """Opens without a ModifyQuerySet when it has no query."""

    name, rule = "skips-an-empty-query-set", "connection.opening-set"

    def c2s(self, frame: Json) -> Frames:
        is_empty = frame["type"] == "ModifyQuerySet" and not frame["modifications"]
        return [] if is_empty else [frame]


class ComesBackAtOnce(Fault):
    """Opens the next socket in the moment in which the last one is lost."""

    name, rule = "comes-back-at-once", "connection.backoff"

    def after(self, op: str, fields: Json) -> None:
        if op == "wire" and fields["do"] == "lost":
            self.emit({"ev": "wire", "do": "open"})


class IsImpatient(Fault):
    """Waits half as long as it should."""

    name, rule = "is-impatient", "connection.backoff"

    def op(self, op: str, fields: Json) -> Json:
        return {**fields, "ms": fields["ms"] * 2} if op == "advance" else fields


class StaysAfterClose(Fault):
    """Keeps its socket when the application closes it."""

    name, rule = "stays-after-close", "connection.close-by-user"

    def op(self, op: str, fields: Json) -> Json:
        return {**fields, "client": "nobody"} if op == "close" else fields


class ShowsLoadingWhileAway(Tracking):
    """Takes the results off the screen when the socket is lost."""

    name, rule = "shows-loading-while-away", "transitions.keep-old-results"

    def after(self, op: str, fields: Json) -> None:
        if op == "wire" and fields["do"] == "lost":
            changes = [{"sub": sub, "loading": True} for sub in self.subs]
            self.emit({"ev": "update", "changes": changes})


class ShowsUnsubscribedResults(Tracking):
    """Hands out results of queries that nobody subscribes to any more."""

    name, rule = "shows-unsubscribed-results", "queries.late-result"

    def __init__(self, emit: object) -> None:
        super().__init__(emit)
        self.gone: dict[str, tuple[str, str]] = {}

    def op(self, op: str, fields: Json) -> Json:
        if op == "unsubscribe":
            self.gone[fields["sub"]] = self.subs[fields["sub"]]
        return super().op(op, fields)

    def s2c(self, frame: Json) -> Frames:
        for change in frame.get("modifications", ()):
            for sub, key in self.gone.items():
                is_mine = self.query_ids.get(key) == change["queryId"]
                if is_mine and change["type"] == "QueryUpdated":
                    shown = {"sub": sub, "value": change["value"]}
                    self.emit({"ev": "update", "changes": [shown]})
        return super().s2c(frame)


class SharesNothing(Fault):
    """Asks for every subscription by itself."""

    name, rule = "shares-nothing", "queries.share"
    subscriptions = 0

    def op(self, op: str, fields: Json) -> Json:
        if op != "subscribe" or not fields["args"]:
            return fields
        self.subscriptions += 1
        return {**fields, "path": f"{fields['path']}{self.subscriptions}"}

    def c2s(self, frame: Json) -> Frames:
        for change in frame.get("modifications", ()):
            if change["type"] == "Add":
                change["udfPath"] = change["udfPath"].rstrip("0123456789")
        return [frame]


class KeysInOrderOnly(Fault):
    """Shares equal arguments only when their keys come in the same order."""

    name, rule = "keys-in-order-only", "queries.share"

    def op(self, op: str, fields: Json) -> Json:
        if op != "subscribe":
            return fields
        in_order = list(fields["args"]) == sorted(fields["args"])
        return fields if in_order else {**fields, "path": fields["path"] + "0"}

    def c2s(self, frame: Json) -> Frames:
        for change in frame.get("modifications", ()):
            if change["type"] == "Add":
                change["udfPath"] = change["udfPath"].rstrip("0")
        return [frame]


class NeverRemoves(Fault):
    """Leaves queries on the server that nobody subscribes to."""

    name, rule = "never-removes", "queries.remove"

    def c2s(self, frame: Json) -> Frames:
        changes = frame.get("modifications", ())
        is_removal = any(change["type"] == "Remove" for change in changes)
        return [] if is_removal else [frame]


class RemovesTooEarly(Tracking):
    """Removes a query while another subscriber is left."""

    name, rule = "removes-too-early", "queries.remove"

    def op(self, op: str, fields: Json) -> Json:
        if op == "unsubscribe":
            key = self.subs.get(fields["sub"], ("", ""))
            if list(self.subs.values()).count(key) > 1:
                base = self.held["querySet"]
                removal = {"type": "Remove", "queryId": self.query_ids[key]}
                self.send(
                    {
                        "type": "ModifyQuerySet",
                        "baseVersion": base,
                        "newVersion": base + 1,
                        "modifications": [removal],
                    }
                )
        return super().op(op, fields)


class StepsByTwo(Fault):
    """Raises its query set version by two."""

    name, rule = "steps-by-two", "queries.version-step"

    def c2s(self, frame: Json) -> Frames:
        for key in ("baseVersion", "newVersion"):
            if key in frame and frame["type"] == "ModifyQuerySet":
                frame[key] *= 2
        return [frame]


class ForgetsJournals(Fault):
    """Adds its queries again without their journals."""

    name, rule = "forgets-journals", "queries.journal-echo"

    def c2s(self, frame: Json) -> Frames:
        for change in frame.get("modifications", ()):
            change.pop("journal", None)
        return [frame]


class JournalsForNewQueries(Fault):
    """Gives a new subscription the journal of an old one."""

    name, rule = "journals-for-new-queries", "queries.journal-fresh"

    def __init__(self, emit: object) -> None:
        super().__init__(emit)  # type: ignore[arg-type]
        self.ids: dict[int, str] = {}
        self.journals: dict[str, str] = {}

    def s2c(self, frame: Json) -> Frames:
        for change in frame.get("modifications", ()):
            if change.get("journal"):
                self.journals[self.ids[change["queryId"]]] = change["journal"]
        return [frame]

    def c2s(self, frame: Json) -> Frames:
        for change in frame.get("modifications", ()):
            if change["type"] == "Add":
                key = json.dumps([change["udfPath"], change["args"]])
                self.ids[change["queryId"]] = key
                if key in self.journals:
                    change["journal"] = self.journals[key]
        return [frame]


class RenumbersQueries(Tracking):
    """Gives its queries new ids on every connection."""

    name, rule = "renumbers-queries", "queries.ids-survive"

    def c2s(self, frame: Json) -> Frames:
        for change in frame.get("modifications", ()):
            change["queryId"] += 100 * (self.connections - 1)
        return super().c2s(frame)

    def s2c(self, frame: Json) -> Frames:
        for change in frame.get("modifications", ()):
            change["queryId"] -= 100 * (self.connections - 1)
        return super().s2c(frame)


class SendsPathsAsTyped(Tracking):
    """Sends the path of a query as the application wrote it."""

    name, rule = "sends-paths-as-typed", "queries.canonical-path"
    typed = ""

    def op(self, op: str, fields: Json) -> Json:
        if op == "subscribe":
            self.typed = fields["path"]
        return super().op(op, fields)

    def c2s(self, frame: Json) -> Frames:
        for change in frame.get("modifications", ()):
            if change["type"] == "Add":
                change["udfPath"] = self.typed
        return super().c2s(frame)


class DropsEmptyTransitions(Fault):
    """Overlooks transitions that change nothing."""

    name, rule = "drops-empty-transitions", "transitions.empty"

    def s2c(self, frame: Json) -> Frames:
        is_empty = frame.get("type") == "Transition" and not frame["modifications"]
        return [] if is_empty else [frame]


class HidesFailures(Fault):
    """Goes on showing nothing when a query fails."""

    name, rule = "hides-failures", "errors.application-error"

    def event(self, event: Json) -> Frames:
        if event["ev"] == "update":
            changes = [change for change in event["changes"] if "error" not in change]
            return [{**event, "changes": changes}]
        return [event]


class SticksToFailures(Fault):
    """Shows a failure for ever."""

    name, rule = "sticks-to-failures", "transitions.atomic"

    def __init__(self, emit: object) -> None:
        super().__init__(emit)  # type: ignore[arg-type]
        self.failed: set[str] = set()

    def event(self, event: Json) -> Frames:
        if event["ev"] != "update":
            return [event]
        self.failed |= {change["sub"] for change in event["changes"] if "error" in change}
        changes = [
            change
            for change in event["changes"]
            if "error" in change or change["sub"] not in self.failed
        ]
        return [{**event, "changes": changes}]


class DiesOfUnknownTypes(Fault):
    """Takes a message of an unknown type for a fatal one."""

    name, rule = "dies-of-unknown-types", "messages.unknown-type"
    known = frozenset(
        "Transition TransitionChunk MutationResponse ActionResponse".split()
        + "AuthError FatalError Ping".split()
    )

    def s2c(self, frame: Json) -> Frames:
        if frame.get("type") not in self.known:
            return [{"type": "FatalError", "error": "unknown message"}]
        return [frame]


class DropsUnknownFields(Fault):
    """Drops a transition with a field that it does not know."""

    name, rule = "drops-unknown-fields", "messages.unknown-field"

    def s2c(self, frame: Json) -> Frames:
        return [] if "future" in frame else [frame]


class ReadsIntegersAsNumbers(Fault):
    """Gives an Int64 to the application as a plain number."""

    name, rule = "reads-integers-as-numbers", "values.int64"

    def event(self, event: Json) -> Frames:
        return [_replace(event, "$integer", lambda text: number(text))]


class LosesMinusZero(Fault):
    """Reads minus zero as zero."""

    name, rule = "loses-minus-zero", "values.special-float"

    def event(self, event: Json) -> Frames:
        minus_zero = "AAAAAAAAAIA="
        return [
            _replace(event, "$float", lambda text: 0 if text == minus_zero else {"$float": text})
        ]


def _replace(value: Json, tag: str, by: object) -> Json:
    if isinstance(value, list):
        return [_replace(item, tag, by) for item in value]
    if isinstance(value, dict):
        if list(value) == [tag]:
            return by(value[tag])  # type: ignore[operator]
        return {key: _replace(item, tag, by) for key, item in value.items()}
    return value
