"""Identities: who is let in as whom, how long, and what everybody else is told."""

import base64
import json
import sys
from typing import Any

import pytest

from unisono_mock import App, Backend, MutationContext, QueryContext
from unisono_mock.computing import finish_now
from unisono_mock.core.auth import Identity, acting_as
from unisono_mock.core.effects import Close
from unisono_mock.core.errors import ConnectionFailure, FailureKind, ProtocolError
from unisono_mock.core.messages import parse
from unisono_mock.core.tokens import (
    JwtProvider,
    OidcProvider,
    choose,
    jwt_attributes,
    oidc_attributes,
    read,
)
from unisono_mock.issuer import Issuer
from unisono_mock.runtime.keysets import no_network
from unisono_mock.verification import AdminKeys

from .wire import Wire, add

ADMIN_KEY = "prod:happy-animal-123|0a1b2c"


def users_app(*providers: OidcProvider | JwtProvider) -> App:
    app = App(auth=providers, admin_keys=(ADMIN_KEY,))

    @app.query("users:whoami")
    def whoami(ctx: QueryContext) -> Any:
        return ctx.auth.user()

    @app.query("users:constant")
    def constant(ctx: QueryContext) -> float:
        return 1

    @app.mutation("users:sign")
    def sign(ctx: MutationContext) -> str:
        user = ctx.auth.user() or {}
        return ctx.db.insert("signatures", {"by": user.get("subject")})

    @app.query("users:signatures")
    def signatures(ctx: QueryContext) -> list[Any]:
        return [each["by"] for each in ctx.db.query("signatures")]

    @app.internal_query("users:secret")
    def secret(ctx: QueryContext) -> str:
        return "for admins"

    return app


@pytest.fixture
def issuer() -> Issuer:
    return Issuer(now=lambda: 1_750_000_000.0)


@pytest.fixture
def backend(issuer: Issuer) -> Backend:
    return Backend(users_app(issuer.provider()))


@pytest.fixture
def wire(backend: Backend) -> Wire:
    wire = Wire(backend)
    wire.connect()
    return wire


def authenticate(wire: Wire, token: str, base: int = 0) -> list[dict[str, Any]]:
    wire.send(type="Authenticate", baseVersion=base, tokenType="User", value=token)
    return wire.take()


def as_admin(
    wire: Wire, key: str = ADMIN_KEY, more: dict[str, Any] | None = None
) -> list[dict[str, Any]]:
    wire.send(type="Authenticate", baseVersion=0, tokenType="Admin", value=key, **(more or {}))
    return wire.take()


def values(frames: list[dict[str, Any]]) -> dict[int, Any]:
    """The results in Transitions, by query."""
    shown = {}
    for frame in frames:
        for each in frame.get("modifications", ()):
            shown[each["queryId"]] = each.get("value", each.get("errorMessage"))
    return shown


# A user comes


def test_a_good_token_raises_the_identity_version_and_reruns_the_queries(
    issuer: Issuer, wire: Wire
) -> None:
    """The Transition that confirms the token carries what the new identity changes, alone."""
    wire.modify(0, add(0, "users:whoami"), add(1, "users:constant"))
    assert values(wire.take()) == {0: None, 1: 1.0}

    (confirmation,) = authenticate(wire, issuer.mint("ada", name="Ada", email_verified=True))

    assert confirmation["startVersion"]["identity"] == 0
    assert confirmation["endVersion"]["identity"] == 1
    assert values([confirmation]) == {
        0: {
            "tokenIdentifier": "https://issuer.test|ada",
            "subject": "ada",
            "issuer": "https://issuer.test",
            "name": "Ada",
            "emailVerified": True,
        }
    }


def test_the_same_token_is_one_more_step_and_changes_nothing(issuer: Issuer, wire: Wire) -> None:
    """Every accepted Authenticate counts, and results that are equal are not sent again."""
    token = issuer.mint("ada")
    wire.modify(0, add(0, "users:whoami"))
    authenticate(wire, token)
    (again,) = authenticate(wire, token, base=1)

    assert (again["endVersion"]["identity"], again["modifications"]) == (2, [])


def test_a_refreshed_token_is_the_same_user(issuer: Issuer, backend: Backend, wire: Wire) -> None:
    """Claims that differ in each token are not part of the identity."""
    wire.modify(0, add(0, "users:whoami"))
    authenticate(wire, issuer.mint("ada", jti="1", nbf=1, fva=[0, 1]))
    (again,) = authenticate(wire, issuer.mint("ada", jti="2", nbf=2, lifetime_s=99), base=1)

    assert again["modifications"] == []


def test_none_logs_out(issuer: Issuer, wire: Wire) -> None:
    """The queries run again for nobody."""
    wire.modify(0, add(0, "users:whoami"))
    authenticate(wire, issuer.mint("ada"))
    wire.take()
    wire.send(type="Authenticate", baseVersion=1, tokenType="None")
    (frame,) = wire.take()

    assert (frame["endVersion"]["identity"], values([frame])) == (2, {0: None})


def test_a_mutation_right_after_the_token_runs_as_the_new_user(issuer: Issuer, wire: Wire) -> None:
    """The identity counts from the receipt of Authenticate, not from its confirmation."""
    wire.modify(0, add(0, "users:signatures"))
    wire.mutate(0, "users:sign")
    authenticate(wire, issuer.mint("ada"))
    wire.mutate(1, "users:sign")

    assert values(wire.take()) == {0: [None, "ada"]}


# A user is refused


@pytest.mark.parametrize(
    ("make", "text"),
    [
        pytest.param(lambda i: "no.token", "Could not parse JWT payload", id="two-parts"),
        pytest.param(lambda i: "a.b.c", "Could not parse JWT payload", id="no-base64"),
        pytest.param(lambda i: "é.ü.ß", "Could not parse JWT payload", id="no-ascii"),
        pytest.param(lambda i: i.mint(iss=None), "Missing issuer claim", id="no-issuer"),
        pytest.param(
            lambda i: i.mint(iss="https://else.test"), "No auth provider found", id="other-issuer"
        ),
        pytest.param(lambda i: i.mint(aud="else"), "No auth provider found", id="other-audience"),
        pytest.param(
            lambda i: i.mint(aud=["unisono", "else"]), "Could not verify OIDC", id="two-audiences"
        ),
        pytest.param(lambda i: i.mint_expired(), "Could not verify OIDC", id="expired"),
        pytest.param(lambda i: i.mint(lifetime_s=0), "Could not verify OIDC", id="no-leeway"),
        pytest.param(lambda i: i.mint_forged(), "Could not verify OIDC", id="forged"),
        pytest.param(lambda i: i.mint(exp=None), "Could not parse as OIDC", id="no-expiry"),
        pytest.param(lambda i: i.mint(iat=None), "Could not parse as OIDC", id="no-issue-time"),
        pytest.param(lambda i: i.mint(None), "Could not parse as OIDC", id="no-subject"),
        pytest.param(lambda i: i.mint(exp=True), "Could not parse as OIDC", id="expiry-no-number"),
        pytest.param(lambda i: i.mint(name=1), "Could not parse as OIDC", id="name-no-text"),
    ],
)
def test_a_bad_token_is_an_auth_error_and_ends_the_connection(
    issuer: Issuer, wire: Wire, make: Any, text: str
) -> None:
    """The error says what is wrong, carries the version last shown, and is the last message."""
    (frame,) = authenticate(wire, make(issuer))

    assert frame.pop("error").startswith(text)
    assert frame == {"type": "AuthError", "baseVersion": 0, "authUpdateAttempted": True}
    assert wire.closed == Close(None)


def unsigned(issuer: Issuer, **header: Any) -> str:
    """A token with another header, and the signature of none."""
    _, claims, signature = issuer.mint().split(".")
    raw = base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("=")
    return f"{raw}.{claims}.{signature if header.get('alg') != 'none' else ''}"


@pytest.mark.parametrize("alg", ["none", "HS256", "ES256", None, 7])
def test_a_token_cannot_choose_a_weaker_check(issuer: Issuer, wire: Wire, alg: Any) -> None:
    """The provider says which algorithms there are."""
    (frame,) = authenticate(wire, unsigned(issuer, alg=alg))

    assert frame["error"].startswith("Could not verify OIDC token claim")


def test_a_bad_token_wins_over_a_bad_version_and_a_good_one_does_not_help(
    issuer: Issuer, backend: Backend
) -> None:
    """The token is verified first; then the base version counts."""
    wire = Wire(backend)
    assert authenticate(wire, "bad", base=3)[0]["type"] == "AuthError"

    wire = Wire(backend)
    assert authenticate(wire, issuer.mint(), base=3) == []
    assert wire.closed == Close(1011, "InternalServerError")


def test_a_rejection_tells_the_version_of_the_last_transition(issuer: Issuer, wire: Wire) -> None:
    """Not the version that the refused message was based on."""
    authenticate(wire, issuer.mint())
    (frame,) = authenticate(wire, "bad", base=1)

    assert (frame["baseVersion"], frame["authUpdateAttempted"]) == (1, True)


def test_a_redacting_server_does_not_list_its_providers(issuer: Issuer) -> None:
    """The names of other issuers and audiences stay at home."""
    for redact in (True, False):
        wire = Wire(Backend(users_app(issuer.provider()), redact=redact))
        (frame,) = authenticate(wire, issuer.mint(aud="else"))
        assert ("https://issuer.test" in frame["error"]) is not redact


def test_a_token_shows_itself_to_nobody(issuer: Issuer) -> None:
    """Neither the token nor a key appears in a representation."""
    token = issuer.mint()

    message = parse(
        json.dumps({"type": "Authenticate", "baseVersion": 0, "tokenType": "User", "value": token})
    )
    assert token not in repr(message)
    assert token not in repr(read(token))
    assert ADMIN_KEY not in repr(users_app(issuer.provider()))
    assert "0a1b2c" not in repr(AdminKeys([ADMIN_KEY]))


# A token expires


def test_nothing_happens_when_a_token_expires_on_an_idle_connection(
    issuer: Issuer, backend: Backend, wire: Wire
) -> None:
    """Nobody looks at the time until the identity is needed."""
    authenticate(wire, issuer.mint(lifetime_s=3))
    backend.advance(60)
    wire.peer.tick()

    assert wire.closed is None


def test_a_mutation_under_an_expired_token_does_not_run(
    issuer: Issuer, backend: Backend, wire: Wire
) -> None:
    """The connection ends with an AuthError that says nothing was attempted."""
    authenticate(wire, issuer.mint(lifetime_s=3))
    backend.advance(3)
    wire.mutate(0, "users:sign")

    assert wire.take() == [
        {
            "type": "AuthError",
            "error": "Convex token identity expired",
            "baseVersion": 1,
            "authUpdateAttempted": False,
        }
    ]
    assert wire.closed == Close(None)
    assert backend.query("users:signatures") == []


def test_a_write_by_somebody_else_reveals_an_expired_token(
    issuer: Issuer, backend: Backend, wire: Wire
) -> None:
    """The start of a transition needs the identity too."""
    wire.modify(0, add(0, "users:signatures"))
    authenticate(wire, issuer.mint(lifetime_s=3))
    backend.advance(2.5)
    backend.mutation("users:sign")
    assert values(wire.take()) == {0: [None]}
    backend.advance(0.5)
    backend.mutation("users:sign")

    (frame,) = wire.take()
    assert (frame["type"], frame["authUpdateAttempted"]) == ("AuthError", False)


# Plain JWTs


@pytest.fixture
def jwt_issuer() -> Issuer:
    return Issuer("https://jwt.test/", algorithm="ES256", now=lambda: 1_750_000_000.0)


def jwt_backend(issuer: Issuer, application_id: str | None = "unisono") -> Backend:
    return Backend(users_app(JwtProvider("jwt.test", issuer.jwks, "ES256", application_id)))


def test_a_plain_jwt_keeps_the_names_of_its_claims(jwt_issuer: Issuer) -> None:
    """Objects are flattened with dots; only three attributes have names of their own."""
    wire = Wire(jwt_backend(jwt_issuer))
    wire.modify(0, add(0, "users:whoami"))
    wire.take()
    token = jwt_issuer.mint("ada", email_verified=True, properties={"id": 1, "a": {"b": [1]}})

    assert values(authenticate(wire, token)) == {
        0: {
            "tokenIdentifier": "https://jwt.test/|ada",
            "subject": "ada",
            "issuer": "https://jwt.test/",
            "email_verified": True,
            "properties.id": 1,
            "properties.a.b": [1],
        }
    }


@pytest.mark.parametrize("aud", ["unisono", ["else", "unisono"]])
def test_a_plain_jwt_may_have_several_audiences(jwt_issuer: Issuer, aud: Any) -> None:
    """Ours must be among them."""
    (frame,) = authenticate(Wire(jwt_backend(jwt_issuer)), jwt_issuer.mint(aud=aud))

    assert frame["endVersion"]["identity"] == 1


def test_a_plain_jwt_of_any_audience_is_good_where_none_is_configured(jwt_issuer: Issuer) -> None:
    """Without an application id the audience is not looked at."""
    (frame,) = authenticate(Wire(jwt_backend(jwt_issuer, None)), jwt_issuer.mint(aud=None))

    assert frame["endVersion"]["identity"] == 1


def test_five_seconds_of_tolerance_let_a_token_in_that_is_thrown_out_at_once(
    jwt_issuer: Issuer,
) -> None:
    """Accepted by verification, refused by the transition that would confirm it."""
    (frame,) = authenticate(Wire(jwt_backend(jwt_issuer)), jwt_issuer.mint(lifetime_s=-5))

    assert (frame["error"], frame["authUpdateAttempted"]) == (
        "Convex token identity expired",
        False,
    )


@pytest.mark.parametrize(
    ("claims", "text"),
    [
        ({"exp": 1_750_000_000 - 6}, "Could not validate token: it has expired"),
        ({"nbf": 1_750_000_000 + 6}, "Could not validate token: it is not valid yet"),
        ({"iat": 1_750_000_000 + 6}, "Could not validate token: it is not valid yet"),
        ({"exp": "soon"}, "Could not validate token: exp is not a number"),
        ({"sub": None}, "Missing subject"),
        ({"exp": None}, "Missing expiry"),
    ],
)
def test_the_claims_of_a_plain_jwt(jwt_issuer: Issuer, claims: dict[str, Any], text: str) -> None:
    """Each fault has its text."""
    (frame,) = authenticate(Wire(jwt_backend(jwt_issuer)), jwt_issuer.mint(**claims))

    assert (frame["error"], frame["authUpdateAttempted"]) == (text, True)


def test_a_plain_jwt_has_to_name_its_key(jwt_issuer: Issuer) -> None:
    """Without a kid it is not even tried, and an unknown one is told."""
    claims = {"iss": jwt_issuer.url, "sub": "a", "aud": "unisono", "exp": 2_000_000_000}
    backend = jwt_backend(jwt_issuer)

    (nameless,) = authenticate(Wire(backend), jwt_issuer.sign(claims, kid=None))
    (unknown,) = authenticate(Wire(backend), jwt_issuer.sign(claims, kid="who"))

    assert "JWT may be missing a 'kid'" in nameless["error"]
    assert "The JWT's 'kid' 'who'" in unknown["error"]


def test_keys_in_a_data_url_need_no_network() -> None:
    """Escaped or in base64."""
    issuer = Issuer("https://jwt.test", algorithm="RS256", now=lambda: 1_750_000_000.0)
    text = json.dumps(issuer.jwks())
    encoded = base64.b64encode(text.encode()).decode()
    for url in (f"data:application/json;base64,{encoded}", "data:," + text.replace('"', "%22")):
        backend = Backend(users_app(JwtProvider("https://jwt.test", url, "RS256")))
        (frame,) = authenticate(Wire(backend), issuer.mint())
        assert frame["endVersion"]["identity"] == 1


# Providers


def test_the_first_provider_that_fits_is_chosen(issuer: Issuer) -> None:
    """Spellings of an issuer with and without scheme and slash are one."""
    other = OidcProvider("https://issuer.test", "else")
    slashed = OidcProvider("issuer.test//", "unisono")

    assert choose([other, slashed], read(issuer.mint()), redact=False) is slashed


@pytest.mark.parametrize("domain", ["ftp://a.test", '"a.test', "", "https://", "bare"])
def test_a_provider_needs_an_address(domain: str) -> None:
    """A wrong one is an error where the app is made."""
    with pytest.raises(ValueError, match="InvalidProviderDomainUrl"):
        OidcProvider(domain, "app")


def test_a_plain_jwt_provider_signs_with_two_algorithms() -> None:
    """EdDSA is for ID tokens."""
    with pytest.raises(ValueError, match="RS256 or ES256"):
        JwtProvider("a.test", "https://a.test/jwks", "EdDSA")


def test_the_attributes_of_an_id_token() -> None:
    """All typed claims under their official names, all others as they are."""
    given = {
        "iss": "https://a.test", "sub": "s", "aud": "x", "exp": 1, "iat": 1, "nonce": "n",
        "given_name": "Ada", "family_name": "L", "preferred_username": "ada",
        "profile": "p", "picture": "q", "website": "w", "birthdate": "1815-12-10",
        "zoneinfo": "Europe/London", "locale": "en", "phone_number": "1",
        "phone_number_verified": False, "address": {"formatted": "St James"},
        "updated_at": 1_700_000_000, "nickname": None, "org": {"id": 1},
    }  # fmt: skip

    assert oidc_attributes(given) == {
        "tokenIdentifier": "https://a.test|s", "subject": "s", "issuer": "https://a.test",
        "givenName": "Ada", "familyName": "L", "preferredUsername": "ada",
        "profileUrl": "p", "pictureUrl": "q", "websiteUrl": "w", "birthday": "1815-12-10",
        "timezone": "Europe/London", "language": "en", "phoneNumber": "1",
        "phoneNumberVerified": False, "address": "St James",
        "updatedAt": "2023-11-14T22:13:20+00:00", "org": {"id": 1},
    }  # fmt: skip
    assert "given_name" in jwt_attributes(given)


def test_providers_need_the_library_for_their_tokens_and_nobody_else_does(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that lacks it says so when it begins."""
    monkeypatch.setitem(sys.modules, "joserfc", None)
    monkeypatch.delitem(sys.modules, "unisono_mock.jwt")

    assert Backend(users_app()).query("users:whoami") is None
    with pytest.raises(ImportError, match=r"unisono-mock\[auth\]"):
        Backend(users_app(issuer.provider()))


def test_a_provider_without_keys_needs_a_network(issuer: Issuer) -> None:
    """In process there is none, and the error says what to do."""
    wire = Wire(Backend(users_app(OidcProvider(issuer.url, "unisono")), fetch=no_network))
    (frame,) = authenticate(wire, issuer.mint())

    assert "give the provider its keys" in frame["error"]


# Admins


def test_an_admin_key_opens_internal_functions(wire: Wire) -> None:
    """An admin is nobody in particular."""
    as_admin(wire)
    wire.modify(0, add(0, "users:secret"), add(1, "users:whoami"))

    assert values(wire.take()) == {0: "for admins", 1: None}


def test_a_wrong_admin_key_is_an_auth_error(wire: Wire) -> None:
    """It says that the key is for something else."""
    (frame,) = as_admin(wire, "happy-animal-123|ffff")

    assert frame["error"] == "The provided admin key was invalid for this instance"
    assert frame["authUpdateAttempted"] is True


@pytest.mark.parametrize("spelling", ["impersonating", "acting_as"])
def test_an_admin_acts_as_a_user(wire: Wire, spelling: str) -> None:
    """Attributes are taken as given; the identifier is made where it is missing."""
    attributes = {"issuer": "i", "subject": "s", "givenName": "S", "x": [1]}
    as_admin(wire, more={spelling: attributes})
    wire.modify(0, add(0, "users:whoami"), add(1, "users:secret"))

    user = {"tokenIdentifier": "i|s", "issuer": "i", "subject": "s", "givenName": "S", "x": [1]}
    assert values(wire.take()) == {0: user, 1: "for admins"}


def test_the_third_spelling_is_an_unknown_field(wire: Wire) -> None:
    """`actingAs` is ignored and leaves a plain admin."""
    as_admin(wire, more={"actingAs": {"tokenIdentifier": "x"}})
    wire.modify(0, add(0, "users:whoami"))

    assert values(wire.take()) == {0: None}


@pytest.mark.parametrize(
    "user", [{}, {"issuer": "i"}, {"tokenIdentifier": 1}, {"tokenIdentifier": "t", "name": 1}]
)
def test_a_user_who_is_nobody_is_a_malformed_message(wire: Wire, user: Any) -> None:
    """FatalError, whatever the key."""
    (frame,) = as_admin(wire, "bad|key", {"impersonating": user})

    assert frame["type"] == "FatalError"
    assert wire.closed == Close(None)
    with pytest.raises(ProtocolError):
        acting_as(user)


def test_an_admin_is_asked_again_after_a_minute_when_used(backend: Backend, wire: Wire) -> None:
    """A key that was taken back is good for sixty seconds more, and on an idle line for ever."""
    as_admin(wire)
    backend.verifier.admin_keys.revoke(ADMIN_KEY)
    backend.advance(60)
    wire.mutate(0, "users:sign")
    assert wire.take()[0]["success"] is True
    backend.advance(1)
    wire.peer.tick()
    assert wire.closed is None
    wire.mutate(1, "users:sign")

    (*_, frame) = wire.take()
    assert (frame["type"], frame["authUpdateAttempted"], frame["baseVersion"]) == (
        "AuthError",
        True,
        1,
    )
    assert backend.query("users:signatures") == [None]


def test_an_admin_whose_key_is_good_notices_nothing(backend: Backend, wire: Wire) -> None:
    """The check changes no version, and idle hours do not log out."""
    wire.modify(0, add(0, "users:secret"))
    as_admin(wire)
    backend.advance(hours=2)
    wire.mutate(0, "users:sign")
    response, transition = wire.take()

    assert response["success"] is True
    assert transition["endVersion"]["identity"] == 1
    assert transition["modifications"] == []


def test_a_write_by_somebody_else_makes_an_admin_be_asked_again(
    backend: Backend, wire: Wire
) -> None:
    """The start of a transition is a use too."""
    as_admin(wire)
    wire.modify(0, add(0, "users:signatures"))
    wire.take()
    backend.advance(61)
    backend.mutation("users:sign")
    assert values(wire.take()) == {0: [None]}
    backend.verifier.admin_keys.revoke(ADMIN_KEY)
    backend.advance(61)
    backend.mutation("users:sign")

    assert wire.take()[0]["authUpdateAttempted"] is True


# Authorization headers


def identify(backend: Backend, header: str | None) -> Identity:
    return finish_now(backend.verifier.header(header, backend.clock.now()))


def test_a_header_stands_for_somebody(issuer: Issuer, backend: Backend) -> None:
    """Bearer for users, Convex for admins, nothing for nobody, in any case of letters."""
    user = base64.b64encode(b'{"tokenIdentifier":"t"}').decode()

    assert identify(backend, None) == Identity()
    assert (identify(backend, f"bearer {issuer.mint('ada')}").attributes or {})["subject"] == "ada"
    assert identify(backend, f"CONVEX {ADMIN_KEY}").is_admin
    assert identify(backend, f"Convex {ADMIN_KEY}:{user}").attributes == {"tokenIdentifier": "t"}


@pytest.mark.parametrize(
    ("header", "kind", "code"),
    [
        ("short", FailureKind.BAD_REQUEST, "InvalidHeaderFailure"),
        ("Basic dXNlcjpw", FailureKind.BAD_REQUEST, "InvalidAdminKey"),
        ("Convex wrong|key", FailureKind.UNAUTHENTICATED, "BadAdminKey"),
        (f"Convex {ADMIN_KEY}:%%", FailureKind.BAD_REQUEST, "InvalidAdminKey"),
        (f"Convex {ADMIN_KEY}:W10=", FailureKind.BAD_REQUEST, "InvalidAdminKey"),
        (f"Convex {ADMIN_KEY}:e30=", FailureKind.BAD_REQUEST, "InvalidAdminKey"),
        ("Bearer a.b.c", FailureKind.UNAUTHENTICATED, "InvalidAuthHeader"),
    ],
)
def test_a_bad_header_is_refused_with_its_code(
    backend: Backend, header: str, kind: FailureKind, code: str
) -> None:
    """The classes map to the statuses of HTTP."""
    with pytest.raises(ConnectionFailure) as caught:
        identify(backend, header)

    assert (caught.value.kind, caught.value.code) == (kind, code)


@pytest.mark.parametrize(
    ("issued", "shown"),
    [
        ("name|s3", "name|s3"),
        ("prod:name|s3", "name|s3"),
        ("name|s3", "dev:name|s3"),
        ("preview:team:project|s3", "s3"),
        ("plain", "plain"),
    ],
)
def test_what_stands_before_an_admin_key_does_not_matter(issued: str, shown: str) -> None:
    """Kinds are dropped, and the names of preview and project keys."""
    assert AdminKeys([issued]).accepts(shown)
    assert not AdminKeys([issued]).accepts(shown + "x")
