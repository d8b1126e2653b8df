"""What the client repeats, what it never repeats, and what it says when it gives up."""

from __future__ import annotations

import logging

import pytest

from tieline import decode
from tieline.connector import HttpProfile
from tieline.errors import ConfigError, NotAuthorised, RateLimited, Unavailable, Unreachable
from tieline.http import Client, retry_after
from tieline.ports import Request, Response

OK = Response(200, {"content-type": "application/json"}, b'{"a":1}')
LOST = Unavailable("the answer was lost", sent=True)
REFUSED = Unavailable("no connection", sent=False)


def throttled_403(response: Response) -> bool:
    return response.status == 403 and b"REQUEST_LIMIT_EXCEEDED" in response.body


# -- what is repeated


@pytest.mark.parametrize("trouble", [LOST, REFUSED, Response(500), Response(503), Response(504), Response(0)])
def test_a_read_is_repeated_after_trouble(script, make_client, trouble):
    wire = script(trouble, trouble, OK)
    assert make_client(wire).send(Request("GET", "/a")).json() == {"a": 1}
    assert len(wire.sent) == 3


def test_a_refusal_in_one_lane_slows_no_other(script, make_client, clock):
    def answer(request: Request) -> Response:
        busy = request.path.endswith("/search") and not clock.slept
        return Response(429, {"retry-after": "7"}) if busy else OK

    profile = HttpProfile(hosts=("api.example.com",), lane=lambda r: "search" if r.path.endswith("/search") else "")
    client = make_client(script(answer), profile=profile)
    search = client.budget.lane("search")
    search.refused(search.enter(), 7.0)
    assert client.send(Request("POST", "/batch/update", write=True)).status == 200
    assert clock.slept == []
    assert client.send(Request("POST", "/c/search")).status == 200
    assert sum(clock.slept) == 7.0
    assert client.budget.rate is None
    assert search.rate is not None
    assert client.calls == 3


def test_a_read_is_given_up_after_five_tries(script, make_client, clock):
    wire = script(Response(502, {}, b"bad gateway"))
    with pytest.raises(Unavailable, match=r"GET https://api.example.com/a failed with 502: bad gateway"):
        make_client(wire).send(Request("GET", "/a", {"q": "x"}))
    assert len(wire.sent) == 5


NOBODY = Unreachable("GET https://api.example.com/a: no connection (Connection refused)")


def test_a_system_nobody_can_connect_to_is_given_up_within_seconds_and_its_other_calls_at_once(
    script, make_client, clock
):
    wire = script(NOBODY)
    client, began = make_client(wire), clock.time
    for _ in range(5):
        with pytest.raises(Unreachable, match="Connection refused") as caught:
            client.send(Request("GET", "/a"))
        assert not caught.value.sent
        assert caught.value.hint == "tieline check"
    assert clock.time - began <= 1.0
    assert len(wire.sent) == 2
    clock.sleep(60)
    with pytest.raises(Unreachable):
        client.send(Request("GET", "/a"))
    assert len(wire.sent) == 4, "it may be back by now"


def test_a_system_that_takes_long_to_refuse_a_connection_is_not_tried_twice(script, make_client, clock):
    def hang(request: Request) -> Response:
        clock.sleep(10)
        raise NOBODY

    with pytest.raises(Unreachable):
        make_client(script(hang)).send(Request("GET", "/a"))
    assert clock.slept == [10]


def test_a_system_that_takes_calls_and_never_says_a_word_does_not_hold_up_every_call_of_a_command(
    script, make_client, clock
):
    def mute(request: Request) -> Response:
        clock.sleep(30)
        raise Unavailable("GET https://api.example.com/a: no answer within 30 s", silent=True)

    wire, began = script(mute), clock.time
    client = make_client(wire)
    for _ in range(9):
        with pytest.raises(Unavailable, match="no answer within 30 s"):
            client.send(Request("GET", "/a"))
    assert len(wire.sent) == 2
    assert clock.time - began < 70
    assert str(client.reach.barred).endswith("no answer within 30 s")


def test_a_system_that_has_answered_is_waited_for_also_when_it_falls_silent(script, make_client):
    wire = script(OK, *[Unavailable("no answer within 30 s", silent=True)] * 3, OK)
    client = make_client(wire)
    for _ in range(2):
        assert client.send(Request("GET", "/a")).status == 200
    assert client.reach.barred is None


def test_a_system_that_has_answered_before_is_waited_for(script, make_client):
    wire = script(OK, NOBODY, NOBODY, NOBODY, OK)
    client = make_client(wire)
    for _ in range(2):
        assert client.send(Request("GET", "/a")).status == 200
    assert len(wire.sent) == 5
    assert client.reach.barred is None


def test_why_no_call_gets_through_is_remembered_until_one_does(script, make_client, tokens):
    client = make_client(script(Response(401), OK), credential=tokens(supply=1))
    with pytest.raises(NotAuthorised):
        client.send(Request("GET", "/a"))
    assert isinstance(client.reach.barred, NotAuthorised)
    assert client.send(Request("GET", "/a")).status == 200
    assert client.reach.barred is None


def test_pauses_double_and_jitter_covers_their_whole_length(script, make_client, clock):
    draws = iter([1.0, 0.5, 0.25, 1.0])
    with pytest.raises(Unavailable):
        make_client(script(LOST), random=lambda: next(draws)).send(Request("GET", "/a"))
    assert clock.slept == [1.0, 1.0, 1.0, 8.0]


def test_a_pause_that_was_asked_for_once_is_not_kept_for_the_next_trouble(script, make_client, clock):
    wire = script(Response(503, {"retry-after": "40"}), LOST, OK)
    assert make_client(wire).send(Request("GET", "/a")).status == 200
    assert clock.slept == [40.0, 2.0]


def test_a_pause_longer_than_two_minutes_is_not_waited_for(script, make_client, clock):
    wire = script(Response(503, {"retry-after": "150"}), OK)
    with pytest.raises(Unavailable):
        make_client(wire).send(Request("GET", "/a"))
    assert (clock.slept, len(wire.sent)) == ([], 1)


def test_no_read_is_tried_for_longer_than_five_minutes(script, make_client, clock):
    wire = script(Response(503, {"retry-after": "110"}))
    began = clock.time
    with pytest.raises(Unavailable):
        make_client(wire).send(Request("GET", "/a"))
    assert clock.time - began <= 300
    assert len(wire.sent) == 3


@pytest.mark.parametrize(
    "unknown", [LOST, Response(0), Response(500), Response(502), Response(504), Response(503, {"retry-after": "1"})]
)
def test_a_write_whose_outcome_is_unknown_is_sent_once(script, make_client, unknown):
    wire = script(unknown, OK)
    with pytest.raises(Unavailable) as caught:
        make_client(wire).send(Request("POST", "/a", json={}, write=True))
    assert caught.value.sent
    assert len(wire.sent) == 1


def test_a_write_that_never_left_is_sent_again(script, make_client):
    wire = script(REFUSED, REFUSED, OK)
    assert make_client(wire).send(Request("POST", "/a", json={}, write=True)).status == 200
    assert len(wire.sent) == 3


def test_a_write_that_never_left_and_then_was_lost_stops_there(script, make_client):
    wire = script(REFUSED, LOST, OK)
    with pytest.raises(Unavailable) as caught:
        make_client(wire).send(Request("POST", "/a", json={}, write=True))
    assert caught.value.sent
    assert len(wire.sent) == 2


@pytest.mark.parametrize("write", [False, True])
@pytest.mark.parametrize(
    "refusal",
    [
        Response(429, {"retry-after": "7"}),
        Response(403, {"retry-after": "7"}, b'[{"errorCode":"REQUEST_LIMIT_EXCEEDED"}]'),
    ],
)
def test_a_throttled_call_is_sent_again_after_the_time_it_was_told(script, make_client, clock, refusal, write):
    wire = script(refusal, OK)
    profile = HttpProfile(hosts=("api.example.com",), throttled=throttled_403)
    began = clock.time
    assert make_client(wire, profile=profile).send(Request("POST", "/a", json={"n": 1}, write=write)).status == 200
    assert clock.time - began == pytest.approx(7)
    assert wire.sent[0].body == wire.sent[1].body == b'{"n":1}'


def test_a_write_throttled_by_503_is_sent_again_where_the_profile_calls_it_so(script, make_client):
    wire = script(Response(503, {"retry-after": "2"}), OK)
    profile = HttpProfile(
        hosts=("api.example.com",), throttled=lambda r: r.status == 503 and "retry-after" in r.headers
    )
    assert make_client(wire, profile=profile).send(Request("POST", "/a", write=True)).status == 200


def test_a_pause_of_an_hour_ends_the_stream_at_once(script, make_client, clock):
    wire = script(Response(429, {"retry-after": "3600"}))
    with pytest.raises(RateLimited) as caught:
        make_client(wire).send(Request("GET", "/a"))
    assert caught.value.retry_after == pytest.approx(3600)
    assert len(wire.sent) == 1
    assert clock.slept == []


def test_a_call_refused_for_ever_ends_rate_limited(script, make_client, clock):
    wire = script(Response(429, {"retry-after": "1"}))
    with pytest.raises(RateLimited, match="crm refuses calls as too fast"):
        make_client(wire).send(Request("GET", "/a"))
    assert len(wire.sent) == 10


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("12", 12),
        ("1.5", 1.5),
        ("0", 0),
        ("Wed, 21 Oct 2015 07:28:30 GMT", 30),
        ("Wed, 21 Oct 2015 07:27:00 GMT", 0),
        ("soon", None),
        ("-3", None),
        ("", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date_against_the_servers_own_clock(clock, text, seconds):
    assert retry_after({"retry-after": text, "date": "Wed, 21 Oct 2015 07:28:00 GMT"}, clock) == seconds


def test_a_retry_after_date_without_a_server_date_is_held_against_our_clock(clock):
    assert retry_after({"retry-after": "Thu, 01 Jan 1970 00:17:00 GMT"}, clock) == 20


# -- credentials


def test_an_expired_credential_is_refreshed_once_and_the_call_repeated(script, make_client, tokens):
    wire, credential = script(Response(401), OK), tokens(supply=2)
    assert make_client(wire, credential=credential).send(Request("POST", "/a", write=True)).status == 200
    assert [r.headers["authorization"] for r in wire.sent] == ["Bearer token-1", "Bearer token-2"]
    assert credential.refreshes == 1


def test_a_refreshed_credential_that_is_refused_again_is_an_error_for_a_person(script, make_client, tokens):
    wire, credential = script(Response(401, {}, b'{"message":"Token revoked"}')), tokens(supply=9)
    with pytest.raises(NotAuthorised, match=r"crm refuses the credential.*Token revoked") as caught:
        make_client(wire, credential=credential).send(Request("GET", "/a"))
    assert len(wire.sent) == 2
    assert credential.refreshes == 1
    assert "auth" in caught.value.hint


def test_a_fixed_token_that_is_refused_is_not_sent_twice(script, make_client):
    wire = script(Response(401))
    with pytest.raises(NotAuthorised):
        make_client(wire).send(Request("GET", "/a"))
    assert len(wire.sent) == 1


def test_the_profile_may_call_another_answer_expired(script, make_client, tokens):
    wire = script(Response(403, {}, b"INVALID_SESSION_ID"), OK)
    profile = HttpProfile(hosts=("api.example.com",), expired=lambda r: b"INVALID_SESSION" in r.body)
    assert make_client(wire, profile=profile, credential=tokens(supply=2)).send(Request("GET", "/a")).status == 200


def test_trouble_while_renewing_never_makes_a_write_look_sent(script, make_client, tokens):
    class Down(tokens):
        def refresh(self, request):
            raise Unavailable("token endpoint is down", sent=False)

    with pytest.raises(Unavailable, match="token endpoint") as caught:
        make_client(script(Response(401)), credential=Down()).send(Request("POST", "/a", write=True))
    assert not caught.value.sent


# -- what comes back


@pytest.mark.parametrize("status", [200, 201, 204, 207, 304, 400, 403, 404, 409, 412, 422])
def test_other_answers_go_to_the_connector_as_they_are(script, make_client, status):
    wire = script(Response(status, {"x": "y"}, b"{}"))
    assert make_client(wire).send(Request("GET", "/a")).status == status
    assert len(wire.sent) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_error_and_not_followed(script, make_client, status):
    wire = script(Response(status, {"location": "https://evil.example/x?token=abc"}))
    with pytest.raises(Unavailable, match=r"redirected to 'https://evil.example/x', which is not followed"):
        make_client(wire).send(Request("GET", "/a"))
    assert len(wire.sent) == 1


def test_every_request_says_what_it_takes_and_who_asks(script, make_client):
    wire = script(OK)
    profile = HttpProfile(hosts=("api.example.com",), headers={"X-Api": "7"})
    make_client(wire, profile=profile).send(Request("post", "/a", headers={"Accept": "text/csv"}, json={"ü": None}))
    (sent,) = wire.sent
    assert sent.method == "POST"
    assert sent.headers["accept"] == "text/csv"
    assert sent.headers["x-api"] == "7"
    assert sent.headers["content-type"] == "application/json"
    assert sent.headers["user-agent"].startswith("tieline/")
    assert sent.body == '{"ü":null}'.encode()


def test_a_form_is_sent_urlencoded(script, make_client):
    wire = script(OK)
    make_client(wire).send(Request("POST", "/a", form={"a": "1 2", "b": "ü&"}))
    assert wire.sent[0].body == b"a=1+2&b=%C3%BC%26"
    assert wire.sent[0].headers["content-type"] == "application/x-www-form-urlencoded"


def test_parameters_join_the_address(script, make_client):
    wire = script(OK)
    params = {"q": "a b&c", "ids": [1, 2], "archived": False, "after": None}
    make_client(wire).send(Request("GET", "/a?x=1", params))
    assert wire.sent[0].path == "https://api.example.com/a?x=1&q=a%20b%26c&ids=1&ids=2&archived=false"


def test_calls_counts_every_request_sent(script, make_client):
    client = make_client(script(LOST, Response(429, {"retry-after": "1"}), OK))
    client.send(Request("GET", "/a"))
    assert client.calls == 3


# -- where credentials may go


@pytest.mark.parametrize(
    ("base_url", "path", "sent_to"),
    [
        ("https://api.example.com", "/a", "https://api.example.com/a"),
        ("https://api.example.com", "a", "https://api.example.com/a"),
        ("https://API.Example.com:443/", "/a", "https://api.example.com/a"),
        ("https://api.example.com/v1/", "/a", "https://api.example.com/v1/a"),
        ("https://api.example.com/v1", "https://api.example.com/v1/a?b=1", "https://api.example.com/v1/a?b=1"),
        ("https://api.example.com", "HTTPS://api.example.com:443/a", "https://api.example.com/a"),
        ("https://api.example.com", "//evil.example/a", "https://api.example.com//evil.example/a"),
        ("http://127.0.0.1:8080/twelve", "/a", "http://127.0.0.1:8080/twelve/a"),
        ("http://[::1]:8080", "/a", "http://[::1]:8080/a"),
        ("https://localhost:8443", "https://localhost:8443/a", "https://localhost:8443/a"),
    ],
)
def test_addresses_stay_below_the_base_url(script, make_client, base_url, path, sent_to):
    wire = script(OK)
    make_client(wire, base_url=base_url).send(Request("GET", path))
    assert wire.sent[0].path == sent_to


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/next",
        "http://api.example.com/next",
        "https://api.example.com:8443/next",
        "https://api.example.com.evil.example/next",
        "https://api.example.com@evil.example/next",
        "https://evil.example\\@api.example.com/next",
        "https://api.example.com\n.evil.example/next",
        "https://api.exa\nmple.com/next",
        "https://api.example.com/a b",
    ],
)
def test_a_link_to_another_place_is_refused_before_anything_is_sent(script, make_client, link):
    wire = script(OK)
    with pytest.raises(ConfigError):
        make_client(wire).send(Request("GET", link))
    assert wire.sent == []


@pytest.mark.parametrize(
    "base_url",
    [
        "https://evil.example",
        "https://example.com",
        "https://xapi.example.com",
        "https://api.example.com.evil.example",
        "http://api.example.com",
        "http://api.example.com:443",
        "https://api.example.com\n",
        "https://api.example.com:8443",
        "https://user:pw@api.example.com",
        "https://127.0.0.1.evil.example",
        "http://0.0.0.0:80",
        "ftp://api.example.com",
        "api.example.com",
        "https://api.example.com:x",
        "",
    ],
)
def test_a_base_url_that_credentials_must_not_go_to_is_refused_when_the_client_is_built(script, make_client, base_url):
    with pytest.raises(ConfigError) as caught:
        make_client(script(OK), base_url=base_url)
    assert "pw" not in str(caught.value)


def test_a_host_suffix_covers_hosts_below_it_but_not_the_suffix_alone(script, make_client):
    profile = HttpProfile(hosts=(".force.example",))
    make_client(script(OK), base_url="https://acme.my.force.example", profile=profile)
    for wrong in ("https://force.example", "https://evilforce.example"):
        with pytest.raises(ConfigError, match=r"\*\.force\.example"):
            make_client(script(OK), base_url=wrong, profile=profile)


# -- what is shown


def test_the_log_shows_the_path_but_no_query_and_no_credential(script, make_client, caplog):
    with caplog.at_level(logging.DEBUG, "tieline.http"):
        make_client(script(LOST, OK)).send(Request("GET", "/contacts", {"email": "ada@example.org"}))
    assert "GET /contacts 200" in caplog.text
    assert "ada@" not in caplog.text
    assert "token-1" not in caplog.text


def test_an_error_shows_no_credential_that_the_server_echoes(script, make_client):
    def echo(request: Request) -> Response:
        return Response(500, {}, f"<p>You sent {request.headers['authorization']}</p>".encode())

    with pytest.raises(Unavailable) as caught:
        make_client(script(echo)).send(Request("POST", "/a", write=True))
    assert "token-1" not in str(caught.value)
    assert "You sent ***" in str(caught.value)


def test_decode_reads_json_and_names_what_is_not():
    assert decode(OK, "the contact list") == {"a": 1}
    assert decode(Response(204), "the update") is None
    page = Response(200, {"content-type": "text/html"}, b"<html>\n <title>Log in, " + b"x" * 500)
    with pytest.raises(Unavailable, match=r"the contact list: expected JSON, got text/html \(200\): '<html> <title>"):
        decode(page, "the contact list")


@pytest.mark.parametrize("body", [b"", b'{"results": [', b"\xff\xfe", b"NaN garbage"])
def test_decode_says_that_a_write_with_a_broken_answer_may_have_been_applied(body):
    with pytest.raises(Unavailable) as caught:
        decode(Response(200, {}, body), "the update")
    assert caught.value.sent
    assert len(str(caught.value)) < 200


def test_decode_strikes_out_what_looks_like_a_token_but_leaves_error_codes():
    body = b"INVALID_SESSION_ID for pat-na1-1234567890abcdef, Bearer abc"
    with pytest.raises(Unavailable, match=r"INVALID_SESSION_ID for \*\*\*, \*\*\*"):
        decode(Response(200, {}, body), "it")


def test_close_closes_the_transport(script, make_client):
    closed = []

    class Wire(script):
        def close(self) -> None:
            closed.append(True)

    client: Client = make_client(Wire(OK))
    client.close()
    assert closed == [True]
