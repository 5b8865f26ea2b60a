"""What our clients ask by HTTP, and what the mock server answers, is what the schemas describe."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
import pytest_asyncio
from jsonschema import Draft202012Validator
from referencing import Registry

from unisono.core import http
from unisono.core.errors import RemoteProtocolError
from unisono_mock import App, ApplicationError, Int64, MutationContext, QueryContext, Server, serve
from unisono_protocol import schemas

ROOT = Path(__file__).parents[2]
ESBUILD = ROOT / "node_modules/.bin/esbuild"
REGISTRY: Registry[Any] = Registry().with_contents(list(schemas.by_id().items()))
# The body of the request, and of the answer, by the end of the address.
BODIES = {
    "query": ("call", "result"),
    "mutation": ("call", "result"),
    "action": ("call", "result"),
    "query_at_ts": ("callAtTs", "result"),
    "query_ts": (None, "ts"),
    "query_batch": ("batch", "results"),
}
KINDS = ("query", "mutation", "action")
ARGS: dict[str, Any] = {"i": Int64(5), "f": 1.5, "b": b"abc", "nan": float("nan"), "list": [None]}

ASK_IN_TYPESCRIPT = """
const asked = [];
const answers = {query_ts: {ts: "AAAAAAAAAAA="}, query_batch: {results: []}};
const fetch = async (address, {body}) => {
  const name = new URL(address).pathname.split("/").pop();
  asked.push([name, body ?? ""]);
  return new Response(JSON.stringify(answers[name] ?? {status: "success", value: null}));
};
const client = new module.exports.HttpClient("http://127.0.0.1:1", {fetch, log() {}});
const args = {i: 5n, f: 1.5, b: new Uint8Array([97, 98, 99]).buffer, nan: NaN, list: [null]};
(async () => {
  await client.query("h:echo", args);
  await client.query("h:nothing");
  await client.mutation("h:fail", args);
  await client.action("h:act", {});
  console.log(JSON.stringify(asked));
})();
"""


class Asked(NamedTuple):
    """A request: the end of its address, and its body."""

    name: str
    body: bytes


def validator(definition: str, *, is_strict: bool = False) -> Draft202012Validator:
    schema: dict[str, Any] = {"$ref": f"urn:unisono:v1:http#/$defs/{definition}"}
    return Draft202012Validator(
        {**schema, "unevaluatedProperties": False} if is_strict else schema, registry=REGISTRY
    )


def asked_in_python() -> list[Asked]:
    """Requests of every kind, from the Python core."""
    requests = [http.call(kind, "h:echo", ARGS) for kind in KINDS]
    requests += [http.call("query", "h:nothing", {}), http.call("mutation", "h:fail", ARGS)]
    requests += [http.query_ts(), http.query_batch([("h:echo", ARGS), ("h:fail", {})])]
    requests += [http.query_at("h:echo", ARGS, 0)]
    return [Asked(request.path.rsplit("/", 1)[1], request.body) for request in requests]


def asked_in_typescript() -> list[Asked]:
    """Requests of the three kinds, from the TypeScript client."""
    if not ESBUILD.exists():
        pytest.skip("esbuild is not installed")
    source = ROOT / "js_client/src/runtime/http.ts"
    options = ["--bundle", "--format=cjs", "--platform=node"]
    bundled = subprocess.run(
        [ESBUILD, source, *options], capture_output=True, check=True, text=True
    ).stdout
    printed = subprocess.run(
        ["node", "-e", bundled + ASK_IN_TYPESCRIPT], capture_output=True, text=True
    )
    assert printed.returncode == 0, printed.stderr
    return [Asked(name, body.encode()) for name, body in json.loads(printed.stdout)]


ASKED = {"python": asked_in_python, "typescript": asked_in_typescript}


@pytest.mark.parametrize("language", ASKED)
def test_requests_match_to_the_field(language: str) -> None:
    """Each request of a client is what the schema says, with no field beyond."""
    requests = ASKED[language]()
    bodies = [(asked, BODIES[asked.name][0]) for asked in requests]
    wrong = [
        asked
        for asked, definition in bodies
        if definition and not validator(definition, is_strict=True).is_valid(json.loads(asked.body))
    ]

    assert {asked.name for asked in requests} >= set(KINDS)
    assert wrong == []


@pytest_asyncio.fixture
async def server() -> Any:
    """A server with a function for each way to end."""
    app = App()

    @app.query("h:echo")
    def echo(ctx: QueryContext, **args: Any) -> Any:
        return args

    @app.query("h:nothing")
    def nothing(ctx: QueryContext) -> None:
        ctx.log("nothing")

    @app.mutation("h:fail")
    def fail(ctx: MutationContext, **args: Any) -> None:
        raise ApplicationError({"code": "full"})

    async with serve(app, port=0) as running:
        yield running


async def answers(server: Server, requests: list[Asked]) -> list[tuple[str, httpx.Response]]:
    async with httpx.AsyncClient(base_url=server.url) as client:
        headers = {"Content-Type": "application/json"}
        return [
            (name, await client.post(f"/api/{name}", content=body, headers=headers))
            for name, body in requests
        ]


@pytest.mark.asyncio
@pytest.mark.parametrize("language", ASKED)
async def test_answers_match_to_the_field(language: str, server: Server) -> None:
    """The server takes every request of a client, and each answer is what the schema says."""
    told = await answers(server, [a for a in ASKED[language]() if a.name != "query_at_ts"])
    wrong = [
        (name, answer.json())
        for name, answer in told
        if not validator(BODIES[name][1], is_strict=True).is_valid(answer.json())
    ]

    assert {answer.status_code for _, answer in told} == {200}
    assert {a.json().get("status") for _, a in told} >= {"success", "error"}
    assert wrong == []


@pytest.mark.asyncio
async def test_a_moment_is_asked_for_and_used(server: Server) -> None:
    """The answer of `query_ts` fits into `query_at_ts`, in the schema and at the server."""
    ((_, told),) = await answers(server, [Asked("query_ts", b"{}")])
    at = http.query_at("h:echo", ARGS, http.read_ts(told.status_code, told.content))
    ((_, answer),) = await answers(server, [Asked("query_at_ts", at.body)])

    assert validator("callAtTs", is_strict=True).is_valid(json.loads(at.body))
    assert validator("success", is_strict=True).is_valid(answer.json())


def bad_requests() -> Iterator[Any]:
    """Bodies that the schemas refuse: the address, the definition, and the body."""
    for kind in KINDS:
        yield kind, {"args": {}}
        yield kind, {"path": 5, "args": {}}
        yield kind, {"path": "h:echo", "args": 5}
        yield kind, []
    yield "query_batch", {}
    yield "query_batch", {"queries": {}}
    yield "query_at_ts", {"path": "h:echo", "args": {}}
    yield "query_at_ts", {"path": "h:echo", "args": {}, "ts": 5}


@pytest.mark.asyncio
@pytest.mark.parametrize(("name", "body"), list(bad_requests()))
async def test_the_server_refuses_what_the_schema_refuses(
    name: str, body: Any, server: Server
) -> None:
    """A body of the wrong shape is an error; arguments of none fail as the function's."""
    ((_, answer),) = await answers(server, [Asked(name, json.dumps(body).encode())])

    assert not validator(str(BODIES[name][0])).is_valid(body)
    if answer.status_code == 400:
        assert validator("error", is_strict=True).is_valid(answer.json())
    else:
        assert "args" in body
        assert validator("failure", is_strict=True).is_valid(answer.json())


@pytest.mark.parametrize(
    "answer",
    [{}, [], {"status": "success"}, {"status": "error"}, {"status": "maybe", "value": 1}],
    ids=json.dumps,
)
def test_python_refuses_what_is_no_result(answer: Any) -> None:
    """An answer that the schema does not take is a violation, and no value."""
    assert not validator("result").is_valid(answer)
    with pytest.raises(RemoteProtocolError):
        http.read_outcome(200, json.dumps(answer).encode())
