"""Large messages, read in slices, so that nobody else's turn has to wait for them.

One call of the parser over a result of 20,000 rows holds the interpreter for longer than
a loop may stand still. So the longest array of rows is cut at `},{`, the slices are parsed
one by one, and the rest of the message is read as if the array were empty.

Not here: what messages mean (see core/messages).
"""

import re

import anyio.lowlevel
from pydantic_core import from_json

from ..core.errors import RemoteProtocolError
from ..core.messages import QueryAnswered, ReadText, Success, Transition, read
from ..core.values import Json, decode

LARGE_BYTES = 256 * 1024
SLICE_BYTES = 64 * 1024
TRIES = 64
STAND_IN = b"the rows of a large result stand here"
STAND_IN_TEXT = STAND_IN.decode()
VALUE = b'"value"'
ROWS = re.compile(rb":\s?\[\{")
BORDER = re.compile(rb"\},\s?\{")


async def read_slowly(text: bytes) -> bytes:
    """The text, already read if it was a Transition with one long array of objects."""
    value = text.find(VALUE) if len(text) > LARGE_BYTES else -1
    found = ROWS.search(text, value) if value >= 0 else None
    if found is None:
        return text
    rows: list[Json] = []
    place = begin = found.end() - 1
    try:
        while (border := _slice(text, place, rows)) is not None:
            place = border
            await anyio.lowlevel.checkpoint()
        end = _last_slice(text, place, rows)
        return text if end is None else _put_together(text, begin, end, rows)
    except RemoteProtocolError:
        # The core reads it once more, and says what is wrong with it.
        return text


def _slice(text: bytes, place: int, rows: list[Json]) -> int | None:
    """Parse about a slice of rows; return where the next one begins."""
    border = place + SLICE_BYTES
    for _ in range(TRIES):
        cut = BORDER.search(text, border)
        if cut is None:
            return None
        border = cut.start() + 1
        # A cut inside a string, or at another depth, does not make JSON.
        if _parse(text, place, border, rows):
            return cut.end() - 1
    return None


def _last_slice(text: bytes, place: int, rows: list[Json]) -> int | None:
    """Parse the rest of the array; return where it ends."""
    border = place
    for _ in range(TRIES):
        border = text.find(b"}]", border) + 1
        if border == 0:
            return None
        if _parse(text, place, border, rows):
            return border
    return None


def _parse(text: bytes, place: int, border: int, rows: list[Json]) -> bool:
    try:
        slice_ = from_json(
            b"[" + text[place:border] + b"]", allow_inf_nan=False, cache_strings="keys"
        )
    except ValueError:
        return False
    rows.extend(decode(slice_))
    return True


def _put_together(text: bytes, begin: int, end: int, rows: list[Json]) -> bytes:
    """The message around the rows, with the rows in it."""
    message = read(text[: begin - 1] + b'"' + STAND_IN + b'"' + text[end + 1 :])
    if not isinstance(message, Transition):
        return text
    for each in message.modifications:
        if isinstance(each, QueryAnswered) and isinstance(each.outcome, Success):
            holder = [each.outcome.value]
            if _put_rows(holder, rows):
                whole = each._replace(outcome=each.outcome._replace(value=holder[0]))
                others = (whole if other is each else other for other in message.modifications)
                done = ReadText(text)
                done.message = message._replace(modifications=tuple(others))
                return done
    return text


def _put_rows(holder: list[Json], rows: list[Json]) -> bool:
    """Put the rows where the stand-in is; say whether it was there."""
    waiting: list[Json] = [holder]
    while waiting:
        container = waiting.pop()
        items = container.items() if isinstance(container, dict) else enumerate(container)
        for place, item in items:
            if item == STAND_IN_TEXT:
                container[place] = rows
                return True
            if isinstance(item, dict | list):
                waiting.append(item)
    return False
