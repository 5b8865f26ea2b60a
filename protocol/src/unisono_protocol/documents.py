"""The AsyncAPI and OpenAPI documents: the schemas again, in the form that other tools read.

Spec: 02-messages, 12-http
Not here: anything that the schemas do not say already.

`python -m unisono_protocol.documents` writes `asyncapi.json` and `openapi.json` anew.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from unisono_protocol import schemas
from unisono_protocol.data import V1

Document = dict[str, Any]

SERVERS = {
    "local": {"host": "127.0.0.1:3210", "protocol": "ws"},
    "hosted": {
        "host": "{deployment}.convex.cloud",
        "protocol": "wss",
        "variables": {"deployment": {"description": "The name of the deployment."}},
    },
}

URN = "urn:unisono:v1:"
LICENSE = {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"}
DIRECTIONS = {"client-message": "receive", "server-message": "send"}
SUMMARIES = {
    "Connect": "Opens the dialogue: which session this is, and what it has seen.",
    "ModifyQuerySet": "Edits the set of queries that the client is kept told of.",
    "Mutation": "Calls a function that changes the database.",
    "Action": "Calls a function that may do anything.",
    "Authenticate": "Says who is asking from now on.",
    "Event": "Diagnostics; never answered.",
    "Transition": "Takes the client from one consistent snapshot to the next.",
    "TransitionChunk": "A piece of the JSON text of a large Transition.",
    "MutationResponse": "What became of a mutation.",
    "ActionResponse": "What became of an action.",
    "AuthError": "The identity was refused; the connection ends.",
    "FatalError": "The client broke the protocol; the connection ends, for good.",
    "Ping": "A sign of life.",
}


def flat(names: list[str]) -> Document:
    """Return the definitions of these schemas as components that refer to each other."""
    out: Document = {}
    for name in names:
        content = schemas.schema(name)
        if "anyOf" in content:
            out[name] = _moved({"anyOf": content["anyOf"], "title": content["title"]}, name)
        for key, definition in content.get("$defs", {}).items():
            out[_key(name, key)] = _moved(definition, name)
    return out


def _key(name: str, definition: str) -> str:
    return definition if definition in SUMMARIES else f"{name}.{definition}"


def _target(reference: str, home: str) -> str:
    place, _, pointer = reference.partition("#")
    name = place.removeprefix(URN) or home
    definition = pointer.rpartition("/")[2]
    return "#/components/schemas/" + (_key(name, definition) if definition else name)


def _moved(content: Any, home: str) -> Any:
    if isinstance(content, list):
        return [_moved(item, home) for item in content]
    if isinstance(content, dict):
        return {
            key: _target(item, home) if key == "$ref" else _moved(item, home)
            for key, item in content.items()
        }
    return content


def asyncapi() -> Document:
    """Return the AsyncAPI document of the socket, seen from the server."""
    messages = {
        name: {
            "name": name,
            "summary": SUMMARIES[name],
            "payload": {"$ref": f"#/components/schemas/{name}"},
        }
        for direction in DIRECTIONS
        for name in schemas.message_types(direction)
    }
    listed = {name: {"$ref": f"#/components/messages/{name}"} for name in messages}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Unisono sync protocol",
            "version": "1.0.0",
            "description": "The socket. What the messages mean is told in the chapters.",
            "license": LICENSE,
        },
        "defaultContentType": "application/json",
        "servers": SERVERS,
        "channels": {
            "sync": {"address": "/api/sync", "messages": listed},
            "versionedSync": {
                "address": "/api/{clientVersion}/sync",
                "parameters": {"clientVersion": {"description": "Version of the npm package."}},
                "messages": listed,
            },
        },
        "operations": {
            f"{action}On{channel[0].upper()}{channel[1:]}": {
                "action": action,
                "channel": {"$ref": f"#/channels/{channel}"},
                "messages": [
                    {"$ref": f"#/channels/{channel}/messages/{name}"}
                    for name in schemas.message_types(direction)
                ],
            }
            for channel in ("sync", "versionedSync")
            for direction, action in DIRECTIONS.items()
        },
        "components": {
            "messages": messages,
            "schemas": flat(
                ["value", "common", "extensions", "client-message", "server-message"],
            ),
        },
    }


def _json(name: str) -> Document:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/http.{name}"}}}


def _operation(summary: str, body: str, answer: str) -> Document:
    responses = {
        "200": {"description": "The function ran, or failed.", "content": _json(answer)},
        "4XX": {"description": "No function ran.", "content": _json("error")},
        "5XX": {"description": "No function ran; try later.", "content": _json("error")},
    }
    request = {"requestBody": {"required": True, "content": _json(body)}} if body else {}
    return {"post": {"summary": summary, **request, "responses": responses}}


def openapi() -> Document:
    """Return the OpenAPI document of the HTTP endpoints."""
    run = _operation("Call a function by its address.", "run", "result")
    run["post"]["parameters"] = [
        {
            "name": "path",
            "in": "path",
            "required": True,
            "description": "Module and function, separated by slashes.",
            "schema": {"type": "string"},
        }
    ]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Unisono HTTP endpoints",
            "version": "1.0.0",
            "description": "One-shot calls. What they mean is told in chapter 12.",
            "license": LICENSE,
        },
        "servers": [{"url": "http://127.0.0.1:3210"}],
        "security": [{}, {"user": []}, {"admin": []}],
        "paths": {
            "/api/query": _operation("Run a query.", "call", "result"),
            "/api/mutation": _operation("Run a mutation.", "call", "result"),
            "/api/action": _operation("Run an action.", "call", "result"),
            "/api/query_ts": _operation("A timestamp to run queries at.", "", "ts"),
            "/api/query_at_ts": _operation("Run a query at a timestamp.", "callAtTs", "result"),
            "/api/query_batch": _operation("Run queries at one moment.", "batch", "results"),
            "/api/function": _operation("Run any function, as administrator.", "call", "result"),
            "/api/run/{path}": run,
        },
        "components": {
            "securitySchemes": {
                "user": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "admin": {"type": "apiKey", "in": "header", "name": "Authorization"},
            },
            "schemas": flat(["value", "common", "http"]),
        },
    }


FILES: dict[str, Callable[[], Document]] = {"asyncapi.json": asyncapi, "openapi.json": openapi}


def main() -> None:
    """Write both documents."""
    for name, make in FILES.items():
        document = {"x-generated": "by python -m unisono_protocol.documents", **make()}
        text = json.dumps(document, indent=2) + "\n"
        (V1 / "schema" / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
