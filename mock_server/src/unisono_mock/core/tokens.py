"""Tokens: which provider a JWT belongs to, what its claims must say, and whom they name.

Spec: auth
Not here: signatures (see jwt), fetching keys (see runtime.keysets), the identity of a socket
(see auth).
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

from .errors import ConnectionFailure, FailureKind
from .values import InvalidValue, parse_json

Jwks: TypeAlias = Mapping[str, Any]
Keys: TypeAlias = Jwks | Callable[[], Jwks]
Claims: TypeAlias = Mapping[str, Any]

LEEWAY_S = 5
NO_PROVIDER = "No auth provider found matching the given token"
NOT_VERIFIED = (
    "Could not verify OIDC token claim. Check that the token signature is valid and the token "
    "hasn't expired."
)

_KEY_TYPES = {"RS256": ("RSA", None), "ES256": ("EC", "P-256"), "EdDSA": ("OKP", "Ed25519")}
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_OIDC_TEXTS = {
    "name": "name", "given_name": "givenName", "family_name": "familyName",
    "nickname": "nickname", "preferred_username": "preferredUsername",
    "profile": "profileUrl", "picture": "pictureUrl", "website": "websiteUrl",
    "email": "email", "gender": "gender", "birthdate": "birthday", "zoneinfo": "timezone",
    "locale": "language", "phone_number": "phoneNumber",
}  # fmt: skip
_OIDC_FLAGS = {"email_verified": "emailVerified", "phone_number_verified": "phoneNumberVerified"}
_OIDC_CONSUMED = frozenset(
    "iss sub aud exp iat nonce azp auth_time acr amr at_hash c_hash address updated_at "
    "jti nbf fva".split()
)
_JWT_CONSUMED = frozenset("iss sub aud exp iat nbf jti fva".split())


@dataclass(frozen=True, slots=True)
class OidcProvider:
    """An OpenID Connect issuer, found by its discovery document, or with `keys` without one."""

    domain: str
    application_id: str
    keys: Keys | None = None

    def __post_init__(self) -> None:
        _check_address(self.domain)

    @property
    def issuer(self) -> str:
        """Who signs."""
        return self.domain

    @property
    def algorithms(self) -> tuple[str, ...]:
        """How the signature may be made."""
        return ("RS256", "EdDSA")


@dataclass(frozen=True, slots=True)
class JwtProvider:
    """An issuer of plain JWTs. `jwks` is an address (`data:` too), or the keys themselves."""

    issuer: str
    jwks: str | Keys
    algorithm: str = "RS256"
    application_id: str | None = None

    def __post_init__(self) -> None:
        _check_address(self.issuer)
        if self.algorithm not in ("RS256", "ES256"):
            raise ValueError(f"a JwtProvider signs with RS256 or ES256, not {self.algorithm}")

    @property
    def algorithms(self) -> tuple[str, ...]:
        """How the signature may be made."""
        return (self.algorithm,)


Provider: TypeAlias = OidcProvider | JwtProvider


@dataclass(frozen=True, slots=True, repr=False)
class Token:
    """A JWT that nobody has verified yet."""

    text: str
    header: Mapping[str, Any]
    claims: Claims

    def __repr__(self) -> str:
        # [auth.token-secret] Not even a debugger prints it.
        return f"Token(issuer={self.issuer!r})"

    @property
    def issuer(self) -> str:
        """Who claims to have signed it."""
        return str(self.claims["iss"])

    @property
    def audiences(self) -> tuple[str, ...]:
        """For whom it claims to be."""
        audience = self.claims.get("aud")
        if isinstance(audience, str):
            return (audience,)
        if isinstance(audience, list):
            return tuple(each for each in audience if isinstance(each, str))
        return ()


def read(text: str) -> Token:
    """The parts of a token, without any trust in them."""
    parts = text.split(".")
    if len(parts) != 3:
        raise invalid("Could not parse JWT payload. A token has three parts.")
    try:
        header, claims = (parse_json(_unpadded(part)) for part in parts[:2])
    except (InvalidValue, binascii.Error, ValueError):
        raise invalid("Could not parse JWT payload. It is not base64url of JSON.") from None
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise invalid("Could not parse JWT payload. It is not a JSON object.")
    if not isinstance(claims.get("iss"), str):
        raise invalid("Missing issuer claim ('iss') in JWT payload.")
    return Token(text, header, claims)


def choose(providers: Sequence[Provider], token: Token, *, redact: bool) -> Provider:
    """The first provider that the token may come from."""
    for provider in providers:
        wanted = provider.application_id
        if not same_issuer(provider.issuer, token.issuer):
            continue
        if wanted is None or wanted in token.audiences:
            return provider
    text = NO_PROVIDER
    if not redact:
        known = ", ".join(f"{p.issuer} for {p.application_id or 'anyone'}" for p in providers)
        text += (
            f". It is of {token.issuer} for {', '.join(token.audiences) or 'nobody'}; "
            f"configured: {known or 'none'}."
        )
    raise ConnectionFailure(FailureKind.UNAUTHENTICATED, "NoAuthProvider", text)


def candidates(jwks: Jwks, token: Token, algorithms: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    """The keys of a set that may have signed a token."""
    algorithm, wanted = token.header.get("alg"), token.header.get("kid")
    # The provider says which algorithms there are, never the token alone: a
    # token may not choose to be checked as something weaker.
    if not isinstance(algorithm, str) or algorithm not in algorithms:
        return
    key_type, curve = _KEY_TYPES[algorithm]
    keys = jwks.get("keys")
    for key in keys if isinstance(keys, list) else ():
        if (
            isinstance(key, Mapping)
            and key.get("kty") == key_type
            and (curve is None or key.get("crv") == curve)
            and key.get("alg", algorithm) == algorithm
            and key.get("use", "sig") == "sig"
            and (wanted is None or key.get("kid") == wanted)
        ):
            yield key


def check_oidc(token: Token, provider: OidcProvider, now: float) -> None:
    """The claims of an ID token whose signature holds."""
    claims = token.claims
    if not (isinstance(claims.get("sub"), str) and _is_time(claims, "exp", "iat")):
        raise invalid("Could not parse as OIDC ID token. It needs sub, exp and iat.")
    # One audience only, and no tolerance: the libraries of this format have none.
    if token.audiences != (provider.application_id,) or now >= claims["exp"]:
        raise not_verified()


def check_jwt(token: Token, provider: JwtProvider, now: float, *, redact: bool) -> None:
    """The claims of a plain JWT whose signature holds."""
    claims, wanted = token.claims, provider.application_id
    if not same_issuer(token.issuer, provider.issuer):
        raise invalid(f"Invalid issuer: {token.issuer} != {provider.issuer}")
    if wanted is not None and not token.audiences:
        raise invalid("Missing audience claim")
    if wanted is not None and wanted not in token.audiences:
        given = "..." if redact else ", ".join(token.audiences)
        raise invalid(f"Invalid audience: {wanted} not in [{given}]")
    for name in ("exp", "nbf", "iat"):
        if name in claims and not _is_time(claims, name):
            raise invalid(f"Could not validate token: {name} is not a number")
    if now > claims.get("exp", now) + LEEWAY_S:
        raise invalid("Could not validate token: it has expired")
    if max(claims.get("nbf", now), claims.get("iat", now)) > now + LEEWAY_S:
        raise invalid("Could not validate token: it is not valid yet")
    if not isinstance(claims.get("sub"), str):
        raise invalid("Missing subject")
    if "exp" not in claims:
        raise invalid("Missing expiry")


def oidc_attributes(claims: Claims) -> dict[str, Any]:
    """Whom an ID token names, in the words of the identity object."""
    found = _subject(claims)
    for claim, kind, names in ((_OIDC_TEXTS, str, "text"), (_OIDC_FLAGS, bool, "true or false")):
        for name, attribute in claim.items():
            value = claims.get(name)
            if value is None:
                continue
            if not isinstance(value, kind):
                raise invalid(f"Could not parse as OIDC ID token. {name} must be {names}.")
            found[attribute] = value
    found.update(_address_and_update(claims))
    known = _OIDC_CONSUMED | _OIDC_TEXTS.keys() | _OIDC_FLAGS.keys()
    found.update((name, value) for name, value in claims.items() if name not in known)
    return found


def jwt_attributes(claims: Claims) -> dict[str, Any]:
    """Whom a plain JWT names: its own claims keep their names, objects are flattened."""
    found = _subject(claims)
    for name, value in claims.items():
        if name not in _JWT_CONSUMED:
            found.update(_flattened(name, value))
    return found


def invalid(message: str) -> ConnectionFailure:
    """The failure for a token that cannot be read or does not say what it must."""
    return ConnectionFailure(FailureKind.UNAUTHENTICATED, "InvalidAuthHeader", message)


def not_verified() -> ConnectionFailure:
    """The failure for an ID token whose signature, audience or time is wrong."""
    return ConnectionFailure(FailureKind.UNAUTHENTICATED, "Unauthenticated", NOT_VERIFIED)


def same_issuer(one: str, other: str) -> bool:
    """Whether two spellings name one issuer: the scheme and trailing slashes may be left out."""
    return normal_issuer(one) == normal_issuer(other)


def normal_issuer(address: str) -> str:
    """An issuer's address with its scheme and without slashes at the end."""
    return (address if _SCHEME.match(address) else f"https://{address}").rstrip("/")


def _check_address(address: str) -> None:
    scheme = _SCHEME.match(address)
    if scheme is not None and scheme[1].lower() not in ("http", "https"):
        raise ValueError(f"InvalidProviderDomainUrl: {address} is neither http nor https")
    host = normal_issuer(address).partition("://")[2].partition("/")[0]
    if not host or address.startswith('"'):
        raise ValueError(f"InvalidProviderDomainUrl: {address} is not an address")
    if scheme is None and "." not in host and host.partition(":")[0] != "localhost":
        raise ValueError(f"InvalidProviderDomainUrl: {address} is not a full domain")


def _unpadded(part: str) -> bytes:
    padded = part + "=" * (-len(part) % 4)
    return base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True)


def _is_time(claims: Claims, *names: str) -> bool:
    return all(type(claims.get(name)) in (int, float) for name in names)


def _subject(claims: Claims) -> dict[str, Any]:
    issuer, subject = claims["iss"], claims["sub"]
    return {"tokenIdentifier": f"{issuer}|{subject}", "subject": subject, "issuer": issuer}


def _address_and_update(claims: Claims) -> Iterator[tuple[str, str]]:
    address = claims.get("address")
    if isinstance(address, dict) and isinstance(address.get("formatted"), str):
        yield "address", address["formatted"]
    if _is_time(claims, "updated_at"):
        try:
            yield "updatedAt", datetime.fromtimestamp(claims["updated_at"], UTC).isoformat()
        except (ValueError, OverflowError, OSError):
            raise invalid("Could not parse as OIDC ID token. updated_at is no time.") from None


def _flattened(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, dict):
        yield name, value
        return
    for key, inner in value.items():
        yield from _flattened(f"{name}.{key}", inner)
