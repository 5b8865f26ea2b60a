"""Broken servers of the parts pagination, transitions, values and limits."""

# ruff: noqa: D102 - what a hook is for stands in ServerFault; what is wrong, at the class

from __future__ import annotations

import json

from conformance.broken.lax import changes_of

from unisono_conformance.faulty_server import Frames, ServerFault
from unisono_conformance.values import Json, encode_ts


class DrawsCursors(ServerFault):
    """Writes another cursor every time."""

    name, rule = "draws-cursors", "pagination.deterministic-cursor"

    def s2c(self, frame: Json) -> Frames:
        for change in changes_of(frame):
            value = change.get("value")
            if isinstance(value, dict) and "continueCursor" in value:
                times = self.shared["times"] = self.shared.get("times", 0) + 1
                value["continueCursor"] += str(times)
        return [frame]


class _Options(ServerFault):
    def c2s(self, frame: Json) -> Frames:
        for change in changes_of(frame):
            for args in change.get("args", ()):
                if isinstance(args, dict) and "paginationOpts" in args:
                    self.edit(args["paginationOpts"])
        return [frame]

    def edit(self, options: Json) -> None:
        """Change the options of a page."""


class PrefersTheNumber(_Options):
    """Cuts a page at numItems although its end is given."""

    name, rule = "prefers-the-number", "pagination.end-cursor"

    def edit(self, options: Json) -> None:
        options.pop("endCursor", None)


class TakesAnyOption(_Options):
    """Takes pages of no items and options of any name."""

    name, rule = "takes-any-option", "pagination.options"

    def edit(self, options: Json) -> None:
        options["numItems"] = options["numItems"] or 1
        options.pop("pageSize", None)


class LeavesGaps(_Options):
    """Begins the next page somewhere else."""

    name, rule = "leaves-gaps", "pagination.gapless"

    def edit(self, options: Json) -> None:
        options["cursor"] = None


class ForgetsItsEnds(ServerFault):
    """Does not read journals."""

    name, rule = "forgets-its-ends", "pagination.journal-pins"

    def c2s(self, frame: Json) -> Frames:
        for change in changes_of(frame):
            change.pop("journal", None)
        return [frame]


class SaysNothingOfCursors(ServerFault):
    """Fails a foreign cursor without saying that it was the cursor."""

    name, rule = "says-nothing-of-cursors", "pagination.foreign-cursor"

    def s2c(self, frame: Json) -> Frames:
        for change in changes_of(frame):
            change.pop("errorData", None)
        return [frame]


class DiesOfBadArguments(ServerFault):
    """Ends the connection because of arguments that cannot be read."""

    name, rule = "dies-of-bad-arguments", "queries.bad-args"

    def s2c(self, frame: Json) -> Frames:
        if any(change["type"] == "QueryFailed" for change in changes_of(frame)):
            self.close_with = (1011, "InternalServerError")
            return []
        return [frame]


class MissesLogLines(ServerFault):
    """Sends an answer to a wrong question."""

    name, rule = "misses-changes", "transitions.change-hash"

    def s2c(self, frame: Json) -> Frames:
        if frame["type"] == "Transition":
            seen = self.shared.setdefault(id(self), set())
            kept = []
            for change in frame["modifications"]:
                if change["queryId"] not in seen:
                    kept.append(change)
                seen.add(change["queryId"])
            frame["modifications"] = kept
        return [frame]


class ForgetsTriggers(MissesLogLines):
    """Loses a change that came while it was busy."""

    name, rule = "forgets-triggers", "transitions.coalesce"


class ShowsOldSnapshots(MissesLogLines):
    """Goes on showing the first result of a query."""

    name, rule = "shows-old-snapshots", "transitions.snapshot"


class CutsForEverybody(ServerFault):
    """Sends chunks to clients that cannot read them."""

    name, rule = "cuts-for-everybody", "transitions.chunk-only-known"

    def upgrade(self, path: str, headers: dict[str, str]) -> tuple[str, dict[str, str]] | int:
        return "/api/1.40.0/sync", {}


class SendsChunksBackwards(ServerFault):
    """Numbers its chunks from one."""

    name, rule = "numbers-chunks-from-one", "transitions.chunk-sequence"

    def s2c(self, frame: Json) -> Frames:
        if frame["type"] == "TransitionChunk":
            frame["partNumber"] += 1
        return [frame]


class CutsTooLate(ServerFault):
    """Makes chunks of more than five million bytes."""

    name, rule = "cuts-too-late", "transitions.chunk-size"

    def s2c(self, frame: Json) -> Frames:
        if frame["type"] == "TransitionChunk" and frame["partNumber"] == 1:
            frame["chunk"] += "x" * 1000
        return [frame]


class _Echoes(ServerFault):
    replaced = ""

    def c2s(self, frame: Json) -> Frames:
        text = json.dumps(frame)
        for change in changes_of(frame):
            if change.get("udfPath") == "fx:echo" and self.is_bad(text):
                change["args"] = [{"value": "mended"}]
        return [frame]

    def is_bad(self, text: str) -> bool:
        """Whether a right server would have refused the value."""
        return True


class TakesAnyValue(_Echoes):
    """Takes an ordinary number in a $float."""

    name, rule = "takes-any-float", "values.special-float-only"


class TakesAnyAlphabet(_Echoes):
    """Takes base64 of any alphabet."""

    name, rule = "takes-any-alphabet", "values.base64"


class TakesCrowdedTags(_Echoes):
    """Takes a tag beside other keys."""

    name, rule = "takes-crowded-tags", "values.tag-single-key"


class TakesAnyLength(_Echoes):
    """Takes a tag of any length."""

    name, rule = "takes-any-length", "values.tag-length"


class TakesAnyTag(_Echoes):
    """Takes a tag that nobody knows."""

    name, rule = "takes-any-tag", "values.unknown-tag"


class TakesAnyKeyStart(_Echoes):
    """Sends keys that begin with a dollar."""

    name, rule = "takes-any-key-start", "values.key-dollar"


class TakesAnyKeyLetter(_Echoes):
    """Sends keys beyond ASCII."""

    name, rule = "takes-any-key-letter", "values.key-ascii"


class TakesAnyKeyLength(_Echoes):
    """Sends keys of any length."""

    name, rule = "takes-any-key-length", "values.key-length"


class _Garbles(ServerFault):
    pairs: tuple[str, str] = ("", "")

    def text_of(self, frame: Json) -> str:
        return json.dumps(frame, ensure_ascii=False).replace(*self.pairs)


class LosesTheBytes(_Garbles):
    """Sends bytes as text."""

    name, rule = "loses-the-bytes", "values.bytes"
    pairs = ('{"$bytes": "+/8="}', '"+/8="')


class LosesTheSign(_Garbles):
    """Sends minus zero as zero."""

    name, rule = "loses-the-sign", "values.special-float"
    pairs = ('{"$float": "AAAAAAAAAIA="}', "0.0")


class LosesTheAccent(_Garbles):
    """Sends text without its accents."""

    name, rule = "loses-the-accent", "values.unicode"
    pairs = ("é", "e")


class RoundsTheNumber(_Garbles):
    """Sends numbers without their fraction."""

    name, rule = "rounds-the-number", "values.plain-number"
    pairs = ("1.5", "1.0")


class ReadsIntegersOnly(_Garbles):
    """Reads a number without a fraction as an Int64."""

    name, rule = "reads-integers-only", "values.number-decoding"
    pairs = ("-1.5", '{"$integer": "AQAAAAAAAAA="}')


class WritesNoPoint(_Garbles):
    """Writes whole numbers without a fraction."""

    name, rule = "writes-no-point", "values.server-number-text"
    pairs = (".0", "")


class RefusesOddNan(DiesOfBadArguments):
    """Takes only one of the many NaNs."""

    name, rule = "refuses-odd-nan", "values.nan-payload"

    def c2s(self, frame: Json) -> Frames:
        return [] if "AQAAAAAA+H8=" in json.dumps(frame) else [frame]


class TakesJsonWords(ServerFault):
    """Takes NaN as a word."""

    name, rule = "takes-json-words", "values.json-text"

    def c2s(self, frame: Json) -> Frames:
        return [] if frame["type"] == "Mutation" else [frame]

    def broken_text(self, text: str) -> str | None:
        return None


class HearsLittle(ServerFault):
    """Refuses messages of more than a megabyte."""

    name, rule = "hears-little", "limits.server-receive"

    def c2s(self, frame: Json) -> Frames:
        if len(json.dumps(frame)) > 1_000_000:
            self.close_with = (1009, "TooLarge")
            return []
        return [frame]


class DiesOfLargeArguments(DiesOfBadArguments):
    """Ends the connection because of arguments that are too large."""

    name, rule = "dies-of-large-arguments", "limits.function-size"


class StampsNothing(ServerFault):
    """Lets the timestamp of a commit stand for the next one, too."""

    name, rule = "stamps-nothing", "transitions.chain"

    def s2c(self, frame: Json) -> Frames:
        if frame["type"] == "Transition" and frame["startVersion"]["querySet"]:
            frame["startVersion"] = {**frame["startVersion"], "ts": encode_ts(1)}
        return [frame]


class TellsWhatIsHidden(ServerFault):
    """Says of a hidden function that it is hidden."""

    name, rule = "tells-what-is-hidden", "security.same-answer"

    def s2c(self, frame: Json) -> Frames:
        if frame.get("success") is False and "hidden" in frame["result"]:
            frame["result"] = frame["result"].replace("Could not find", "You may not call")
        return [frame]


class PaginatesTwice(ServerFault):
    """Lets a function paginate twice in one run."""

    name, rule = "paginates-twice", "pagination.one-per-run"

    def c2s(self, frame: Json) -> Frames:
        for change in changes_of(frame):
            if change.get("udfPath") == "fx:pageTwice":
                change["udfPath"] = "fx:page"
        return [frame]


class LetsQueuesGrow(ServerFault):
    """Takes any number of waiting mutations."""

    name, rule = "lets-queues-grow", "mutations.queue-limit"
    waiting = 0

    def c2s(self, frame: Json) -> Frames:
        self.waiting += frame["type"] == "Mutation"
        return [frame] if self.waiting < 100 else []


class OrdersAsItLikes(ServerFault):
    """Sorts values from the largest to the smallest."""

    name, rule = "orders-as-it-likes", "values.order"

    def s2c(self, frame: Json) -> Frames:
        for change in changes_of(frame):
            if isinstance(change.get("value"), list):
                change["value"].reverse()
        return [frame]
