"""The terminal: drawn in place, cut to its size, and steered by nobody but us."""

import io

import pytest

from unisono.terminal import Output, plain, pretty


class Screen(io.StringIO):
    """A terminal that remembers what was written."""

    def isatty(self) -> bool:
        return True

    def frames(self) -> list[list[str]]:
        """The lines of each drawing."""
        drawings = self.getvalue().split("\x1b[J")[1:]
        shown = [each.partition("\x1b[?7h")[0] for each in drawings]
        return [each.removeprefix("\x1b[?7l").splitlines() for each in shown]


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("LINES", "6")
    return Screen()


def test_the_newest_result_takes_the_place_of_the_one_before(screen: Screen) -> None:
    """Each drawing begins where the last one began."""
    output = Output(screen, "m:list")
    output.status("connecting")
    output.result({"a": 1})
    output.status("live")
    output.failure("it\nbroke")

    assert screen.frames() == [
        ["m:list (connecting)"],
        ["m:list (connecting)", "{", '  "a": 1', "}"],
        ["m:list (live)", "{", '  "a": 1', "}"],
        ["m:list (live)", "! it broke"],
    ]
    assert [f"\x1b[{up}A" in screen.getvalue() for up in (1, 4)] == [True, True]


def test_a_long_result_is_cut_to_the_screen(screen: Screen) -> None:
    """And says how much is missing."""
    output = Output(screen, "m:list")
    output.status("live")
    output.result(list(range(10)))

    assert screen.frames()[-1] == ["m:list (live)", "[", "  0,", "  1,", "... 9 more lines"]


def test_one_result_is_printed_and_not_drawn(screen: Screen) -> None:
    """What a call returns stays on the screen as text."""
    output = Output(screen, "m:f")
    output.result([1])
    output.facts(state="live", why="")

    assert screen.getvalue() == "[\n  1\n]\nm:f: state live\n"


def test_a_dumb_terminal_is_a_pipe(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot go up."""
    monkeypatch.setenv("TERM", "dumb")
    output = Output(screen, "m:f")
    output.result({"a": [1]})

    assert screen.getvalue() == '{"a": [1]}\n'


def test_results_cannot_steer_the_terminal() -> None:
    """Control characters of any kind are written as their number."""
    text = "é\x1b[2J\x9b2J\u202e\ud800"

    assert pretty([text]) == '[\n  "é\\u001b[2J\\u009b2J\\u202e\\ud800"\n]'
    assert plain(f"a\r\n{text}") == "a é [2J 2J"
