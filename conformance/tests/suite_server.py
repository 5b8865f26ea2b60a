"""Our mock server with the fixture, and the credentials that the cases want."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from unisono_mock import serve
from unisono_mock.issuer import Issuer

from fixture.fx import app
from unisono_conformance.server_player import ServerTarget

FEATURES = frozenset({"auth.user", "auth.admin", "limits"})
ADMIN_KEY = "suite|admin-key"


@asynccontextmanager
async def mock_server(*features: str, redact: bool = False) -> AsyncIterator[ServerTarget]:
    """Serve the fixture app; features are those of its functions and the named ones."""
    issuer = Issuer()
    app.auth = [issuer.provider()]
    app.admin_keys = [ADMIN_KEY]
    functions = {path.removesuffix(".js").replace(":", ".") for path in app.functions}
    functions = {name.replace("fx.js.", "fx.") for name in functions}
    async with serve(app, port=0, redact=redact) as server:
        yield ServerTarget(
            server.url,
            name="unisono-mock",
            features=FEATURES | functions | set(features) | ({"redact"} if redact else set()),
            credentials={
                "token_a": issuer.mint("ada", name="Ada"),
                "token_b": issuer.mint("bob", name="Bob"),
                "token_short": issuer.mint("eve", lifetime_s=3),
                "admin_key": ADMIN_KEY,
            },
        )
