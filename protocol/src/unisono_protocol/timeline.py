"""Timelines: a walkthrough read as messages between peers, and drawn from there.

Spec: appendix-a-walkthroughs
Not here: playing a walkthrough; that is the conformance suite's work.

A diagram is never drawn by hand: the same file is the case that peers are played with.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Json = Any

APP, CLIENT, SERVER, HTTP = "Application", "Client", "Server", "HTTP"


@dataclass(frozen=True)
class Message:
    """Something that one lane says to another."""

    source: str
    target: str
    text: str
    is_lost: bool = False


@dataclass(frozen=True)
class Note:
    """Something that is true of a lane at that moment."""

    lane: str
    text: str


Line = Message | Note


def lanes(case: Json) -> list[str]:
    """Return who takes part, from left to right."""
    if case["role"] == "client":
        return [APP, CLIENT, SERVER]
    asks = any("http" in step for step in case["steps"])
    connections = dict.fromkeys(s.get("conn", "a") for s in case["steps"] if "http" not in s)
    return [*(f"Connection {name}" for name in connections), *([HTTP] if asks else []), SERVER]


def lines(case: Json) -> list[Line]:
    """Return the timeline of a case from top to bottom."""
    read = _client_step if case["role"] == "client" else _server_step
    out: list[Line] = []
    for step in case["steps"]:
        out += read(step)
        if "note" in step:
            out.append(Note(_note_lane(case, step), str(step["note"])))
    return out


def _note_lane(case: Json, step: Json) -> str:
    if case["role"] == "server":
        return SERVER
    return SERVER if {"s2c", "drop", "chunks", "respond"} & set(step) else CLIENT


def _client_step(step: Json) -> Iterator[Line]:
    name = next(iter(step))
    content = step[name]
    match name:
        case "do":
            yield Message(APP, CLIENT, _operation(content))
        case "accept":
            yield Note(SERVER, "a socket opens")
        case "request":
            yield Message(CLIENT, SERVER, f"POST {content['path']}")
        case "respond":
            broken = bool(content.get("reset"))
            text = "the line breaks" if broken else str(content["status"])
            yield Message(SERVER, CLIENT, text, is_lost=broken)
        case "c2s" | "c2s!":
            yield Message(CLIENT, SERVER, describe(content))
        case "s2c":
            yield Message(SERVER, CLIENT, describe(content))
        case "chunks":
            for part in step.get("order_of", range(step["parts"])):
                yield Message(SERVER, CLIENT, f"TransitionChunk {part} of {step['parts']}")
        case "drop":
            yield Message(SERVER, CLIENT, _closing(content), is_lost=True)
        case "closed":
            yield Message(CLIENT, SERVER, "closes", is_lost=True)
        case "view" | "batch":
            yield Message(CLIENT, APP, _views(content))
        case "settled":
            yield Message(CLIENT, APP, ", ".join(_settled(content)))
        case "pending":
            yield Note(APP, f"{', '.join(content)} still pending")
        case "event":
            yield Message(CLIENT, APP, _event(content))
        case "order":
            for part in content:
                yield from _client_step(part)
        case "anyOf":
            for part in content[0]:
                yield from _client_step(part)
        case "maybe":
            yield Note(CLIENT, f"perhaps: {content[0].get('note', '')}".removesuffix(": "))
            for part in content:
                yield from _client_step(part)
        case "never":
            yield Note(APP, f"from here on never: {_never(content)}")
        case "advance":
            yield Note(CLIENT, f"{content / 1000:g} s pass")
        case _:
            return


def _server_step(step: Json) -> Iterator[Line]:
    name = next(iter(step))
    content, peer = step[name], f"Connection {step.get('conn', 'a')}"
    match name:
        case "connect":
            yield Message(peer, SERVER, "opens a socket")
        case "c2s":
            yield Message(peer, SERVER, describe(content))
        case "s2c" | "s2c!":
            yield Message(SERVER, peer, describe(content))
        case "closed":
            yield Message(SERVER, peer, _closing(content), is_lost=True)
        case "drop":
            yield Message(peer, SERVER, _closing(content), is_lost=True)
        case "http":
            yield Message(HTTP, SERVER, f"{content['method']} {content['path']}")
            yield Message(SERVER, HTTP, _answer(step.get("expect", {})))
        case "view":
            yield Note(peer, "shown: " + _views(content))
        case "never":
            yield Note(peer, f"from here on never: {_never(content)}")
        case _:
            return


def _answer(expected: Json) -> str:
    body = expected.get("body", {})
    results = body.get("results", []) if isinstance(body, dict) else []
    told = ", ".join(_value(each["value"]) for each in results if "value" in each)
    return f"{expected.get('status', 200)}: {told}".removesuffix(": ")


def _short(value: Json) -> str:
    if isinstance(value, str):
        return value.removeprefix("$bind/").removeprefix("$ts/").removeprefix("$v/").lstrip("$")
    if isinstance(value, dict) and len(value) == 1:
        ((key, inner),) = value.items()
        if key.startswith("$"):
            return f"{key[1:]} {_short(inner)}"
    if isinstance(value, dict) and "ts" in value and len(value) == 3:
        return ".".join(_short(value[part]) for part in ("querySet", "identity", "ts"))
    if isinstance(value, dict) and value.keys() <= {"querySet", "identity", "ts"}:
        return ", ".join(f"{name} {_short(part)}" for name, part in value.items())
    return json.dumps(value, ensure_ascii=False)


def _operation(do: Json) -> str:
    what = " ".join(str(do[key]) for key in ("sub", "call", "mode", "path") if key in do)
    if do["op"] == "token":
        what = f"{_short(do['number'])}: {do['token'] or 'nothing'}"
    extra = " with an optimistic update" if "optimistic" in do else ""
    return f"{do['op']} {what}".strip() + extra


def _closing(content: Json) -> str:
    if not isinstance(content, dict) or content.get("reset"):
        return "the line breaks"
    if "code" not in content:
        return "closes without code"
    return f"closes {content['code']} {content.get('reason', '')}".strip()


def _views(content: Json) -> str:
    return ", ".join(f"{name} = {_value(value)}" for name, value in content.items())


def _value(value: Json) -> str:
    if isinstance(value, dict) and "$loading" in value:
        return "loading"
    return json.dumps(value, ensure_ascii=False)


def _settled(content: Json) -> Iterator[str]:
    if isinstance(content, str):
        yield f"{content} settles"
        return
    for call, value in content.items():
        if isinstance(value, dict) and "error" in value:
            error = value["error"]
            yield f"{call} fails" + (f": {error['kind']}" if isinstance(error, dict) else "")
        else:
            yield f"{call} settles: {_value(value)}"


def _event(content: Json) -> str:
    match content["ev"]:
        case "token_wanted":
            force = "with force" if content["force"] else "without force"
            return f"fetch {_short(content['number'])}, {force}"
        case "auth":
            return "authenticated" if content["authenticated"] else "not authenticated"
        case other:
            return str(other)


def _never(content: Json) -> str:
    ((kind, pattern),) = content.items()
    match kind:
        case "view":
            return _views(pattern)
        case "c2s" | "s2c":
            return describe(pattern)
        case "request":
            return f"another POST {pattern['path']}"
        case "event" if pattern["ev"] == "auth":
            return "told again whether it is authenticated"
        case "event" if pattern["ev"] == "wire":
            return "another attempt to connect"
        case "event" if pattern["ev"] == "token_wanted":
            return "another fetch"
        case _:
            return "an update of it"


def describe(frame: Json) -> str:
    """Return one line that says what a message, or a pattern of one, is about."""
    teller = _TELLERS.get(frame["type"])
    return str(frame["type"]) + (teller(frame) if teller else "")


def _about_connect(frame: Json) -> str:
    seen = frame.get("maxObservedTimestamp")
    return "" if seen is None else f", has seen {_short(seen)}"


def _about_edit(frame: Json) -> str:
    edits = frame.get("modifications", [])
    if isinstance(edits, dict):
        ((_, edits),) = edits.items()
    listed = ", ".join(("+ " if e["type"] == "Add" else "- ") + _short(e["queryId"]) for e in edits)
    if "baseVersion" not in frame:
        return f": {listed}"
    return f" {frame['baseVersion']} to {frame['newVersion']}" + (f": {listed}" if listed else "")


def _about_step(frame: Json) -> str:
    if "endVersion" not in frame:
        return ""
    start, end = frame.get("startVersion"), _short(frame["endVersion"])
    step = end if start is None else f"{_short(start)} to {end}"
    results = ", ".join(map(_result, frame.get("modifications", [])))
    return f" {step}" + (f": {results}" if results else "")


def _result(modification: Json) -> str:
    query = _short(modification["queryId"])
    match modification["type"]:
        case "QueryRemoved":
            return f"- {query}"
        case "QueryFailed":
            return f"{query} failed"
        case _:
            return f"{query} = {_value(modification['value'])}"


def _about_response(frame: Json) -> str:
    if "success" not in frame:
        return ""
    if not frame["success"]:
        return f" {frame['requestId']}: failed"
    at = f", committed at {_short(frame['ts'])}" if "ts" in frame else ""
    return f" {frame['requestId']}: ok{at}"


def _about_auth(frame: Json) -> str:
    who = frame.get("value") or "nobody"
    base = frame.get("baseVersion")
    return f": {who}" if base is None else f", base {base}: {who}"


def _about_refusal(frame: Json) -> str:
    attempted = "attempted" if frame["authUpdateAttempted"] else "not attempted"
    return f", base {frame['baseVersion']}, {attempted}"


_TELLERS: dict[str, Callable[[Json], str]] = {
    "Connect": _about_connect,
    "ModifyQuerySet": _about_edit,
    "Mutation": lambda frame: f" {frame['requestId']}",
    "Action": lambda frame: f" {frame['requestId']}",
    "Transition": _about_step,
    "TransitionChunk": lambda frame: f" {frame['partNumber']} of {frame['totalParts']}",
    "MutationResponse": _about_response,
    "ActionResponse": _about_response,
    "Authenticate": _about_auth,
    "AuthError": _about_refusal,
}
