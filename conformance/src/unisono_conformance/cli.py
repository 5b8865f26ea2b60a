"""The command `unisono-conformance` and its words.

Spec: reading
Not here: what the words do (each is one call into another module).
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence

from unisono_conformance import REVISION, __version__
from unisono_conformance.adapter import AdapterError
from unisono_conformance.case import Case, CaseError, load_cases, select
from unisono_conformance.outcome import Outcome, Result
from unisono_conformance.rules import level_of, level_of_case, load_rules
from unisono_conformance.runner import Run, run_client, run_server
from unisono_conformance.server_player import ServerTarget

USAGE = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    command: list[str] = []
    if "--" in arguments:
        cut = arguments.index("--")
        arguments, command = arguments[:cut], arguments[cut + 1 :]
    options = _parser().parse_args(arguments)
    options.command = command
    try:
        code: int = options.run(options)
    except (AdapterError, CaseError, OSError, ValueError) as error:
        print(f"unisono-conformance: {error}", file=sys.stderr)
        return USAGE
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="unisono-conformance", description=__doc__)
    parser.add_argument(
        "--version", action="version", version=f"{__version__}, protocol {REVISION}"
    )
    words = parser.add_subparsers(required=True, metavar="WORD")
    client = words.add_parser("client", help="play the client cases on the client behind -- CMD")
    client.set_defaults(run=_client)
    server = words.add_parser("server", help="play the server cases against a running server")
    server.add_argument("--url", required=True, help="http://host:port of the server")
    server.add_argument("--feature", action="append", default=[], help="what the server can do")
    server.add_argument(
        "--credential", action="append", default=[], metavar="NAME=TEXT", help="token_a, admin_key"
    )
    server.set_defaults(run=_server)
    for each in (client, server):
        each.add_argument("--case", action="append", default=[], help="a case, folder or rule")
        each.add_argument("--seed", type=int, default=0)
        each.add_argument("--verbose", action="store_true", help="print the trace of failures")
    client.add_argument("--permute", action="store_true", help="also fragmented and compressed")
    listing = words.add_parser("list", help="list the cases")
    listing.add_argument("words", nargs="*")
    listing.set_defaults(run=_list)
    explain = words.add_parser("explain", help="print a rule and the cases that prove it")
    explain.add_argument("rule")
    explain.set_defaults(run=_explain)
    return parser


def _client(options: argparse.Namespace) -> int:
    if not options.command:
        raise ValueError("give the adapter's command behind --")
    cases = select(load_cases(role="client"), options.case)
    run = asyncio.run(
        run_client(
            options.command,
            cases,
            seed=options.seed,
            permute=options.permute,
            on_result=lambda result: _show(result, options.verbose),
        )
    )
    return _finish(run)


def _server(options: argparse.Namespace) -> int:
    cases = select(load_cases(role="server"), options.case)
    credentials = dict(item.split("=", 1) for item in options.credential)
    target = ServerTarget(
        options.url, features=frozenset(options.feature), credentials=credentials
    )
    run = asyncio.run(
        run_server(
            target,
            cases,
            seed=options.seed,
            on_result=lambda result: _show(result, options.verbose),
        )
    )
    return _finish(run)


def _show(result: Result, is_verbose: bool) -> None:
    if result.outcome is Outcome.PASS:
        return
    rules = " ".join(f"[{rule}]" for rule in result.rules)
    print(f"{result.outcome:<14} {result.id}\n    {rules}\n    {result.detail}")
    if is_verbose and result.trace is not None:
        print("\n".join(f"      {line}" for line in result.trace.lines(40)))


def _finish(run: Run) -> int:
    counts = {
        outcome: sum(result.outcome is outcome for result in run.results) for outcome in Outcome
    }
    words = ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count)
    print(f"{run.peer.get('name', 'peer')}: {words or 'nothing was played'}")
    return 1 if counts[Outcome.FAIL] else 3 if counts[Outcome.INCONCLUSIVE] else 0


def _list(options: argparse.Namespace) -> int:
    for case in select(load_cases(), options.words):
        print(_line(case))
    return 0


def _line(case: Case) -> str:
    return f"{case.id:<64} {case.role:<7} {level_of_case(case.rules):<11} {' '.join(case.rules)}"


def _explain(options: argparse.Namespace) -> int:
    name = options.rule.strip("[]")
    rule = load_rules().get(name)
    if rule is None:
        print(f"unisono-conformance: there is no rule [{name}]", file=sys.stderr)
        return USAGE
    roles = ", ".join(rule.roles)
    print(f"[{name}]  {roles}, level {level_of(name)}, {rule.file}:{rule.line}\n\n{rule.text}\n")
    for case in load_cases():
        if name in case.rules:
            print(f"  {case.role} case {case.id}: {case.title}")
    return 0
