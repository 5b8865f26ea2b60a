"""An issuer for tests: mints tokens, lets them expire, rotates its keys, and goes away.

    issuer = Issuer()
    app = App(auth=[issuer.provider()])
    token = issuer.mint("ada", name="Ada", lifetime_s=60)

That works in process, without a port. For servers that look for the keys of
`issuer.remote_provider()`, `Backend(app, fetch=issuer.fetch)` answers in process, and
`async with issuer.serve():` publishes a discovery document and a key set on loopback. There,
`/mint?subject=ada&lifetime_s=60` gives a token to tests in any language; such an issuer alone
is started by `python -m unisono_mock.issuer --port 0`.

Spec: auth
Not here: who checks the tokens (see verification).
"""

import argparse
import asyncio
import secrets
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs

from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from .core.http import JSON, Request, Response, refusal
from .core.tokens import Jwks, JwtProvider, OidcProvider, Provider
from .core.values import json_bytes
from .jwt import ALGORITHMS, sign
from .runtime.keysets import DISCOVERY, Answer, Unreachable
from .runtime.port import Port

JWKS_PATH = "/.well-known/jwks.json"
MINT_PATH = "/mint"
LIFETIME_S = 3600.0


class Issuer:
    """Somebody whose signature a server believes."""

    def __init__(
        self,
        url: str = "https://issuer.test",
        *,
        audience: str = "unisono",
        algorithm: str = "EdDSA",
        now: Callable[[], float] = time.time,
    ) -> None:
        if algorithm not in ALGORITHMS:
            raise ValueError(f"an issuer signs with one of {', '.join(ALGORITHMS)}")
        self.url = url
        self.audience = audience
        self.algorithm = algorithm
        self.requests: list[str] = []
        self.max_age_s = 0
        self._now = now
        self._status: int | None = None
        self._is_silent = False
        self._published: list[tuple[str, Key]] = []
        self._key_id, self._key = "", _new_key(algorithm)
        self.rotate()

    # Tokens

    def mint(
        self,
        subject: str | None = "user",
        *,
        lifetime_s: float = LIFETIME_S,
        **claims: Any,
    ) -> str:
        """A token that is good from now on. A claim that is None is left out."""
        now = int(self._now())
        given = {
            "iss": self.url,
            "sub": subject,
            "aud": self.audience,
            "iat": now,
            "exp": int(now + lifetime_s),
            **claims,
        }
        present = {name: value for name, value in given.items() if value is not None}
        return self.sign(present)

    def mint_expired(self, subject: str = "user", **claims: Any) -> str:
        """A token whose time is over."""
        now = int(self._now())
        return self.mint(subject, iat=now - 120, exp=now - 60, **claims)

    def mint_forged(self, subject: str = "user", **claims: Any) -> str:
        """A token that names the key of this issuer and was signed with another one."""
        ours, self._key = self._key, _new_key(self.algorithm)
        try:
            return self.mint(subject, **claims)
        finally:
            self._key = ours

    def sign(self, claims: dict[str, Any], **header: Any) -> str:
        """A token with exactly these claims. A header that is None is left out."""
        given = {"alg": self.algorithm, "typ": "JWT", "kid": self._key_id, **header}
        present = {name: value for name, value in given.items() if value is not None}
        return sign(present, claims, self._key)

    # Keys

    def rotate(self, *, keep_old: bool = False) -> str:
        """Sign with a new key from now on; returns its id."""
        self._key_id, self._key = secrets.token_hex(4), _new_key(self.algorithm)
        old = self._published if keep_old else []
        self._published = [*old, (self._key_id, self._key)]
        return self._key_id

    def jwks(self) -> Jwks:
        """The public halves of the keys whose tokens are good."""
        return {
            "keys": [
                {
                    **key.as_dict(private=False),
                    "kid": key_id,
                    "alg": self.algorithm,
                    "use": "sig",
                }
                for key_id, key in self._published
            ]
        }

    def provider(self) -> Provider:
        """What goes into `App(auth=[...])` where there shall be no network."""
        if self.algorithm == "ES256":
            return JwtProvider(self.url, self.jwks, self.algorithm, self.audience)
        return OidcProvider(self.url, self.audience, self.jwks)

    def remote_provider(self) -> Provider:
        """What goes into `App(auth=[...])` of a server that fetches the keys from `serve`."""
        if self.algorithm == "ES256":
            return JwtProvider(self.url, self.url + JWKS_PATH, self.algorithm, self.audience)
        return OidcProvider(self.url, self.audience)

    # The network

    def go_away(self, status: int | None = None) -> None:
        """Answer with this status from now on; without one, not at all."""
        self._status, self._is_silent = status, status is None

    def come_back(self) -> None:
        """Answer as an issuer does."""
        self._status, self._is_silent = None, False

    def answer(self, request: Request) -> Response | None:
        """What is published."""
        self.requests.append(request.path)
        if request.path == MINT_PATH:
            return self._minted(parse_qs(request.query))
        documents = {
            DISCOVERY: {
                "issuer": self.url,
                "jwks_uri": self.url + JWKS_PATH,
                "authorization_endpoint": self.url + "/authorize",
                "response_types_supported": ["id_token"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": [self.algorithm],
            },
            JWKS_PATH: self.jwks(),
        }
        if self._is_silent:
            return None
        if self._status is not None:
            return Response(self._status, b"away")
        if request.path not in documents:
            return Response(404)
        age = (("Cache-Control", f"max-age={self.max_age_s}"),) if self.max_age_s else ()
        return Response(200, json_bytes(documents[request.path]), JSON, age)

    async def fetch(self, url: str) -> Answer:
        """What `Backend(app, fetch=issuer.fetch)` uses in the place of a network."""
        answer = self.answer(Request("GET", url.removeprefix(self.url)))
        if answer is None:
            raise Unreachable(f"{self.url} has gone away")
        return Answer(
            answer.status,
            answer.body,
            answer.content_type,
            dict(answer.headers).get("Cache-Control", ""),
        )

    @asynccontextmanager
    async def serve(self, port: int = 0) -> AsyncIterator[str]:
        """Publish on loopback; `url` is the issuer from then on."""
        listener = Port(self.answer, lambda request: Response(404))
        self.url = await listener.start("127.0.0.1", port)
        try:
            yield self.url
        finally:
            await listener.stop()

    def _minted(self, query: dict[str, list[str]]) -> Response:
        subject, *_ = query.get("subject", ["user"])
        lifetime_s, *_ = query.get("lifetime_s", [str(LIFETIME_S)])
        try:
            token = self.mint(subject, lifetime_s=float(lifetime_s))
        except (ValueError, OverflowError):
            return refusal(400, "BadLifetime", f"{lifetime_s!r} is no number of seconds")
        return Response(200, token.encode())


def _new_key(algorithm: str) -> Key:
    match algorithm:
        case "RS256":
            return RSAKey.generate_key(2048)
        case "ES256":
            return ECKey.generate_key("P-256")
        case _:
            return OKPKey.generate_key("Ed25519")


def main(arguments: Sequence[str] | None = None) -> int:
    """Publish and mint until a signal comes; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m unisono_mock.issuer")
    parser.add_argument("--port", type=int, default=0, help="0 picks a free port")
    parser.add_argument("--audience", default="unisono")
    parser.add_argument("--algorithm", choices=ALGORITHMS, default="EdDSA")
    options = parser.parse_args(arguments)
    try:
        asyncio.run(_publish(options))
    except OSError as reason:
        print(f"unisono-mock issuer: {reason}", file=sys.stderr)
        return 1
    return 0


async def _publish(options: argparse.Namespace) -> None:
    issuer = Issuer(audience=options.audience, algorithm=options.algorithm)
    stop = asyncio.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, stop.set)
    async with issuer.serve(options.port) as url:
        print(f"Serving on {url}", flush=True)
        await stop.wait()


if __name__ == "__main__":
    sys.exit(main())
