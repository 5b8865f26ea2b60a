"""A small app for the tests of the server."""

from typing import Any, Literal, NotRequired, TypedDict

from unisono_mock import (
    App,
    ApplicationError,
    MutationContext,
    QueryContext,
    Schema,
    table,
)


class Task(TypedDict):
    text: str
    done: bool
    note: NotRequired[str]


def make_app() -> App:
    app = App(schema=Schema(tasks=table(Task).index("by_done", "done")))

    @app.query("tasks:list")
    def list_tasks(ctx: QueryContext, done: bool | None = None) -> list[str]:
        tasks = ctx.db.query("tasks")
        if done is not None:
            tasks = tasks.with_index("by_done", done=done)
        return [task["text"] for task in tasks]

    @app.mutation("tasks:add")
    def add(ctx: MutationContext, text: str, done: bool = False) -> str:
        return ctx.db.insert("tasks", {"text": text, "done": done})

    @app.mutation("tasks:finish")
    def finish(ctx: MutationContext, id: str) -> None:
        ctx.db.patch(id, {"done": True})

    @app.mutation("tasks:addThenFail")
    def add_then_fail(ctx: MutationContext, text: str) -> None:
        ctx.db.insert("tasks", {"text": text, "done": False})
        raise ApplicationError({"text": text})

    @app.mutation("tasks:addSome")
    def add_some(ctx: MutationContext, texts: list[str]) -> float:
        failed = 0
        for text in texts:
            try:
                ctx.run_mutation("tasks:addUnlessBad", text=text)
            except ApplicationError:
                failed += 1
        return failed

    @app.internal_mutation("tasks:addUnlessBad")
    def add_unless_bad(ctx: MutationContext, text: str) -> None:
        ctx.db.insert("tasks", {"text": text, "done": False})
        if text == "bad":
            raise ApplicationError("bad")

    @app.query("tasks:log")
    def log(ctx: QueryContext, line: str) -> Literal["logged"]:
        ctx.log(line, 1.5)
        return "logged"

    @app.query("tasks:nonsense")
    def nonsense(ctx: QueryContext) -> Any:
        return object()

    return app
