"""Who a socket speaks for, and since when.

Spec: auth
Not here: checking a token (see verification), running the queries again (see session).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import ConnectionFailure, FailureKind, ProtocolError, internal_failure
from .messages import Authenticate
from .values import json_bytes

ADMIN_RECHECK_S = 60.0
ADMIN_LIFE_S = 2000.0

_TEXTS = frozenset(
    "tokenIdentifier issuer subject name givenName familyName nickname preferredUsername "
    "profileUrl pictureUrl websiteUrl email gender birthday timezone language phoneNumber "
    "address updatedAt".split()
)
_FLAGS = frozenset(("emailVerified", "phoneNumberVerified"))
_REFUSALS = (FailureKind.UNAUTHENTICATED, FailureKind.FORBIDDEN, FailureKind.BAD_REQUEST)


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody: nobody in particular, a user, or an admin who may act as a user."""

    attributes: Mapping[str, Any] | None = None
    is_admin: bool = False
    expires_at: float | None = None

    @property
    def key(self) -> bytes:
        """What tells identities apart where results are shared."""
        if self.attributes is None:
            return b"admin" if self.is_admin else b""
        return json_bytes([self.is_admin, sorted(self.attributes.items())])


ANONYMOUS = Identity()


def acting_as(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The user that an admin wants to be taken for."""
    # [auth.acting-as] Known attributes have their types, all others are custom claims.
    for name, value in attributes.items():
        kind = str if name in _TEXTS else bool if name in _FLAGS else object
        if not isinstance(value, kind):
            raise ProtocolError("auth.acting-as", f"attribute {name} must be a {kind.__name__}")
    if "tokenIdentifier" in attributes:
        return dict(attributes)
    if "issuer" in attributes and "subject" in attributes:
        identifier = f"{attributes['issuer']}|{attributes['subject']}"
        return {"tokenIdentifier": identifier, **attributes}
    raise ProtocolError(
        "auth.acting-as", "a user to act as needs tokenIdentifier, or issuer and subject"
    )


def as_refusal(failure: ConnectionFailure) -> ConnectionFailure:
    """How a failure to verify reaches the peer that wanted to be somebody."""
    # [auth.rejected] Whatever is wrong with the token is said in an AuthError;
    # trouble of the provider is not the client's fault and keeps its class.
    if failure.kind not in _REFUSALS:
        return failure
    return ConnectionFailure(FailureKind.AUTH_UPDATE_FAILED, failure.code, failure.message)


class Authentication:
    """The identity of one socket and its version."""

    __slots__ = ("_recheck", "_recheck_at", "identity", "version")

    def __init__(self) -> None:
        self.identity = ANONYMOUS
        self.version = 0
        self._recheck: Authenticate | None = None
        self._recheck_at = 0.0

    def accept(self, message: Authenticate, identity: Identity, now: float) -> None:
        """Become somebody else, after the token was verified."""
        if message is self._recheck:
            # [auth.admin-recheck] The same admin as before: no step.
            self.identity, self._recheck_at = identity, now + ADMIN_RECHECK_S
            return
        # [auth.base-version-check] Checked after the token: a bad token wins.
        if message.base_version != self.version:
            raise internal_failure(
                f"identity base version {message.base_version} is not {self.version}"
            )
        # [auth.identity-step] One step for each accepted message, even for None.
        self.identity = identity
        self.version += 1
        self._recheck = message if identity.is_admin else None
        self._recheck_at = now + ADMIN_RECHECK_S

    def recheck(self, now: float) -> Authenticate | None:
        """What must be verified again before the identity is used."""
        # [auth.admin-recheck] A key can be taken back, so an admin is asked
        # again at the first use after a minute, and not by a timer.
        return self._recheck if now - self._recheck_at > 0 else None

    def use(self, now: float) -> Identity:
        """The identity for a call or a transition that begins now."""
        # [auth.lazy-expiry] Looked at when it is needed and not by a timer;
        # without leeway.
        expires_at = self.identity.expires_at
        if expires_at is not None and now >= expires_at:
            # [auth.expired] What needed the identity does not run.
            raise ConnectionFailure(
                FailureKind.UNAUTHENTICATED, "TokenExpired", "Convex token identity expired"
            )
        return self.identity
