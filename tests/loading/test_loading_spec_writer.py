"""What is written of servers that exist is read back as what it was written from, whatever the cloud calls things."""

from __future__ import annotations

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from support.builders import an_address

from provisioner.kinds import CATALOGUE
from provisioner.loading import ExistingResource, VariableInputs, is_writable, load, render_spec, unique_key
from provisioner.model.draft import Draft

STACK = """\
stack: demo
defaults:
  flavor: usual
  key_pair_name: ops
  image_id: c90fb553-2cdb-4b81-b56a-ef68812c6cf7
  network:
    vpc_id: 05982b48-a70f-43a1-a2b0-1fe36a236172
    subnet_id: 38cf274a-98f9-4f6f-b622-5ed0e4a3db54
    security_group_id: 150a2c76-1334-45f6-b28f-419f9b1d1742
"""
UUIDS = st.uuids().map(str)
odd_texts = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=40)
flavors = st.from_regex(r"[-_.a-zA-Z0-9]{1,40}", fullmatch=True)
names = st.from_regex(r"[-_.a-zA-Z0-9]{1,64}", fullmatch=True)
drafts = st.builds(
    lambda name, **fields: Draft({"name": name} | {key: value for key, value in fields.items() if value is not None}),
    names,
    flavor=st.none() | flavors | st.just("usual"),
    image_id=st.none() | UUIDS,
    key_pair_name=st.none() | names,
    network=st.none() | st.fixed_dictionaries({"vpc_id": UUIDS, "subnet_id": UUIDS}),
)


def defaults_of(folder):
    return load(folder, catalogue=CATALOGUE, environment=None, inputs=VariableInputs())


@settings(deadline=None, max_examples=60)
@given(st.lists(drafts.filter(is_writable), min_size=1, max_size=4, unique_by=lambda draft: draft.fields["name"]))
def test_what_is_composed_is_read_back_the_same(tmp_path_factory, found):
    folder = tmp_path_factory.mktemp("specs")
    (folder / "stack.yaml").write_text(STACK)
    before = defaults_of(folder)
    taken: set[str] = set()
    existing = []
    for number, draft in enumerate(found):
        key = unique_key(str(draft.fields["name"]), frozenset(taken), noun="server")
        taken.add(key)
        existing.append(ExistingResource(an_address(key), f"id-{number}", "servers", draft))
    text = render_spec(existing, defaults=before.defaults, remarks=("from the cloud",))
    (folder / "adopted.yaml").write_text(text, encoding="utf-8")
    loaded = defaults_of(folder)
    assert {(one.address, one.id) for one in loaded.refactoring.imports} == {(one.address, one.id) for one in existing}
    by_address = {desired.address: desired.fields for desired in loaded.desired}
    for one in existing:
        for field, value in one.draft.fields.items():
            wanted = {**before.defaults["servers"]["network"], **value} if field == "network" else value
            assert by_address[one.address][field] == wanted


@settings(deadline=None, max_examples=60)
@given(odd_texts.map(lambda text: Draft({"name": "edge", "flavor": text})).filter(is_writable))
def test_what_no_spec_may_say_is_still_written_as_the_cloud_shows_it(draft):
    text = render_spec([ExistingResource(an_address("edge"), "id-1", "servers", draft)], defaults={}, remarks=())
    assert yaml.safe_load(text)["servers"]["edge"]["flavor"] == draft.fields["flavor"]


def test_what_looks_like_a_template_is_not_written():
    assert not is_writable(Draft({"name": "x", "network": {"vpc_id": "{{ 7 * 7 }}"}}))
    assert not is_writable(Draft({"name": "{% x %}"}))
    assert not is_writable(Draft({"name": "right\u202eleft"}))
    assert is_writable(Draft({"name": "{x}"}))


def test_only_what_the_defaults_do_not_say_is_written():
    draft = Draft({"name": "edge", "flavor": "usual", "key_pair_name": None, "admin_pass": None}, ("a remark",))
    text = render_spec(
        [ExistingResource(an_address("edge"), "id-1", "servers", draft)],
        defaults={"servers": {"flavor": "usual", "key_pair_name": "ops"}},
        remarks=(),
    )
    assert text == (
        "servers:\n  edge:\n    name: edge\n    key_pair_name: null\n    # a remark\n\n"
        "imports:\n  - {to: edge, id: id-1}\n"
    )
