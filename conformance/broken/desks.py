"""Broken servers over HTTP: a proxy changes what a right one hears, or what it answers."""

# ruff: noqa: D102 - what a hook is for stands in ServerFault; what is wrong, at the class

from __future__ import annotations

import json
from dataclasses import replace

from unisono_conformance.faulty_server import ServerFault
from unisono_conformance.http_port import Answer, Reply, Request, json_of, json_reply
from unisono_conformance.values import Json


class _Desk(ServerFault):
    """Changes replies whose body is an object."""

    async def exchange(self, request: Request, forward: Answer) -> Reply:
        reply = await forward(self.heard(request))
        body = json_of(reply.body)
        return self.answered(request, reply, body) if isinstance(body, dict) else reply

    def heard(self, request: Request) -> Request:
        """The request as the broken server takes it."""
        return request

    def answered(self, request: Request, reply: Reply, body: Json) -> Reply:
        """The reply of the broken server."""
        return reply


class _Missing(_Desk):
    path = ""

    async def exchange(self, request: Request, forward: Answer) -> Reply:
        if request.path == self.path:
            return json_reply(404, {"code": "NotFound", "message": "no such address"})
        return await super().exchange(request, forward)


class HasNoActions(_Missing):
    """Does not offer actions over HTTP."""

    name, rule, path = "has-no-actions", "http.endpoints", "/api/action"


class HasNoMutations(_Missing):
    """Does not offer mutations over HTTP."""

    name, rule, path = "has-no-mutations", "http.endpoints", "/api/mutation"


class TakesObjectsOnly(_Desk):
    """Refuses arguments in a list."""

    name, rule = "takes-objects-only", "http.args-forms"

    async def exchange(self, request: Request, forward: Answer) -> Reply:
        body = json_of(request.body)
        if isinstance(body, dict) and isinstance(body.get("args"), list):
            return json_reply(400, {"code": "BadJsonBody", "message": "args is no object"})
        return await super().exchange(request, forward)


class TakesListsOnly(_Desk):
    """Refuses arguments that are an object."""

    name, rule = "takes-lists-only", "http.args-forms"

    async def exchange(self, request: Request, forward: Answer) -> Reply:
        body = json_of(request.body)
        if isinstance(body, dict) and isinstance(body.get("args"), dict):
            return json_reply(400, {"code": "BadJsonBody", "message": "args is no list"})
        return await super().exchange(request, forward)


class TakesAnyContentType(_Desk):
    """Reads a body as JSON, whatever it is declared to be."""

    name, rule = "takes-any-content-type", "http.content-type"

    def heard(self, request: Request) -> Request:
        return replace(request, headers={**request.headers, "content-type": "application/json"})


class TakesPlainJsonOnly(_Desk):
    """Refuses a content type that is a kind of JSON."""

    name, rule = "takes-plain-json-only", "http.content-type"

    def heard(self, request: Request) -> Request:
        kind = request.headers.get("content-type", "").replace("application/vnd.api+json", "x/y")
        return replace(request, headers={**request.headers, "content-type": kind})


class Answers560(_Desk):
    """Answers a failed function with status 560."""

    name, rule = "answers-560", "http.response"

    def answered(self, request: Request, reply: Reply, body: Json) -> Reply:
        return reply if body.get("status") != "error" else replace(reply, status=560)


class LeavesOutNull(_Desk):
    """Leaves out a value that is null."""

    name, rule = "leaves-out-null", "http.response"

    def answered(self, request: Request, reply: Reply, body: Json) -> Reply:
        kept = {key: each for key, each in body.items() if (key, each) != ("value", None)}
        return json_reply(reply.status, kept)


class AlwaysListsLogLines(_Desk):
    """Sends an empty list of log lines."""

    name, rule = "always-lists-log-lines", "http.log-lines"

    def answered(self, request: Request, reply: Reply, body: Json) -> Reply:
        return json_reply(reply.status, {"logLines": [], **body})


class RefusesInPlainText(_Desk):
    """Says in plain text why no function ran."""

    name, rule = "refuses-in-plain-text", "http.error-json"

    def answered(self, request: Request, reply: Reply, body: Json) -> Reply:
        if "code" not in body:
            return reply
        return Reply(reply.status, {"content-type": "text/plain"}, body["message"].encode())


class RefusesWithStatus200(_Desk):
    """Answers status 200 although no function ran."""

    name, rule = "refuses-with-status-200", "http.error-json"

    def answered(self, request: Request, reply: Reply, body: Json) -> Reply:
        return replace(reply, status=200) if "code" in body else reply


class TellsNoMoment(_Desk):
    """Writes the moment of query_ts as a number."""

    name, rule = "tells-no-moment", "http.query-ts"

    def answered(self, request: Request, reply: Reply, body: Json) -> Reply:
        return json_reply(reply.status, {"ts": 1}) if request.path == "/api/query_ts" else reply


class ReadsAtNow(_Desk):
    """Runs query_at_ts at the newest moment."""

    name, rule = "reads-at-now", "http.query-at-ts"

    def heard(self, request: Request) -> Request:
        is_past = request.path == "/api/query_at_ts"
        return replace(request, path="/api/query") if is_past else request


class _Batches(_Desk):
    async def exchange(self, request: Request, forward: Answer) -> Reply:
        if request.path != "/api/query_batch":
            return await super().exchange(request, forward)
        return await self.batch(request, json_of(request.body)["queries"], forward)

    async def batch(self, request: Request, queries: list[Json], forward: Answer) -> Reply:
        """Answer a batch."""
        raise NotImplementedError


class RunsBatchesOneByOne(_Batches):
    """Runs each query of a batch by itself, each at a moment of its own."""

    name, rule = "runs-batches-one-by-one", "http.query-batch"

    async def batch(self, request: Request, queries: list[Json], forward: Answer) -> Reply:
        results = []
        for query in queries:
            one = replace(request, path="/api/query", body=json.dumps(query).encode())
            results.append(json_of((await forward(one)).body))
        return json_reply(200, {"results": results})


class SortsBatches(_Batches):
    """Returns first what has succeeded."""

    name, rule = "sorts-batches", "http.query-batch"

    async def batch(self, request: Request, queries: list[Json], forward: Answer) -> Reply:
        results = json_of((await forward(request)).body)["results"]
        return json_reply(
            200, {"results": sorted(results, key=lambda each: each["status"] != "success")}
        )


class FailsWholeBatches(_Batches):
    """Answers with one error when one query of a batch fails."""

    name, rule = "fails-whole-batches", "http.query-batch"

    async def batch(self, request: Request, queries: list[Json], forward: Answer) -> Reply:
        reply = await forward(request)
        results = json_of(reply.body)["results"]
        failed = [each for each in results if each["status"] == "error"]
        return json_reply(200, failed[0]) if failed else reply


class TakesTheFirstSegment(_Desk):
    """Takes the first segment for the module and the rest for the function."""

    name, rule = "takes-the-first-segment", "http.run-path"

    def heard(self, request: Request) -> Request:
        if not request.path.startswith("/api/run/"):
            return request
        module, _, function = request.path.removeprefix("/api/run/").partition("/")
        return replace(request, path=f"/api/run/{module}/{function.replace('/', '_')}")


class RunsAnythingForAnybody(_Desk):
    """Lets everybody use the address for administrators."""

    name, rule = "runs-anything-for-anybody", "http.admin-function"

    def heard(self, request: Request) -> Request:
        is_special = request.path == "/api/function"
        return replace(request, path="/api/query") if is_special else request


class AllowsEveryOrigin(_Desk):
    """Allows every origin at once, which does not go with credentials."""

    name, rule = "allows-every-origin", "http.cors"

    async def exchange(self, request: Request, forward: Answer) -> Reply:
        reply = await forward(request)
        name = "access-control-allow-origin"
        return replace(
            reply, headers={**reply.headers, **({name: "*"} if name in reply.headers else {})}
        )


class AllowsNoHeaders(_Desk):
    """Does not allow the headers that a page asks for."""

    name, rule = "allows-no-headers", "http.cors"

    async def exchange(self, request: Request, forward: Answer) -> Reply:
        reply = await forward(request)
        gone = "access-control-allow-headers"
        return replace(
            reply, headers={name: text for name, text in reply.headers.items() if name != gone}
        )
