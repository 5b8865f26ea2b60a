"""Broken clients of the parts connection and transitions."""

# ruff: noqa: D102 - what a hook is for stands in Fault; what is wrong, at the class

from __future__ import annotations

import uuid

from conformance.broken.tracking import Tracking, number

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
