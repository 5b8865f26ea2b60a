"""Auth: who is calling, where the next token comes from, and what to do when one is refused.

Every event has a cell in every state in which it can happen, and every state that waits
has a deadline, so that no answer of a fetcher or a server can leave the client stuck.

Spec: auth
Not here: holding the socket back meanwhile (see connection, session).
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeAlias

from . import messages
from .messages import AuthError
from .values import Json

LONGEST_REFRESH_S = 20 * 24 * 3600.0
SHORTEST_LIFE_S = 2
FORCED_ATTEMPTS = 3


class State(Enum):
    """Where the identity stands; `value` is what users see."""

    NOBODY = "nobody"
    EXPECTING = "expecting"
    FETCHING = "fetching"
    FETCHING_FORCED = "fetching with force"
    CONFIRMING_CACHED = "confirming a cached token"
    CONFIRMING_FRESH = "confirming a fresh token"
    VALID = "valid"
    REFRESHING = "refreshing"
    REPLACING = "replacing"
    ADMIN = "admin"
    FAILED = "failed"


class Event(Enum):
    """What happens to an identity."""

    SET_FETCHER = "set fetcher"
    SET_TOKEN = "set token"
    SET_ADMIN = "set admin"
    CLEAR = "clear"
    TOKEN = "another token"
    SAME = "same token"
    NOTHING = "no token"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    REFUSED_FOR_GOOD = "refused for good"
    REFRESH_DUE = "refresh due"


_S, _E = State, Event
_BY_USER = {
    _E.SET_FETCHER: _S.FETCHING,
    _E.SET_TOKEN: _S.CONFIRMING_FRESH,
    _E.SET_ADMIN: _S.ADMIN,
    _E.CLEAR: _S.NOBODY,
}


def _stays(state: State, *events: Event) -> dict[Event, State]:
    return dict.fromkeys(events, state)


_REPLACEABLE = {_E.REFUSED: _S.REPLACING, _E.REFUSED_FOR_GOOD: _S.FAILED}
_REFUSALS = (_E.REFUSED, _E.REFUSED_FOR_GOOD)
TRANSITIONS: dict[State, dict[Event, State]] = {
    _S.NOBODY: {**_BY_USER, **_stays(_S.NOBODY, _E.CONFIRMED, *_REFUSALS)},
    _S.EXPECTING: _BY_USER,
    _S.FETCHING: {
        **_BY_USER,
        # An error about the previous token: the fetch that runs is the answer.
        **_stays(_S.FETCHING, _E.CONFIRMED, *_REFUSALS),
        _E.TOKEN: _S.CONFIRMING_CACHED,
        _E.NOTHING: _S.FETCHING_FORCED,
    },
    _S.FETCHING_FORCED: {
        **_BY_USER,
        **_stays(_S.FETCHING_FORCED, _E.CONFIRMED, *_REFUSALS),
        _E.TOKEN: _S.CONFIRMING_FRESH,
        _E.SAME: _S.VALID,
        _E.NOTHING: _S.FAILED,
    },
    _S.CONFIRMING_CACHED: {**_BY_USER, **_REPLACEABLE, _E.CONFIRMED: _S.VALID},
    _S.CONFIRMING_FRESH: {**_BY_USER, **_REPLACEABLE, _E.CONFIRMED: _S.VALID},
    _S.VALID: {
        **_BY_USER,
        **_REPLACEABLE,
        _E.CONFIRMED: _S.VALID,
        _E.REFRESH_DUE: _S.REFRESHING,
    },
    _S.REFRESHING: {
        **_BY_USER,
        **_REPLACEABLE,
        _E.CONFIRMED: _S.REFRESHING,
        _E.TOKEN: _S.CONFIRMING_FRESH,
        _E.SAME: _S.VALID,
        _E.NOTHING: _S.FAILED,
    },
    _S.REPLACING: {
        **_BY_USER,
        _E.TOKEN: _S.CONFIRMING_FRESH,
        # [auth.same-token] After a refusal the same token counts as nothing.
        _E.SAME: _S.FAILED,
        _E.NOTHING: _S.FAILED,
    },
    _S.ADMIN: {
        **_BY_USER,
        _E.CONFIRMED: _S.ADMIN,
        **_stays(_S.FAILED, *_REFUSALS),
    },
    _S.FAILED: {**_BY_USER, **_stays(_S.FAILED, _E.CONFIRMED, *_REFUSALS)},
}
FETCHES = {
    State.FETCHING: False,
    State.FETCHING_FORCED: True,
    State.REFRESHING: True,
    State.REPLACING: True,
}
#: Nothing is sent in these states.
BLOCKING = frozenset({State.EXPECTING, State.FETCHING, State.FETCHING_FORCED, State.REPLACING})


@dataclass(frozen=True, slots=True)
class FetchToken:
    """Effect: ask the user's fetcher for a token, and answer with this number."""

    number: int
    force: bool


@dataclass(frozen=True, slots=True)
class AuthChanged:
    """Effect: tell the user whether the server has confirmed an identity."""

    is_authenticated: bool


@dataclass(frozen=True, slots=True)
class Identity:
    """Who to be: a token or a key, and perhaps whom an administrator acts as."""

    token_type: str
    token: str = field(repr=False)
    acting_as: Mapping[str, Json] | None = field(default=None, repr=False)


Effect: TypeAlias = FetchToken | AuthChanged


class Auth:
    """The identity that is wanted, and what the server of this connection knows of it."""

    def __init__(self, expects: bool, deadline_s: float, leeway_s: float) -> None:
        self._state = State.EXPECTING if expects else State.NOBODY
        self._deadline_s = deadline_s
        self._leeway_s = leeway_s
        self._deadline: float | None = None
        self._has_fetcher = False
        self._fetch_number = 0
        self._identity: Identity | None = None
        self._is_unsent = False
        self._sent = 0
        self._confirmed = 0
        self._forced_refusals = 0
        self._excused: Identity | None = None
        self._told: bool | None = None
        self._skew_s: float | None = None
        self._effects: list[Effect] = []

    @property
    def state(self) -> State:
        """Where the identity stands."""
        return self._state

    @property
    def is_authenticated(self) -> bool:
        """Whether the server has confirmed the identity, as far as the user was told."""
        return self._told is True

    @property
    def is_blocking(self) -> bool:
        """Whether nothing may be sent until a token has come."""
        # [auth.pause-while-fetching]
        return self._state in BLOCKING

    @property
    def holds_socket(self) -> bool:
        """Whether the next connection has to wait for a token."""
        return self._state is State.REPLACING

    @property
    def is_confirmed(self) -> bool:
        """Whether nothing that was sent on this connection awaits confirmation."""
        return self._confirmed >= self._sent

    @property
    def deadline(self) -> float | None:
        """When a fetch has taken too long, or the next one is due."""
        return self._deadline

    def take_effects(self) -> list[Effect]:
        """The effects since the last time."""
        effects, self._effects = self._effects, []
        return effects

    def set_fetcher(self, now: float) -> None:
        """The user gave a fetcher."""
        self._has_fetcher, self._told, self._forced_refusals = True, None, 0
        self._enter(Event.SET_FETCHER, now)

    def set_token(self, token: str, now: float) -> None:
        """The user gave a token that cannot be renewed."""
        self._has_fetcher, self._told = False, None
        self._enter(Event.SET_TOKEN, now, Identity("User", token))

    def set_admin(self, key: str, acting_as: Mapping[str, Json] | None, now: float) -> None:
        """The user gave an admin key."""
        # [auth.admin] Nothing is fetched and nothing refreshed.
        self._has_fetcher, self._told = False, None
        self._enter(Event.SET_ADMIN, now, Identity("Admin", key, acting_as))

    def clear(self, now: float) -> None:
        """The user has signed out."""
        # [auth.clear-stops] Without a fetcher and a deadline nothing comes back by itself.
        self._has_fetcher = False
        self._enter(Event.CLEAR, now)

    def fetched(self, number: int, token: str | None, now: float) -> None:
        """A fetch ended; None stands for nothing, an exception or silence."""
        # [auth.race-guard]
        if number != self._fetch_number or self._state not in FETCHES:
            return
        # [auth.fetch-null] [auth.fetch-rejects]
        if not token:
            self._enter(Event.NOTHING, now)
            return
        identity = Identity("User", token)
        is_same = FETCHES[self._state] and identity == self._identity
        if is_same and not self.is_confirmed and self._state is not State.REPLACING:
            # [auth.on-change] It is on its way to the server and waited for like a new one.
            self._enter(Event.TOKEN, now)
        else:
            self._enter(Event.SAME if is_same else Event.TOKEN, now, identity)

    def tick(self, now: float) -> None:
        """The deadline has passed."""
        if self._deadline is None or now < self._deadline:
            return
        if self._state in FETCHES:
            # [auth.fetch-deadline] A fetch that hangs is one that returned nothing.
            self._enter(Event.NOTHING, now)
        else:
            self._enter(Event.REFRESH_DUE, now)

    def opened(self) -> None:
        """A new connection belongs to nobody."""
        self._sent = self._confirmed = 0
        self._is_unsent = self._identity is not None

    def message(self) -> str | None:
        """The message that tells the server of a changed identity, if it has changed."""
        if not self._is_unsent:
            return None
        self._is_unsent = False
        identity = self._identity or Identity("None", "")
        # [auth.base-version]
        base, self._sent = self._sent, self._sent + 1
        token = identity.token or None
        return messages.authenticate(base, identity.token_type, token, identity.acting_as)

    def moved(self, identity_version: int, skew_ms: float | None, now: float) -> None:
        """A Transition raised the identity version."""
        if skew_ms is not None:
            self._skew_s = skew_ms / 1000
        self._confirmed = max(self._confirmed, identity_version)
        # [auth.confirmation] A lower number confirms an older attempt, or none that was made.
        if identity_version >= self._sent > 0 and not self._is_unsent:
            self._enter(Event.CONFIRMED, now)

    def refused(self, error: AuthError, now: float) -> None:
        """The server refused a token, or the one it had has expired."""
        base = self._sent if error.base_version is None else error.base_version
        # [auth.stale-error] It speaks of an older attempt, or of none on this connection.
        if base + 1 < self._sent or not self._sent:
            return
        # [auth.attempted] [auth.ignore-while-fresh] Once for each token: a server that
        # says it again about the only token it was sent means that token.
        is_expiry = error.update_attempted is False and not self.is_confirmed
        if is_expiry and (self._sent > 1 or self._excused != self._identity):
            self._excused = self._identity
            return
        if self._state is State.CONFIRMING_FRESH:
            self._forced_refusals += 1
        # [auth.attempts-bound]
        is_final = not self._has_fetcher or self._forced_refusals >= FORCED_ATTEMPTS
        self._enter(Event.REFUSED_FOR_GOOD if is_final else Event.REFUSED, now)

    def _enter(self, event: Event, now: float, identity: Identity | None = None) -> None:
        before, self._state = self._state, TRANSITIONS[self._state][event]
        if self._state is before and event is Event.CONFIRMED and before is not State.ADMIN:
            return
        match self._state:
            case State.FETCHING | State.FETCHING_FORCED | State.REFRESHING:
                if before is not self._state or event is Event.SET_FETCHER:
                    self._fetch(now)
            case State.REPLACING:
                # [auth.update-refetch] A refresh that is under way is already the answer.
                if before is not State.REFRESHING:
                    self._fetch(now)
            case State.CONFIRMING_CACHED | State.CONFIRMING_FRESH | State.ADMIN:
                self._confirm(event, identity)
            case State.VALID:
                self._settle(before, now)
            case State.NOBODY | State.FAILED:
                self._be_nobody(event)

    def _fetch(self, now: float) -> None:
        self._fetch_number += 1
        self._deadline = now + self._deadline_s
        self._effects.append(FetchToken(self._fetch_number, FETCHES[self._state]))

    def _confirm(self, event: Event, identity: Identity | None) -> None:
        self._deadline = None
        if event is Event.CONFIRMED:
            self._tell(True)
        elif identity is not None:
            self._identity, self._is_unsent = identity, True

    def _settle(self, before: State, now: float) -> None:
        """A token is good: plan its successor."""
        self._forced_refusals = 0
        self._tell(True)
        # [auth.same-token] The fetcher has nothing newer, so the clock does not ask again.
        asks = self._has_fetcher and before in (State.CONFIRMING_CACHED, State.CONFIRMING_FRESH)
        cached = before is State.CONFIRMING_CACHED
        delay = self._refresh_delay_s(now, cached) if asks and self._identity else None
        self._deadline = None if delay is None else now + delay

    def _refresh_delay_s(self, now: float, is_cached: bool) -> float | None:
        assert self._identity is not None
        issued, expires = claims(self._identity.token)
        if issued is None or expires is None:
            return None
        # [auth.refresh-ahead] A cached token has lived already: the server's clock says
        # how long, as far as we know that clock.
        left = expires - (now - self._skew_s) if is_cached and self._skew_s is not None else None
        return refresh_delay_s(issued, expires, self._leeway_s, left)

    def _be_nobody(self, event: Event) -> None:
        self._deadline = None
        # [auth.none-on-loss] [auth.clear] Else the server goes on answering as the user
        # who has left. One that has refused the token closes the connection itself.
        is_heard = self._sent > 0 and event is not Event.REFUSED_FOR_GOOD
        self._is_unsent = is_heard and (self._is_unsent or self._identity is not None)
        self._identity = None
        self._fetch_number += 1
        if event is not Event.CLEAR or self._told is True:
            self._tell(False)

    def _tell(self, is_authenticated: bool) -> None:
        # [auth.on-change]
        if self._told is not is_authenticated:
            self._told = is_authenticated
            self._effects.append(AuthChanged(is_authenticated))


def refresh_delay_s(
    issued: float, expires: float, leeway_s: float, left_s: float | None = None
) -> float | None:
    """How long after its confirmation a token needs a successor; None is never."""
    life = expires - issued
    if life <= SHORTEST_LIFE_S:
        return None
    # [auth.refresh-leeway] The difference of two claims needs no clock of ours.
    delay = min(life, life if left_s is None else left_s) - leeway_s
    # [auth.refresh-clamp]
    return max(0.0, min(delay, LONGEST_REFRESH_S))


def claims(token: str) -> tuple[float | None, float | None]:
    """When a token was issued and when it expires, as far as it says so."""
    try:
        payload = token.split(".")[1]
        body: Any = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return _number(body.get("iat")), _number(body.get("exp"))
    except (IndexError, ValueError, AttributeError):
        return None, None


def _number(claim: Any) -> float | None:
    is_number = isinstance(claim, int | float) and not isinstance(claim, bool)
    return float(claim) if is_number else None
