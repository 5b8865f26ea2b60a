"""The little of the wire that a judge must read: timestamps, versions and cut Transitions.

Spec: messages, transitions
Not here: values (see readings). A judge shares no code with those whom it judges.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import NamedTuple

from unisono_conformance.checker.anomalies import Json


class WireError(ValueError):
    """A frame in the history is not what the protocol allows there."""


class Version(NamedTuple):
    """Where a connection stands: its query set, its identity, its moment."""

    query_set: int
    identity: int
    ts: int

    def __str__(self) -> str:
        return f"{self.query_set}.{self.identity}.{self.ts}"


ZERO = Version(0, 0, 0)


def decode_ts(text: str) -> int:
    """Read a timestamp: eight bytes, the least significant first, as base64."""
    try:
        data = binascii.a2b_base64(text, strict_mode=True)
    except (TypeError, ValueError):
        data = b""
    if len(data) != 8:
        raise WireError(f"{text!r} is no timestamp")
    return int.from_bytes(data, "little")


def encode_ts(ts: int) -> str:
    """Write a timestamp as the wire does."""
    return base64.b64encode(ts.to_bytes(8, "little")).decode("ascii")


def version_of(frame: Json) -> Version:
    """Read a StateVersion."""
    try:
        return Version(frame["querySet"], frame["identity"], decode_ts(frame["ts"]))
    except (KeyError, TypeError) as error:
        raise WireError(f"{frame!r} is no version") from error


class Pieces:
    """The pieces of a cut Transition that one connection has brought so far."""

    def __init__(self) -> None:
        self._texts: list[str] = []

    def add(self, frame: Json) -> Json | None:
        """Take one TransitionChunk; returns the Transition when it is complete."""
        try:
            number, total, text = frame["partNumber"], frame["totalParts"], frame["chunk"]
        except KeyError as error:
            raise WireError(f"a TransitionChunk without {error}") from error
        # [transitions.chunk-order] A piece out of order makes the set worthless;
        # the chain then shows the gap at the next Transition.
        if number != len(self._texts):
            self._texts = []
            return None
        self._texts.append(text)
        if len(self._texts) < total:
            return None
        whole, self._texts = "".join(self._texts), []
        try:
            return json.loads(whole)
        except ValueError:
            return None

    def drop(self) -> None:
        """Forget an incomplete set."""
        if self._texts:
            self._texts = []
