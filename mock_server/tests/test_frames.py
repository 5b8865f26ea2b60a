"""Frames cut out of bytes, however they come."""

from collections.abc import Iterable

import pytest
from websockets.frames import Frame, Opcode
from websockets.utils import apply_mask

from unisono_mock.core.frames import Frames, Piece

LARGEST = 100_000
SHORT, MIDDLE, LONG = b"a", b"b" * 200, b"c" * 70_000


def frame(text: bytes, opcode: Opcode = Opcode.TEXT, *, fin: bool = True) -> bytes:
    return Frame(opcode, text, fin=fin).serialize(mask=True)


PING = frame(b"", Opcode.PING)
STREAM = b"".join([frame(SHORT), frame(MIDDLE), PING, frame(LONG), frame(b"")])
PIECES = [
    Piece(True, SHORT),
    Piece(True, MIDDLE),
    Piece(False, PING),
    Piece(True, LONG),
    Piece(True, b""),
]


def read(frames: Frames, parts: Iterable[bytes]) -> list[Piece]:
    return [piece for part in parts for piece in frames.receive(part, LARGEST)]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 250, 69_000, len(STREAM)])
def test_frames_are_whole_however_the_bytes_come(size: int) -> None:
    """Byte by byte, or all at once."""
    parts = [STREAM[at : at + size] for at in range(0, len(STREAM), size)]
    assert read(Frames(apply_mask), parts) == PIECES


@pytest.mark.parametrize("end", [1, 5, 100, 70_000])
def test_half_a_frame_is_waited_for(end: int) -> None:
    """Nothing is read before the rest is there."""
    frames, whole = Frames(apply_mask), frame(LONG)
    assert read(frames, [whole[:end]]) == []
    assert read(frames, [whole[end:]]) == [Piece(True, LONG)]


def test_everything_but_a_whole_text_is_handed_on() -> None:
    """Pieces of messages, binary messages, compressed ones: with their heads."""
    for each in (
        frame(b"x", fin=False),
        frame(b"x", Opcode.CONT),
        frame(b"x", Opcode.BINARY),
        b"\xc1\x81\x00\x00\x00\x00x",
    ):
        assert read(Frames(apply_mask), [each]) == [Piece(False, each)]


def test_in_the_middle_of_a_message_a_text_is_handed_on() -> None:
    """It is a fault there, for whoever knows the rules."""
    frames = Frames(apply_mask)
    frames.reads_texts = False
    text = frame(b"x")
    assert read(frames, [text]) == [Piece(False, text)]


def test_a_fault_is_not_waited_for() -> None:
    """A frame that is too large, or not masked, is handed on with its head."""
    large = b"\x81\xff" + (LARGEST + 1).to_bytes(8, "big")
    plain = b"\x81\x05abc"
    for each in (large, plain):
        assert read(Frames(apply_mask), [each]) == [Piece(False, each)]
