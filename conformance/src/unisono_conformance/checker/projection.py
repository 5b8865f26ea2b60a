"""Makes a smaller history out of a history, such that what was right in it stays right.

Spec: transitions
Not here: what to leave out (see shrink).

Lists that only grow stay lists that only grow when a commit is taken out everywhere, and two
Transitions in a row are one Transition; that is why nothing has to be played again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial

from unisono_conformance.checker.anomalies import Event, Json
from unisono_conformance.checker.facts import gather
from unisono_conformance.checker.readings import define, without
from unisono_conformance.checker.wire import Pieces, encode_ts

Owner = tuple[str, str]
"""A session or a client, and its name; connections without a session stand for themselves."""


def normal(events: Iterable[Event], until: int) -> list[Event]:
    """Bring a history into the form that shrinks: whole Transitions, commits that say it all."""
    history = list(events)
    facts = gather(history)
    known = {(commit.n, commit.at): commit for commit in facts.commits}
    pieces: dict[int, Pieces] = {}
    kept: list[Event] = []
    for event in history:
        if event["kind"] == "commit":
            commit = known[int(event["n"]), event["at"]]
            more: Json = {"key": commit.key}
            if commit.ts is not None:
                more["ts"] = encode_ts(commit.ts)
            if commit.request is not None:
                more["session"], more["request"] = commit.request
            kept.append(
                {**event, **{name: each for name, each in more.items() if each is not None}}
            )
        elif event["at"] <= until:
            kept.extend(_whole(event, pieces))
    return kept


def _whole(event: Event, pieces: dict[int, Pieces]) -> Iterator[Event]:
    if event["kind"] != "s2c":
        yield event
    elif event["frame"].get("type") == "TransitionChunk":
        held = pieces.setdefault(event["connection"], Pieces())
        whole = held.add(event["frame"])
        if whole is not None:
            yield {**event, "frame": whole}
    else:
        yield event


def owners(events: Iterable[Event]) -> dict[int, Owner]:
    """Say whose each connection is: the client's that opened it, or else the session's."""
    found: dict[int, Owner] = {}
    for event in events:
        number = event.get("connection")
        if number is None:
            continue
        if "client" in event:
            found[number] = ("client", event["client"])
        elif "session" in event:
            found.setdefault(number, ("session", event["session"]))
        else:
            found.setdefault(number, ("connection", str(number)))
    return found


def of_owners(events: list[Event], kept: Collection[object]) -> list[Event]:
    """Keep only what some sessions and clients did; the commits of all remain."""
    whose = owners(events)
    return [
        event for event in events if _owner(event, whose) is None or _owner(event, whose) in kept
    ]


def _owner(event: Event, whose: dict[int, Owner]) -> Owner | None:
    if "connection" in event:
        return whose[event["connection"]]
    return ("client", event["client"]) if "client" in event else None


def queries(events: Iterable[Event]) -> list[str]:
    """List the queries that the history asks for, by the names of their definitions."""
    names: dict[str, None] = {}
    for event in events:
        for change in _changes(event, "ModifyQuerySet"):
            if change["type"] == "Add":
                names[define(change["udfPath"], change.get("args")).name] = None
        if event["kind"] == "op" and event["op"]["op"] == "subscribe":
            names[define(event["op"]["path"], event["op"].get("args", {})).name] = None
    return list(names)


def of_queries(events: list[Event], kept: Collection[str]) -> list[Event]:
    """Keep only some queries: their edits, results, subscriptions and callbacks."""
    dropped: set[tuple[int, int]] = set()
    silent: set[tuple[str, str]] = set()
    result: list[Event] = []
    for event in events:
        if event["kind"] == "op" and event["op"]["op"] == "subscribe":
            name = define(event["op"]["path"], event["op"].get("args", {})).name
            if name not in kept:
                silent.add((event["client"], event["op"]["sub"]))
                continue
        slim = _with_changes(event, partial(_is_kept, event, kept, dropped))
        shown = _with_shown(slim, silent)
        if shown is not None:
            result.append(shown)
    return result


def _is_kept(
    event: Event, kept: Collection[str], dropped: set[tuple[int, int]], change: Json
) -> bool:
    query = (event["connection"], change["queryId"])
    if change["type"] == "Add":
        is_kept = define(change["udfPath"], change.get("args")).name in kept
        (dropped.discard if is_kept else dropped.add)(query)
        return is_kept
    return query not in dropped


def _changes(event: Event, *types: str) -> list[Json]:
    frame = event.get("frame", {})
    changes: list[Json] = frame.get("modifications", []) if frame.get("type") in types else []
    return changes


def _with_changes(event: Event, test: Callable[[Json], bool]) -> Event:
    changes = _changes(event, "ModifyQuerySet", "Transition")
    left = [change for change in changes if test(change)]
    if len(left) == len(changes):
        return event
    return {**event, "frame": {**event["frame"], "modifications": left}}


def _with_shown(event: Event, silent: set[tuple[str, str]]) -> Event | None:
    if event["kind"] == "op" and (event["client"], event["op"].get("sub")) in silent:
        return None
    if event["kind"] == "event" and event["event"]["ev"] == "update":
        changes = event["event"]["changes"]
        left = [each for each in changes if (event["client"], each["sub"]) not in silent]
        if changes and not left:
            return None
        return {**event, "event": {**event["event"], "changes": left}}
    if event["kind"] == "answer" and event.get("views"):
        views = event["views"]
        left_views = {s: v for s, v in views.items() if (event["client"], s) not in silent}
        return {**event, "views": left_views}
    return event


def entries(events: Iterable[Event]) -> list[Json]:
    """List what the commits wrote."""
    return list(dict.fromkeys(event["id"] for event in events if event["kind"] == "commit"))


def of_entries(events: list[Event], gone: Collection[Json]) -> list[Event]:
    """Take some commits out of the history: the log, the results, the calls that made them."""
    calls: set[tuple[str, str]] = set()
    requests: set[tuple[int, int]] = set()
    result: list[Event] = []
    for event in events:
        slim = _without_entries(event, gone, calls, requests)
        if slim is not None:
            result.append(slim)
    return result


def _without_entries(
    event: Event,
    gone: Collection[Json],
    calls: set[tuple[str, str]],
    requests: set[tuple[int, int]],
) -> Event | None:
    kind = event["kind"]
    if kind in ("commit", "ack"):
        return None if event.get("id") in gone else event
    if kind == "op" and event["op"]["op"] == "mutate":
        if (event["op"].get("args") or {}).get("id") in gone:
            calls.add((event["client"], event["op"]["call"]))
            return None
        return event
    if kind == "event":
        return _event_without(event, gone, calls)
    if kind == "answer" and event.get("views"):
        return {**event, "views": without(event["views"], gone)}
    if kind in ("c2s", "s2c"):
        return _frame_without(event, gone, requests)
    return event


def _event_without(
    event: Event, gone: Collection[Json], calls: set[tuple[str, str]]
) -> Event | None:
    body = event["event"]
    if body["ev"] == "settled":
        return None if (event["client"], body["call"]) in calls else event
    if body["ev"] != "update":
        return event
    changes = [
        {**each, "value": without(each["value"], gone)} if "value" in each else each
        for each in body["changes"]
    ]
    return {**event, "event": {**body, "changes": changes}}


def _frame_without(
    event: Event, gone: Collection[Json], requests: set[tuple[int, int]]
) -> Event | None:
    frame = event["frame"]
    kind = frame.get("type")
    if kind == "Mutation":
        args = frame.get("args")
        if isinstance(args, list) and args and args[0].get("id") in gone:
            requests.add((event["connection"], frame["requestId"]))
            return None
    elif kind == "MutationResponse":
        return None if (event["connection"], frame["requestId"]) in requests else event
    elif kind == "Transition":
        changes = [
            {**each, "value": without(each["value"], gone)} if "value" in each else each
            for each in frame["modifications"]
        ]
        return {**event, "frame": {**frame, "modifications": changes}}
    return event


def merged(events: list[Event], kept: Collection[int]) -> list[Event]:
    """Merge each Transition that is not kept, by its time, into the next one of its connection."""
    waiting: dict[int, Json] = {}
    result: list[Event] = []
    for event in events:
        if event["kind"] == "lost":
            waiting.pop(event["connection"], None)
        if event["kind"] != "s2c" or event["frame"].get("type") != "Transition":
            result.append(event)
            continue
        before = waiting.pop(event["connection"], None)
        frame = event["frame"] if before is None else _both(before, event["frame"])
        if event["at"] in kept:
            result.append({**event, "frame": frame})
        else:
            waiting[event["connection"]] = frame
    return result


def _both(first: Json, second: Json) -> Json:
    changes = {each["queryId"]: each for each in first["modifications"]}
    changes.update((each["queryId"], each) for each in second["modifications"])
    ordered = [changes[query] for query in sorted(changes)]
    return {**second, "startVersion": first["startVersion"], "modifications": ordered}


def with_fewer_edits(events: list[Event], kept: Collection[int]) -> list[Event]:
    """Merge each edit of the query set that is not kept into the next one of its connection.

    Only edits between which the server said nothing are merged.
    """
    waiting: dict[int, Event] = {}
    result: list[Event] = []
    for event in events:
        number = event.get("connection", -1)
        kind = event.get("frame", {}).get("type")
        if kind == "ModifyQuerySet":
            before = waiting.pop(number, None)
            merged_edit = event if before is None else _both_edits(before, event)
            if event["at"] in kept:
                result.append(merged_edit)
            else:
                waiting[number] = merged_edit
            continue
        if kind == "Transition" and number in waiting:
            result.append(waiting.pop(number))
        result.append(event)
    return sorted([*result, *waiting.values()], key=lambda each: int(each["at"]))


def _both_edits(first: Event, second: Event) -> Event:
    both = [*first["frame"]["modifications"], *second["frame"]["modifications"]]
    older = {"baseVersion": first["frame"]["baseVersion"], "modifications": both}
    return {**second, "frame": {**second["frame"], **older}}
