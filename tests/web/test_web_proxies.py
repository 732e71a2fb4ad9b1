"""Which proxy a request goes through, and which variable is blamed for one that cannot be used."""

from __future__ import annotations

import pytest

from provisioner.model.diagnostic import UsageError
from provisioner.web.proxies import choose_proxies, choose_proxy

URL = "https://modelarts.example.com"
PROXY, OTHER = "http://proxy.example.com:3128", "http://other.example.com:3128"


def chosen(url=URL, **environ):
    found = choose_proxy(url, environ)
    return None if found is None else (found.variable, found.url)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, None),
        ({"https_proxy": PROXY}, ("https_proxy", PROXY)),
        ({"HTTPS_PROXY": PROXY}, ("HTTPS_PROXY", PROXY)),
        ({"https_proxy": PROXY, "HTTPS_PROXY": OTHER}, ("https_proxy", PROXY)),
        ({"https_proxy": "", "HTTPS_PROXY": OTHER}, None),
        ({"HTTPS_PROXY": PROXY, "ALL_PROXY": OTHER}, ("HTTPS_PROXY", PROXY)),
        ({"all_proxy": PROXY, "http_proxy": OTHER}, ("all_proxy", PROXY)),
        ({"http_proxy": OTHER}, None),
        ({"https_proxy": "proxy:3128"}, ("https_proxy", "http://proxy:3128")),
    ],
)
def test_the_variable_of_the_scheme_counts_and_lower_case_first(environ, expected):
    assert chosen(**environ) == expected


def test_a_header_of_a_request_names_no_proxy():
    assert chosen("http://modelarts.example.com", HTTP_PROXY=PROXY, REQUEST_METHOD="GET") is None
    assert chosen("http://modelarts.example.com", HTTP_PROXY=PROXY) is not None


@pytest.mark.parametrize(
    ("excepted", "url"),
    [
        ("*", URL),
        ("example.com", URL),
        (".example.com", URL),
        ("*.example.com", URL),
        ("a.invalid, MODELARTS.example.com", URL),
        ("modelarts.example.com:443", URL),
        ("https://modelarts.example.com", URL),
        ("10.0.0.7", "https://10.0.0.7"),
        ("10.0.0.0/8", "https://10.1.2.3:8443"),
        ("10.1.2.3/8", "https://10.9.9.9"),
        ("fd00::7", "https://[fd00::7]"),
        ("[fd00::7]", "https://[fd00:0:0:0::7]"),
        ("[fd00::7]:8443", "https://[fd00::7]:8443"),
        ("fd00::/8", "https://[fd12:3456::1]"),
        ("[fd00::]/8", "https://[fd12:3456::1]"),
        ("a.invalid fd00::/8 b.invalid", "https://[fd00::1]"),
    ],
)
def test_who_stands_in_no_proxy_is_asked_directly(excepted, url):
    assert chosen(url, HTTPS_PROXY=PROXY, NO_PROXY=excepted) is None
    assert chosen(url, HTTPS_PROXY=PROXY, NO_PROXY=excepted, no_proxy="") is not None, "lower case goes first"


@pytest.mark.parametrize(
    ("excepted", "url"),
    [
        ("", URL),
        (",", URL),
        ("ample.com", URL),
        ("other.example.com", URL),
        ("modelarts.example.com:8443", URL),
        ("10.0.0.0/8", "https://11.0.0.1"),
        ("10.0.0.0/8", "https://10.example.com"),
        ("fd00::7", "https://[fd00::8]"),
        ("[fd00::7]:443", "https://[fd00::7]:8443"),
        ("fd00::/8", "https://10.0.0.1"),
        ("0.0.0.0/99", "https://10.0.0.1"),
    ],
)
def test_nobody_else_is(excepted, url):
    assert chosen(url, HTTPS_PROXY=PROXY, NO_PROXY=excepted) == ("HTTPS_PROXY", PROXY)


@pytest.mark.parametrize("other", ["all_proxy", "ALL_PROXY", "http_proxy", "HTTP_PROXY"])
def test_a_proxy_that_no_request_goes_through_stands_in_nobodys_way(other):
    environ = {"https_proxy": PROXY, other: "socks5://127.0.0.1:1080"}
    assert choose_proxies([URL], environ)[URL].url == PROXY
    assert choose_proxies([URL], {other: "socks5h://127.0.0.1:1080", "no_proxy": "example.com"}) == {}


@pytest.mark.parametrize(
    ("variable", "value", "problem", "remedy"),
    [
        ("all_proxy", "socks5://ann:canary@127.0.0.1:1080", "all_proxy names a SOCKS proxy", "set HTTPS_PROXY"),
        ("ALL_PROXY", "socks5h://127.0.0.1:1080", "ALL_PROXY names a SOCKS proxy", "set HTTPS_PROXY"),
        ("HTTPS_PROXY", "socks4://127.0.0.1:1080", "HTTPS_PROXY names a SOCKS proxy", "set HTTPS_PROXY"),
        ("https_proxy", "gopher://127.0.0.1", "https_proxy names no http:// or https:// proxy", "set https_proxy"),
        ("https_proxy", "http://ann:canary@127.0.0.1:port", "https_proxy is no URL", "set https_proxy"),
        ("https_proxy", "http://", "https_proxy names no host", "set https_proxy"),
    ],
)
def test_the_variable_that_is_wrong_is_blamed_as_it_is_spelt(variable, value, problem, remedy):
    with pytest.raises(UsageError) as refused:
        choose_proxies([URL], {variable: value})
    (finding,) = refused.value.diagnostics
    assert finding.summary.startswith(problem)
    assert finding.hint.startswith(remedy)
    assert "NO_PROXY=modelarts.example.com" in finding.hint
    assert "canary" not in finding.summary + finding.hint
