"""The vendor's own signer as the judge of ours: any request that both can express has one signature."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from urllib.parse import quote, quote_plus

import pytest
from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provisioner.cloud.signing import sign
from provisioner.model.secret import Secret

# The SDK asks whether a type begins with these, in lower case and with the header spelt so.
HASHED = ["application/json", "application/json;charset=UTF-8", "application/bson"]
UNHASHED = ["text/plain", "application/octet-stream", "multipart/form-data; boundary=x"]
# What the SDK leaves as it stands in a path, and another client may too; the rest has to be encoded to be sent.
PATH_SAFE = "!$&'()*+,;=:@~"
METHODS = ["GET", "POST", "PUT", "DELETE", "patch"]
ORIGINS = [("https", "modelarts.cn-north-4.myhuaweicloud.com"), ("http", "127.0.0.1:8901")]


@dataclass(frozen=True)
class Keys:
    ak: str
    sk: str


@dataclass(frozen=True)
class Sent:
    """A request before it is signed; `path` is encoded, the names and values of `query` are not."""

    method: str
    scheme: str
    host: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes


def encoded(segment: str, spelling: str) -> str:
    match spelling:
        case "strict":
            return quote(segment, safe="")
        case "loose":
            return quote(segment, safe=PATH_SAFE)
        case _:
            return "".join(f"%{byte:02x}" for byte in segment.encode())


segments = st.builds(encoded, st.text(max_size=5), st.sampled_from(["strict", "loose", "every byte"]))
undecodable = st.binary(max_size=3).map(lambda raw: "".join(f"%{byte:02X}" for byte in raw))
paths = st.lists(segments | undecodable, max_size=3).map(lambda parts: "/" + "/".join(parts))
queries = st.lists(
    st.tuples(st.sampled_from(["limit", "Limit", ""]) | st.text(max_size=5), st.text(max_size=5)), max_size=4
)
names = st.sampled_from(["X-Project-Id", "x-a", "x-ab", "LEFT_OUT"]) | st.text("aZ09-_", min_size=1, max_size=5)
headers = st.lists(
    st.tuples(names, st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), max_size=5)), max_size=2
)
all_keys = st.builds(Keys, st.sampled_from(["AK", "EXAMPLEAK0000000001"]), st.text(min_size=1, max_size=5))


def spelt_once(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Two that differ in case alone are one on the wire, and neither signer expects that."""
    return dict({name.lower(): (name, value) for name, value in pairs}.values())


@st.composite
def requests(draw) -> Sent:
    scheme, host = draw(st.sampled_from(ORIGINS))
    body = draw(st.binary(max_size=20))
    # For an empty body the SDK signs the hash of nothing, whatever the header beside it declares, while the reference
    # (section 6.1) has the declared value count. No call of this API sends such a thing; it is left out here.
    content_type = draw(st.sampled_from([None, *HASHED, *(UNHASHED if body else [])]))
    carried = spelt_once(draw(headers)) | ({} if content_type is None else {"Content-Type": content_type})
    if body and content_type not in UNHASHED:  # beside an unhashed type the SDK overwrites what was declared
        carried |= draw(st.sampled_from([{}, {}, {"x-sdk-content-sha256": "0" * 64}]))
    carried |= draw(st.sampled_from([{}, {"Host": host}, {"host": host}]))
    return Sent(draw(st.sampled_from(METHODS)), scheme, host, draw(paths), draw(queries), carried, body)


def signed_by_the_vendor(sent: Sent, keys: Keys, date: str) -> str:
    request = SdkRequest(
        method=sent.method,
        schema=sent.scheme,
        host=sent.host,
        resource_path=sent.path,
        query_params=[*sent.query],
        header_params={**sent.headers, "X-Sdk-Date": date},
        body=sent.body,
    )
    return Signer(keys).sign(request).header_params["Authorization"]


def signed_by_us(sent: Sent, keys: Keys, date: str, spelling) -> str:
    query = "&".join(f"{spelling(name)}={spelling(value)}" for name, value in sent.query)
    result = sign(
        sent.method,
        f"{sent.scheme}://{sent.host}{sent.path}" + (f"?{query}" if query else ""),
        headers=sent.headers,
        body=sent.body,
        access_key=keys.ak,
        secret_key=Secret(keys.sk),
        date=date,
    )
    return result.headers["Authorization"]


@pytest.mark.slow
@pytest.mark.parametrize("spelling", [partial(quote, safe=""), quote_plus], ids=["percent", "form"])
@settings(max_examples=5_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(sent=requests(), keys=all_keys, date=st.sampled_from(["20260102T030405Z", "20281231T235959Z"]))
def test_ten_thousand_requests_have_the_vendors_signature(sent, keys, date, spelling):
    """Five thousand for each way to spell a query in a URL."""
    assert signed_by_us(sent, keys, date, spelling) == signed_by_the_vendor(sent, keys, date)
