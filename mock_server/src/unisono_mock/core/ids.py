"""Document ids: a table number and sixteen bytes, as text that can be checked.

Spec: values
Not here: which table a number belongs to (see store).
"""

from dataclasses import dataclass

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
INTERNAL_BYTES = 16
FIRST_USER_TABLE = 10_001
SCHEDULED_TABLE = 539
STORAGE_TABLE = 540

_DIGITS = {character: position for position, character in enumerate(ALPHABET)}
_PAIRS = [first + second for first in ALPHABET for second in ALPHABET]
_LENGTHS = frozenset({31, 32, 34, 36, 37})


class InvalidId(ValueError):
    """A text that is not an id."""

    def __init__(self, why: str) -> None:
        super().__init__(f"Unable to decode ID: {why}")


@dataclass(frozen=True, slots=True)
class DocumentId:
    """What the text of an id says."""

    table: int
    internal: bytes

    def __str__(self) -> str:
        return encode_id(self.table, self.internal)


def encode_id(table: int, internal: bytes) -> str:
    """The text of an id."""
    body = _vint(table) + internal
    return _base32(body + _checksum(body).to_bytes(2, "little"))


def decode_id(text: str) -> DocumentId:
    """What the text of an id says; strict, so that one id has one text."""
    if len(text) not in _LENGTHS:
        raise InvalidId(f"Invalid ID length {len(text)}")
    raw = _from_base32(text)
    table, start = _read_vint(raw)
    if table == 0:
        raise InvalidId("Invalid table number")
    body, footer = raw[: start + INTERNAL_BYTES], raw[start + INTERNAL_BYTES :]
    if len(footer) != 2:
        raise InvalidId(f"Invalid ID length {len(text)}")
    expected, got = _checksum(body), int.from_bytes(footer, "little")
    if expected != got:
        raise InvalidId(f"Invalid ID version {got} (expected {expected})")
    found = DocumentId(table, body[start:])
    if str(found) != text:
        raise InvalidId("ID wasn't valid base32")
    return found


def internal_id(random_bytes: bytes, now_s: float) -> bytes:
    """Fourteen random bytes and the day."""
    return random_bytes + (int(now_s // 86_400) & 0xFFFF).to_bytes(2, "big")


def _vint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _read_vint(raw: bytes) -> tuple[int, int]:
    number = 0
    for position, byte in enumerate(raw[:5]):
        number |= (byte & 0x7F) << (7 * position)
        if not byte & 0x80:
            return number, position + 1
    raise InvalidId("Invalid table number")


def _checksum(body: bytes) -> int:
    first = second = 0
    for byte in body:
        first = (first + byte) & 0xFF
        second = (second + first) & 0xFF
    return second << 8 | first


def _base32(raw: bytes) -> str:
    bits = len(raw) * 8
    groups = -(-bits // 5)
    pairs = -(-groups // 2)
    number = int.from_bytes(raw, "big") << (pairs * 10 - bits)
    text = [_PAIRS[number >> shift & 1023] for shift in range((pairs - 1) * 10, -1, -10)]
    return "".join(text)[:groups]


def _from_base32(text: str) -> bytes:
    number = 0
    for character in text:
        digit = _DIGITS.get(character)
        if digit is None:
            raise InvalidId("ID wasn't valid base32")
        number = number << 5 | digit
    size = len(text) * 5 // 8
    return (number >> (len(text) * 5 - size * 8)).to_bytes(size, "big")
