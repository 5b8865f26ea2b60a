"""The functions that the official tools ask of every deployment, with an admin key.

    npx convex function-spec        _system/cli/modules:apiSpec

Spec: http
Not here: the functions of an app (see app), who may call them (see execution).
"""

from typing import Any

from .annotations import arguments_of
from .app import App, Definition, Kind
from .context import QueryContext
from .core.messages import canonical_path

API_SPEC = canonical_path("_system/cli/modules:apiSpec")


def system_function(app: App, path: str) -> Definition | None:
    """The system function of a canonical path, over this app."""
    if path != API_SPEC:
        return None

    def api_spec(ctx: QueryContext, componentId: str | None = None) -> Any:
        return app.function_spec("")["functions"]

    return Definition(path, Kind.QUERY, api_spec, arguments_of(api_spec), None, is_internal=True)
