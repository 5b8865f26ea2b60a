"""Broken clients of the parts queries, transitions, messages and values."""

# ruff: noqa: D102 - what a hook is for stands in Fault; what is wrong, at the class

from __future__ import annotations

import json

from conformance.broken.tracking import Tracking, number

from unisono_conformance.faults import Fault, Frames
from unisono_conformance.values import Json


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
