"""HTTP actions: an app's own routes."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from unisono_mock import (
    ActionContext,
    App,
    ApplicationError,
    HttpRequest,
    HttpResponse,
    MutationContext,
    Server,
    serve,
)

pytestmark = pytest.mark.asyncio


def make_app() -> App:
    app = App()

    @app.mutation("a:add")
    def insert(ctx: MutationContext, text: str) -> str:
        return ctx.db.insert("t", {"text": text})

    @app.http("GET", "/hello")
    def hello(ctx: ActionContext, request: HttpRequest) -> str:
        return f"hello {request.query}"

    @app.http("POST", "/add")
    async def add(ctx: ActionContext, request: HttpRequest) -> Any:
        return {"id": await ctx.run_mutation("a:add", text=request.json()["text"])}

    @app.http("GET", prefix="/files/")
    def files(ctx: ActionContext, request: HttpRequest) -> HttpResponse:
        return HttpResponse(201, request.path.encode(), "text/x", (("X-Extra", "1"),))

    @app.http("GET", prefix="/files/deep/")
    def deep(ctx: ActionContext, request: HttpRequest) -> bytes:
        return b"deep"

    @app.http("PUT", "/fail")
    def fail(ctx: ActionContext, request: HttpRequest) -> None:
        raise ApplicationError({"code": 1})

    @app.http("GET", "/me")
    def me(ctx: ActionContext, request: HttpRequest) -> Any:
        return ctx.auth.user()

    return app


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    async with serve(make_app()) as server:
        yield server


@pytest_asyncio.fixture
async def client(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=server.url + "/http") as client:
        yield client


async def test_routes_are_exact_or_the_longest_prefix(client: httpx.AsyncClient) -> None:
    """A slash at the end counts; HEAD is a GET without a body."""
    assert (await client.get("/hello?a=1")).text == "hello a=1"
    assert (await client.get("/hello/")).status_code == 404
    found = await client.get("/files/x/y")
    assert (found.status_code, found.text, found.headers["x-extra"]) == (201, "/files/x/y", "1")
    assert (await client.get("/files/deep/x")).content == b"deep"
    head = await client.head("/hello")
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", "6")
    missing = await client.get("/nothing")
    assert (missing.status_code, missing.text) == (404, "No matching routes found")


async def test_an_http_action_calls_functions(client: httpx.AsyncClient) -> None:
    """What it returns becomes JSON."""
    answer = await client.post("/add", json={"text": "x"})
    assert len(answer.json()["id"]) == 32


async def test_an_error_is_a_500_with_the_data_of_the_app(client: httpx.AsyncClient) -> None:
    """Message and trace are there unless the server redacts."""
    answer = await client.put("/fail")
    body = answer.json()
    assert (answer.status_code, body["data"]) == (500, {"code": 1})
    assert "Server Error: Uncaught ConvexError" in body["code"]
    assert "at fail" in body["trace"]


async def test_a_bad_token_is_heard_of_by_who_asks(client: httpx.AsyncClient) -> None:
    """The request goes on; asking for the user raises."""
    bad = {"Authorization": "Bearer nonsense"}
    assert (await client.get("/hello", headers=bad)).status_code == 200
    assert (await client.get("/me", headers=bad)).status_code == 500
    assert (await client.get("/me")).status_code == 200


async def test_an_app_without_routes_says_so() -> None:
    """In the words of the chapter."""
    async with serve(App()) as server, httpx.AsyncClient() as client:
        answer = await client.get(server.url + "/http/x")
        assert answer.status_code == 404
        assert "does not have HTTP actions enabled" in answer.text


@pytest.mark.parametrize(
    ("method", "path", "prefix"),
    [
        ("TRACE", "/x", ""),
        ("GET", "x", ""),
        ("GET", "", "/x"),
        ("GET", "/.files", ""),
        ("GET", "/hello", ""),
    ],
)
async def test_routes_that_cannot_be(method: str, path: str, prefix: str) -> None:
    """Refused when they are registered."""
    with pytest.raises(ValueError, match=r"."):
        make_app().http(method, path, prefix=prefix)(lambda ctx, request: None)


async def test_the_function_spec_names_the_routes() -> None:
    """Beside the functions."""
    spec = make_app().function_spec("http://x")
    assert {"functionType": "HttpAction", "method": "GET", "path": "/files/*"} in spec["functions"]
    assert spec["functions"][0] == {
        "args": {
            "type": "object",
            "value": {"text": {"fieldType": {"type": "string"}, "optional": False}},
        },
        "functionType": "Mutation",
        "identifier": "a.js:add",
        "returns": {"type": "string"},
        "visibility": {"kind": "public"},
    }
