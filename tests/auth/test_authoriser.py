"""Tokens: fetched when needed, renewed once for all threads, kept before use, never asked for in a storm."""

from __future__ import annotations

import pytest

from tieline.auth import Grant, MemoryTokens
from tieline.auth.endpoint import again
from tieline.connector import HttpProfile
from tieline.errors import ConfigError, NotAuthorised, RateLimited, Unavailable, Unreachable
from tieline.ports import Request, Response
from tieline.secrets import Secret

INVALID_GRANT = Response(400, {}, b'{"error":"invalid_grant","error_description":"token was revoked"}')


# -- a fixed token


def test_a_fixed_token_is_put_on_every_request_and_nobody_is_asked(make_authoriser, endpoint, secret_file, sign):
    asked = endpoint()
    authoriser = make_authoriser({"type": "token", "token": secret_file("t", "pat-1")}, asked)
    assert sign(authoriser).headers == {"accept": "x", "authorization": "Bearer pat-1"}
    assert not authoriser.refresh(sign(authoriser))
    assert asked.asked == []


def test_a_token_file_that_changed_meanwhile_is_read_again_when_the_old_one_is_refused(
    make_authoriser, endpoint, secret_file, sign
):
    authoriser = make_authoriser({"type": "token", "token": secret_file("t", "pat-1")}, endpoint())
    used = sign(authoriser)
    secret_file("t", "pat-2")
    assert authoriser.refresh(used)
    assert sign(authoriser).headers["authorization"] == "Bearer pat-2"


def test_a_token_with_a_line_end_inside_is_refused_without_showing_it(make_authoriser, endpoint, secret_file, sign):
    authoriser = make_authoriser({"type": "token", "token": secret_file("t", "pat-1\nnote")}, endpoint())
    with pytest.raises(ConfigError, match="from file t holds blanks, line ends") as caught:
        sign(authoriser)
    assert "pat-1" not in str(caught.value)


def test_a_secret_that_is_not_there_is_a_configuration_error(make_authoriser, endpoint, sign):
    with pytest.raises(ConfigError, match="TIELINE_NO_SUCH_VARIABLE is not set"):
        sign(make_authoriser({"type": "token", "token": {"env": "TIELINE_NO_SUCH_VARIABLE"}}, endpoint()))


def test_a_name_and_a_password_go_with_every_request(make_authoriser, endpoint, secret_file, sign):
    asked = endpoint()
    settings = {"type": "basic", "username": "Aladdin", "password": secret_file("pw", "open sesame")}
    authoriser = make_authoriser(settings, asked)
    used = sign(authoriser)
    assert used.headers["authorization"] == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="  # the example of RFC 7617
    assert not authoriser.refresh(used)
    secret_file("pw", "shut sesame")
    assert authoriser.refresh(used)


def test_without_a_credential_requests_stay_as_they_are(make_authoriser, endpoint, sign):
    authoriser = make_authoriser({"type": "none"}, endpoint())
    assert sign(authoriser).headers == {"accept": "x"}
    assert not authoriser.refresh(sign(authoriser))


# -- fetching


def test_client_credentials_are_exchanged_for_a_token_in_the_body(make_authoriser, endpoint, client_credentials, sign):
    asked = endpoint()
    authoriser = make_authoriser({**client_credentials, "scope": "read write"}, asked)
    assert sign(authoriser).headers["authorization"] == "Bearer access-1"
    (request,) = asked.asked
    assert (request.method, request.path) == ("POST", "https://api.example.com/oauth/token")
    assert asked.form() == {
        "grant_type": "client_credentials",
        "scope": "read write",
        "client_id": "me",
        "client_secret": "s&cret 1",
    }


def test_a_refresh_token_is_exchanged_and_a_public_client_sends_no_secret(
    make_authoriser, endpoint, refresh_token, sign
):
    asked = endpoint()
    sign(make_authoriser(refresh_token, asked))
    assert asked.form() == {
        "grant_type": "refresh_token",
        "refresh_token": "refresh-0",
        "client_id": "me",
        "client_secret": "client-secret",
    }
    del refresh_token["client_secret"]
    sign(make_authoriser(refresh_token, asked))
    assert asked.form() == {"grant_type": "refresh_token", "refresh_token": "refresh-0", "client_id": "me"}


@pytest.mark.parametrize(("life", "renewed_after"), [(1800, 1740), ("1800", 1740), (40, 30)])
def test_a_token_is_renewed_shortly_before_it_ends(
    make_authoriser, endpoint, client_credentials, sign, clock, life, renewed_after
):
    asked = endpoint({"access_token": "access-{n}", "expires_in": life})
    authoriser = make_authoriser(client_credentials, asked)
    sign(authoriser)
    clock.time += renewed_after - 1
    assert sign(authoriser).headers["authorization"] == "Bearer access-1"
    clock.time += 1
    assert sign(authoriser).headers["authorization"] == "Bearer access-2"


@pytest.mark.parametrize("life", [{}, {"expires_in": None}, {"expires_in": "soon"}, {"expires_in": 0}])
def test_a_token_without_an_end_is_used_until_it_is_refused(
    make_authoriser, endpoint, client_credentials, sign, clock, life
):
    """Salesforce's answers have no expires_in (wire facts, Salesforce, Auth)."""
    authoriser = make_authoriser(client_credentials, endpoint({"access_token": "access-{n}", **life}))
    used = sign(authoriser)
    clock.time += 1e7
    assert sign(authoriser).headers == used.headers
    assert authoriser.refresh(used)
    assert sign(authoriser).headers["authorization"] == "Bearer access-2"


def test_instance_url_is_taken_only_from_hosts_that_credentials_may_go_to(
    make_authoriser, endpoint, client_credentials, sign
):
    for url, taken in {
        "https://login.example.com/": "https://login.example.com",
        "https://evil.example": None,
        "http://api.example.com": None,
    }.items():
        authoriser = make_authoriser(client_credentials, endpoint({"access_token": "a", "instance_url": url}))
        sign(authoriser)
        assert authoriser.instance_url == taken


# -- where the token request may go


@pytest.mark.parametrize(
    ("base_url", "token_url"),
    [
        ("https://api.example.com", "https://login.example.com/t?x=1"),
        ("http://127.0.0.1:98", "http://127.0.0.1:99/t"),
    ],
)
def test_a_token_url_may_be_another_host_of_the_connector(
    make_authoriser, endpoint, client_credentials, sign, base_url, token_url
):
    asked = endpoint()
    sign(make_authoriser({**client_credentials, "token_url": token_url}, asked, base_url=base_url))
    assert asked.asked[0].path == token_url


@pytest.mark.parametrize(
    "token_url",
    [
        "https://evil.example/t",
        "http://api.example.com/t",
        "https://x@api.example.com",
        "http://127.0.0.1:99/t",
        "http://localhost/t",
    ],
)
def test_a_token_url_elsewhere_is_refused_when_built(make_authoriser, endpoint, client_credentials, token_url):
    with pytest.raises(ConfigError, match=r"token_url of crm|address"):
        make_authoriser({**client_credentials, "token_url": token_url}, endpoint())


def test_a_base_url_elsewhere_is_no_token_endpoint_either(make_authoriser, endpoint, client_credentials):
    with pytest.raises(ConfigError, match="evil"):
        make_authoriser(client_credentials, endpoint(), base_url="https://evil.example")


def test_a_connector_without_a_token_endpoint_asks_for_one(make_authoriser, endpoint, client_credentials):
    with pytest.raises(ConfigError, match=r"auth\.token_url"):
        make_authoriser(client_credentials, endpoint(), profile=HttpProfile(hosts=("api.example.com",)))


# -- rotation


def test_a_rotated_refresh_token_is_stored_before_the_access_token_is_used(
    make_authoriser, endpoint, refresh_token, sign
):
    order = []

    class Store(MemoryTokens):
        def save(self, system, grant):
            order.append(("asking" if grant.lost else "saved", grant.refresh_token.reveal()))
            super().save(system, grant)

    asked = endpoint({"access_token": "access-{n}", "refresh_token": "refresh-{n}", "expires_in": 100})
    store = Store()
    authoriser = make_authoriser(refresh_token, asked, store=store)
    used = sign(authoriser)
    order.append(("used", used.headers["authorization"]))
    authoriser.refresh(used)
    assert order == [
        ("asking", "refresh-0"),
        ("saved", "refresh-1"),
        ("used", "Bearer access-1"),
        ("asking", "refresh-1"),
        ("saved", "refresh-2"),
    ]
    assert asked.form()["refresh_token"] == "refresh-1"
    # another process takes what is there, and goes on with the newest one
    other = make_authoriser(refresh_token, asked, store=store)
    assert sign(other).headers["authorization"] == "Bearer access-2"
    assert len(asked.asked) == 2
    assert other.refresh(sign(other))
    assert asked.form()["refresh_token"] == "refresh-2"


def test_an_access_token_is_not_used_when_its_refresh_token_could_not_be_stored(
    make_authoriser, endpoint, refresh_token, sign
):
    class Full(MemoryTokens):
        def save(self, system, grant):
            raise OSError("disk full")

    asked = endpoint({"access_token": "access-{n}", "refresh_token": "refresh-{n}"})
    request = Request("GET", "/")
    with pytest.raises(OSError, match="disk full"):
        make_authoriser(refresh_token, asked, store=Full()).authorise(request)
    assert "authorization" not in request.headers


def test_a_refresh_token_that_does_not_rotate_is_used_again(make_authoriser, endpoint, refresh_token, sign):
    asked, store = endpoint(), MemoryTokens()
    authoriser = make_authoriser(refresh_token, asked, store=store)
    authoriser.refresh(sign(authoriser))
    assert [asked.form(i)["refresh_token"] for i in (0, 1)] == ["refresh-0", "refresh-0"]
    assert store.load("crm").refresh_token == Secret("refresh-0")


def test_a_new_refresh_token_in_the_configuration_starts_afresh(
    make_authoriser, endpoint, refresh_token, secret_file, sign
):
    store = MemoryTokens()
    with pytest.raises(NotAuthorised):
        sign(make_authoriser(refresh_token, endpoint(INVALID_GRANT), store=store))
    refresh_token["refresh_token"] = secret_file("rt", "refresh-new")
    asked = endpoint()
    assert sign(make_authoriser(refresh_token, asked, store=store)).headers["authorization"] == "Bearer access-1"
    assert asked.form()["refresh_token"] == "refresh-new"


# -- refusals


def test_a_revoked_grant_is_recorded_and_nobody_asks_again(make_authoriser, endpoint, refresh_token, sign):
    asked, store = endpoint(INVALID_GRANT), MemoryTokens()
    authoriser = make_authoriser(refresh_token, asked, store=store)
    for _ in range(3):
        with pytest.raises(NotAuthorised, match=r"reauth_required.*crm") as caught:
            sign(authoriser)
    assert "token was revoked" in str(caught.value)
    assert len(asked.asked) == 1
    grant = store.load("crm")
    assert isinstance(grant, Grant)
    assert grant.reauth_required
    # nor in the next process
    with pytest.raises(NotAuthorised, match="reauth_required"):
        sign(make_authoriser(refresh_token, asked, store=store))
    assert len(asked.asked) == 1


@pytest.mark.parametrize(
    "answer",
    [
        Response(401, {}, b'{"error":"invalid_client","error_description":"no such client"}'),
        Response(400, {}, b'{"error":"invalid_grant","error_description":"no client credentials user enabled"}'),
        Response(404, {}, b"<html>not here</html>"),
    ],
)
def test_a_refused_client_is_told_once(make_authoriser, endpoint, client_credentials, sign, answer):
    asked = endpoint(answer)
    authoriser = make_authoriser(client_credentials, asked)
    for _ in range(2):
        with pytest.raises(NotAuthorised, match="crm: the token endpoint refuses the client"):
            sign(authoriser)
    assert len(asked.asked) == 1


@pytest.mark.parametrize(
    "answer",
    [
        Response(500, {}, b"oops"),
        Response(302, {"location": "https://evil.example"}),
        Response(0),
        Response(200, {"content-type": "text/html"}, b"<html>"),
        Response(200, {}, b"[]"),
        Response(200, {}, b'{"token_type":"bearer"}'),
        Response(200, {}, b'{"access_token":7}'),
        Unavailable("gone", sent=True),
    ],
)
def test_trouble_at_the_token_endpoint_passes_and_never_looks_like_a_sent_request(
    make_authoriser, endpoint, client_credentials, sign, answer
):
    asked = endpoint(answer, {"access_token": "good"})
    authoriser = make_authoriser(client_credentials, asked)
    with pytest.raises(Unavailable) as caught:
        sign(authoriser)
    assert not caught.value.sent
    assert sign(authoriser).headers["authorization"] == "Bearer good"


def test_a_token_endpoint_that_nobody_can_connect_to_is_told_as_that(
    make_authoriser, endpoint, client_credentials, sign
):
    authoriser = make_authoriser(client_credentials, endpoint(Unreachable("no connection (Connection refused)")))
    with pytest.raises(Unreachable, match="no token: no connection") as caught:
        sign(authoriser)
    assert caught.value.hint == "tieline check"
    assert type(again(caught.value)) is Unreachable


def test_a_token_endpoint_that_asks_for_a_pause_gets_it(make_authoriser, endpoint, client_credentials, sign):
    authoriser = make_authoriser(client_credentials, endpoint(Response(429, {"retry-after": "9"})))
    with pytest.raises(RateLimited) as caught:
        sign(authoriser)
    assert caught.value.retry_after == 9


def test_a_token_of_another_kind_is_not_used(make_authoriser, endpoint, client_credentials, sign):
    with pytest.raises(NotAuthorised, match="not bearer"):
        sign(make_authoriser(client_credentials, endpoint({"access_token": "x", "token_type": "mac"})))


def test_secrets_are_known_to_the_redactor_before_they_are_sent(make_authoriser, endpoint, refresh_token, sign):
    from tieline.secrets import Redactor

    redactor = Redactor()
    asked = endpoint({"access_token": "access-{n}-long", "refresh_token": "rotated-{n}"})
    sign(make_authoriser(refresh_token, asked, redactor=redactor))
    text = redactor.redact("client-secret refresh-0 access-1-long rotated-1")
    assert text == "*** *** *** ***"
    assert Secret("x") != Secret("y")
