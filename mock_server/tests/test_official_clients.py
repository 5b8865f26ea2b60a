"""The official packages, unmodified, against this server."""

import asyncio
import json
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from conformance.fixture.fx import app

from unisono_mock import Server, serve

PEERS = Path(__file__).parent / "peers"
NODE = shutil.which("node")

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.skipif(NODE is None, reason="Node is not installed"),
]


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    async with serve(app) as server:
        yield server


async def run(*command: str) -> Any:
    """Run a peer to its end; the last line it prints is its report."""
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 0
    return json.loads(output.decode().strip().splitlines()[-1])


async def test_the_browser_client_of_npm_sees_what_it_does(server: Server) -> None:
    """Subscribe, mutate, act, fail: each call is settled, each change is shown."""
    report = await run("node", str(PEERS / "convex_client.mjs"), server.url, "npm")

    assert report["seen"][-1] == ["one", "two"]
    assert report["numbers"] == 1
    assert report["echoed"] == [1.5, "7"]
    assert "Uncaught ValueError: boom" in report["failure"]


async def test_the_client_of_pypi_sees_what_it_does(server: Server) -> None:
    """The same with the other official client, which needs floats to look like floats."""
    peer = str(PEERS / "convex_python.py")
    report = await run(sys.executable, peer, server.url, "pypi")

    assert report["seen"][-1] == ["one", "two"]
    assert report["numbers"][1] - report["numbers"][0] == 1
    assert "Uncaught ValueError: boom" in report["failure"]
    assert report["echoed"] == {"n": 1.5, "list": [1, "two", None]}


async def test_the_http_client_of_npm(server: Server) -> None:
    """Queries, consistent queries, mutations, actions, both kinds of failure."""
    report = await run("node", str(PEERS / "convex_http.mjs"), server.url, "npm-http")

    assert sorted(report["list"]) == ["a", "b", "c"]
    assert report["consistent"] == report["list"]
    assert report["echoed"] == ["7", 1.5, [1, 2], None]
    assert "Uncaught ValueError: boom" in report["failure"]
    assert report["data"] == {"key": "npm-http"}


async def test_the_http_client_of_pypi(server: Server) -> None:
    """It refuses numbers that do not look like floats."""
    report = await run(sys.executable, str(PEERS / "convex_http.py"), server.url, "pypi-http")

    assert report["list"] == ["a", "b"]
    assert report["numbers"][1] == report["numbers"][0] + 1
    assert "Uncaught ValueError: boom" in report["failure"]


async def test_the_paginated_query_of_npm(server: Server) -> None:
    """Pages are loaded, stay where they end, and grow at the end of the list."""
    report = await run("node", str(PEERS / "convex_pages.mjs"), server.url, "npm-pages")

    assert report["seen"] == [
        [[0, 1], "CanLoadMore"],
        [[0, 1, 2, 3], "CanLoadMore"],
        [[0, 1, 2, 3, 4], "Exhausted"],
        [[0, 1, 2, 3, 4, 5], "Exhausted"],
    ]


async def test_the_react_client_of_npm(server: Server) -> None:
    """Optimistic updates give way to what happened; hooks show it on a page."""
    report = await run("node", str(PEERS / "convex_react.mjs"), server.url, "npm-react")

    assert report["seen"] == [[], ["optimistic"], ["real"]]
    assert (report["optimistic"], report["settled"]) == (["optimistic"], ["real"])
    assert json.loads(report["page"]["text"]) == ["real", "two", "three"]
    assert report["page"]["pages"] == ["real", "two", "three"]
