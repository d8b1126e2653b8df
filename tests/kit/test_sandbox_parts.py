"""What stand-ins share: each part by itself. That whole stand-ins behave is asked by the plugins' own tests."""

from __future__ import annotations

from collections import Counter

import pytest

from tieline.sandbox import Answer, Asked, Issuer, Rate, Refusal, Request, SandboxOptions, astray
from tieline.testing import FakeClock


class Call(Asked):
    def __init__(self, **request):
        self.request = Request(**{"method": "POST", "path": "/a", **request})


# -- limits


def test_calls_beyond_the_limit_wait_until_the_oldest_has_left_the_window():
    rate = Rate(2, 1000)
    assert [rate.take(now) for now in (0, 400, 500, 999, 1000, 1001)] == [0, 0, 500, 1, 0, 399]


def test_a_call_that_was_refused_does_not_make_the_next_one_wait_longer():
    rate = Rate(1, 1000)
    rate.take(0)
    for now in range(100, 1000, 100):
        assert rate.take(now) == 1000 - now
    assert rate.take(1000) == 0


def test_what_is_left_of_a_limit_is_counted():
    rate = Rate(3, 1000)
    assert rate.left() == 3
    rate.take(0)
    rate.take(10)
    assert rate.left() == 1
    rate.take(1005)
    assert rate.left() == 1


def test_a_limit_goes_on_from_what_was_kept_of_it():
    rate = Rate(2, 1000)
    rate.take(0)
    rate.take(400)
    again = Rate(2, 1000, rate.dump())
    assert [again.take(500), again.take(1000), again.take(1001)] == [500, 0, 399]


# -- answers


def test_a_body_is_json_a_text_or_nothing():
    common = {"date": "today"}
    made = [Answer(200, body).response(common, json="a/json") for body in ({"a": "ä"}, "ä", None, [], {}, "")]
    plain = "text/plain; charset=utf-8"
    assert [r.body for r in made] == ['{"a":"ä"}'.encode(), "ä".encode(), b"", b"[]", b"{}", b""]
    assert [r.headers.get("content-type") for r in made] == ["a/json", plain, None, "a/json", "a/json", plain]
    assert all(r.headers["date"] == "today" for r in made)


def test_an_answers_own_headers_outdo_the_common_ones():
    own = {"date": "then", "content-type": "x", "retry-after": "1"}
    assert dict(Answer(429, {}, own).response({"date": "now"}, json="").headers) == own


def test_a_refusal_is_answered_with_what_it_was_made_of():
    refusal = Refusal(404, {"message": "nobody"}, {"x": "y"})
    assert refusal.answer() == Answer(404, {"message": "nobody"}, {"x": "y"})
    assert "nobody" in str(refusal)


# -- requests


def test_a_header_is_found_whatever_its_case():
    call = Call(headers={"X-Many": "1", "accept": "json"})
    assert (call.header("x-many"), call.header("accept"), call.header("host")) == ("1", "json", "")


def test_a_parameter_given_twice_is_its_first():
    call = Call(params={"a": ["1", "2"], "b": "3", "c": 4})
    assert [call.param(name, "none") for name in "abcd"] == ["1", "3", "4", "none"]


@pytest.mark.parametrize("body", [b"[1]", b"{", b"", b"null", b'"a"'])
def test_a_body_that_is_no_object_is_none(body):
    assert Call(body=body).object() is None


def test_a_body_that_is_an_object_is_given():
    assert Call(body=b'{"a": 1}').object() == {"a": 1}
    assert Call(json={"a": 1}).object() == {"a": 1}


def test_a_form_is_read_however_it_was_given():
    assert Call(form={"a": "1"}).form() == {"a": "1"}
    assert Call(body=b"a=1&b=%C3%A4&a=2").form() == {"a": "1", "b": "ä"}
    assert Call().form() == {}


# -- answers gone astray


def fates(vices, wrote):
    """What becomes of twenty answers: L(ost), a P(age) or the answer itself."""
    counts = Counter()

    def count(name):
        counts[name] += 1
        return counts[name]

    made = [astray(frozenset(vices), count, wrote, {"date": "now"}) for _ in range(20)]
    return "".join("." if r is None else "P" if r.status == 200 else "L" for r in made), counts


def test_without_a_vice_every_answer_arrives_and_nothing_is_counted():
    assert fates({"rate-limit"}, True) == ("." * 20, Counter())


def test_every_fifth_write_is_lost_and_no_read():
    assert fates({"lost-answer"}, True)[0] == "....L" * 4
    assert fates({"lost-answer"}, False)[0] == "." * 20


def test_every_tenth_answer_that_arrives_is_a_page():
    assert fates({"garbage"}, False)[0] == ".........P" * 2
    assert fates({"garbage", "lost-answer"}, True)[0] == "....L....L.P..L....L"


def test_a_page_says_that_it_is_one():
    page = astray({"garbage"}, lambda name: 10, False, {"date": "now"})
    assert page is not None
    assert page.headers == {"date": "now", "content-type": "text/html; charset=utf-8"}
    assert page.body.decode().startswith("<html>")


# -- options and sign-ins


def test_a_seed_or_a_vice_that_there_is_not_is_refused_by_name():
    SandboxOptions(seed="demo", vices=frozenset({"sloth"})).check(["sloth", "envy"])
    with pytest.raises(ValueError, match="unknown vice or seed: envy, wrath"):
        SandboxOptions(vices=frozenset({"wrath", "sloth", "envy"})).check(["sloth"])
    with pytest.raises(ValueError, match="unknown vice or seed: full"):
        SandboxOptions(seed="full").check([])


def test_a_stand_in_has_a_clock_whoever_starts_it():
    assert SandboxOptions().now() > 1_700_000_000_000
    clock = FakeClock()
    clock.advance(7)
    assert SandboxOptions(clock=clock).now() == clock.now()


def test_a_token_is_over_with_its_sign_in_and_others_are_not_known():
    issuer = Issuer("client", "person-")
    asked = {"client_id": "client", "redirect_uri": "http://127.0.0.1:1/", "response_type": "code"}
    challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    sent = issuer.authorize({**asked, "code_challenge_method": "S256", "code_challenge": challenge})
    form = {"code": sent.headers["location"].partition("code=")[2], "redirect_uri": asked["redirect_uri"]}
    issued = issuer.redeem({**form, "code_verifier": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"})
    assert issued is not None
    assert not issuer.ended(issued.access_token)
    assert issuer.ended("person-access-999999")
    assert not issuer.ended("another's")
    issuer.revoke(issued.access_token)
    assert issuer.ended(issued.access_token)
