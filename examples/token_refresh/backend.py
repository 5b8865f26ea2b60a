"""The backend: it hands out tokens that live for seconds, and says whom it takes you for.

Run it with `python -m unisono_mock examples.token_refresh.backend:app`.
"""

import secrets
from typing import TypedDict

from unisono_mock import ActionContext, App, HttpRequest, QueryContext
from unisono_mock.issuer import Issuer

issuer = Issuer()
app = App(auth=[issuer.provider()])


class Pass(TypedDict):
    token: str


@app.http("POST", "/token")
async def hand_out_token(ctx: ActionContext, request: HttpRequest) -> Pass:
    """A real one would ask for a password first. No two tokens are equal."""
    wish = request.json()
    token = issuer.mint(wish["name"], lifetime_s=wish["lifetime"], jti=secrets.token_hex(8))
    return Pass(token=token)


@app.query("session:who")
def who(ctx: QueryContext) -> str:
    """The name in the token, or nobody."""
    user = ctx.auth.user()
    return "nobody" if user is None else str(user["subject"])
