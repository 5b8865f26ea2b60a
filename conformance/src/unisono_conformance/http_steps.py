"""One HTTP request of a server case, with the standard library.

Spec: http
Not here: the expectations (see server_player).
"""

from __future__ import annotations

import http.client
import json
from typing import Final
from urllib.parse import urlsplit

from unisono_conformance.outcome import Failed
from unisono_conformance.values import Json

BUDGET_S: Final = 10.0


def call_http(url: str, request: Json) -> Json:
    """Send it and return `{status, headers, body}`; the body is JSON where it can be, else text."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(
        address.hostname or "127.0.0.1", address.port, timeout=BUDGET_S
    )
    headers = {"Content-Type": "application/json", **request.get("headers", {})}
    body = request.get("text")
    if body is None and "body" in request:
        body = json.dumps(request["body"])
    headers = {name: value for name, value in headers.items() if value is not None}
    try:
        connection.request(
            request.get("method", "POST"),
            request["path"],
            body=body.encode() if body is not None else None,
            headers=headers,
        )
        response = connection.getresponse()
        text = response.read().decode("utf-8", "replace")
        seen = {name.lower(): value for name, value in response.getheaders()}
    except (OSError, http.client.HTTPException) as error:
        raise Failed(f"the HTTP request failed: {error}") from error
    finally:
        connection.close()
    answer: Json = {"status": response.status, "headers": seen, "text": text}
    try:
        answer["body"] = json.loads(text)
    except ValueError:
        return answer
    return answer
