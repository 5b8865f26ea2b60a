"""Broken servers of the parts connection, queries, transitions, values and messages."""

# ruff: noqa: D102 - what a hook is for stands in ServerFault; what is wrong, at the class

from __future__ import annotations

import json
from typing import Any

from conformance.broken.tracking import number

from unisono_conformance.faulty_server import Frames, Rechaining, ServerFault
from unisono_conformance.values import ZERO, Json, encode_ts


class BreaksTheChain(ServerFault):
    """Starts every transition at zero."""

    name, rule = "breaks-the-chain", "transitions.chain"

    def s2c(self, frame: Json) -> Frames:
        return [{**frame, "startVersion": ZERO}] if frame["type"] == "Transition" else [frame]


class GoesBackInTime(Rechaining):
    """Lets the timestamp go down."""

    name, rule = "goes-back-in-time", "transitions.monotonic"
    count = 0

    def s2c(self, frame: Json) -> Frames:
        if frame["type"] != "Transition":
            return [frame]
        self.count += 1
        ts = encode_ts(number(frame["endVersion"]["ts"]) - 10**9 * self.count)
        return [self.chained({**frame, "endVersion": {**frame["endVersion"], "ts": ts}})]


class SortsNothing(ServerFault):
    """Lists modifications from the largest id to the smallest."""

    name, rule = "sorts-nothing", "transitions.sorted"

    def s2c(self, frame: Json) -> Frames:
        if "modifications" in frame:
            frame["modifications"].reverse()
        return [frame]


class GreetsBack(ServerFault):
    """Answers a Connect with a transition."""

    name, rule = "greets-back", "connection.connect-silent"
    is_greeted = True

    def s2c(self, frame: Json) -> Frames:
        if frame["type"] == "Transition" and self.is_greeted:
            self.is_greeted = False
            greeting = {**frame, "endVersion": ZERO, "modifications": []}
            return [greeting, frame]
        return [frame]


class SkipsEmptyTransitions(Rechaining):
    """Sends a transition only when a result has changed."""

    name, rule = "skips-empty-transitions", "queries.empty-set"

    def s2c(self, frame: Json) -> Frames:
        if frame["type"] != "Transition":
            return [frame]
        return [self.chained(frame)] if frame["modifications"] else []


class SkipsTheTransitionAfterAResponse(SkipsEmptyTransitions):
    """Sends no transition after a mutation that changed nothing visible."""

    name, rule = "skips-the-transition-after-a-response", "mutations.response-then-transition"
    is_after = False

    def s2c(self, frame: Json) -> Frames:
        self.is_after = self.is_after or frame["type"] == "MutationResponse"
        if frame["type"] == "Transition" and not self.is_after:
            return [self.chained(frame)]
        return super().s2c(frame)


class _Versions(ServerFault):
    held = 0

    def c2s(self, frame: Json) -> Frames:
        if frame["type"] == "ModifyQuerySet":
            frame = self.edit(frame)
            self.held = frame["newVersion"]
        return [frame]

    def edit(self, frame: Json) -> Json:
        """Change a ModifyQuerySet that the server should have refused."""
        return frame


class TakesAnyBaseVersion(_Versions):
    """Accepts an edit that starts elsewhere than the server stands."""

    name, rule = "takes-any-base-version", "queries.base-version"

    def edit(self, frame: Json) -> Json:
        new = max(frame["newVersion"], self.held + 1)
        return {**frame, "baseVersion": self.held, "newVersion": new}


class TakesAnyNewVersion(_Versions):
    """Accepts an edit that does not raise the version."""

    name, rule = "takes-any-new-version", "queries.new-version"

    def edit(self, frame: Json) -> Json:
        return {**frame, "newVersion": max(frame["newVersion"], frame["baseVersion"] + 1)}


class TakesDuplicateAdds(_Versions):
    """Overlooks an Add of a query that is there."""

    name, rule = "takes-duplicate-adds", "queries.duplicate-add"

    def __init__(self, shared: dict[Any, Any]) -> None:
        super().__init__(shared)
        self.known: set[int] = set()

    def edit(self, frame: Json) -> Json:
        changes = []
        for change in frame["modifications"]:
            if change["type"] == "Add" and change["queryId"] in self.known:
                continue
            self.known.add(change["queryId"])
            changes.append(change)
        return {**frame, "modifications": changes}


class TakesUnknownRemoves(TakesDuplicateAdds):
    """Overlooks a Remove of a query that is not there."""

    name, rule = "takes-unknown-removes", "queries.unknown-remove"

    def edit(self, frame: Json) -> Json:
        changes = frame["modifications"]
        known = self.known | {each["queryId"] for each in changes if each["type"] == "Add"}
        self.known = known
        kept = [each for each in changes if each["queryId"] in known]
        return {**frame, "modifications": kept}


class ForgetsRemovals(ServerFault):
    """Does not confirm that a query was removed."""

    name, rule = "forgets-removals", "queries.every-remove-acknowledged"

    def s2c(self, frame: Json) -> Frames:
        if "modifications" in frame:
            changes = frame["modifications"]
            frame["modifications"] = [each for each in changes if each["type"] != "QueryRemoved"]
        return [frame]


class AnswersWhatWasRemoved(ServerFault):
    """Sends a result for a query that was added and removed in one message."""

    name, rule = "answers-what-was-removed", "queries.add-then-remove"

    def s2c(self, frame: Json) -> Frames:
        for change in frame.get("modifications", ()):
            if change["type"] == "QueryRemoved":
                change.update(type="QueryUpdated", value=[], logLines=[], journal=None)
        return [frame]


class OmitsFirstResults(ServerFault):
    """Leaves the second new query of a transition without an answer."""

    name, rule = "omits-first-results", "queries.every-add-answered"

    def s2c(self, frame: Json) -> Frames:
        if len(frame.get("modifications", ())) > 1:
            del frame["modifications"][1:]
        return [frame]


class SpreadsOneMessage(Rechaining):
    """Lets the edits of one message take effect in several transitions."""

    name, rule = "spreads-one-message", "queries.one-message"

    def s2c(self, frame: Json) -> Frames:
        if frame["type"] != "Transition" or len(frame["modifications"]) < 2:
            return [self.chained(frame)] if frame["type"] == "Transition" else [frame]
        return [
            self.chained({**frame, "modifications": [change]}) for change in frame["modifications"]
        ]


class DiesOfUnknownFunctions(ServerFault):
    """Ends the connection because a query fails."""

    name, rule = "dies-of-unknown-functions", "queries.unknown-function"

    def s2c(self, frame: Json) -> Frames:
        failed = [each for each in frame.get("modifications", ()) if each["type"] == "QueryFailed"]
        if failed:
            self.close_with = (None, "")
            return [{"type": "FatalError", "error": failed[0]["errorMessage"]}]
        return [frame]


class DiesOfWrongKinds(DiesOfUnknownFunctions):
    """Ends the connection because a mutation was asked for as a query."""

    name, rule = "dies-of-wrong-kinds", "queries.wrong-kind"


class LetsBadPathsFail(ServerFault):
    """Takes a path that breaks the grammar for one of a missing function."""

    name, rule = "lets-bad-paths-fail", "queries.bad-path"

    def c2s(self, frame: Json) -> Frames:
        for change in frame.get("modifications", ()):
            if " " in change.get("udfPath", ""):
                change["udfPath"] = "no:such"
        return [frame]


class SendsEverythingAlways(ServerFault):
    """Sends every result in every transition."""

    name, rule = "sends-everything-always", "transitions.only-changed"

    def __init__(self, shared: dict[Any, Any]) -> None:
        super().__init__(shared)
        self.last: dict[int, Json] = {}

    def s2c(self, frame: Json) -> Frames:
        if frame["type"] == "Transition":
            for change in frame["modifications"]:
                if change["type"] == "QueryRemoved":
                    self.last.pop(change["queryId"], None)
                else:
                    self.last[change["queryId"]] = change
            removed = [each for each in frame["modifications"] if each["type"] == "QueryRemoved"]
            changes = [*self.last.values(), *removed]
            frame["modifications"] = sorted(changes, key=lambda each: int(each["queryId"]))
        return [frame]


class ForgetsOtherSessions(Rechaining):
    """Tells a client only of its own writes."""

    name, rule = "forgets-other-sessions", "transitions.triggers"
    is_mine = False

    def c2s(self, frame: Json) -> Frames:
        self.is_mine = frame["type"] in ("ModifyQuerySet", "Mutation", "Action", "Authenticate")
        return [frame]

    def s2c(self, frame: Json) -> Frames:
        if frame["type"] != "Transition":
            return [frame]
        is_mine, self.is_mine = self.is_mine, False
        return [self.chained(frame)] if is_mine else []


class TearsSnapshots(Rechaining):
    """Evaluates the second query of a transition at an earlier moment."""

    name, rule = "tears-snapshots", "transitions.one-timestamp"

    def __init__(self, shared: dict[Any, Any]) -> None:
        super().__init__(shared)
        self.seen: set[int] = set()
        self.late: list[Json] = []

    def s2c(self, frame: Json) -> Frames:
        if frame["type"] != "Transition":
            return [frame]
        changes = frame["modifications"]
        fresh = [each for each in changes if each["queryId"] not in self.seen]
        known = [each for each in changes if each["queryId"] in self.seen]
        self.seen |= {each["queryId"] for each in changes}
        shown, self.late = (
            sorted([*fresh, *known[:1], *self.late], key=lambda each: int(each["queryId"])),
            known[1:],
        )
        return [self.chained({**frame, "modifications": shown})]


class WritesIntegersAsNumbers(ServerFault):
    """Writes an Int64 as a plain number."""

    name, rule = "writes-integers-as-numbers", "values.int64"

    def text_of(self, frame: Json) -> str:
        return json.dumps(_plain(frame), ensure_ascii=False)


class TakesBrokenJson(ServerFault):
    """Overlooks text that is no JSON."""

    name, rule = "takes-broken-json", "errors.malformed"

    def broken_text(self, text: str) -> str | None:
        return None


class TakesUnknownTypes(ServerFault):
    """Overlooks a message of an unknown type."""

    name, rule = "takes-unknown-types", "messages.unknown-type-fatal"
    known = frozenset("Connect ModifyQuerySet Mutation Action Authenticate Event".split())

    def c2s(self, frame: Json) -> Frames:
        return [frame] if frame.get("type") in self.known else []


class RefusesUnknownFields(ServerFault):
    """Ends the connection because of a field that it does not know."""

    name, rule = "refuses-unknown-fields", "messages.unknown-field"

    def c2s(self, frame: Json) -> Frames:
        if "future" in frame or "x" in frame:
            self.close_with = (1011, "InternalServerError")
            return []
        return [frame]


class AnswersEvents(ServerFault):
    """Ends the connection because of an Event that it does not know."""

    name, rule = "answers-events", "messages.event-ignored"

    def c2s(self, frame: Json) -> Frames:
        if frame["type"] == "Event":
            self.close_with = (1011, "InternalServerError")
            return []
        return [frame]


class TakesBinaryMessages(ServerFault):
    """Overlooks a binary message."""

    name, rule = "takes-binary-messages", "connection.binary-frame"

    def binary(self, data: bytes) -> bytes | None:
        return None


class ServesTheFuture(ServerFault):
    """Does not look at maxObservedTimestamp."""

    name, rule = "serves-the-future", "connection.max-observed-check"

    def c2s(self, frame: Json) -> Frames:
        frame.pop("maxObservedTimestamp", None)
        return [frame]


class KnowsOnePathOnly(ServerFault):
    """Refuses the path that names the client's version."""

    name, rule = "knows-one-path-only", "connection.upgrade"

    def upgrade(self, path: str, headers: dict[str, str]) -> tuple[str, dict[str, str]] | int:
        return (path, headers) if path == "/api/sync" else 404


class ClosesWithACode(ServerFault):
    """Closes with 1000 where it should close without a code."""

    name, rule = "closes-with-a-code", "errors.close-code"

    def closing(self, code: int | None, reason: str) -> tuple[int | None, str] | None:
        return (1000, "") if code is None else (code, reason)


class ClosesSilently(ServerFault):
    """Ends a connection without the FatalError that says why."""

    name, rule = "closes-silently", "errors.malformed"

    def s2c(self, frame: Json) -> Frames:
        return [] if frame["type"] == "FatalError" else [frame]


def _plain(value: Json) -> Json:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        if list(value) == ["$integer"]:
            return number(value["$integer"])
        return {key: _plain(item) for key, item in value.items()}
    return value
