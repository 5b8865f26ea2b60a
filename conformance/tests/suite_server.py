"""Our mock server with the fixture, and the credentials that the cases want."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from conformance.fixture.fx import app
from suite_peers import PYTHON

from unisono_conformance.case import load_cases
from unisono_conformance.http_port import Reply, Request, http_port, json_of, json_reply
from unisono_conformance.reports import write_reports
from unisono_conformance.results import build_results, exit_code, save_results
from unisono_conformance.runner import run_server
from unisono_conformance.sockets import ServerTarget
from unisono_conformance.values import Json
from unisono_mock import serve
from unisono_mock.issuer import Issuer
from unisono_mock.server import Server

FEATURES = frozenset("auth.user auth.admin limits time control.keys control.admin".split())
ADMIN_KEY = "suite|admin-key"
TICK_S = 1.0


class Control:
    """What the owner of the mock server does for a case."""

    def __init__(self, server: Server, issuer: Issuer) -> None:
        self._server = server
        self._issuer = issuer

    async def answer(self, request: Request) -> Reply:
        """Carry out an order."""
        order = json_of(request.body)
        return json_reply(200, await getattr(self, order.pop("do"))(**order))

    async def advance(self, ms: float) -> Json:
        """Move the clock second by second, so that peers can answer pings on the way."""
        left = ms / 1000
        while left > 0:
            self._server.clock.ahead_s += min(left, TICK_S)
            left -= TICK_S
            for connection in list(self._server.connections):
                if connection.websocket is not None:
                    connection.websocket.peer.tick()
            await asyncio.sleep(0.001)
        return {}

    async def mint_token(self, subject: str = "eve", lifetime_s: float = 3600) -> Json:
        """A token that is good from now on."""
        return {"token": self._issuer.mint(subject, lifetime_s=lifetime_s)}

    async def rotate_keys(self) -> Json:
        """Sign with a new key from now on."""
        self._issuer.rotate(keep_old=True)
        return {}

    async def mint_admin_key(self) -> Json:
        """Accept one more admin key."""
        key = f"suite|{uuid.uuid4().hex}"
        self._server.backend.verifier.admin_keys.add(key)
        return {"key": key}

    async def withdraw_admin_key(self, key: str) -> Json:
        """Take an admin key back."""
        self._server.backend.verifier.admin_keys.revoke(key)
        return {}


@asynccontextmanager
async def mock_server(*features: str, redact: bool = False) -> AsyncIterator[ServerTarget]:
    """Serve the fixture app; features are those of its functions and the named ones."""
    servers: list[Server] = []
    issuer = Issuer(now=lambda: servers[0].clock.now() if servers else time.time())
    issuer.max_age_s = 3600
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(issuer.serve())
        app.auth = [issuer.remote_provider()]
        app.admin_keys = [ADMIN_KEY]
        server = await stack.enter_async_context(serve(app, port=0, redact=redact))
        servers.append(server)
        control = await stack.enter_async_context(http_port(Control(server, issuer).answer))
        functions = {path.removesuffix(".js").replace(":", ".") for path in app.functions}
        functions = {name.replace("fx.js.", "fx.") for name in functions}
        yield ServerTarget(
            server.url,
            name="unisono-mock",
            features=FEATURES | functions | set(features) | {"redact" if redact else "unredacted"},
            credentials={
                "token_a": issuer.mint("ada", name="Ada"),
                "token_b": issuer.mint("bob", name="Bob"),
                "token_short": issuer.mint("eve", lifetime_s=10),
                "admin_key": ADMIN_KEY,
            },
            control=control,
        )


async def publish(folder: Path, *features: str) -> int:
    """Play all server cases on it and write the results."""
    async with mock_server(*features) as target:
        run = await run_server(target, load_cases(role="server"))
    results = build_results(run)
    save_results(results, folder / "results.json")
    write_reports(results, folder)
    return exit_code(results)


async def write_matrix(path: Path) -> int:
    """Play every broken peer and write which case catches it."""
    from conformance.broken.matrix import client_rows, matrix_text, server_rows

    rows = await client_rows([*PYTHON, "--core"], PYTHON)
    async with mock_server() as target, mock_server(redact=True) as redacting:
        rows += await server_rows(target, redacting)
    await asyncio.to_thread(path.write_text, matrix_text(rows), encoding="utf-8")
    return 0 if all(row["by"] for row in rows) else 1


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    word, where, *more = sys.argv[1:]
    work = publish(Path(where), *more) if word == "play" else write_matrix(Path(where))
    sys.exit(asyncio.run(work))
