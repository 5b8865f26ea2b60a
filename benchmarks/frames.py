"""Prepared bytes: server messages written out once, so that sending them is one write.

Not here: when which of them is sent (see scripted).
"""

import base64
import struct
from collections.abc import Iterable, Iterator
from functools import lru_cache

from websockets.speedups import apply_mask

#: A WebSocket ping without payload.
PING = b"\x89\x00"

#: An object of a plain result, without any tagged value, and its length as JSON text.
_DOCUMENT = (
    '{"_creationTime":1755000000131.25,"_id":"k17%029d","author":"Ada","body":'
    '"The quick brown fox jumps over the lazy dog.","done":false,"rank":%d.0}'
)
_ROW = (
    '{"_creationTime":1755000000131.25,"_id":"j57%029d","amount":{"$integer":"%s"},'
    '"count":{"$integer":"%s"},"label":"row number %d","open":true,"rank":%d.0}'
)


def timestamp(ts: int) -> str:
    """The base64 of a u64 timestamp or int64 value, as it stands on the wire."""
    return base64.b64encode(struct.pack("<q", ts)).decode()


def text_frame(text: str) -> bytes:
    """One unmasked text frame, as a server sends it."""
    payload = text.encode()
    length = len(payload)
    if length < 126:
        return struct.pack("!BB", 0x81, length) + payload
    if length < 65_536:
        return struct.pack("!BBH", 0x81, 126, length) + payload
    return struct.pack("!BBQ", 0x81, 127, length) + payload


def masked_text_frame(text: str) -> bytes:
    """One client frame whose mask is zero, so that masking costs the sender nothing."""
    plain = text_frame(text)
    header = len(plain) - len(text.encode())
    return bytes((plain[0], plain[1] | 0x80)) + plain[2:header] + bytes(4) + plain[header:]


class FrameReader:
    """Cut the bytes of a peer into text messages; as little work as a reader can do.

    Fragments and control frames other than Close are not expected from a measured client.
    """

    def __init__(self) -> None:
        self._buffer = b""
        self.closed = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The payloads of all complete text frames, in order."""
        buffer = self._buffer + data if self._buffer else data
        at = 0
        while frame := self._one(buffer, at):
            opcode, payload, at = frame
            if opcode == 1:
                yield payload
            elif opcode == 8:
                self.closed = True
        self._buffer = buffer[at:]

    @staticmethod
    def _one(buffer: bytes, at: int) -> tuple[int, bytes, int] | None:
        size = len(buffer)
        if size - at < 2:
            return None
        masked, length, start = buffer[at + 1] & 0x80, buffer[at + 1] & 0x7F, at + 2
        if length == 126:
            length, start = int.from_bytes(buffer[at + 2 : at + 4], "big"), at + 4
        elif length == 127:
            length, start = int.from_bytes(buffer[at + 2 : at + 10], "big"), at + 10
        body = start + 4 if masked else start
        end = body + length
        if end > size:
            return None
        payload = buffer[body:end]
        if masked:
            payload = apply_mask(payload, buffer[start:body])
        return buffer[at] & 0x0F, payload, end


@lru_cache(maxsize=16)
def _padding(size: int) -> str:
    """Documents of about `size` bytes, as the inner text of a JSON array."""
    count = max(0, round((size - 20) / len(_DOCUMENT % (0, 100))))
    return ",".join(_DOCUMENT % (number, number) for number in range(count))


def value(number: int, size: int) -> str:
    """A plain result of about `size` bytes, which says which version of it this is."""
    if size <= 200:
        return f'{{"n":{number}.0,"text":"{"x" * max(0, size - 22)}"}}'
    return f'{{"documents":[{_padding(size)}],"n":{number}.0}}'


@lru_cache(maxsize=4)
def rows(count: int) -> str:
    """A result of `count` rows, each with two int64 values."""
    listed = (
        _ROW % (number, timestamp(number << 32), timestamp(-number), number, number)
        for number in range(count)
    )
    return f'{{"n":1.0,"rows":[{",".join(listed)}]}}'


def updated(query_id: int, result: str) -> str:
    """One QueryUpdated modification."""
    return (
        f'{{"type":"QueryUpdated","queryId":{query_id},"value":{result},'
        '"logLines":[],"journal":null}'
    )


def transition(query_sets: tuple[int, int], times: tuple[int, int], changes: Iterable[str]) -> str:
    """One Transition between two versions of an anonymous connection."""
    start, end = (
        f'{{"querySet":{query_set},"identity":0,"ts":"{timestamp(ts)}"}}'
        for query_set, ts in zip(query_sets, times, strict=True)
    )
    return (
        f'{{"type":"Transition","startVersion":{start},"endVersion":{end},'
        f'"modifications":[{",".join(changes)}],"clientClockSkew":0,'
        '"serverTs":1755000000131000000}'
    )


def mutation_response(request_id: int, ts: int) -> str:
    """The answer to a mutation that worked."""
    return (
        f'{{"type":"MutationResponse","requestId":{request_id},"success":true,"result":null,'
        f'"ts":"{timestamp(ts)}","logLines":[]}}'
    )


def action_response(request_id: int, result: str) -> str:
    """The answer to an action that worked; `result` is JSON text."""
    return (
        f'{{"type":"ActionResponse","requestId":{request_id},"success":true,'
        f'"result":{result},"logLines":[]}}'
    )
