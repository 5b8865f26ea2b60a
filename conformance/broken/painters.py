"""Broken clients of the parts optimistic and pagination."""

# ruff: noqa: D102 - what a hook is for stands in Fault; what is wrong, at the class

from __future__ import annotations

from conformance.broken.tracking import Tracking

from unisono_conformance.faults import Fault, Frames
from unisono_conformance.values import Json


class AppliesNothingFirst(Fault):
    """Has no optimistic updates."""

    name, rule = "applies-nothing-first", "optimistic.apply-first"

    def op(self, op: str, fields: Json) -> Json:
        if op == "mutate":
            fields = {key: item for key, item in fields.items() if key != "optimistic"}
        return fields


class TearsUpdates(Fault):
    """Publishes what one update changed one by one."""

    name, rule = "tears-updates", "optimistic.one-publication"

    def event(self, event: Json) -> Frames:
        if event["ev"] != "update":
            return [event]
        return [{**event, "changes": [change]} for change in event["changes"]]


class DropsLayersAtTheResponse(Fault):
    """Drops the layer of a mutation when its response comes."""

    name, rule = "drops-layers-at-the-response", "optimistic.no-flicker"
    first: Json = None

    def event(self, event: Json) -> Frames:
        if event["ev"] == "update" and self.first is None:
            self.first = event
        return [event]

    def s2c(self, frame: Json) -> Frames:
        if frame.get("type") == "MutationResponse" and frame["success"] and self.first:
            self.emit(self.first)
        return [frame]


class DropsLayersOnLoss(DropsLayersAtTheResponse):
    """Drops all layers when the socket is lost."""

    name, rule = "drops-layers-on-loss", "optimistic.survive-reconnect"

    def s2c(self, frame: Json) -> Frames:
        return [frame]

    def after(self, op: str, fields: Json) -> None:
        if op == "wire" and fields["do"] == "lost" and self.first:
            self.emit(self.first)


class KeepsFailedLayers(Tracking):
    """Goes on showing what a failed mutation promised."""

    name, rule = "keeps-failed-layers", "optimistic.drop-at-failure"
    is_failing = False

    def s2c(self, frame: Json) -> Frames:
        self.is_failing = frame.get("type") == "MutationResponse" and not frame["success"]
        return super().s2c(frame)

    def event(self, event: Json) -> Frames:
        if event["ev"] == "update" and self.is_failing:
            return []
        return super().event(event)


class KeepsConfirmedLayers(Tracking):
    """Goes on showing a layer whose mutation has settled."""

    name, rule = "keeps-confirmed-layers", "optimistic.drop-at-transition"
    is_covering = False

    def s2c(self, frame: Json) -> Frames:
        is_transition = frame.get("type") == "Transition"
        self.is_covering = is_transition and bool(self.responses) and not frame["modifications"]
        return super().s2c(frame)

    def event(self, event: Json) -> Frames:
        if event["ev"] == "update" and self.is_covering:
            return []
        return super().event(event)


class SendsWhatRaised(Fault):
    """Sends a mutation whose update has raised."""

    name, rule = "sends-what-raised", "optimistic.first-run-raises"

    def op(self, op: str, fields: Json) -> Json:
        changes = fields.get("optimistic") or ()
        if op == "mutate" and any(each["transform"] == "raise" for each in changes):
            return {key: item for key, item in fields.items() if key != "optimistic"}
        return fields


class StopsWhenALayerRaises(Tracking):
    """Publishes nothing any more when a layer raises in a later run."""

    name, rule = "stops-when-a-layer-raises", "optimistic.replay-raises"
    is_doomed = False
    is_stuck = False

    def op(self, op: str, fields: Json) -> Json:
        changes = fields.get("optimistic") or ()
        self.is_doomed = self.is_doomed or any(each["transform"] == "raise" for each in changes)
        return super().op(op, fields)

    def s2c(self, frame: Json) -> Frames:
        self.is_stuck = self.is_doomed and frame.get("type") == "Transition"
        return super().s2c(frame)

    def event(self, event: Json) -> Frames:
        return [] if event["ev"] == "update" and self.is_stuck else super().event(event)


class LayersInTheWrongOrder(Fault):
    """Shows the newest layer below the older ones."""

    name, rule = "layers-in-the-wrong-order", "optimistic.replay-order"

    def event(self, event: Json) -> Frames:
        for change in event.get("changes", ()):
            value = change.get("value")
            if isinstance(value, list) and len(value) > 2:
                change["value"] = [value[0], *reversed(value[1:])]
        return [event]


class HidesUnknownQueries(Tracking):
    """Shows a layer only to those who were there before it."""

    name, rule = "hides-unknown-queries", "optimistic.unknown-query"
    is_subscribing = False

    def op(self, op: str, fields: Json) -> Json:
        self.is_subscribing = op == "subscribe"
        return super().op(op, fields)

    def event(self, event: Json) -> Frames:
        return [] if event["ev"] == "update" and self.is_subscribing else super().event(event)


class CannotSetLoading(Fault):
    """Takes "loading" in a layer for no change."""

    name, rule = "cannot-set-loading", "optimistic.loading"

    def event(self, event: Json) -> Frames:
        changes = [each for each in event.get("changes", ()) if not each.get("loading")]
        return [{**event, "changes": changes}] if event["ev"] == "update" else [event]


class SpoilsTheBase(Fault):
    """Lets a layer write into the server's result."""

    name, rule = "spoils-the-base", "optimistic.pure"
    last: Json = None

    def s2c(self, frame: Json) -> Frames:
        if frame.get("type") == "MutationResponse" and not frame["success"]:
            self.last = "failed"
        return [frame]

    def event(self, event: Json) -> Frames:
        for change in event.get("changes", ()):
            value = change.get("value")
            if self.last == "failed" and isinstance(value, list):
                change["value"] = [*value, "m"]
        return [event]


class _Pages(Fault):
    def options(self, frame: Json) -> list[Json]:
        found = []
        for change in frame.get("modifications", ()):
            for args in change.get("args", ()):
                if "paginationOpts" in args:
                    found.append(args["paginationOpts"])
        return found


class GivesPagesNoId(_Pages):
    """Asks for pages without an id."""

    name, rule = "gives-pages-no-id", "pagination.first-page"

    def c2s(self, frame: Json) -> Frames:
        for options in self.options(frame):
            options.pop("id", None)
        return [frame]


class BeginsPagesAnew(_Pages):
    """Asks for every page from the beginning."""

    name, rule = "begins-pages-anew", "pagination.next-page"

    def c2s(self, frame: Json) -> Frames:
        for options in self.options(frame):
            options["cursor"] = None
        return [frame]


class NeverSplits(_Pages):
    """Lets a page grow for ever."""

    name, rule = "never-splits", "pagination.split"

    def c2s(self, frame: Json) -> Frames:
        is_split = any("endCursor" in options for options in self.options(frame))
        return [] if is_split else [frame]


class SplitsInTheOpen(Fault):
    """Shows one half of a split page before the other is there."""

    name, rule = "splits-in-the-open", "pagination.split-swap"

    def event(self, event: Json) -> Frames:
        shown = []
        for change in event.get("changes", ()):
            value = change.get("value")
            if isinstance(value, dict) and len(value.get("items", ())) > 3:
                half = {**change, "value": {**value, "items": value["items"][:3]}}
                shown.append({**event, "changes": [half]})
        return [*shown, event]


class ShowsHoles(Fault):
    """Shows a page as complete that must be split."""

    name, rule = "shows-holes", "pagination.split-required"

    def s2c(self, frame: Json) -> Frames:
        for change in frame.get("modifications", ()):
            value = change.get("value")
            if isinstance(value, dict) and value.get("pageStatus") == "SplitRequired":
                value["pageStatus"] = None
                value["splitCursor"] = None
        return [frame]


class StopsAtInvalidCursors(Fault):
    """Shows an invalid cursor as an error of the application's."""

    name, rule = "stops-at-invalid-cursors", "pagination.invalid-cursor"

    def s2c(self, frame: Json) -> Frames:
        for change in frame.get("modifications", ()):
            if change["type"] == "QueryFailed":
                change["errorMessage"] = change["errorMessage"].replace("InvalidCursor", "Bad")
                if "errorData" in change:
                    change["errorData"] = {"code": 1}
        return [frame]


class TellsNoStatus(Fault):
    """Always says that more can be loaded."""

    name, rule = "tells-no-status", "pagination.status"

    def event(self, event: Json) -> Frames:
        for change in event.get("changes", ()):
            if isinstance(change.get("value"), dict) and "status" in change["value"]:
                change["value"] = {**change["value"], "status": "CanLoadMore"}
        return [event]


class LoadsBeyondTheEnd(_Pages):
    """Asks for a page although the last one is loading or was the end."""

    name, rule = "loads-beyond-the-end", "pagination.done"

    def op(self, op: str, fields: Json) -> Json:
        if op == "load_more":
            self.send({"type": "ModifyQuerySet", "baseVersion": 1, "newVersion": 2})
        return fields


class ReusesPageIds(_Pages):
    """Gives every list the same id."""

    name, rule = "reuses-page-ids", "pagination.reset"

    def c2s(self, frame: Json) -> Frames:
        for options in self.options(frame):
            options["cursor"] = options.get("cursor") or "from-the-last-list"
        return [frame]
