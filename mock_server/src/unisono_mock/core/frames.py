"""Frames as they come in: cut out of the bytes, so that each is looked at when it is whole.

Nearly all of them are short texts in one frame, and those are read here. Everything else is
handed on as it is.

Spec: messages
Not here: compressed, fragmented, control and faulty frames (see runtime.websocket).
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeAlias

Unmask: TypeAlias = Callable[[bytes, bytes], bytes]

_TEXT = 0x81
_MASKED = 0x80


class Piece(NamedTuple):
    """The payload of a whole text frame, or the bytes of anything else."""

    is_text: bool
    data: bytes


class Frames:
    """Bytes in, whole frames out."""

    __slots__ = ("_have", "_need", "_parts", "_unmask", "reads_texts")

    def __init__(self, unmask: Unmask) -> None:
        # Not in the middle of a message, and not after a Close.
        self.reads_texts = True
        self._parts: list[bytes] = []
        self._have = self._need = 0
        self._unmask = unmask

    def receive(self, data: bytes, largest: int) -> Iterator[Piece]:
        """The frames that are whole with these bytes; one that is too large is not waited for."""
        self._parts.append(data)
        self._have += len(data)
        if self._have < self._need:
            return
        if len(self._parts) > 1:
            data = b"".join(self._parts)
        start, size, need = 0, len(data), 0
        while size - start >= 2:
            length = data[start + 1] & 0x7F
            head = start + 2 + (0 if length < 126 else 2 if length == 126 else 8)
            if size < head:
                break
            if length >= 126:
                length = int.from_bytes(data[start + 2 : head], "big")
            masked = data[start + 1] & _MASKED
            body = head + 4 if masked else head
            end = body + length
            if length > largest or not masked:
                # A fault: whoever knows the rules says which.
                yield Piece(False, data[start:])
                start = size
                break
            if size < end:
                need = end - start
                break
            if data[start] == _TEXT and self.reads_texts:
                yield Piece(True, self._unmask(data[body:end], data[head:body]))
            else:
                yield Piece(False, data[start:end])
            start = end
        self._parts = [data[start:]] if start < size else []
        self._have, self._need = size - start, need
