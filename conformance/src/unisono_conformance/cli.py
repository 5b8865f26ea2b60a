"""The command `unisono-conformance` and its words.

Spec: reading
Not here: what the words do (see commands, doctor, proxy, checker).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from unisono_conformance import REVISION, __version__, commands
from unisono_conformance.adapter import AdapterError
from unisono_conformance.case import CaseError
from unisono_conformance.results import USAGE


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    adapter: list[str] = []
    if "--" in arguments:
        cut = arguments.index("--")
        arguments, adapter = arguments[:cut], arguments[cut + 1 :]
    options = _parser().parse_args(arguments)
    options.command, options.server = _parted(adapter)
    if getattr(options, "attach", None):
        options.command = [options.attach]
    try:
        code: int = options.run(options)
    except (AdapterError, CaseError, OSError, ValueError) as error:
        print(f"unisono-conformance: {error}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        return 130
    return code


def _parted(words: list[str]) -> tuple[list[str], str | None]:
    """The adapter's command, and behind `---` the address of a server."""
    if "---" not in words:
        return words, None
    cut = words.index("---")
    if len(words) != cut + 2:
        raise SystemExit("unisono-conformance: give one address of a server behind ---")
    return words[:cut], words[cut + 1]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="unisono-conformance",
        description="Plays the conformance suite of the sync protocol on any client or server.",
        epilog="Exit codes: 0 conformant, 1 failures, 2 wrong usage, 3 incomplete, 4 suite broken.",
    )
    parser.add_argument(
        "--version", action="version", version=f"{__version__}, protocol {REVISION}"
    )
    words = parser.add_subparsers(required=True, metavar="WORD")
    _add_runs(words)
    _add_readers(words)
    return parser


def _add_runs(words: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    client = words.add_parser("client", help="play the client cases on the client behind -- CMD")
    client.add_argument("--permute", action="store_true", help="also fragmented and compressed")
    client.add_argument(
        "--side-by-side", type=int, default=16, metavar="N", help="how many cases at a time"
    )
    client.add_argument("--fresh", action="store_true", help="a process of its own per case")
    client.set_defaults(run=commands.client)
    server = words.add_parser("server", help="play the server cases against a running server")
    server.add_argument("--url", required=True, help="http://host:port of the server")
    server.add_argument("--feature", action="append", default=[], help="what the server can do")
    server.add_argument(
        "--credential", action="append", default=[], metavar="NAME=TEXT", help="token_a, admin_key"
    )
    server.add_argument("--control", metavar="URL", help="takes orders: see CASES.md")
    server.set_defaults(run=commands.server)
    pair = words.add_parser("pair", help="play a client and a real server: -- CMD --- URL")
    pair.add_argument("--rounds", type=int, default=40, help="the length of a workload")
    pair.add_argument("--credential", action="append", default=[], metavar="NAME=TEXT")
    pair.set_defaults(run=commands.pair, feature=[])
    for each in (client, server, pair):
        each.add_argument("--case", action="append", default=[], help="a case, folder or rule")
        each.add_argument("--seed", type=int, default=0)
        each.add_argument("--time-scale", type=float, default=1.0, help="for slow peers")
        each.add_argument("--expected", type=Path, help="the file of expected failures")
        each.add_argument("--strict", action="store_true", help="warnings fail, too")
        each.add_argument("--out", type=Path, help="write results.json and reports here")
        each.add_argument("--verbose", action="store_true", help="print the trace of failures")
    doctor = words.add_parser("doctor", help="walk through the adapter behind -- CMD, op by op")
    doctor.set_defaults(run=commands.doctor)
    for each in (client, pair, doctor):
        each.add_argument("--attach", metavar="tcp://HOST:PORT", help="an adapter that runs")
    proxy = words.add_parser("proxy", help="sit between any client and a server, and watch")
    proxy.add_argument("--upstream", required=True, help="http://host:port of the server")
    proxy.add_argument("--listen", type=int, default=0, help="the port; 0 picks a free one")
    proxy.add_argument("--record", type=Path, help="write the history here")
    proxy.set_defaults(run=commands.proxy)
    replay = words.add_parser("replay", help="play the failures of a results.json again")
    replay.add_argument("file", type=Path, help="a results.json, or a recorded history")
    replay.add_argument("--url", help="the server, when the results are a server's")
    replay.set_defaults(run=commands.replay)


def _add_readers(words: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    listing = words.add_parser("list", help="list the cases, or those of a folder or rule")
    listing.add_argument("words", nargs="*")
    listing.set_defaults(run=commands.list_cases)
    explain = words.add_parser("explain", help="print a rule and the cases that prove it")
    explain.add_argument("rule")
    explain.set_defaults(run=commands.explain)
    check = words.add_parser("check", help="judge a recorded history offline")
    check.add_argument("file", type=Path)
    check.add_argument("--json", action="store_true")
    check.add_argument("--diagram", action="store_true")
    check.add_argument("--witness", type=Path)
    check.set_defaults(run=commands.check)
    report = words.add_parser("report", help="write the reports of a results.json again")
    report.add_argument("file", type=Path)
    report.add_argument("--out", type=Path, help="the folder; that of the file unless told")
    report.set_defaults(run=commands.report)
    baseline = words.add_parser("baseline", help="write expected failures from a results.json")
    baseline.add_argument("file", type=Path)
    baseline.add_argument("--out", type=Path, default=Path("expected.json"))
    baseline.set_defaults(run=commands.baseline)
