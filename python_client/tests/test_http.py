"""One-shot calls over HTTP: the requests, the answers, and every way in which they fail."""

import json
import logging
from typing import Any

import httpx
import pytest

from unisono import (
    ApplicationError,
    FunctionError,
    HttpClient,
    HttpStatusError,
    Int64,
    InvalidPathError,
    InvalidUrlError,
    Query,
    RemoteProtocolError,
    RequestFailedError,
    SyncHttpClient,
)

ADDRESS = "http://backend.invalid/"


class Backend:
    """Answers every request with the same thing, and remembers what it was asked."""

    def __init__(self, body: Any, status: int = 200) -> None:
        self.body = body
        self.status = status
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        text = self.body if isinstance(self.body, str) else json.dumps(self.body)
        return httpx.Response(self.status, text=text)

    def sync(self, **options: Any) -> SyncHttpClient:
        client = httpx.Client(transport=httpx.MockTransport(self))
        return SyncHttpClient(ADDRESS, client=client, **options)

    def asked(self) -> Any:
        return json.loads(self.requests[-1].content)


def success(value: Any, **rest: Any) -> dict[str, Any]:
    return {"status": "success", "value": value, **rest}


@pytest.mark.parametrize("kind", ["query", "mutation", "action"])
def test_a_call_is_one_request(kind: str) -> None:
    """Path, arguments and format in the body; the name of the client in a header."""
    backend = Backend(success({"$integer": "BQAAAAAAAAA="}))

    value = getattr(backend.sync(), kind)("m:f", {"a": Int64(1)})

    assert (value, type(value)) == (5, Int64)
    assert str(backend.requests[0].url) == f"http://backend.invalid/api/{kind}"
    assert backend.asked() == {
        "path": "m:f",
        "args": {"a": {"$integer": "AQAAAAAAAAA="}},
        "format": "convex_encoded_json",
    }
    assert backend.requests[0].headers["convex-client"].startswith("unisono-")
    assert "authorization" not in backend.requests[0].headers


@pytest.mark.parametrize(
    ("options", "header"),
    [
        ({"token": "jwt"}, "Bearer jwt"),
        ({"admin_key": "key"}, "Convex key"),
        ({"admin_key": "key", "acting_as": {"a": 1}}, "Convex key:eyJhIjoxfQ=="),
    ],
)
def test_the_identity_is_a_header(options: dict[str, Any], header: str) -> None:
    """A user's token, an administrator's key, and whom he acts as."""
    backend = Backend(success(None))
    backend.sync(**options).query("m:f")

    assert backend.requests[0].headers["authorization"] == header


@pytest.mark.parametrize("status", [200, 560])
def test_a_failed_function_is_a_function_error(status: int) -> None:
    """Also with the status of old servers; null data is data."""
    body = {"status": "error", "errorMessage": "boom"}
    with pytest.raises(FunctionError, match="boom") as caught:
        Backend(body, status).sync().query("m:f")
    with pytest.raises(ApplicationError) as telling:
        Backend(body | {"errorData": None}, status).sync().query("m:f")

    assert not isinstance(caught.value, ApplicationError)
    assert telling.value.data is None


def test_an_answer_of_no_function_is_a_status_error() -> None:
    """With status, code and message."""
    with pytest.raises(HttpStatusError) as caught:
        Backend({"code": "BadJsonBody", "message": "no"}, 400).sync().query("m:f")
    with pytest.raises(HttpStatusError, match="HTTP 502 : <html>"):
        Backend("<html>", 502).sync().query("m:f")

    assert (caught.value.status, caught.value.code) == (400, "BadJsonBody")


@pytest.mark.parametrize("body", ["<html>", [], {}, {"status": "success"}, {"status": "odd"}])
def test_an_answer_that_makes_no_sense_is_the_servers_fault(body: Any) -> None:
    """It is not taken for a value."""
    with pytest.raises(RemoteProtocolError):
        Backend(body).sync().query("m:f")


def test_wrong_calls_are_refused_before_a_request() -> None:
    """A path, a value, an address."""
    backend = Backend(success(None))
    with pytest.raises(InvalidPathError):
        backend.sync().query("not a path!")
    with pytest.raises(InvalidUrlError):
        SyncHttpClient("nonsense")

    assert backend.requests == []


def test_several_queries_at_one_moment() -> None:
    """As one batch, in order, each of its type; or at a moment that was told."""
    backend = Backend({"results": [success(1.0), success(["x"])]})
    assert backend.sync().queries(Query("m:a", type=int), Query("m:b", {"x": 1})) == [1, ["x"]]
    assert [each["path"] for each in backend.asked()["queries"]] == ["m:a", "m:b"]
    backend.body = {"ts": "6AMAAAAAAAA="}
    assert backend.sync().timestamp() == 1000
    backend.body = success(1)
    backend.sync().query("m:a", at=1000)

    assert backend.requests[-1].url.path == "/api/query_at_ts"
    assert backend.asked()["ts"] == "6AMAAAAAAAA="


def test_log_lines_go_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """To the logger of functions, with the path."""
    with caplog.at_level(logging.INFO, "unisono.functions"):
        Backend(success(1, logLines=["[LOG] 'hi'"])).sync().query("m:f")

    assert caplog.messages == ["m:f [LOG] 'hi'"]


def test_a_mutation_is_never_repeated() -> None:
    """No answer is no answer; the caller is told and nothing else is done."""
    attempts = []

    def broken(request: httpx.Request) -> httpx.Response:
        attempts.append(request)
        raise httpx.ReadTimeout("too slow")

    client = SyncHttpClient(ADDRESS, client=httpx.Client(transport=httpx.MockTransport(broken)))
    with pytest.raises(RequestFailedError, match="too slow"):
        client.mutation("m:send")

    assert len(attempts) == 1


@pytest.mark.anyio
async def test_the_same_for_async_code() -> None:
    """With the caller's own transport, which stays his to close."""
    backend = Backend(success(5))
    own = httpx.AsyncClient(transport=httpx.MockTransport(backend))
    async with own, HttpClient(ADDRESS, client=own) as client:
        assert await client.query("m:f", type=int) == 5
        assert await client.query("m:f", at=1) == 5
        assert await client.mutation("m:f") == 5
        assert await client.action("m:f") == 5
        backend.body = {"results": [success(1)]}
        assert await client.queries(Query("m:a")) == [1]
        backend.body = {"ts": "6AMAAAAAAAA="}
        assert await client.timestamp() == 1000
        assert not own.is_closed


def test_tokens_are_in_no_repr() -> None:
    """Nor in that of the client."""
    assert "secret" not in repr(SyncHttpClient(ADDRESS, token="secret"))
