"""The backend of the list: it numbers the items, and refuses those without a text.

Run it with `python -m unisono_mock examples.optimistic_list.backend:app`.
"""

from typing import TypedDict

from unisono_mock import App, ApplicationError, MutationContext, QueryContext

app = App()


class Item(TypedDict):
    number: float
    text: str
    isDone: bool


@app.query("items:list")
def list_items(ctx: QueryContext) -> list[Item]:
    """All items, oldest first."""
    found = ctx.db.query("items").collect()
    return [Item(number=each["number"], text=each["text"], isDone=each["isDone"]) for each in found]


@app.mutation("items:add")
def add_item(ctx: MutationContext, text: str) -> None:
    """Add an item; its number is known only here."""
    if text != text.lower():
        raise ApplicationError("there is no shouting on this list")
    number = len(ctx.db.query("items").collect()) + 1
    ctx.db.insert("items", {"number": float(number), "text": text, "isDone": False})


@app.mutation("items:tick")
def tick_item(ctx: MutationContext, number: float) -> None:
    """Tick an item off."""
    for each in ctx.db.query("items").collect():
        if each["number"] == number:
            ctx.db.patch(each["_id"], {"isDone": True})
            return
    raise ApplicationError(f"there is no item {number:g}")
