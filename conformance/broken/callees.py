"""Broken servers of the parts mutations and errors."""

# ruff: noqa: D102 - what a hook is for stands in ServerFault; what is wrong, at the class

from __future__ import annotations

from typing import Any

from conformance.broken.tracking import number

from unisono_conformance.faulty_server import Frames, Rechaining, ServerFault
from unisono_conformance.values import Json, encode_ts


class RunsRepeatedMutations(ServerFault):
    """Executes a mutation again that it has committed."""

    name, rule = "runs-repeated-mutations", "mutations.dedupe"

    def __init__(self, shared: dict[Any, Any]) -> None:
        super().__init__(shared)
        self.session = ""
        self.original: dict[int, int] = {}

    def c2s(self, frame: Json) -> Frames:
        if frame["type"] == "Connect":
            self.session = frame["sessionId"]
        if frame["type"] != "Mutation":
            return [frame]
        key = (self.session, frame["requestId"])
        times = self.shared[key] = self.shared.get(key, 0) + 1
        sent = frame["requestId"] + 1000 * (times - 1)
        self.original[sent] = frame["requestId"]
        return [{**frame, "requestId": sent}]

    def s2c(self, frame: Json) -> Frames:
        if frame["type"] == "MutationResponse":
            frame["requestId"] = self.original[frame["requestId"]]
        return [frame]


class StampsRepetitionsAnew(ServerFault):
    """Answers a repeated mutation with another timestamp."""

    name, rule = "stamps-repetitions-anew", "mutations.dedupe-original"

    def s2c(self, frame: Json) -> Frames:
        if frame["type"] == "MutationResponse" and frame["success"]:
            times = self.shared[frame["ts"]] = self.shared.get(frame["ts"], -1) + 1
            frame["ts"] = encode_ts(number(frame["ts"]) + times)
        return [frame]


class CommitsFailures(ServerFault):
    """Keeps what a failed mutation has written."""

    name, rule = "commits-failures", "mutations.failure-leaves-no-trace"

    def __init__(self, shared: dict[Any, Any]) -> None:
        super().__init__(shared)
        self.failing: set[int] = set()

    def c2s(self, frame: Json) -> Frames:
        if frame.get("udfPath") == "fx:failAfterWrite":
            self.failing.add(frame["requestId"])
            frame["udfPath"] = "fx:append"
        return [frame]

    def s2c(self, frame: Json) -> Frames:
        if frame["type"] == "MutationResponse" and frame["requestId"] in self.failing:
            text = "[Request ID: 0123456789abcdef] Server Error"
            frame.update(success=False, result=text, ts=None)
        return [frame]


class StampsActions(ServerFault):
    """Sends a timestamp with the response to an action."""

    name, rule = "stamps-actions", "mutations.action-no-ts"

    def s2c(self, frame: Json) -> Frames:
        if frame["type"] == "ActionResponse":
            frame["ts"] = encode_ts(1)
        return [frame]


class RunsMutationsAtOnce(ServerFault):
    """Lets the second mutation overtake the first."""

    name, rule = "runs-mutations-at-once", "mutations.serial"
    waiting: Json = None

    def c2s(self, frame: Json) -> Frames:
        if frame["type"] != "Mutation" or frame["requestId"] > 1:
            return [frame]
        if self.waiting is None and frame["udfPath"] == "fx:append":
            self.waiting = frame
            return []
        waiting, self.waiting = self.waiting, None
        return [frame] if waiting is None else [frame, waiting]


class AddsErrorData(ServerFault):
    """Sends errorData null with a plain error."""

    name, rule = "adds-error-data", "errors.application-data"

    def s2c(self, frame: Json) -> Frames:
        for change in frame.get("modifications", ()):
            if change["type"] == "QueryFailed":
                change.setdefault("errorData", None)
        return [frame]


class DropsErrorDataOfQueries(ServerFault):
    """Loses the data of an application error."""

    name, rule = "drops-error-data-of-queries", "errors.application-data"

    def s2c(self, frame: Json) -> Frames:
        for change in frame.get("modifications", ()):
            change.pop("errorData", None)
        return [frame]


class TellsNoRequestId(ServerFault):
    """Sends the bare message of a function error."""

    name, rule = "tells-no-request-id", "errors.function-text"

    def s2c(self, frame: Json) -> Frames:
        for change in frame.get("modifications", ()):
            if "errorMessage" in change:
                change["errorMessage"] = change["errorMessage"].partition("\n")[2] or "Error"
        return [frame]


class PromisesWrites(ServerFault):
    """Answers a mutation with success and has written nothing."""

    name, rule = "promises-writes", "mutations.success-is-durable"

    def c2s(self, frame: Json) -> Frames:
        if frame["type"] != "Mutation":
            return [frame]
        return [{**frame, "udfPath": "fx:echoMutation", "args": [{"value": None}]}]


class CountsAhead(Rechaining):
    """Names a query set that nobody has sent."""

    name, rule = "counts-ahead", "transitions.only-received"

    def s2c(self, frame: Json) -> Frames:
        if frame["type"] != "Transition":
            return [frame]
        end = {**frame["endVersion"], "querySet": frame["endVersion"]["querySet"] + 1}
        return [self.chained({**frame, "endVersion": end})]
