"""Broken clients of the parts auth and session."""

# ruff: noqa: D102 - what a hook is for stands in Fault; what is wrong, at the class

from __future__ import annotations

from conformance.broken.tracking import Tracking

from unisono_conformance.faults import Fault, Frames
from unisono_conformance.values import Json


class AuthenticatesLast(Fault):
    """Sends its query set before its identity."""

    name, rule = "authenticates-last", "auth.authenticate-first"
    held: Json = None

    def c2s(self, frame: Json) -> Frames:
        if frame["type"] == "Authenticate":
            self.held = frame
            return []
        held, self.held = self.held, None
        return [frame] if held is None else [frame, held]


class CountsIdentitiesFromOne(Fault):
    """Begins with one instead of zero."""

    name, rule = "counts-identities-from-one", "auth.base-version"

    def c2s(self, frame: Json) -> Frames:
        if frame["type"] == "Authenticate":
            frame["baseVersion"] += 1
        return [frame]


class NeverSaysNone(Fault):
    """Leaves the server believing in a user who has gone."""

    name, rule = "never-says-none", "auth.clear"

    def c2s(self, frame: Json) -> Frames:
        return [] if frame.get("tokenType") == "None" else [frame]


class KeepsLostUsers(NeverSaysNone):
    """Says nothing when a token is lost in another way."""

    name, rule = "keeps-lost-users", "auth.none-on-loss"


class TalksWhileFetching(Fault):
    """Goes on sending while the first token is being fetched."""

    name, rule = "talks-while-fetching", "auth.pause-while-fetching"
    number: int | None = None

    def event(self, event: Json) -> Frames:
        if event["ev"] == "token_wanted" and not event["force"]:
            self.send({"type": "Event", "eventType": "Waiting", "event": {}})
            self.send({"type": "ModifyQuerySet", "baseVersion": 0, "newVersion": 1})
        return [event]


class TellsTokens(Fault):
    """Names the token in what it tells the application."""

    name, rule = "tells-tokens", "auth.token-secret"

    def op(self, op: str, fields: Json) -> Json:
        if op == "token" and fields.get("token"):
            text = f"now using {fields['token']}"
            self.emit({"ev": "error", "kind": "auth", "message": text})
        return fields


class IsAlwaysAuthenticated(Fault):
    """Says that it is authenticated as soon as it has a token."""

    name, rule = "is-always-authenticated", "auth.on-change"

    def c2s(self, frame: Json) -> Frames:
        if frame["type"] == "Authenticate" and frame["tokenType"] == "User":
            self.emit({"ev": "auth", "authenticated": True})
        return [frame]


class BelievesOldConfirmations(Tracking):
    """Takes a confirmation of an older identity for one of the newest."""

    name, rule = "believes-old-confirmations", "auth.confirmation"

    def s2c(self, frame: Json) -> Frames:
        if frame.get("type") == "Transition" and frame["endVersion"]["identity"] == 1:
            self.emit({"ev": "auth", "authenticated": True})
            self.emit({"ev": "auth", "authenticated": False})
        return super().s2c(frame)


class FetchesForOldErrors(Fault):
    """Asks for a new token whatever an AuthError is about."""

    name, rule = "fetches-for-old-errors", "auth.stale-error"

    def s2c(self, frame: Json) -> Frames:
        if frame.get("type") == "AuthError":
            self.emit({"ev": "token_wanted", "number": 99, "force": True})
        return [frame]


class FetchesForExpiredOnes(FetchesForOldErrors):
    """Asks for a new token while a fresh one awaits its confirmation."""

    name, rule = "fetches-for-expired-ones", "auth.ignore-while-fresh"


class OverlooksRefusals(Fault):
    """Does nothing about an AuthError."""

    name, rule = "overlooks-refusals", "auth.update-refetch"

    def s2c(self, frame: Json) -> Frames:
        return [] if frame.get("type") == "AuthError" else [frame]


class WantsTheFlag(Fault):
    """Does nothing about an AuthError without authUpdateAttempted."""

    name, rule = "wants-the-flag", "auth.attempted"

    def s2c(self, frame: Json) -> Frames:
        if frame.get("type") == "AuthError":
            frame.setdefault("authUpdateAttempted", False)
        return [frame]


class TriesForEver(Fault):
    """Goes on fetching tokens that are refused."""

    name, rule = "tries-for-ever", "auth.attempts-bound"
    refused = 0

    def s2c(self, frame: Json) -> Frames:
        if frame.get("type") == "AuthError":
            self.refused += 1
            if self.refused > 3:
                self.emit({"ev": "token_wanted", "number": 99, "force": True})
        return [frame]


class SendsTheSameTokenTwice(Fault):
    """Authenticates again with the token in use."""

    name, rule = "sends-the-same-token-twice", "auth.same-token"
    token: Json = None

    def c2s(self, frame: Json) -> Frames:
        if frame["type"] == "Authenticate":
            self.token = frame
        return [frame]

    def op(self, op: str, fields: Json) -> Json:
        if op == "token" and self.token and fields.get("token") == self.token["value"]:
            self.send({**self.token, "baseVersion": 1})
        return fields


class WaitsWithANewToken(Fault):
    """Waits as after any other loss although it has a new token."""

    name, rule = "waits-with-a-new-token", "auth.no-backoff"

    def s2c(self, frame: Json) -> Frames:
        if frame.get("type") == "AuthError":
            return []
        return [frame]


class BelievesLateTokens(Fault):
    """Uses what a fetch returns although a later one has begun."""

    name, rule = "believes-late-tokens", "auth.race-guard"

    def op(self, op: str, fields: Json) -> Json:
        if op == "token" and fields.get("token") == "tok-old":
            value = fields["token"]
            frame = {"type": "Authenticate", "baseVersion": 0, "tokenType": "User", "value": value}
            self.send(frame)
        return fields


class NeverRefreshes(Fault):
    """Lets a token expire."""

    name, rule = "never-refreshes", "auth.refresh-ahead"
    confirmed = False

    def event(self, event: Json) -> Frames:
        self.confirmed = self.confirmed or event["ev"] == "auth"
        return [] if event["ev"] == "token_wanted" and self.confirmed else [event]


class RefreshesInAHurry(Fault):
    """Lets its clock run at double speed."""

    name, rule = "refreshes-in-a-hurry", "auth.refresh-leeway"

    def op(self, op: str, fields: Json) -> Json:
        return {**fields, "ms": fields["ms"] * 2} if op == "advance" else fields


class OverflowsItsTimer(Fault):
    """Fetches at once when a life is longer than its timer can hold."""

    name, rule = "overflows-its-timer", "auth.refresh-clamp"

    def event(self, event: Json) -> Frames:
        if event["ev"] == "auth" and event["authenticated"]:
            return [event, {**event, "ev": "token_wanted", "number": 98, "force": True}]
        return [event]


class FetchesAfterClear(Fault):
    """Goes on fetching when the user has left."""

    name, rule = "fetches-after-clear", "auth.clear-stops"

    is_cleared = False

    def op(self, op: str, fields: Json) -> Json:
        self.is_cleared = self.is_cleared or (op == "set_auth" and fields["mode"] == "none")
        return fields

    def s2c(self, frame: Json) -> Frames:
        if self.is_cleared and frame.get("type") == "Ping":
            self.emit({"ev": "token_wanted", "number": 97, "force": True})
        return [frame]


class SaysNothingOfLoss(Fault):
    """Does not tell the application that it goes on as nobody."""

    name, rule = "says-nothing-of-loss", "auth.fetch-null"

    def event(self, event: Json) -> Frames:
        is_loss = event["ev"] == "auth" and not event["authenticated"]
        return [] if is_loss else [event]


class DiesOfRaisingFetchers(SaysNothingOfLoss):
    """Never ends a fetch that raises."""

    name, rule = "dies-of-raising-fetchers", "auth.fetch-rejects"


class WaitsForEverForAToken(SaysNothingOfLoss):
    """Waits for ever for a fetch that hangs."""

    name, rule = "waits-for-ever-for-a-token", "auth.fetch-deadline"


class StaysPaused(WaitsForEverForAToken):
    """Does not leave the pause of a fetch that hangs."""

    name, rule = "stays-paused", "session.pause-bounded"


class HidesAdminKeys(Fault):
    """Keeps an admin key to itself."""

    name, rule = "hides-admin-keys", "auth.admin"

    def c2s(self, frame: Json) -> Frames:
        return [] if frame.get("tokenType") == "Admin" else [frame]


class ResumesBackwards(Fault):
    """Sends calls before edits when it resumes."""

    name, rule = "resumes-backwards", "session.resume-order"

    def __init__(self, emit: object) -> None:
        super().__init__(emit)  # type: ignore[arg-type]
        self.held: list[Json] = []

    def c2s(self, frame: Json) -> Frames:
        self.held.append(frame)
        return []

    def after(self, op: str, fields: Json) -> None:
        held, self.held = self.held, []
        is_resumption = op in ("token", "resume") or (op == "wire" and fields["do"] == "opened")
        for frame in reversed(held) if is_resumption else held:
            self.send(frame)


class TalksAfterClose(Tracking):
    """Calls its subscribers back after it was closed."""

    name, rule = "talks-after-close", "session.stop-then-silence"

    def after(self, op: str, fields: Json) -> None:
        if op == "close":
            self.emit({"ev": "update", "changes": [{"sub": sub, "value": 0} for sub in self.subs]})

    def op(self, op: str, fields: Json) -> Json:
        if op == "unsubscribe":
            change = {"sub": fields["sub"], "value": 0}
            self.emit({"ev": "update", "changes": [change]})
            self.gone = fields["sub"]
        return super().op(op, fields)

    gone = ""

    def s2c(self, frame: Json) -> Frames:
        if self.gone:
            self.emit({"ev": "update", "changes": [{"sub": self.gone, "value": 0}]})
        return super().s2c(frame)


class LeavesCallsOpen(Fault):
    """Does not settle its calls when it is closed."""

    name, rule = "leaves-calls-open", "session.close-settles"

    def event(self, event: Json) -> Frames:
        kind = (event.get("error") or {}).get("kind")
        return [] if event["ev"] == "settled" and kind == "closed" else [event]


class PublishesEverything(Tracking):
    """Names every query in every publication."""

    name, rule = "publishes-everything", "session.only-changed-published"

    def __init__(self, emit: object) -> None:
        super().__init__(emit)
        self.shown: dict[str, Json] = {}

    def event(self, event: Json) -> Frames:
        if event["ev"] == "update":
            self.shown.update({change["sub"]: change for change in event["changes"]})
            return [{**event, "changes": list(self.shown.values())}]
        return super().event(event)


class ShowsTwoSnapshots(Fault):
    """Tells one subscriber of a query before the others."""

    name, rule = "shows-two-snapshots", "session.one-snapshot"

    def event(self, event: Json) -> Frames:
        if event["ev"] != "update" or len(event["changes"]) < 2:
            return [event]
        first, *rest = event["changes"]
        return [{**event, "changes": [first]}, {**event, "changes": rest}]


class SharesItsSession(Fault):
    """Uses one session for all client objects."""

    name, rule = "shares-its-session", "session.id-fresh"

    def c2s(self, frame: Json) -> Frames:
        if frame["type"] == "Connect":
            frame["sessionId"] = "123e4567-e89b-42d3-a456-426614174000"
        return [frame]
