"""Broken clients that read chunks, values and extensions in the wrong way."""

# ruff: noqa: D102 - what a hook is for stands in Fault; what is wrong, at the class

from __future__ import annotations

import json

from unisono_conformance.faults import Fault, Frames
from unisono_conformance.values import Json


class KeepsLogLines(Fault):
    """Keeps the log lines of functions to itself."""

    name, rule = "keeps-log-lines", "transitions.log-lines"

    def event(self, event: Json) -> Frames:
        return [] if event["ev"] == "log" else [event]


class _JoinsAnything(Fault):
    def __init__(self, emit: object) -> None:
        super().__init__(emit)  # type: ignore[arg-type]
        self.parts: dict[int, str] = {}

    def s2c(self, frame: Json) -> Frames:
        if frame.get("type") != "TransitionChunk":
            return [frame]
        self.parts[frame["partNumber"]] = frame["chunk"]
        if len(self.parts) < frame["totalParts"]:
            return []
        text, self.parts = "".join(part for _, part in sorted(self.parts.items())), {}
        try:
            whole = json.loads(text)
        except ValueError:
            return []
        return [whole] if whole.get("type") == "Transition" else []


class JoinsInAnyOrder(_JoinsAnything):
    """Waits for chunks in any order."""

    name, rule = "joins-in-any-order", "transitions.chunk-order"


class JoinsAnySet(_JoinsAnything):
    """Joins chunks of different sets."""

    name, rule = "joins-any-set", "transitions.chunk-set"


class JoinsAnyText(_JoinsAnything):
    """Overlooks a chunk set that spells no Transition."""

    name, rule = "joins-any-text", "transitions.chunk-identity"


class ForgivesInterruptions(_JoinsAnything):
    """Goes on when another message comes between chunks."""

    name, rule = "forgives-interruptions", "transitions.chunk-lost"


class _OverlooksBadValues(Fault):
    def s2c(self, frame: Json) -> Frames:
        for change in frame.get("modifications", ()):
            if frame["endVersion"]["ts"] == "CwAAAAAAAAA=":
                change["value"] = ["good"]
        return [frame]


class TakesNumbersInTags(_OverlooksBadValues):
    """Takes an ordinary number in a $float."""

    name, rule = "takes-numbers-in-tags", "values.special-float-only"


class TakesAnyBase64(_OverlooksBadValues):
    """Takes base64 of any alphabet."""

    name, rule = "takes-any-base64", "values.base64"


class TakesTagsWithCompany(_OverlooksBadValues):
    """Takes a tag beside other keys."""

    name, rule = "takes-tags-with-company", "values.tag-single-key"


class TakesShortTags(_OverlooksBadValues):
    """Takes a tag of any length."""

    name, rule = "takes-short-tags", "values.tag-length"


class TakesUnknownTags(_OverlooksBadValues):
    """Takes a tag that nobody knows."""

    name, rule = "takes-unknown-tags", "values.unknown-tag"


class LosesBytes(Fault):
    """Gives bytes to the application as text."""

    name, rule = "loses-bytes", "values.bytes"

    def event(self, event: Json) -> Frames:
        return [json.loads(json.dumps(event).replace('{"$bytes": "YWJj"}', '"abc"'))]


class RefusesOddNans(Fault):
    """Takes only one of the many NaNs."""

    name, rule = "refuses-odd-nans", "values.nan-payload"

    def s2c(self, frame: Json) -> Frames:
        return [] if "AQAAAAAA+H8=" in json.dumps(frame) else [frame]


class WantsAPoint(Fault):
    """Takes a number without a fraction for an Int64."""

    name, rule = "wants-a-point", "values.number-decoding"

    def event(self, event: Json) -> Frames:
        for change in event.get("changes", ()):
            if isinstance(change.get("value"), list):
                change["value"] = [{"$integer": "AQAAAAAAAAA="} for _ in change["value"]]
        return [event]


class RoundsNumbers(Fault):
    """Sends numbers with three digits."""

    name, rule = "rounds-numbers", "values.plain-number"

    def c2s(self, frame: Json) -> Frames:
        return [json.loads(json.dumps(frame), parse_float=lambda text: float(f"{float(text):.2e}"))]


class UsesWhatWasNotOffered(Fault):
    """Sends a field of an extension that nobody has answered."""

    name, rule = "uses-what-was-not-offered", "extensions.unanswered"

    def c2s(self, frame: Json) -> Frames:
        if frame["type"] == "Mutation":
            frame["extensions"] = {"example.delta": {}}
        return [frame]


class OffersTooLate(Fault):
    """Offers an extension after the opening."""

    name, rule = "offers-too-late", "extensions.offer"

    def c2s(self, frame: Json) -> Frames:
        if frame["type"] == "Mutation":
            frame["extensions"] = {"example.delta": {"version": 1}}
        return [frame]


class StaysAfterNoise(Fault):
    """Keeps the socket that said something which is no message."""

    name, rule = "stays-after-noise", "messages.refused-heals"

    def wire(self, event: Json) -> Frames:
        return [] if event["do"] == "close" else [event]
