"""What comes from outside holds no secret afterwards, in whatever disguise it comes."""

from __future__ import annotations

import base64
import html
import json
import re
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from provisioner.model.mask import Mask
from provisioner.model.secret import HIDDEN, Secret

SECRET = """Xq7/c+n'"ry<&>ép ss!42=="""

DISGUISES = {
    "raw": lambda text: text,
    "json": lambda text: json.dumps(text)[1:-1],
    "json, solidus": lambda text: json.dumps(text, ensure_ascii=False)[1:-1].replace("/", "\\/"),
    "unicode": lambda text: "".join(f"\\u{ord(letter):04x}" for letter in text),
    "UNICODE": lambda text: "".join(f"\\u{ord(letter):04X}" for letter in text),
    "url": lambda text: quote(text, safe=""),
    "url, lower": lambda text: re.sub("%..", lambda found: found.group().lower(), quote(text, safe="")),
    "form": quote_plus,
    "percent": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "html": html.escape,
    "html, decimal": lambda text: "".join(f"&#{ord(letter)};" for letter in text),
    "html, hex": lambda text: "".join(f"&#x{ord(letter):x};" for letter in text),
    "hex": lambda text: text.encode().hex(),
    "HEX": lambda text: text.encode().hex().upper(),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64, in something": lambda text: base64.b64encode(f"root:{text}@x".encode()).decode(),
    "base64, for addresses": lambda text: base64.urlsafe_b64encode(f"a{text}".encode()).decode(),
}


def parts_of(text: str) -> list[str]:
    return [text, text[: len(text) // 2], text[len(text) // 2 :]]


@pytest.mark.parametrize("disguise", DISGUISES.values(), ids=DISGUISES)
@pytest.mark.parametrize("part", parts_of(SECRET))
def test_every_disguise_of_it_and_of_its_halves_is_hidden(disguise, part):
    mask = Mask(Secret(SECRET))
    told = mask.text(f"field {disguise(part)} is odd")
    assert HIDDEN in told
    left = told.replace(HIDDEN, "")
    assert disguise(part)[2:-4] not in left
    assert told.startswith("field ")
    assert told.endswith(" is odd")


@given(
    value=st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=8, max_size=26),
    before=st.text(max_size=5),
    after=st.text(max_size=5),
)
@example(value="00000000", before="000", after="")
def test_base64_hides_it_wherever_it_stands(value, before, after):
    encoded = base64.b64encode(f"{before}{value}{after}".encode()).decode()
    told = Mask(Secret(value)).text(encoded)
    hidden = len(encoded) - len(told.replace(HIDDEN, ""))
    assert hidden >= len(value.encode()) * 8 // 6 - 2, (
        "but for the letters at both ends that its neighbours have a part in"
    )


def test_bodies_are_cleaned_at_every_depth_keys_too():
    body = {"a": [{"b": f"x {SECRET}"}, 3, None, True], f"key {SECRET}": "y", "status": "RUNNING"}
    clean = Mask(Secret(SECRET)).clean(body)
    assert clean == {"a": [{"b": f"x {HIDDEN}"}, 3, None, True], f"key {HIDDEN}": "y", "status": "RUNNING"}


@pytest.mark.parametrize("disguise", [name for name in DISGUISES if name != "html"])
def test_no_body_with_a_disguise_in_it_is_passed_over(disguise):
    mask = Mask(Secret(SECRET))
    assert mask.may_stand_in(json.dumps({"a": DISGUISES[disguise](SECRET)}).encode())
    assert not mask.may_stand_in(b'{"id": "62383738-e52a-450a-9f84-f9e705402be8", "status": "RUNNING"}')


@pytest.mark.parametrize("short", ["", "root", "admin"])
def test_what_is_too_short_to_hide_anything_tears_no_words_apart(short):
    mask = Mask(Secret(short))
    assert mask.text("administrator root") == "administrator root"
    assert not mask.may_stand_in(b"administrator root")
