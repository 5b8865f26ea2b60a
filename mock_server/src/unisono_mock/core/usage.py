"""What one transaction may read and write, counted as it does.

Spec: limits
Not here: the reads and writes (see transaction), sizes of single values (see values).
"""

from .errors import FunctionError

MAX_DOCUMENTS_READ = 32_000
MAX_BYTES_READ = 2**24
MAX_RANGES = 4096
MAX_DOCUMENTS_WRITTEN = 16_000
MAX_BYTES_WRITTEN = 2**24


class Usage:
    """What a transaction has used up."""

    __slots__ = (
        "bytes_read",
        "bytes_written",
        "documents_read",
        "documents_written",
        "ranges",
    )

    def __init__(self) -> None:
        self.documents_read = 0
        self.bytes_read = 0
        self.ranges = 0
        self.documents_written = 0
        self.bytes_written = 0

    def add_range(self) -> None:
        """A document by its id, or a piece of an index, is read."""
        self.ranges += 1
        if self.ranges > MAX_RANGES:
            raise FunctionError(
                f"Too many reads in a single function execution (limit: {MAX_RANGES}). "
                "Read documents that stand together in one query."
            )

    def read(self, size: int) -> None:
        """A document was read. The one that passes the limit of bytes is the last."""
        if self.documents_read >= MAX_DOCUMENTS_READ:
            raise FunctionError(
                "Too many documents read in a single function execution "
                f"(limit: {MAX_DOCUMENTS_READ}). Read less: along an index, or page by page."
            )
        if self.bytes_read >= MAX_BYTES_READ:
            raise FunctionError(
                "Too many bytes read in a single function execution "
                f"(limit: {MAX_BYTES_READ} bytes). Read less: along an index, or page by page."
            )
        self.documents_read += 1
        self.bytes_read += size

    def write(self, size: int) -> None:
        """A document is written, or taken away."""
        if self.documents_written >= MAX_DOCUMENTS_WRITTEN:
            raise FunctionError(
                f"Too many writes in a single function execution (limit: {MAX_DOCUMENTS_WRITTEN})"
            )
        if self.bytes_written + size > MAX_BYTES_WRITTEN:
            raise FunctionError(
                "Too many bytes written in a single function execution "
                f"(limit: {MAX_BYTES_WRITTEN} bytes)"
            )
        self.documents_written += 1
        self.bytes_written += size

    def take_back(self, size: int) -> None:
        """A write was undone."""
        self.documents_written -= 1
        self.bytes_written -= size
