"""Index ranges: `eq` on the first fields of an index, then bounds on the next.

Spec: values
Not here: reading the range (see selection).
"""

from .core.errors import FunctionError
from .core.keys import Undefined, after, sort_key
from .core.values import Value, normalize


class IndexRange:
    """Which part of an index: `eq` on the first fields, then bounds on the next."""

    def __init__(self, index: str, fields: tuple[str, ...]) -> None:
        self._index = index
        self._fields = fields
        self._equals: dict[str, bytes] = {}
        self._low: tuple[str, bytes, bool] | None = None
        self._high: tuple[str, bytes, bool] | None = None

    def eq(self, field: str, value: Value | Undefined) -> "IndexRange":
        """The field has this value; UNDEFINED means it is absent."""
        if field in self._equals:
            raise FunctionError(f"AlreadyDefinedBound: {field!r} has an equality bound already.")
        self._equals[field] = self._key(field, value)
        return self

    def gt(self, field: str, value: Value | Undefined) -> "IndexRange":
        """The field is greater, in the total order of values."""
        return self._lower(field, value, False)

    def gte(self, field: str, value: Value | Undefined) -> "IndexRange":
        """The field is greater or equal."""
        return self._lower(field, value, True)

    def lt(self, field: str, value: Value | Undefined) -> "IndexRange":
        """The field is smaller: absent, null and Int64 are smaller than every number."""
        return self._upper(field, value, False)

    def lte(self, field: str, value: Value | Undefined) -> "IndexRange":
        """The field is smaller or equal."""
        return self._upper(field, value, True)

    def bounds(self) -> tuple[bytes, bytes]:
        """The half-open range of keys."""
        prefix = b"".join(self._equals[name] for name in self._prefix())
        low, high = prefix, after(prefix)
        if self._low is not None:
            _, key, inclusive = self._low
            low = prefix + key if inclusive else after(prefix + key)
        if self._high is not None:
            _, key, inclusive = self._high
            high = after(prefix + key) if inclusive else prefix + key
        return low, max(low, high)

    def _lower(self, field: str, value: Value | Undefined, inclusive: bool) -> "IndexRange":
        if self._low is not None:
            raise FunctionError(f"AlreadyDefinedBound: {self._low[0]!r} has a lower bound already.")
        self._low = (field, self._key(field, value), inclusive)
        return self

    def _upper(self, field: str, value: Value | Undefined, inclusive: bool) -> "IndexRange":
        if self._high is not None:
            raise FunctionError(
                f"AlreadyDefinedBound: {self._high[0]!r} has an upper bound already."
            )
        self._high = (field, self._key(field, value), inclusive)
        return self

    def _key(self, field: str, value: Value | Undefined) -> bytes:
        if field not in self._fields:
            raise FunctionError(f"FieldNotInIndex: {field!r} is not in index {self._index}.")
        return sort_key(value if isinstance(value, Undefined) else normalize(value))

    def _prefix(self) -> tuple[str, ...]:
        prefix = self._fields[: len(self._equals)]
        bounded = {bound[0] for bound in (self._low, self._high) if bound is not None}
        if len(bounded) > 1:
            raise FunctionError("BoundsOnMultipleFields: bounds must be on one field.")
        following = self._fields[len(self._equals) :][:1]
        if set(prefix) != set(self._equals) or not bounded <= set(following):
            raise FunctionError(
                f"InvalidIndexRange: the range on {self._index} didn't use the index fields in "
                f"order: {list(self._fields)}"
            )
        return prefix
