"""Shows a finding: one sentence, the history that proves it, a diagram, and JSON.

Spec: reading
Not here: finding it (see judge), making it small (see shrink).
"""

from __future__ import annotations

import json
from typing import Final

from unisono_conformance.checker.anomalies import ANOMALIES, Event, Json
from unisono_conformance.checker.readings import define
from unisono_conformance.checker.shrink import Witness
from unisono_conformance.checker.wire import version_of

LINES: Final = 12
WIDTH: Final = 110


def report_text(witness: Witness) -> str:
    """Write a witness for a person who reads a terminal."""
    finding = witness.finding
    size = f"shrunk {witness.shrunk_from} -> {len(witness.events)} events"
    lines = [
        f"{finding.anomaly} ({finding.invariant})  breaks [{finding.rule}] ({finding.binding})  "
        f"{size}",
        f"  {finding.sentence}",
        "",
        *(f"  {line}" for line in history_lines(witness)),
        "",
        "  The facts that contradict each other:",
        *(f"    at {fact.at}: {fact.text}" for fact in finding.facts),
    ]
    return "\n".join(lines)


def history_lines(witness: Witness) -> list[str]:
    """Write the shrunk history, at most twelve lines; what proves the finding is marked."""
    marked = _marked(witness)
    events = witness.events
    left_out = 0
    if len(events) > LINES:
        chosen = [event for event in events if event["at"] in marked][: LINES - 1]
        others = [event for event in events if event["at"] not in marked]
        room = LINES - 1 - len(chosen)
        shown = sorted([*chosen, *others[len(others) - room :]], key=lambda each: int(each["at"]))
        left_out, events = len(events) - len(shown), shown
    lines = [f"{'>' if each['at'] in marked else ' '} {_line(each)}" for each in events]
    return [*lines, f"  ({left_out} more events)"] if left_out else lines


def report_json(witness: Witness) -> Json:
    """Write a witness for a program."""
    return {
        **witness.finding.to_json(),
        "means": ANOMALIES[witness.finding.anomaly].means,
        "shrunk_from": witness.shrunk_from,
        "history": witness.events,
        "diagram": diagram(witness),
    }


def diagram(witness: Witness) -> str:
    """Draw the witness as a mermaid sequence diagram; what contradicts is in red."""
    marked = _marked(witness)
    names: dict[str, str] = {"log": "commit log"}
    body: list[str] = []
    for event in witness.events:
        source, target = _ends(event)
        for name in (source, target):
            names.setdefault(name, name)
        text = _label(event).replace(";", ",").replace("#", "nr ")
        arrow = f"{_id(source)}->>{_id(target)}: {text}"
        if source == target:
            arrow = f"Note over {_id(source)}: {text}"
        red = event["at"] in marked
        body.extend(
            ["  rect rgb(255, 210, 210)", f"    {arrow}", "  end"] if red else [f"  {arrow}"]
        )
    head = [f"  participant {_id(name)} as {label}" for name, label in names.items()]
    return "\n".join(["sequenceDiagram", *head, *body])


def _marked(witness: Witness) -> set[int]:
    return {witness.finding.at, *(fact.at for fact in witness.finding.facts)}


def _id(name: str) -> str:
    return "".join(each if each.isalnum() else "_" for each in name)


def _ends(event: Event) -> tuple[str, str]:
    kind = event["kind"]
    if kind in ("c2s", "s2c"):
        connection = f"connection {event['connection']}"
        return (connection, "server") if kind == "c2s" else ("server", connection)
    if kind in ("opened", "lost"):
        return f"connection {event['connection']}", f"connection {event['connection']}"
    if kind in ("op", "answer"):
        return "application", f"client {event['client']}"
    if kind == "event":
        return f"client {event['client']}", "application"
    return "log", "log"


def _line(event: Event) -> str:
    source, target = _ends(event)
    where = source if source == target else f"{source} -> {target}"
    return _cut(f"{event['at']:>6}  {where}: {_label(event)}", WIDTH)


def _label(event: Event) -> str:
    kind = event["kind"]
    if kind in ("c2s", "s2c"):
        return _cut(_frame(event["frame"]), WIDTH)
    if kind == "commit":
        return f"commit {event['n']:g} append({event.get('key')}, {event['id']})"
    if kind == "op":
        fields = " ".join(_value(each) for name, each in event["op"].items() if name != "op")
        return _cut(f"{event['op']['op']} {fields}", WIDTH)
    if kind == "event":
        return _cut(_told(event["event"]), WIDTH)
    if kind == "answer":
        return f"answer to {event['seq']}"
    rest = " ".join(f"{name}={each}" for name, each in event.items() if name not in _COMMON)
    return _cut(f"{kind} {rest}".rstrip(), WIDTH)


_COMMON: Final = frozenset({"at", "kind", "connection", "session"})


def _frame(frame: Json) -> str:
    match frame.get("type"):
        case "Transition":
            start, end = version_of(frame["startVersion"]), version_of(frame["endVersion"])
            changes = "; ".join(_change(each) for each in frame["modifications"])
            return f"Transition {start} to {end}  {changes}".rstrip()
        case "ModifyQuerySet":
            changes = "; ".join(_change(each) for each in frame["modifications"])
            return f"ModifyQuerySet {frame['baseVersion']} to {frame['newVersion']}  {changes}"
        case "Mutation" | "Action" as kind:
            inner = define(frame.get("udfPath", ""), frame.get("args")).name
            return f"{kind} {frame['requestId']} {inner}"
        case "MutationResponse" | "ActionResponse" as kind:
            outcome = "success" if frame.get("success") else "failure"
            return f"{kind} {frame['requestId']} {outcome}"
        case "Authenticate":
            who = frame.get("subject", frame.get("tokenType"))
            return f"Authenticate {frame.get('baseVersion')} as {who}"
        case kind:
            return str(kind)


def _change(change: Json) -> str:
    query = change["queryId"]
    match change["type"]:
        case "Add":
            return f"Add {query} {define(change['udfPath'], change.get('args')).name}"
        case "QueryUpdated":
            return f"{query} = {_value(change['value'])}"
        case kind:
            return f"{kind} {query}"


def _told(event: Json) -> str:
    if event["ev"] == "update":
        shown = (f"{each['sub']} = {_value(each.get('value'))}" for each in event["changes"])
        return f"update {'; '.join(shown)}"
    if event["ev"] == "settled":
        return f"settled {event['call']}{' with an error' if 'error' in event else ''}"
    return str(event["ev"])


def _value(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"
