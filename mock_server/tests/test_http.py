"""The HTTP endpoints."""

import base64
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from unisono_mock import (
    ActionContext,
    App,
    ApplicationError,
    Int64,
    MutationContext,
    QueryContext,
    Server,
    serve,
)

pytestmark = pytest.mark.asyncio

KEY = "dev:mock|secret"


def make_app() -> App:
    app = App(admin_keys=[KEY])

    @app.query("h:values")
    def values(ctx: QueryContext) -> Any:
        return {"i": Int64(5), "f": 1, "nan": float("nan"), "b": b"abc", "minus": -0.0}

    @app.query("h:count")
    def count(ctx: QueryContext) -> float:
        return len(ctx.db.query("t").collect())

    @app.mutation("h:add")
    def add(ctx: MutationContext, text: str = "x") -> str:
        ctx.log("adding", text)
        return ctx.db.insert("t", {"text": text})

    @app.mutation("folder/h:fail")
    def fail(ctx: MutationContext, data: Any) -> None:
        ctx.db.insert("t", {})
        raise ApplicationError(data)

    @app.action("h:act")
    async def act(ctx: ActionContext, text: str) -> float:
        await ctx.run_mutation("h:add", text=text)
        total: float = await ctx.run_query("h:count")
        return total

    @app.internal_query("h:hidden")
    def hidden(ctx: QueryContext) -> str:
        return "hidden"

    @app.query("h:me")
    def me(ctx: QueryContext) -> Any:
        return ctx.auth.user()

    return app


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    async with serve(make_app()) as server:
        yield server


@pytest_asyncio.fixture
async def client(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=server.url) as client:
        yield client


async def call(client: httpx.AsyncClient, route: str, **body: Any) -> Any:
    response = await client.post(f"/api/{route}", json={"args": {}, **body})
    assert response.status_code == 200, response.text
    return response.json()


@pytest.mark.parametrize(
    ("format_", "value"),
    [
        (
            "convex_encoded_json",
            {
                "b": {"$bytes": "YWJj"},
                "f": 1.0,
                "i": {"$integer": "BQAAAAAAAAA="},
                "minus": {"$float": "AAAAAAAAAIA="},
                "nan": {"$float": "AAAAAAAA+H8="},
            },
        ),
        ("json", {"b": "YWJj", "f": 1.0, "i": "5", "minus": -0.0, "nan": "NaN"}),
        (None, {"b": "YWJj", "f": 1.0, "i": "5", "minus": -0.0, "nan": "NaN"}),
        (
            "export_json",
            {
                "b": {"$bytes": "YWJj"},
                "f": 1.0,
                "i": 5,
                "minus": -0.0,
                "nan": {"$float": "AAAAAAAA+H8="},
            },
        ),
    ],
)
async def test_a_query_answers_in_the_format_asked_for(
    client: httpx.AsyncClient, format_: str | None, value: Any
) -> None:
    """Lossless with tags, or plain and lossy."""
    found = await call(client, "query", path="h:values", format=format_)
    assert found == {"status": "success", "value": value}


async def test_a_mutation_commits_and_gives_its_log_lines(client: httpx.AsyncClient) -> None:
    """Arguments come alone or in an array; lines are there if there are any."""
    first = await call(client, "mutation", path="h:add", args={"text": "a"})
    await call(client, "mutation", path="h:add", args=[{"text": "b"}])
    assert first["logLines"] == ["[LOG] 'adding' 'a'"]
    assert (await call(client, "query", path="h:count"))["value"] == 2
    assert (await call(client, "action", path="h:act", args={"text": "c"}))["value"] == 3


@pytest.mark.parametrize("data", [{"code": "full"}, "text", None])
async def test_a_failure_is_a_200_with_the_data_of_the_app(
    client: httpx.AsyncClient, data: Any
) -> None:
    """Data that is null is still there; nothing was written."""
    found = await call(client, "mutation", path="folder/h:fail", args={"data": data})
    assert found["status"] == "error"
    assert found["errorData"] == data
    assert "Server Error\nUncaught ConvexError" in found["errorMessage"]
    assert (await call(client, "query", path="h:count"))["value"] == 0


async def test_queries_at_one_moment(client: httpx.AsyncClient) -> None:
    """A timestamp from before a write does not see the write."""
    ts = (await client.post("/api/query_ts")).json()["ts"]
    await call(client, "mutation", path="h:add")
    assert (await call(client, "query_at_ts", path="h:count", ts=ts))["value"] == 0
    batch = await call(
        client,
        "query_batch",
        queries=[{"path": "h:count", "args": {}}, {"path": "h:nothing", "args": {}}],
    )
    assert [result["status"] for result in batch["results"]] == ["success", "error"]
    assert batch["results"][0]["value"] == 1


@pytest.mark.parametrize(
    ("ts", "status"),
    [("x", 500), ("/////////38=", 500), ("AQAAAAAAAAA=", 503)],
)
async def test_a_moment_that_cannot_be_read(
    client: httpx.AsyncClient, ts: str, status: int
) -> None:
    """Not a timestamp, in the future, or forgotten; the text tells nothing."""
    response = await client.post("/api/query_at_ts", json={"path": "h:count", "args": {}, "ts": ts})
    assert (response.status_code, response.json()["code"]) == (status, "InternalServerError")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"path": "h:count"}, "BadJsonBody"),
        ({"args": {}}, "BadJsonBody"),
        ({"path": 1, "args": {}}, "BadJsonBody"),
        ([], "BadJsonBody"),
        ({"path": "../h:count", "args": {}}, "BadConvexFunctionIdentifier"),
        ({"path": "h:count", "args": {}, "format": "xml"}, "BadFormat"),
    ],
)
async def test_a_bad_body_is_a_400_with_a_code(
    client: httpx.AsyncClient, body: Any, code: str
) -> None:
    """One code and one sentence."""
    response = await client.post("/api/query", json=body)
    assert (response.status_code, response.json()["code"]) == (400, code)
    assert response.json()["message"]


async def test_a_mutation_with_a_bad_format_has_run(client: httpx.AsyncClient) -> None:
    """The format is looked at when there is something to format."""
    body = {"path": "h:add", "args": {}, "format": "xml"}
    assert (await client.post("/api/mutation", json=body)).status_code == 400
    assert (await call(client, "query", path="h:count"))["value"] == 1


@pytest.mark.parametrize(
    ("content_type", "status"),
    [("text/plain", 400), ("application/vnd.x+json; charset=utf-8", 200), ("", 400)],
)
async def test_the_content_type_must_be_json(
    client: httpx.AsyncClient, content_type: str, status: int
) -> None:
    """Parameters and suffixes are fine."""
    response = await client.post(
        "/api/query",
        content=b'{"path": "h:count", "args": {}}',
        headers={"Content-Type": content_type},
    )
    assert response.status_code == status


async def test_run_finds_the_kind_of_a_function(client: httpx.AsyncClient) -> None:
    """The address names the function; what is missing is said in other words."""
    assert (await call(client, "run/h/count"))["value"] == 0
    failed = await call(client, "run/folder/h/fail", args={"data": 1})
    assert failed["errorData"] == 1
    missing = await call(client, "run/h/nothing")
    assert "Could not find function for 'h:nothing'." in missing["errorMessage"]
    short = await client.post("/api/run/count", json={"args": {}})
    assert (short.status_code, short.json()["code"]) == (400, "MissingIdentifier")


async def test_admins_may_call_everything(client: httpx.AsyncClient) -> None:
    """With the key in the header; as somebody else if they like."""
    body = {"path": "h:hidden", "args": {}}
    refused = await client.post("/api/function", json=body)
    assert (refused.status_code, refused.json()["code"]) == (403, "BadDeployKey")
    wrong = await client.post("/api/query", json=body, headers={"Authorization": "Convex nonsense"})
    assert (wrong.status_code, wrong.json()["code"]) == (401, "BadAdminKey")
    admin = {"Authorization": f"Convex {KEY}"}
    allowed = await client.post("/api/function", json=body, headers=admin)
    assert allowed.json()["value"] == "hidden"
    user = base64.b64encode(b'{"tokenIdentifier": "issuer|u1"}').decode()
    acting = {"Authorization": f"Convex {KEY}:{user}"}
    me = await client.post("/api/query", json={"path": "h:me", "args": {}}, headers=acting)
    assert me.json()["value"] == {"tokenIdentifier": "issuer|u1"}


async def test_a_page_of_any_origin_may_read(client: httpx.AsyncClient) -> None:
    """The origin is mirrored, before the request and with the answer."""
    origin = {"Origin": "http://page.test"}
    asked = await client.options(
        "/api/query", headers={**origin, "Access-Control-Request-Headers": "content-type"}
    )
    assert asked.headers["access-control-allow-origin"] == "http://page.test"
    assert asked.headers["access-control-allow-headers"] == "content-type"
    assert asked.headers["access-control-max-age"] == "86400"
    answer = await client.post("/api/query_ts", headers=origin)
    assert answer.headers["access-control-allow-origin"] == "http://page.test"


@pytest.mark.parametrize(
    ("client_header", "status", "state"),
    [
        ("python-0.8.1", 200, None),
        ("python-0.1.9", 200, "UpgradeRequired"),
        ("npm-0.19.1", 400, "Unsupported"),
        ("nonsense", 400, None),
    ],
)
async def test_old_clients_are_told_so(
    client: httpx.AsyncClient, client_header: str, status: int, state: str | None
) -> None:
    """By two headers, or by a refusal with the same headers."""
    response = await client.post("/api/query_ts", headers={"Convex-Client": client_header})
    assert response.status_code == status
    assert response.headers.get("x-convex-deprecation-state") == state


async def test_requests_that_lead_nowhere(client: httpx.AsyncClient) -> None:
    """Unknown routes and wrong methods have their status and nothing else."""
    assert (await client.get("/api/nothing")).status_code == 404
    assert (await client.get("/api/mutation")).status_code == 405
    assert (await client.post("/echo", content=b"\x00\x01")).content == b"\x00\x01"
    got = await client.get("/api/query", params={"path": "h:count", "args": "{}"})
    assert got.json()["value"] == 0


async def test_a_redacting_server_keeps_texts_and_lines_to_itself() -> None:
    """The data of the app is still delivered."""
    async with (
        serve(make_app(), redact=True) as server,
        httpx.AsyncClient(base_url=server.url) as client,
    ):
        headers = {"Convex-Request-Id": "my-id"}
        body = {"path": "folder/h:fail", "args": {"data": 1}, "format": "convex_encoded_json"}
        found = (await client.post("/api/mutation", json=body, headers=headers)).json()
        assert found == {
            "status": "error",
            "errorMessage": "[Request ID: my-id] Server Error",
            "errorData": 1,
        }


async def test_the_official_tools_ask_for_the_function_spec(client: httpx.AsyncClient) -> None:
    """As the system query that `npx convex function-spec` runs; nobody else finds it."""
    body = {"path": "_system/cli/modules:apiSpec", "args": {}, "format": "convex_encoded_json"}
    headers = {"Authorization": f"Convex {KEY}", "Convex-Client": "npm-cli-1.48.0"}
    found = await client.post(
        "/api/query",
        json=body,
        headers=headers,
    )
    kinds = {each["functionType"] for each in found.json()["value"]}
    assert {"Query", "Mutation", "Action"} <= kinds
    unknown = (await client.post("/api/query", json=body)).json()
    assert "Could not find public function" in unknown["errorMessage"]
