"""Signatures of tokens. Needs the extra `auth`, which brings joserfc.

Spec: auth
Not here: whose keys they are and what the claims say (see core.tokens).
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

try:
    from joserfc import jws
    from joserfc.errors import JoseError, UnsupportedAlgorithmError
    from joserfc.jwk import Key, import_key
except ImportError as error:
    raise ImportError("tokens need joserfc; install unisono-mock[auth]") from error

from .core.values import json_bytes, parse_json

ALGORITHMS = ("RS256", "ES256", "EdDSA")


class _Registry(jws.JWSRegistry):
    """The three algorithms of the protocol, and whatever header an issuer adds."""

    def __init__(self) -> None:
        super().__init__(algorithms=ALGORITHMS, strict_check_header=False)

    def get_alg(self, name: str) -> Any:
        # The protocol says EdDSA where RFC 9864 would now say Ed25519; that is
        # no reason for a warning with every token.
        if name not in ALGORITHMS:
            raise UnsupportedAlgorithmError(f"algorithm {name!r} is not supported")
        return self.algorithms[name]


_REGISTRY = _Registry()


def signature_holds(token: str, key: Mapping[str, Any]) -> bool:
    """Whether this key has signed this token."""
    try:
        jws.deserialize_compact(token, _imported(json_bytes(dict(key))), registry=_REGISTRY)
    except (JoseError, ValueError, TypeError):
        return False
    return True


def sign(header: Mapping[str, Any], claims: Mapping[str, Any], key: Key) -> str:
    """A token."""
    return jws.serialize_compact(dict(header), json_bytes(dict(claims)), key, registry=_REGISTRY)


@lru_cache(maxsize=64)
def _imported(text: bytes) -> Key:
    return import_key(parse_json(text))
