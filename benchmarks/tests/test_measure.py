"""Medians, ratios, bounds and exponents."""

from xml.etree import ElementTree

import pytest
from benchmarks.chart import Bar, chart
from benchmarks.frames import FrameReader, masked_text_frame, text_frame
from benchmarks.measure import Contest, Target, exponent, is_met, ratio

_SVG = "{http://www.w3.org/2000/svg}"


def contest(ours: list[float], theirs: list[float], *stopped: str) -> Contest:
    return Contest("case", "seconds", "s", {"a": ours, "b": theirs}, frozenset(stopped))


def test_a_ratio_is_that_of_the_medians() -> None:
    """One run that was disturbed does not move the result."""
    found = ratio(contest([1.0, 9.0, 1.0], [2.0, 2.0, 2.0]), "a", "b")

    assert found is not None
    assert found.middle == 0.5
    assert found.low <= found.middle <= found.high


def test_who_was_stopped_gives_a_bound() -> None:
    """A peer that did not end in time costs at least that; the ratio is an upper bound."""
    found = ratio(contest([1.0], [20.0], "b"), "a", "b")

    assert found is not None
    assert found.is_bound
    assert ratio(contest([20.0], [1.0], "a"), "a", "b") is None


def test_a_target_is_met_or_missed_or_not_measured() -> None:
    """Relative and plain bounds, and a contender that did not take part."""
    one = contest([1.0], [2.0])

    assert is_met(Target("case", "seconds", "a", "b", 0.5), one) is True
    assert is_met(Target("case", "seconds", "a", "b", 0.4), one) is False
    assert is_met(Target("case", "seconds", "a", None, 1.0), one) is True
    assert is_met(Target("case", "seconds", "c", "b", 1.0), one) is None


@pytest.mark.parametrize("power", [0.0, 1.0, 2.0])
def test_the_exponent_of_a_power_is_found(power: float) -> None:
    """Flat, linear and quadratic costs are told apart."""
    sizes = [100.0, 1000.0, 10_000.0]

    assert exponent(sizes, [3.0 * size**power for size in sizes]) == pytest.approx(power)
    assert exponent(sizes, [0.0, 0.0, 1.0]) == 0.0


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536])
def test_frames_are_read_back_however_they_are_cut(size: int) -> None:
    """Masked and plain frames of every length form, in pieces of any size."""
    text = "x" * size
    stream = masked_text_frame(text) + text_frame(text)
    step = max(1, len(stream) // 7)
    reader = FrameReader()
    pieces = [stream[at : at + step] for at in range(0, len(stream), step)]

    assert [bytes(each) for piece in pieces for each in reader.feed(piece)] == [text.encode()] * 2


def test_a_chart_is_an_svg_of_its_bars() -> None:
    """Labels are escaped, bounds are marked, and each bar has its number."""
    picture = ElementTree.fromstring(
        chart("A & B", [Bar("x < y", 0.5, True, 1.0), Bar("z", 3.0, False, 2.0), Bar("w", 3.0)])
    )
    words = [each.text for each in picture.iter(f"{_SVG}text")]
    kinds = [each.get("class") for each in picture.iter(f"{_SVG}rect")]

    assert {"A & B (below 1 is less)", "x < y", "< 0.50", "3.00"} <= set(words)
    assert kinds == ["m", "x", "p"]
