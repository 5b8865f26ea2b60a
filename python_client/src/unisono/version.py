"""The version of this package, and the name under which it calls on servers."""

__version__ = "0.1.0"
CLIENT_NAME = {"Convex-Client": f"unisono-{__version__}"}
