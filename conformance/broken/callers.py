"""Broken clients of the parts mutations, errors and session."""

# ruff: noqa: D102 - what a hook is for stands in Fault; what is wrong, at the class

from __future__ import annotations

from conformance.broken.tracking import Tracking, number

from unisono_conformance.faults import Fault, Frames
from unisono_conformance.values import Json


class SettlesAtTheResponse(Tracking):
    """Settles a mutation when its response comes."""

    name, rule = "settles-at-the-response", "mutations.settle-at-transition"

    def s2c(self, frame: Json) -> Frames:
        frames = super().s2c(frame)
        if frame.get("type") == "MutationResponse" and frame["success"]:
            self.settle(frame["requestId"])
        return frames


class SettlesAtAnyTransition(Tracking):
    """Settles a mutation at the next transition, whatever its timestamp."""

    name, rule = "settles-at-any-transition", "mutations.settle-at-transition"

    def s2c(self, frame: Json) -> Frames:
        if frame.get("type") == "Transition":
            for request_id in self.responses:
                self.settle(request_id)
        return super().s2c(frame)


class SettlesByAnEarlierTransition(Tracking):
    """Settles at the response when the timestamp was reached before it."""

    name, rule = "settles-by-an-earlier-transition", "mutations.settle-after-response"

    def s2c(self, frame: Json) -> Frames:
        frames = super().s2c(frame)
        is_success = frame.get("type") == "MutationResponse" and frame["success"]
        if is_success and number(self.held["ts"]) >= number(frame["ts"]):
            self.settle(frame["requestId"])
        return frames


class ComparesTimestampsAsText(Tracking):
    """Compares the texts of timestamps."""

    name, rule = "compares-timestamps-as-text", "messages.timestamp-compare"

    def s2c(self, frame: Json) -> Frames:
        if frame.get("type") == "Transition":
            for request_id, response in self.responses.items():
                if frame["endVersion"]["ts"] >= response["ts"]:
                    self.settle(request_id)
        return super().s2c(frame)


class ComparesTimestampsAsFloats(Tracking):
    """Compares timestamps with 53 bits of them."""

    name, rule = "compares-timestamps-as-floats", "messages.timestamp-compare"

    def s2c(self, frame: Json) -> Frames:
        if frame.get("type") == "Transition":
            for request_id, response in self.responses.items():
                if float(number(frame["endVersion"]["ts"])) >= float(number(response["ts"])):
                    self.settle(request_id)
        return super().s2c(frame)


class SettlesBeforeItPublishes(Fault):
    """Settles the call first and shows its effect afterwards."""

    name, rule = "settles-before-it-publishes", "session.publish-then-settle"

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


class FailuresWait(Fault):
    """Settles a failed mutation at the next transition only."""

    name, rule = "failures-wait", "mutations.failure-at-once"

    def event(self, event: Json) -> Frames:
        error = event.get("error")
        is_failure = event["ev"] == "settled" and isinstance(error, dict)
        return [] if is_failure and error.get("kind") == "function" else [event]


class ActionsWait(Tracking):
    """Waits for a transition after the response of an action."""

    name, rule = "actions-wait", "mutations.action-at-once"

    def s2c(self, frame: Json) -> Frames:
        return [] if frame.get("type") == "ActionResponse" else super().s2c(frame)


class DropsErrorData(Fault):
    """Loses the data of an application error."""

    name, rule = "drops-error-data", "errors.application-error"

    def event(self, event: Json) -> Frames:
        if event["ev"] == "settled" and "error" in event:
            error = {key: item for key, item in event["error"].items() if key != "data"}
            return [{**event, "error": error}]
        return [event]


class NullDataIsNoData(Fault):
    """Takes an application error with null for a plain one."""

    name, rule = "null-data-is-no-data", "errors.application-error"

    def s2c(self, frame: Json) -> Frames:
        if frame.get("errorData", 0) is None:
            frame.pop("errorData")
        return [frame]


class _Replays(Fault):
    def __init__(self, emit: object) -> None:
        super().__init__(emit)  # type: ignore[arg-type]
        self.sent: set[int] = set()
        self.answered: set[int] = set()

    def s2c(self, frame: Json) -> Frames:
        if frame.get("type") == "MutationResponse":
            self.answered.add(frame["requestId"])
        return [frame]

    def c2s(self, frame: Json) -> Frames:
        if frame["type"] != "Mutation":
            return [frame]
        if frame["requestId"] in self.sent:
            return self.again(frame)
        self.sent.add(frame["requestId"])
        return [frame]

    def again(self, frame: Json) -> Frames:
        """A mutation is sent for the second time."""
        return [frame]


class ForgetsSentMutations(_Replays):
    """Does not send an unanswered mutation again."""

    name, rule = "forgets-sent-mutations", "mutations.replay"

    def again(self, frame: Json) -> Frames:
        return []


class ForgetsCompletedMutations(_Replays):
    """Does not send a mutation again whose response it has."""

    name, rule = "forgets-completed-mutations", "mutations.replay-completed"

    def again(self, frame: Json) -> Frames:
        return [] if frame["requestId"] in self.answered else [frame]


class RenumbersReplays(_Replays):
    """Sends a mutation again under a new request id."""

    name, rule = "renumbers-replays", "mutations.request-id"

    def again(self, frame: Json) -> Frames:
        return [{**frame, "requestId": frame["requestId"] + 1000}]


class ReplaysBackwards(_Replays):
    """Sends its mutations again, the last one first."""

    name, rule = "replays-backwards", "mutations.replay-order"

    def __init__(self, emit: object) -> None:
        super().__init__(emit)
        self.held: list[Json] = []

    def again(self, frame: Json) -> Frames:
        self.held.append(frame)
        return []

    def after(self, op: str, fields: Json) -> None:
        while self.held:
            self.send(self.held.pop())


class ReplaysActions(Fault):
    """Sends an action again that was lost with its socket."""

    name, rule = "replays-actions", "mutations.action-lost"

    def __init__(self, emit: object) -> None:
        super().__init__(emit)  # type: ignore[arg-type]
        self.actions: dict[int, Json] = {}
        self.is_new = False

    def opened(self) -> None:
        self.is_new = bool(self.actions)

    def c2s(self, frame: Json) -> Frames:
        if frame["type"] == "Action":
            self.actions[frame["requestId"]] = frame
        if frame["type"] == "ModifyQuerySet" and self.is_new:
            self.is_new = False
            return [frame, *self.actions.values()]
        return [frame]

    def s2c(self, frame: Json) -> Frames:
        self.actions.pop(frame.get("requestId", -1), None)
        return [frame]


class LosesUnsentActions(Tracking):
    """Gives up an action that was called while there was no socket."""

    name, rule = "loses-unsent-actions", "mutations.action-unsent"
    is_live = False

    def opened(self) -> None:
        super().opened()
        self.is_opening = True

    def c2s(self, frame: Json) -> Frames:
        if frame["type"] == "Action" and self.is_opening:
            return []
        return super().c2s(frame)

    is_opening = False

    def after(self, op: str, fields: Json) -> None:
        self.is_opening = False


class LosesOfflineMutations(LosesUnsentActions):
    """Gives up a mutation that was called while there was no socket."""

    name, rule = "loses-offline-mutations", "mutations.offline-queue"

    def c2s(self, frame: Json) -> Frames:
        if frame["type"] == "Mutation" and self.is_opening and self.connections == 1:
            return []
        return Tracking.c2s(self, frame)


class SendsBackwards(Fault):
    """Sends calls that were made offline, the last one first."""

    name, rule = "sends-backwards", "mutations.order"

    def __init__(self, emit: object) -> None:
        super().__init__(emit)  # type: ignore[arg-type]
        self.held: list[Json] = []

    def c2s(self, frame: Json) -> Frames:
        if frame["type"] != "Mutation":
            return [frame]
        self.held.append(frame)
        return []

    def after(self, op: str, fields: Json) -> None:
        if op == "wire" or len(self.held) > 1:
            while self.held:
                self.send(self.held.pop())


class ReconnectsAfterFatal(Fault):
    """Takes a FatalError for a passing trouble."""

    name, rule = "reconnects-after-fatal", "errors.fatal-final"

    def s2c(self, frame: Json) -> Frames:
        return [] if frame.get("type") == "FatalError" else [frame]


class LeavesCallsPending(Fault):
    """Never tells a caller that the client has died."""

    name, rule = "leaves-calls-pending", "errors.fatal-rejects-calls"

    def event(self, event: Json) -> Frames:
        error = event.get("error") or {}
        is_closing = event["ev"] == "settled" and error.get("kind") == "closed"
        return [] if is_closing else [event]


class AppliesBrokenText(Fault):
    """Overlooks text that is no JSON."""

    name, rule = "applies-broken-text", "values.json-text"

    def op(self, op: str, fields: Json) -> Json:
        if op == "wire" and fields.get("text", "{").count("}") == 0:
            return {**fields, "text": '{"type":"Ping"}'}
        return fields
