"""Who somebody is: from a token, an admin key or an Authorization header to an identity.

Spec: auth
Not here: what a socket does with an identity (see core.auth), signatures (see jwt).
"""

import base64
import binascii
import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from .core.auth import ADMIN_LIFE_S, ANONYMOUS, Identity, acting_as
from .core.errors import ConnectionFailure, FailureKind, ProtocolError
from .core.messages import Authenticate
from .core.tokens import (
    Jwks,
    JwtProvider,
    OidcProvider,
    Provider,
    Token,
    candidates,
    check_jwt,
    check_oidc,
    choose,
    invalid,
    jwt_attributes,
    not_verified,
    oidc_attributes,
    read,
)
from .core.values import InvalidValue, parse_json
from .runtime.keysets import KeySets

_DROPPED_WITH_NAME = ("preview:", "project:")
_MIN_HEADER = 7

Jwk: TypeAlias = Mapping[str, Any]


class AdminKeys:
    """The keys that open everything. They can be taken back."""

    def __init__(self, keys: Iterable[str] = ()) -> None:
        self._secrets = {_secret(key) for key in keys}

    def add(self, key: str) -> None:
        """Accept one more."""
        self._secrets.add(_secret(key))

    def revoke(self, key: str) -> None:
        """No longer accept it; who is in already, is asked again after a minute."""
        self._secrets.discard(_secret(key))

    def accepts(self, key: str) -> bool:
        """Whether a key is one of them."""
        # Every key is compared, and each in the same time.
        given = _bytes(_secret(key))
        matches = [hmac.compare_digest(given, _bytes(each)) for each in self._secrets]
        return any(matches)


@dataclass(slots=True)
class Verifier:
    """Checks what peers show of themselves."""

    providers: Sequence[Provider]
    admin_keys: AdminKeys
    key_sets: KeySets
    redact: bool = False
    _signature_holds: Callable[[str, Jwk], bool] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # Who has providers and not the library for their tokens hears of it at
        # the start and not from the first user.
        if self.providers:
            from .jwt import signature_holds

            self._signature_holds = signature_holds

    def may_wait(self, message: Authenticate) -> bool:
        """Whether an answer may need the network."""
        return message.token_type == "User" and any(map(_is_remote, self.providers))

    async def answer(self, message: Authenticate, now: float) -> Identity | ConnectionFailure:
        """What `verify` comes to, without raising."""
        try:
            return await self.verify(message, now)
        except ConnectionFailure as failure:
            return failure

    async def verify(self, message: Authenticate, now: float) -> Identity:
        """The identity for an Authenticate, or ConnectionFailure."""
        value = message.value or ""
        match message.token_type:
            case "User":
                return await self.user(value, now)
            case "Admin":
                attributes = message.acting_as
                user = None if attributes is None else acting_as(attributes)
                return self.admin(value, now, user)
            case _:
                return ANONYMOUS

    async def user(self, text: str, now: float) -> Identity:
        """The identity that a token stands for."""
        token = read(text)
        provider = choose(self.providers, token, redact=self.redact)
        signed = await self._is_signed(token, provider)
        # The claims are looked at first, so that the failure for a token that
        # is no ID token at all is the same whoever signed it.
        if isinstance(provider, OidcProvider):
            check_oidc(token, provider, now)
            if not signed:
                raise not_verified()
            return Identity(oidc_attributes(token.claims), expires_at=token.claims["exp"])
        if not signed:
            raise self._undecodable(token)
        check_jwt(token, provider, now, redact=self.redact)
        return Identity(jwt_attributes(token.claims), expires_at=token.claims["exp"])

    def admin(self, key: str, now: float, user: dict[str, object] | None = None) -> Identity:
        """The identity that an admin key stands for, perhaps in the place of a user."""
        if not self.admin_keys.accepts(key):
            raise ConnectionFailure(
                FailureKind.UNAUTHENTICATED,
                "BadAdminKey",
                "The provided admin key was invalid for this instance",
            )
        return Identity(user, is_admin=True, expires_at=now + ADMIN_LIFE_S)

    async def header(self, authorization: str | None, now: float) -> Identity:
        """The identity that an Authorization header stands for."""
        # [http.authorization] `Bearer` for users, `Convex` for admins, nothing for nobody.
        if authorization is None:
            return ANONYMOUS
        if len(authorization) < _MIN_HEADER:
            raise _bad_header("InvalidHeaderFailure", "The Authorization header is too short")
        scheme, _, value = authorization.partition(" ")
        match scheme.lower():
            case "bearer":
                return await self.user(value.strip(), now)
            case "convex":
                key, user = _split_acting_as(value.strip())
                return self.admin(key, now, user)
            case _:
                raise _bad_header(
                    "InvalidAdminKey", "The Authorization header must be Bearer or Convex"
                )

    async def _is_signed(self, token: Token, provider: Provider) -> bool:
        if self._signed_by(await self._keys(provider, fresh=False), token, provider):
            return True
        # [auth.key-rotation] The keys that are kept may be older than the token.
        if not _is_remote(provider):
            return False
        return self._signed_by(await self._keys(provider, fresh=True), token, provider)

    def _signed_by(self, jwks: Jwks, token: Token, provider: Provider) -> bool:
        # A plain JWT has to say which key it was signed with.
        if isinstance(provider, JwtProvider) and not isinstance(token.header.get("kid"), str):
            return False
        keys = candidates(jwks, token, provider.algorithms)
        return any(self._signature_holds(token.text, key) for key in keys)

    async def _keys(self, provider: Provider, *, fresh: bool) -> Jwks:
        keys = provider.keys if isinstance(provider, OidcProvider) else provider.jwks
        if keys is None:
            return await self.key_sets.of_issuer(provider.issuer, fresh=fresh)
        if isinstance(keys, str):
            return await self.key_sets.at(keys, fresh=fresh)
        return keys() if callable(keys) else keys

    def _undecodable(self, token: Token) -> ConnectionFailure:
        kid = token.header.get("kid")
        if not isinstance(kid, str):
            return invalid("Could not decode token. JWT may be missing a 'kid' header.")
        shown = "" if self.redact else f" {kid!r}"
        return invalid(
            f"Could not decode token. The JWT's 'kid'{shown} names no key that has signed it."
        )


def _is_remote(provider: Provider) -> bool:
    if isinstance(provider, OidcProvider):
        return provider.keys is None
    return isinstance(provider.jwks, str) and not provider.jwks.startswith("data:")


def _secret(key: str) -> str:
    """What is secret in a key: its kind and the name of its deployment are not."""
    name, bar, secret = key.rpartition("|")
    if bar and name.startswith(_DROPPED_WITH_NAME):
        return secret
    kind, colon, rest = key.partition(":")
    return rest if colon and "|" not in kind else key


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _split_acting_as(value: str) -> tuple[str, dict[str, object] | None]:
    prefix = next(
        (each for each in ("prod:", "dev:", *_DROPPED_WITH_NAME) if value.startswith(each)), ""
    )
    key, colon, encoded = value[len(prefix) :].partition(":")
    if not colon:
        return value, None
    try:
        attributes = parse_json(base64.b64decode(encoded, validate=True))
        if not isinstance(attributes, dict):
            raise _bad_header("InvalidAdminKey", "The user to act as must be a JSON object")
        return prefix + key, acting_as(attributes)
    except (InvalidValue, binascii.Error, ProtocolError):
        raise _bad_header("InvalidAdminKey", "The user to act as cannot be read") from None


def _bad_header(code: str, message: str) -> ConnectionFailure:
    return ConnectionFailure(FailureKind.BAD_REQUEST, code, message)
