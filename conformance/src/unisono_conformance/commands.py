"""What each word of the command does.

Spec: reading
Not here: the words and their options (see cli).
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence

from unisono_conformance.case import Case, load_cases, select
from unisono_conformance.checker import __main__ as checker
from unisono_conformance.doctor import examine
from unisono_conformance.expected import Expectation, load_expected, write_baseline
from unisono_conformance.outcome import Outcome, Result
from unisono_conformance.pair import run_pair
from unisono_conformance.proxy import watch
from unisono_conformance.reports import write_reports
from unisono_conformance.results import (
    FAILURES,
    USAGE,
    Results,
    build_results,
    exit_code,
    load_results,
    save_results,
)
from unisono_conformance.rules import level_of, level_of_case, load_rules
from unisono_conformance.runner import Run, run_client, run_server
from unisono_conformance.sockets import ServerTarget
from unisono_conformance.stories import load_stories, workloads


def client(options: argparse.Namespace) -> int:
    """Play the client cases on the client behind an adapter."""
    expected = _expected(options)
    run = asyncio.run(
        run_client(
            _adapter(options),
            select(load_cases(role="client"), options.case),
            seed=options.seed,
            permute=options.permute,
            side_by_side=options.side_by_side,
            fresh=options.fresh,
            time_scale=options.time_scale,
            on_result=lambda result: _show(result, options.verbose, expected),
        )
    )
    return _finish(run, options, expected)


def server(options: argparse.Namespace) -> int:
    """Play the server cases against a running server."""
    expected = _expected(options)
    credentials = dict(item.split("=", 1) for item in options.credential)
    target = ServerTarget(
        options.url,
        features=frozenset(options.feature),
        credentials=credentials,
        control=options.control,
    )
    run = asyncio.run(
        run_server(
            target,
            select(load_cases(role="server"), options.case),
            seed=options.seed,
            time_scale=options.time_scale,
            on_result=lambda result: _show(result, options.verbose, expected),
        )
    )
    return _finish(run, options, expected)


def pair(options: argparse.Namespace) -> int:
    """Play a client and a real server together."""
    if options.server is None:
        raise ValueError("give the server's address behind ---, as in: pair -- CMD --- URL")
    expected = _expected(options)
    credentials = dict(item.split("=", 1) for item in options.credential)
    told = [*load_stories(), *workloads(options.seed, options.rounds)]
    run = asyncio.run(
        run_pair(
            _adapter(options),
            ServerTarget(options.server, credentials=credentials),
            select(told, options.case),
            seed=options.seed,
            time_scale=options.time_scale,
            out=options.out,
            on_result=lambda result: _show(result, options.verbose, expected),
        )
    )
    return _finish(run, options, expected)


def doctor(options: argparse.Namespace) -> int:
    """Walk an author through the adapter, operation by operation."""
    return asyncio.run(examine(_adapter(options)))


def proxy(options: argparse.Namespace) -> int:
    """Watch a client and a server until Ctrl-C, then judge what was seen."""
    return asyncio.run(watch(options.upstream, options.listen, options.record))


def replay(options: argparse.Namespace) -> int:
    """Play the failures of a run again, with their traces; or judge a history again."""
    if options.file.suffix == ".jsonl":
        return checker.main([str(options.file)])
    results = load_results(options.file)
    failed = [row["case"] for row in results["results"] if row["outcome"] == Outcome.FAIL]
    cases = [case for case in load_cases() if case.id in failed]
    if not cases:
        print("nothing has failed in this run")
        return 0
    if results["role"] == "server":
        if not options.url:
            raise ValueError("these are results of a server: give its address with --url")
        target = ServerTarget(options.url, features=frozenset(results["peer"].get("features", ())))
        run = asyncio.run(run_server(target, cases, on_result=lambda result: _show(result, True)))
    else:
        command = _adapter(options)
        run = asyncio.run(run_client(command, cases, on_result=lambda result: _show(result, True)))
    again = build_results(run)
    _say(again)
    return exit_code(again)


def list_cases(options: argparse.Namespace) -> int:
    """List cases with their role, level and rules."""
    for case in select(load_cases(), options.words):
        print(_line(case))
    return 0


def explain(options: argparse.Namespace) -> int:
    """Print a rule and what proves it."""
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


def check(options: argparse.Namespace) -> int:
    """Judge a recorded history."""
    words = [str(options.file)]
    words += ["--json"] if options.json else []
    words += ["--diagram"] if options.diagram else []
    words += ["--witness", str(options.witness)] if options.witness else []
    return checker.main(words)


def report(options: argparse.Namespace) -> int:
    """Write the reports of a run again."""
    write_reports(load_results(options.file), options.out or options.file.parent)
    return 0


def baseline(options: argparse.Namespace) -> int:
    """Write a file of expected failures from what failed."""
    count = write_baseline(load_results(options.file)["results"], options.out)
    print(f"{options.out}: {count} entries; give each a reason of your own")
    return 0


def _adapter(options: argparse.Namespace) -> list[str]:
    if not options.command:
        raise ValueError("give the adapter's command behind --, or --attach tcp://HOST:PORT")
    command: list[str] = options.command
    return command


def _expected(options: argparse.Namespace) -> list[Expectation]:
    return load_expected(options.expected) if options.expected else []


def _show(result: Result, is_verbose: bool, expected: Sequence[Expectation] = ()) -> None:
    is_known = any(each.case == result.case_id for each in expected)
    if result.outcome in (Outcome.PASS, Outcome.NOT_APPLICABLE) or is_known:
        return
    if result.outcome is Outcome.UNSUPPORTED:
        print(f"UNSUPPORTED  {result.id}: {result.detail}")
        return
    rules = " ".join(f"[{rule}]" for rule in result.rules)
    print(f"{result.outcome}  {result.id}\n    {rules}\n    {result.detail}")
    if is_verbose and result.trace is not None:
        print("\n".join(f"      {line}" for line in result.trace.lines(40)))


def _finish(run: Run, options: argparse.Namespace, expected: Sequence[Expectation]) -> int:
    results = build_results(run, expected)
    if options.out is not None:
        save_results(results, options.out / "results.json")
        write_reports(results, options.out)
    _say(results)
    if exit_code(results, strict=options.strict) == FAILURES and options.out is not None:
        if run.role == "pair":
            print(f"what happened: unisono-conformance check {options.out}/STORY.jsonl")
        else:
            where = f"--url {options.url}" if run.role == "server" else "-- CMD"
            print(f"again: unisono-conformance replay {options.out / 'results.json'} {where}")
    return exit_code(results, strict=options.strict)


def _say(results: Results) -> None:
    for complaint in (*results["complaints"], *results["harness"]):
        print(f"  {complaint}")
    for level, row in results["levels"].items():
        if row["cases"]:
            rest = f"   next: {row['next']}" if row["next"] else ""
            print(f"  {level:<11} {row['passed']:>4} of {row['cases']:<4}{rest}")
    counts = ", ".join(f"{count} {name}" for name, count in results["summary"].items() if count)
    print(f"{results['peer'].get('name', 'peer')}: {counts or 'nothing was played'}")


def _line(case: Case) -> str:
    return f"{case.id:<64} {case.role:<7} {level_of_case(case.rules):<11} {' '.join(case.rules)}"
