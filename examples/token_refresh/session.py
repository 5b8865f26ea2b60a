"""The session: sign in, stay signed in while tokens come and go, and sign out.

Run it with `python -m examples.token_refresh.session http://127.0.0.1:3210 --lifetime 15`.
The client asks for each next token by itself, before the last one expires; the subscription
never sees a moment without a user.
"""

import argparse
import sys

import anyio
import httpx

import unisono
from examples.chat.watch import NobodyThereError, until_live


class TokenOffice:
    """Fetches tokens. The client calls it when it needs one, and not more often."""

    def __init__(self, url: str, name: str, lifetime_s: float, tokens: int) -> None:
        self._http = httpx.AsyncClient(base_url=url)
        self._wish = {"name": name, "lifetime": lifetime_s}
        self._tokens_left = tokens
        self.is_exhausted = anyio.Event()

    async def fetch(self, force_refresh: bool) -> str:
        # With `force_refresh`, a token from a cache would not do.
        response = await self._http.post("/http/token", json=self._wish)
        print("fetched a token", "by force" if force_refresh else "", flush=True)
        self._tokens_left -= 1
        if self._tokens_left <= 0:
            self.is_exhausted.set()
        token: str = response.raise_for_status().json()["token"]
        return token

    async def aclose(self) -> None:
        await self._http.aclose()


async def print_who(client: unisono.Client) -> None:
    async for name in client.subscribe("session:who", type=str):
        print(f"the backend takes us for {name}", flush=True)


async def until_nobody(client: unisono.Client) -> None:
    async for name in client.subscribe("session:who", type=str):
        if name == "nobody":
            print("signed out", flush=True)
            return


async def print_auth(client: unisono.Client) -> None:
    async for auth in client.auth_changes():
        print(f"auth: {auth.kind}", flush=True)


async def be_somebody(options: argparse.Namespace) -> None:
    office = TokenOffice(options.url, options.name, options.lifetime, options.tokens)
    # A token of a minute is replaced ten seconds before its end; a shorter one needs less.
    leeway = unisono.Options(refresh_leeway_s=options.leeway)
    async with unisono.Client(options.url, options=leeway) as client:
        await until_live(client, options.url, options.patience)
        client.set_auth(office.fetch)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(print_auth, client)
            tasks.start_soon(print_who, client)
            await office.is_exhausted.wait()
            client.clear_auth()
            await until_nobody(client)
            tasks.cancel_scope.cancel()
    await office.aclose()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("url", help="where the backend is, for example http://127.0.0.1:3210")
    parser.add_argument("--name", default="ada", help="who to be")
    parser.add_argument("--lifetime", type=float, default=15, help="seconds a token lives")
    parser.add_argument("--leeway", type=float, default=10, help="seconds left at a refresh")
    parser.add_argument("--tokens", type=int, default=5, help="sign out with this one")
    parser.add_argument("--patience", type=float, default=10, help="seconds until giving up")
    options = parser.parse_args()
    try:
        anyio.run(be_somebody, options)
    except (unisono.UnisonoError, NobodyThereError) as error:
        print(f"session: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
