"""One suite for any client and any server of the Unisono sync protocol."""

from typing import Final

__version__: Final = "0.1.0"
"""The version of the suite; the revision of the protocol is `REVISION`."""

REVISION: Final = "v1"
"""The revision of the protocol that the cases in this package speak about."""

ADAPTER_VERSION: Final = 1
"""The version of the adapter protocol (see ADAPTER.md)."""
