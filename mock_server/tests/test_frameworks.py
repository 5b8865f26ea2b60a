"""One story that the official packages tell, unmodified: subscribe, mutate, and all the rest."""

import asyncio
import json
import shutil
import sys
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from unisono_mock import (
    ActionContext,
    App,
    ApplicationError,
    MutationContext,
    PaginationOptions,
    QueryContext,
    serve,
)
from unisono_mock.app import Kind
from unisono_mock.core.auth import Identity
from unisono_mock.core.tokens import Provider
from unisono_mock.faults import BeforeServer, Reset
from unisono_mock.issuer import Issuer

PEERS = Path(__file__).parent / "peers"
PATIENCE_S = 20

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed"),
]


def make_app(provider: Provider) -> App:
    app = App(auth=[provider])

    @app.query("peer:list")
    def list_ids(ctx: QueryContext) -> list[str]:
        return [item["id"] for item in ctx.db.query("items")]

    @app.query("peer:page")
    def page(ctx: QueryContext, paginationOpts: PaginationOptions) -> Any:
        page = ctx.db.query("stones").paginate(paginationOpts)
        return {**page, "page": [stone["id"] for stone in page["page"]]}

    @app.internal_mutation("peer:fill")
    def fill(ctx: MutationContext) -> None:
        for id in ("a", "b", "c"):
            ctx.db.insert("stones", {"id": id})

    @app.mutation("peer:append")
    def append(ctx: MutationContext, id: str) -> None:
        ctx.db.insert("items", {"id": id})

    @app.mutation("peer:fail")
    def fail(ctx: MutationContext) -> None:
        raise ApplicationError({"code": "no"})

    @app.action("peer:echo")
    def echo(ctx: ActionContext, value: Any) -> Any:
        return value

    @app.query("peer:whoami")
    def whoami(ctx: QueryContext) -> str | None:
        user = ctx.auth.user()
        return None if user is None else str(user["subject"])

    return app


async def told_by(*command: str) -> dict[str, Any]:
    """Play the story with one peer; what it reports."""
    issuer = Issuer()
    async with issuer.serve(), serve(make_app(issuer.remote_provider())) as server:
        await server.backend.call(Kind.MUTATION, "peer:fill", {}, Identity(is_admin=True))
        tokens = json.dumps([issuer.mint("ada", jti=str(number)) for number in range(2)])
        process = await asyncio.create_subprocess_exec(
            *command, server.url, tokens,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            async with asyncio.timeout(PATIENCE_S):
                while (line := (await process.stdout.readline()).decode().strip()) != "cut":
                    assert line, "the peer ended"
                # Committed, but the answer is lost with the connection.
                server.backend.misbehave(Reset(), when=BeforeServer("MutationResponse"))
                process.stdin.write(b"go on\n")
                while not (line := (await process.stdout.readline()).decode()).startswith("{"):
                    assert line, "the peer ended"
                process.stdin.write(b"end\n")
                await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    report: dict[str, Any] = json.loads(line)
    return report


@pytest.mark.parametrize(
    "package", ["convex_browser", "convex_react_query", "convex_svelte", "convex_vue"]
)
async def test_a_package_does_what_it_is_for(package: str) -> None:
    """Subscribe, mutate, guess, act, fail, paginate, sign in, refresh, reconnect."""
    report = await told_by("node", str(PEERS / f"{package}.mjs"))

    assert report["seen"] == [
        [],
        ["one"],
        ["one", "optimistic"],
        ["one", "two"],
        ["one", "two", "three"],
    ]
    assert report["echoed"] == {"n": 1.5, "list": [True, None]}
    assert '{"code": "no"}' in report["failure"]
    assert (report["user"], report["fetched"]) == ("ada", [False, True])
    if package != "convex_vue":
        # It has nothing for pages.
        assert report["pages"] == [
            [["a"], "CanLoadMore"],
            [["a", "b"], "CanLoadMore"],
            [["a", "b", "c"], "Exhausted"],
        ]


async def test_the_client_of_pypi_does_what_it_is_for() -> None:
    """It has no optimistic updates, no pages and no token fetcher; the rest it has."""
    report = await told_by(sys.executable, str(PEERS / "convex_python_story.py"))

    # It is somebody new on every connection, so what it sends again counts again.
    seen = [list(dict.fromkeys(ids)) for ids in report["seen"]]
    assert [each for each, _ in groupby(seen)] == [[], ["one"], ["one", "two"]]
    assert report["echoed"] == {"n": 1.5, "list": [True, None]}
    assert '{"code": "no"}' in report["failure"]
    assert report["users"] == ["ada", "ada", None]
