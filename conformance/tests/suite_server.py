"""Our mock server with the fixture, and the credentials that the cases want."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from conformance.fixture.fx import app
from suite_peers import PYTHON

from unisono_conformance.case import load_cases
from unisono_conformance.reports import write_reports
from unisono_conformance.results import build_results, exit_code, save_results
from unisono_conformance.runner import run_server
from unisono_conformance.sockets import ServerTarget
from unisono_mock import serve
from unisono_mock.issuer import Issuer

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
            features=FEATURES | functions | set(features) | {"redact" if redact else "unredacted"},
            credentials={
                "token_a": issuer.mint("ada", name="Ada"),
                "token_b": issuer.mint("bob", name="Bob"),
                "token_short": issuer.mint("eve", lifetime_s=3),
                "admin_key": ADMIN_KEY,
            },
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
    async with mock_server() as target:
        rows += await server_rows(target)
    await asyncio.to_thread(path.write_text, matrix_text(rows), encoding="utf-8")
    return 0 if all(row["by"] for row in rows) else 1


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    word, where, *more = sys.argv[1:]
    work = publish(Path(where), *more) if word == "play" else write_matrix(Path(where))
    sys.exit(asyncio.run(work))
