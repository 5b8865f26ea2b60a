"""Broken clients that call over HTTP: a proxy changes what a right one asks, or what it hears."""

# ruff: noqa: D102, D106 - what a hook is for stands in ServerFault; what is wrong, at the class

from __future__ import annotations

import contextlib
import json
from dataclasses import replace

from unisono_conformance.faults import Fault
from unisono_conformance.faulty_server import ServerFault
from unisono_conformance.http_port import Answer, NoAnswer, Reply, Request, json_of, json_reply
from unisono_conformance.values import Json


class _Asking(ServerFault):
    """Changes the requests of a client on their way to the runner."""

    def asked(self, request: Request) -> Request:
        """The request as the broken client would have sent it."""
        return request

    async def exchange(self, request: Request, forward: Answer) -> Reply:
        return await forward(self.asked(request))


class _Bodies(_Asking):
    def asked(self, request: Request) -> Request:
        body = self.changed(json_of(request.body))
        return replace(request, body=json.dumps(body).encode())

    def changed(self, body: Json) -> Json:
        """The body as the broken client would have sent it."""
        return body


class _OneShot(Fault):
    is_inline = False


class PutsThePathIntoTheAddress(_OneShot):
    """Names the function in the address, and sends the arguments alone."""

    name, rule = "puts-the-path-into-the-address", "http.body"

    class front(_Bodies):
        def changed(self, body: Json) -> Json:
            return body["args"]


class SendsNoEmptyArguments(_OneShot):
    """Leaves the field `args` out when there are none."""

    name, rule = "sends-no-empty-arguments", "http.body"

    class front(_Bodies):
        def changed(self, body: Json) -> Json:
            kept = body["args"] not in ({}, [{}])
            return {name: each for name, each in body.items() if name != "args" or kept}


class AsksForPlainJson(_OneShot):
    """Asks for the format that is made for humans."""

    name, rule = "asks-for-plain-json", "http.format"

    class front(_Bodies):
        def changed(self, body: Json) -> Json:
            return {**body, "format": "json"}


class AsksForNoFormat(_OneShot):
    """Leaves the format to the server for everything but queries."""

    name, rule = "asks-for-no-format", "http.format"

    class front(_Asking):
        def asked(self, request: Request) -> Request:
            body = json_of(request.body)
            if request.path != "/api/query":
                body.pop("format", None)
            return replace(request, body=json.dumps(body).encode())


class CallsWithoutAName(_OneShot):
    """Does not say which client it is."""

    name, rule = "calls-without-a-name", "http.client-header"

    class front(_Asking):
        def asked(self, request: Request) -> Request:
            kept = {name: text for name, text in request.headers.items() if name != "convex-client"}
            return replace(request, headers=kept)


class BearsAnAdminKey(_OneShot):
    """Sends an admin key as if it were a token."""

    name, rule = "bears-an-admin-key", "http.authorization"

    class front(_Asking):
        def asked(self, request: Request) -> Request:
            who = request.headers.get("authorization", "").replace("Convex ", "Bearer ")
            return replace(
                request, headers={**request.headers, **({"authorization": who} if who else {})}
            )


class AuthorizesNobody(_OneShot):
    """Sends an empty token when there is none."""

    name, rule = "authorizes-nobody", "http.authorization"

    class front(_Asking):
        def asked(self, request: Request) -> Request:
            return replace(request, headers={"authorization": "Bearer ", **request.headers})


class TakesStatus560ForADeadServer(_OneShot):
    """Does not read the body of an answer with status 560."""

    name, rule = "takes-status-560-for-a-dead-server", "http.status-560"

    class front(ServerFault):
        async def exchange(self, request: Request, forward: Answer) -> Reply:
            reply = await forward(request)
            return reply if reply.status != 560 else Reply(500, body=b"Internal Server Error")


class ForgetsTheDataOf560(_OneShot):
    """Reads the text of an answer with status 560, but not its data."""

    name, rule = "forgets-the-data-of-560", "http.status-560"

    class front(ServerFault):
        async def exchange(self, request: Request, forward: Answer) -> Reply:
            reply = await forward(request)
            if reply.status != 560:
                return reply
            body = json_of(reply.body)
            return json_reply(200, {name: body[name] for name in ("status", "errorMessage")})


class TriesDeadLinesAgain(_OneShot):
    """Sends a call again when its line went dead."""

    name, rule = "tries-dead-lines-again", "http.no-retry"

    class front(ServerFault):
        async def exchange(self, request: Request, forward: Answer) -> Reply:
            with contextlib.suppress(NoAnswer):
                return await forward(request)
            return await forward(request)


class TriesOverloadedServersAgain(_OneShot):
    """Sends a call again when the server says that it has too much to do."""

    name, rule = "tries-overloaded-servers-again", "http.no-retry"

    class front(ServerFault):
        async def exchange(self, request: Request, forward: Answer) -> Reply:
            reply = await forward(request)
            return reply if reply.status != 503 else await forward(request)
