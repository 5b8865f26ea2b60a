"""The fields of a client frame, each read as the type it must have.

Spec: messages
Not here: which fields a frame has (see messages).
"""

from .errors import ProtocolError
from .scalars import canonical_path, decode_ts
from .values import InvalidValue, Json

U32 = 2**32


class Fields:
    """The fields of one message, read with their types."""

    __slots__ = ("_document",)

    def __init__(self, document: dict[str, Json]) -> None:
        self._document = document

    def raw(self, name: str) -> Json:
        """Whatever is there, or None."""
        return self._document.get(name)

    def text(self, name: str) -> str:
        """A string that must be there."""
        value = self._document.get(name)
        if type(value) is not str:
            raise wrong(name, "a string", value)
        return value

    def optional_text(self, name: str) -> str | None:
        """A string, or None."""
        return None if self._document.get(name) is None else self.text(name)

    def u32(self, name: str) -> int:
        """An integer below 2**32."""
        # [messages.u32] A JSON integer below 2**32: no sign, no fraction.
        value = self._document.get(name)
        if type(value) is not int or not 0 <= value < U32:
            raise wrong(name, "an integer from 0 to 4294967295", value)
        return value

    def optional_integer(self, name: str) -> int | None:
        """An integer, or None."""
        # [messages.client-ts-integer] A fraction of a millisecond is an error.
        value = self._document.get(name)
        if value is not None and type(value) is not int:
            raise wrong(name, "an integer", value)
        return value

    def optional_ts(self, name: str) -> int | None:
        """A timestamp, or None."""
        text = self.optional_text(name)
        try:
            return None if text is None else decode_ts(text)
        except InvalidValue as error:
            raise ProtocolError("messages.timestamp-encoding", f"{name}: {error}") from None

    def items(self, name: str) -> list[Json]:
        """An array."""
        value = self._document.get(name)
        if type(value) is not list:
            raise wrong(name, "an array", value)
        return value

    def path(self, name: str) -> str:
        """The path of a function, as the client wrote it."""
        text = self.text(name)
        try:
            canonical_path(text)
        except InvalidValue as error:
            raise ProtocolError("messages.path-syntax", str(error)) from None
        return text


def wrong(name: str, expected: str, value: Json) -> ProtocolError:
    """The error for a field that is not what it must be."""
    got = "nothing" if value is None else type(value).__name__
    return ProtocolError("errors.malformed", f"field {name} must be {expected}, got {got}")
