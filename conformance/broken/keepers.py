"""Broken servers of everything that takes its time: pings, expiry, keys that change, redaction."""

# ruff: noqa: D102 - what a hook is for stands in ServerFault; what is wrong, at the class

from __future__ import annotations

import base64
import json

from unisono_conformance.faulty_server import Frames, ServerFault
from unisono_conformance.values import ZERO, Json


class SendsNoPings(ServerFault):
    """Never sends a Ping."""

    name, rule = "sends-no-pings", "connection.ping"

    def s2c(self, frame: Json) -> Frames:
        return [] if frame["type"] == "Ping" else [frame]


class PingsOnce(ServerFault):
    """Sends one Ping and no other."""

    name, rule = "pings-once", "connection.ping"
    has_pinged = False

    def s2c(self, frame: Json) -> Frames:
        if frame["type"] != "Ping":
            return [frame]
        had_pinged, self.has_pinged = self.has_pinged, True
        return [] if had_pinged else [frame]


class SendsNoWebSocketPings(ServerFault):
    """Never sends a WebSocket ping."""

    name, rule = "sends-no-websocket-pings", "connection.websocket-ping"
    answers_pings = True

    def ping(self, data: bytes) -> bytes | None:
        return None


class SendsOneWebSocketPing(SendsNoWebSocketPings):
    """Sends a WebSocket ping after the upgrade and no other."""

    name, rule = "sends-one-websocket-ping", "connection.websocket-ping"
    has_pinged = False

    def ping(self, data: bytes) -> bytes | None:
        had_pinged, self.has_pinged = self.has_pinged, True
        return None if had_pinged else data


class KeepsSilentPeers(ServerFault):
    """Keeps a peer from which nothing at all comes."""

    name, rule = "keeps-silent-peers", "connection.silent-peer"
    answers_pings = True


class HearsNoPongs(ServerFault):
    """Takes a peer for silent that answers every ping."""

    name, rule = "hears-no-pongs", "connection.silent-peer"
    hears_pongs = False


class _Identities(ServerFault):
    token_type = ""

    def c2s(self, frame: Json) -> Frames:
        if frame["type"] == "Authenticate":
            self.token_type = frame["tokenType"]
        return [frame]

    def refusal(self) -> Json:
        """The AuthError of a server that ends the connection."""
        self.close_with = (None, "")
        return {
            "type": "AuthError",
            "error": "gone",
            "baseVersion": 1,
            "authUpdateAttempted": False,
        }


class EndsAtExpiry(_Identities):
    """Ends a connection in the moment in which its token expires."""

    name, rule = "ends-at-expiry", "auth.lazy-expiry"

    def s2c(self, frame: Json) -> Frames:
        is_late = frame["type"] == "Ping" and self.token_type == "User"
        return [self.refusal()] if is_late else [frame]


class EndsEveryAdmin(_Identities):
    """Does not ask again whether an admin key is good, and takes it for bad."""

    name, rule = "ends-every-admin", "auth.admin-recheck"

    def s2c(self, frame: Json) -> Frames:
        is_late = frame["type"] == "Ping" and self.token_type == "Admin"
        return [self.refusal()] if is_late else [frame]


class RaisesTheVersionOfAdmins(_Identities):
    """Takes asking again for an admin key for a new identity."""

    name, rule = "raises-the-version-of-admins", "auth.admin-recheck"
    is_late = False

    def s2c(self, frame: Json) -> Frames:
        self.is_late = self.is_late or (frame["type"] == "Ping" and self.token_type == "Admin")
        if frame["type"] == "Transition" and self.is_late:
            frame["endVersion"]["identity"] += 1
        return [frame]


class _GoesOn(ServerFault):
    def s2c(self, frame: Json) -> Frames:
        if frame["type"] != "AuthError":
            return [frame]
        answer = {"type": "MutationResponse", "requestId": 0, "success": True, "result": 0}
        return [{**answer, "ts": ZERO["ts"], "logLines": []}]

    def closing(self, code: int | None, reason: str) -> tuple[int | None, str] | None:
        return None


class TrustsAdminsForEver(_GoesOn):
    """Runs the mutation of an admin whose key was withdrawn."""

    name, rule = "trusts-admins-for-ever", "auth.admin-recheck"


class TrustsTokensForEver(_GoesOn):
    """Runs a mutation under a token that has expired."""

    name, rule = "trusts-tokens-for-ever", "auth.expired"


class TakesExpiryForARefusal(ServerFault):
    """Says of an expired token that it was refused."""

    name, rule = "takes-expiry-for-a-refusal", "auth.expired"

    def s2c(self, frame: Json) -> Frames:
        if frame["type"] == "AuthError":
            frame["authUpdateAttempted"] = True
        return [frame]


class ShowsExpiredResults(ServerFault):
    """Ends a connection with an expired token only after a last Transition."""

    name, rule = "shows-expired-results", "auth.expired"
    last: Json = None

    def s2c(self, frame: Json) -> Frames:
        if frame["type"] == "Transition":
            self.last = frame
        if frame["type"] == "AuthError" and self.last is not None:
            version = self.last["endVersion"]
            again = {**self.last, "startVersion": version, "endVersion": version}
            return [again, frame]
        return [frame]


class KnowsOldKeysOnly(ServerFault):
    """Refuses tokens that a key has signed which it did not know at its start."""

    name, rule = "knows-old-keys-only", "auth.key-rotation"

    def c2s(self, frame: Json) -> Frames:
        if frame["type"] == "Authenticate" and frame["tokenType"] == "User":
            first, _, rest = frame["value"].partition(".")
            key = json.loads(base64.urlsafe_b64decode(first + "=="))["kid"]
            if key != self.shared.setdefault("key", key):
                frame["value"] = f"{first}.{rest[:-4]}AAAA"
        return [frame]


class TakesIdsInCapitals(ServerFault):
    """Does not tell capitals in an id from small letters."""

    name, rule = "takes-ids-in-capitals", "values.id-strict"

    def c2s(self, frame: Json) -> Frames:
        for change in frame.get("modifications", ()):
            if change.get("udfPath") == "fx:asCellId":
                change["args"][0]["id"] = change["args"][0]["id"].lower()
        return [frame]


class ReadsIdsToTheirEnd(ServerFault):
    """Does not look at what follows an id."""

    name, rule = "reads-ids-to-their-end", "values.id-strict"

    def c2s(self, frame: Json) -> Frames:
        for change in frame.get("modifications", ()):
            if change.get("udfPath") == "fx:asCellId":
                change["args"][0]["id"] = change["args"][0]["id"][:32]
        return [frame]


class RedactsNothing(ServerFault):
    """Sends the text of an error where it should be redacted."""

    name, rule = "redacts-nothing", "errors.redaction"

    def s2c(self, frame: Json) -> Frames:
        if frame["type"] == "MutationResponse" and not frame["success"]:
            frame["result"] += "\nUncaught Error: boom"
        return [frame]


class RedactsNoLogs(ServerFault):
    """Redacts the text of an error, but not the log lines."""

    name, rule = "redacts-no-logs", "errors.redaction"

    def s2c(self, frame: Json) -> Frames:
        for each in (frame, *frame.get("modifications", ())):
            if "logLines" in each:
                each["logLines"] = ["[LOG] 'secret'"]
        return [frame]


class DiesOfSlowFunctions(ServerFault):
    """Ends the connection because a function computes for too long."""

    name, rule = "dies-of-slow-functions", "limits.function-time"

    def s2c(self, frame: Json) -> Frames:
        if any(each["type"] == "QueryFailed" for each in frame.get("modifications", ())):
            self.close_with = (1011, "InternalServerError")
            return []
        return [frame]


class ComputesForSlowReaders(ServerFault):
    """Computes transitions for a client that does not read, as many as there are commits."""

    name, rule = "computes-for-slow-readers", "transitions.two-unsent"
    write_limit = 2**40
