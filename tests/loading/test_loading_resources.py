"""From a body as written to what is wanted: merging, expansion, fields and their mistakes."""

from __future__ import annotations

import base64

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loading.stack_folder import STACK, StackFolder

from provisioner.loading import CODES
from provisioner.model.address import Address
from provisioner.model.diagnostic import UsageError
from provisioner.model.resource import Lifecycle, Timeouts


def decoded(desired) -> str:
    return base64.b64decode(desired.fields["userdata"]).decode()


def test_a_server_is_its_body_over_the_defaults(stack: StackFolder):
    wanted = stack.server(
        "root_volume: {size: 200}\nnetwork: {ipv6_enable: true}\nkey_pair_name: null\nadmin_pass: {secret: 'env:PW'}\n"
    )
    assert wanted.address == Address("x")
    assert wanted.kind == "dev_server"
    assert wanted.name == "x"
    assert wanted.fields["network"]["ipv6_enable"] is True
    assert wanted.fields["network"]["vpc_id"] == "05982b48-a70f-43a1-a2b0-1fe36a236172"
    assert "key_pair_name" not in wanted.fields
    assert set(wanted.fields) == {"name", "flavor", "image_id", "network", "root_volume", "admin_pass"}
    assert str(wanted.source) == "specs/servers.yaml:2:3"


@pytest.mark.parametrize(
    ("own", "column", "section"),
    [
        ("network: {}", 5, "network"),
        ("{network: {hyper_group: {}}}", 16, "network.hyper_group"),
        ("{count: 2, labels: {}}", 16, "labels"),
    ],
)
def test_an_empty_section_over_defaults_takes_nothing_away_and_is_told_so(stack: StackFolder, own, column, section):
    defaults = "  labels: {team: vision}\n  network:\n    hyper_group: {id: 05982b48-a70f-43a1-a2b0-1fe36a236172}\n"
    stack.write("stack.yaml", STACK.replace("  network:\n", defaults))
    loaded = stack.write("servers.yaml", f"servers:\n  x:\n    {own}\n").load()
    (told,) = [one for one in loaded.warnings if one.code == "empty-section"]
    assert told.summary == f"{section} is empty and says nothing: what `defaults` gives stays"
    assert str(told.source) == f"specs/servers.yaml:3:{column}"
    assert loaded.desired[0].labels == {"team": "vision"}
    assert loaded.desired[0].fields["network"]["hyper_group"] == {"id": "05982b48-a70f-43a1-a2b0-1fe36a236172"}


@pytest.mark.parametrize(
    ("body", "code", "place"),
    [
        (
            'arch: "X86\u00a0"',
            "invalid-value",
            "arch must be one of X86, ARM; character 4 of it is U+00A0 (NO-BREAK SPACE)",
        ),
        (
            'root_volume: {type: "SS\u0044 "}',
            "invalid-value",
            "root_volume.type must be one of ESSD, GPSSD, SAS, SATA, SSD; character 4 of it is U+0020 (SPACE)",
        ),
        ('"flavor\\t": x', "control-character", "the invisible character U+0009 (TAB) stands here"),
        (
            '"fl\u0430vor": x',
            "unknown-field",
            "there is no field fl\u0430vor; character 3 of it is U+0430 (CYRILLIC SMALL LETTER A)",
        ),
        ('"flavor ": x', "unknown-field", "there is no field flavor ; character 7 of it is U+0020 (SPACE)"),
    ],
)
def test_a_character_that_cannot_be_seen_is_named_in_choices_and_keys_too(stack: StackFolder, body, code, place):
    (found,) = stack.mistakes(f"servers:\n  x:\n    {body}\n")
    assert (found.code, found.summary) == (code, place)
    assert str(found.source).startswith("specs/servers.yaml:3:")


def test_an_item_of_a_list_is_pointed_at(stack: StackFolder):
    stack.write("servers.yaml", "servers:\n  x:\n    network: {allowed_address_pairs: [{}]}\n")
    (told,) = [one for one in stack.load().warnings if one.code == "empty-section"]
    assert str(told.source) == "specs/servers.yaml:3:39"


def test_a_body_may_be_empty(stack: StackFolder):
    (wanted,) = stack.write("servers.yaml", "servers:\n  x:\n").load().desired
    assert wanted.fields["flavor"] == "Si2.large.4"


def test_a_count_makes_numbered_servers_sorted_by_number(stack: StackFolder):
    stack.write("servers.yaml", "servers:\n  x:\n    count: 11\n    labels: {index: 'i{{ count.index }}'}\n")
    desired = stack.load().desired
    assert [str(wanted.address) for wanted in desired] == [f"x[{n}]" for n in range(11)]
    assert [wanted.name for wanted in desired] == [f"x-{n}" for n in range(11)]
    assert desired[7].labels == {"index": "i7"}


def test_a_count_of_zero_wants_nothing(stack: StackFolder):
    assert stack.write("servers.yaml", "servers: {x: {count: 0}}\n").load().desired == ()


def test_for_each_over_a_map_gives_keys_and_values(stack: StackFolder):
    stack.write(
        "servers.yaml", "servers:\n  x:\n    for_each: {a: 200, b: null}\n    root_volume: {size: '{{ each.value }}'}\n"
    )
    first, second = stack.load().desired
    assert (str(first.address), first.name, first.fields["root_volume"]) == ('x["a"]', "x-a", {"size": 200})
    assert (str(second.address), second.fields["root_volume"]) == ('x["b"]', {})


def test_for_each_over_a_list_gives_the_text_twice(stack: StackFolder):
    stack.write(
        "servers.yaml", "servers:\n  x:\n    for_each: [b, a]\n    labels: {k: '{{ each.key }}{{ each.value }}'}\n"
    )
    assert [(wanted.name, wanted.labels) for wanted in stack.load().desired] == [
        ("x-a", {"k": "aa"}),
        ("x-b", {"k": "bb"}),
    ]


@pytest.mark.parametrize(
    ("body", "code", "summary"),
    [
        ("count: -1", "invalid-count", "count must be a whole number from 0 and is negative"),
        ("count: 1.5", "invalid-count", "count must be a whole number from 0 and is a number"),
        ("count: true", "invalid-count", "count must be a whole number from 0 and is true or false"),
        ("count: 20001", "too-many-resources", "with this the stack declares more than 20,000 resources"),
        ("count: 1, for_each: [a]", "invalid-count", "count and for_each exclude each other"),
        ("for_each: [a, a]", "invalid-for-each", "a list in for_each must hold unique texts"),
        ("for_each: [1]", "invalid-for-each", "a list in for_each must hold unique texts"),
        ("for_each: text", "invalid-for-each", "for_each must be a map or a list of texts and is a text"),
    ],
)
def test_an_expansion_that_cannot_be_is_refused(stack: StackFolder, body, code, summary):
    found = stack.mistake(f"servers:\n  x: {{{body}}}\n")
    assert (found.code, found.summary, found.address) == (code, summary, Address("x"))
    assert found.source.line == 2


def test_labels_lifecycle_and_timeouts_are_ours_and_not_the_clouds(stack: StackFolder):
    wanted = stack.server(
        """\
        labels: {team: vision}
        lifecycle: {prevent_destroy: true, ignore_changes: [image_id, network.vpc_id, status]}
        timeouts: {create: 1h30m, delete: 90}
        """
    )
    assert wanted.labels == {"team": "vision"}
    assert wanted.lifecycle == Lifecycle(
        prevent_destroy=True, ignore_changes=(("image_id",), ("network", "vpc_id"), ("status",))
    )
    assert wanted.timeouts == Timeouts(create=5400.0, delete=90.0)
    assert not {"labels", "lifecycle", "timeouts", "count"} & set(wanted.fields)


@pytest.mark.parametrize(
    ("body", "code", "place", "summary", "hint"),
    [
        ("flavour: a", "unknown-field", "3:5", "there is no field flavour", "did you mean flavor?"),
        ("flavor: 3", "wrong-type", "3:13", "flavor must be a text and is a number", "write it in quotes"),
        (
            "root_volume: 5",
            "wrong-type",
            "3:18",
            "root_volume must be a map and is a number",
            "write a map of keys and values, as in {key: value}",
        ),
        (
            "root_volume: {size: '200'}",
            "wrong-type",
            "3:25",
            "root_volume.size must be a whole number and is a text",
            "write it without quotes",
        ),
        (
            "root_volume: {size: 50GB}",
            "wrong-type",
            "3:25",
            "root_volume.size must be a whole number and is a text",
            "write a whole number without its unit: 50",
        ),
        ("lables: {a: b}", "unknown-field", "3:5", "there is no field lables", "did you mean labels?"),
        (
            "root_volume: {size: 150.5}",
            "wrong-type",
            "3:25",
            "root_volume.size must be a whole number and is a number with a fraction",
            "write a whole number",
        ),
        (
            "root_volume: {type: XSD}",
            "invalid-value",
            "3:25",
            "root_volume.type must be one of ESSD, GPSSD, SAS, SATA, SSD",
            "did you mean SSD?",
        ),
        (
            "root_volume: {size: 5}",
            "invalid-value",
            "3:25",
            "root_volume.size must be greater than or equal to 100",
            "",
        ),
        ("root_volume: {sise: 5}", "unknown-field", "3:19", "there is no field root_volume.sise", "did you mean size?"),
        (
            "data_volume: {type: SSD, size: 100}",
            "missing-field",
            "3:5",
            "data_volume.count is required and missing",
            "write count: ...",
        ),
        ("image_id: null", "missing-field", "3:5", "image_id is required and missing", "write image_id: ..."),
        (
            "network: {allowed_address_pairs: [{ip_address: 3}]}",
            "wrong-type",
            "3:52",
            "network.allowed_address_pairs.0.ip_address must be a text and is a number",
            "write it in quotes",
        ),
        (
            "labels: {index: 3}",
            "wrong-type",
            "3:21",
            "labels.index must be a text and is a number",
            "write it in quotes",
        ),
        (
            "lifecycle: {prevent_destroi: true}",
            "unknown-field",
            "3:17",
            "there is no field lifecycle.prevent_destroi",
            "did you mean prevent_destroy?",
        ),
        (
            "lifecycle: {ignore_changes: [image]}",
            "unknown-field",
            "3:34",
            "ignore_changes names image, which is no field",
            "did you mean image_id?",
        ),
        (
            "timeouts: {create: soon}",
            "invalid-value",
            "3:24",
            'timeouts.create: write a time like "60m", "1h30m", "90s", or a number of seconds',
            "",
        ),
        (
            "power: pause",
            "invalid-value",
            "3:12",
            "power must be one of running, stopped",
            "possible here: running, stopped",
        ),
        (
            "order: together",
            "order-together",
            "3:12",
            "order: together is for several, and x is one",
            "add count or for_each, or leave order out",
        ),
        (
            "order: alone",
            "invalid-value",
            "3:12",
            "order must be one of separate, together",
            "possible here: separate, together",
        ),
        (
            "lifecycle: {on_os_change: wipe}",
            "invalid-value",
            "3:31",
            "lifecycle.on_os_change must be one of reinstall, replace",
            "possible here: reinstall, replace",
        ),
    ],
)
def test_a_field_that_is_wrong_is_named_in_the_authors_words(stack: StackFolder, body, code, place, summary, hint):
    found = stack.mistake(f"servers:\n  x:\n    {body}\n")
    assert (found.code, str(found.source), found.summary, found.hint) == (
        code,
        f"specs/servers.yaml:{place}",
        summary,
        hint,
    )
    assert found.address == Address("x")
    assert found.source.excerpt == f"    {body}"


def test_a_mistake_in_a_default_is_reported_where_the_default_stands(stack: StackFolder):
    stack.write("stack.yaml", STACK.replace("Si2.large.4", "3"))
    found = stack.mistake("servers: {x: {}}\n")
    assert (found.code, str(found.source)) == ("wrong-type", "specs/stack.yaml:3:11")


def test_the_fields_that_there_are_include_what_goes_on_top_and_nothing_that_is_always_refused(stack: StackFolder):
    hint = stack.mistake("servers: {x: {zzz: 1}}\n").hint
    offered = set(hint.removeprefix("the fields here are: ").split(", "))
    assert {"flavor", "count", "for_each", "labels", "lifecycle", "timeouts"} <= offered
    assert not {"hps_cluster_id", "..."} & offered


def test_a_misspelt_default_is_one_mistake_and_not_a_missing_field_of_every_server(stack: StackFolder):
    stack.write("stack.yaml", STACK.replace("network:", "networks:"))
    found = stack.mistake("servers: {x: {}, y: {}, z: {count: 2}}\n")
    assert (found.code, str(found.source), found.hint) == (
        "unknown-field",
        "specs/stack.yaml:6:3",
        "did you mean network?",
    )


def test_one_mistake_of_a_thousand_copies_is_told_once(stack: StackFolder):
    found = stack.mistakes("servers:\n  x:\n    count: 1000\n    flavour: a\n    root_volume: {size: 1}\n")
    assert [(mistake.code, mistake.source.line) for mistake in found] == [("unknown-field", 4), ("invalid-value", 5)]


def test_all_mistakes_of_all_files_come_in_one_run_by_file_and_line(stack: StackFolder):
    stack.write("b.yaml", "servers:\n  b: {flavour: a}\n").write(
        "a.yaml", "servers:\n  a: {count: no, labels: 3}\n  c: {name: '{{ nope }}', arch: X}\n"
    )
    stack.write("c/d.yml", "server: {}\n")
    found = stack.mistakes()
    assert [(str(mistake.source), mistake.code) for mistake in found] == [
        ("specs/a.yaml:2:14", "ambiguous-value"),
        ("specs/a.yaml:3:13", "undefined-variable"),
        ("specs/a.yaml:3:33", "invalid-value"),
        ("specs/b.yaml:2:7", "unknown-field"),
        ("specs/c/d.yml:1:1", "unknown-section"),
    ]


def test_a_word_that_is_refused_is_told_with_those_that_the_field_takes(stack: StackFolder):
    power, other = stack.mistakes("servers:\n  x: {power: off, name: off}\n")
    assert power.hint.endswith("the field power takes one of running, stopped")
    assert "takes one of" not in other.hint


def test_a_broken_item_of_a_list_hides_nothing_about_the_others(stack: StackFolder):
    found = stack.mistakes("servers:\n  x: {lifecycle: {ignore_changes: ['{{ nope }}', 5, 010]}, arch: X}\n")
    assert [(mistake.code, mistake.source.column) for mistake in found] == [
        ("undefined-variable", 36),
        ("wrong-type", 50),
        ("ambiguous-value", 53),
        ("invalid-value", 66),
    ]


def test_a_flood_of_mistakes_is_cut_and_counted(stack: StackFolder):
    found = stack.mistakes("servers:\n" + "".join(f"  s{n}: {{flavour: a}}\n" for n in range(150)))
    assert len(found) == 101
    assert (found[-1].code, found[-1].summary) == ("too-many-mistakes", "... and 50 more")


def test_a_server_in_two_files_is_reported_at_the_later_one(stack: StackFolder):
    stack.write("a.yaml", "servers: {x: {}}\n").write("b.yaml", "servers: {x: {}}\n")
    found = stack.mistake()
    assert (found.code, str(found.source)) == ("duplicate-address", "specs/b.yaml:1:11")
    assert found.summary == "x is declared already, at specs/a.yaml:1:11"


def test_two_servers_of_one_name_are_both_named(stack: StackFolder):
    found = stack.mistake("servers:\n  x: {name: same}\n  y2: {name: same}\n")
    assert (found.code, str(found.source)) == ("duplicate-name", "specs/servers.yaml:3:14")
    assert found.summary == "x and y2 have the same name: same"


@pytest.mark.parametrize(
    ("specs", "code", "summary"),
    [
        ("server: {}\n", "unknown-section", "there is no section server"),
        ("modules: {}\n", "not-supported-yet", "modules is not supported yet"),
        ("servers: [a]\n", "wrong-type", "servers must be a map of names and bodies and is a list"),
        ("servers: {x: 3}\n", "wrong-type", "x must be a map of fields"),
        ("servers: {1x: {}}\n", "invalid-name", "1x cannot be the name of a resource"),
        (
            "servers: {'a b': {}}\n",
            "invalid-name",
            "a b cannot be the name of a resource; character 2 of it is U+0020 (SPACE)",
        ),
    ],
)
def test_what_is_no_declaration_is_refused(stack: StackFolder, specs, code, summary):
    found = stack.mistake(specs)
    assert (found.code, found.summary) == (code, summary)


def test_only_spec_files_are_read(stack: StackFolder):
    for name in ("environments/dev.yaml", "templates/t.yaml", "_off.yaml", ".hidden/x.yaml", "notes.txt"):
        stack.write(name, "not a spec: at all\n" if not name.startswith("environments") else "")
    stack.write("deep/er/x.yml", "servers: {x: {}}\n")
    assert [wanted.name for wanted in stack.load("dev").desired] == ["x"]


def test_a_kinds_advice_is_placed_at_its_field(stack: StackFolder):
    found = stack.mistake("servers:\n  x:\n    admin_pass: {secret: 'env:PW'}\n")
    assert (found.code, found.address) == ("exactly-one", Address("x"))
    assert found.summary == "admin_pass and key_pair_name exclude each other"


def test_a_kinds_warning_does_not_stop_the_run(stack: StackFolder):
    loaded = stack.write("servers.yaml", "servers:\n  x: {name: a.b}\n").load()
    (warning,) = loaded.warnings
    assert (warning.code, str(warning.source)) == ("dotted-name", "specs/servers.yaml:2:13")


def test_a_plain_text_is_the_content_itself(stack: StackFolder):
    assert decoded(stack.server("userdata: |\n  #!/bin/sh\n  echo {{ stack }}\n")) == "#!/bin/sh\necho demo\n"


def test_content_may_be_a_text_or_base64(stack: StackFolder):
    assert decoded(stack.server("userdata: {text: 'hello'}\n")) == "hello"
    assert decoded(stack.server("userdata:\n  base64: |\n    aGVs\n    bG8=\n")) == "hello"


def test_content_may_be_a_template_with_values_of_its_own(stack: StackFolder):
    stack.write(
        "templates/init.sh.j2",
        """\
        #!/bin/sh
        # {{ stack }} {{ role }} {{ vars.role }} {{ count.index }}
        {% for disk in disks %}
        mkfs {{ disk }} # {{ loop.index }} of {{ loop.length }}
        {% endfor %}
        {% if debug %}
        set -x
        {% endif %}
        """,
    )
    stack.write(
        "servers.yaml",
        "servers:\n  x:\n    count: 1\n    userdata: {template: templates/init.sh.j2, vars: {role: trainer, disks: [vda, vdb], debug: false}}\n",
    )
    (wanted,) = stack.load().desired
    assert decoded(wanted) == "#!/bin/sh\n# demo trainer trainer 0\nmkfs vda # 1 of 2\nmkfs vdb # 2 of 2\n"


def test_a_servers_own_content_replaces_a_defaults_other_form(stack: StackFolder):
    stack.write("t.j2", "{{ role }}").write("stack.yaml", STACK + "  userdata: {template: t.j2, vars: {role: a}}\n")
    assert decoded(stack.server("userdata: {vars: {role: b}}\n")) == "b"
    assert decoded(stack.server("userdata: {base64: aGVsbG8=}\n".replace("{base64", "{vars: null, base64"))) == "hello"


@pytest.mark.parametrize(
    ("content", "code", "summary"),
    [
        ("{text: a, base64: eA==}", "invalid-content", "userdata: text and base64 exclude each other"),
        ("{}", "invalid-content", "userdata: text, template, file or base64 is missing"),
        ("{text: a, vars: {}}", "invalid-content", "userdata: vars goes with template only, not with text"),
        ("{txt: a}", "unknown-field", "there is no field userdata.txt"),
        ("{base64: '%%'}", "invalid-content", "userdata.base64 is not Base64"),
        ("{text: 3}", "wrong-type", "userdata.text must be a text and is a number"),
        ("4", "wrong-type", "userdata must be a text or a map and is a number"),
        ("{template: ../t.j2}", "outside-stack", "userdata, template ../t.j2: this is no path inside the stack"),
        (
            "{template: /etc/passwd}",
            "outside-stack",
            "userdata, template /etc/passwd: this is no path inside the stack",
        ),
        (
            "{template: link.j2}",
            "outside-stack",
            "userdata, template link.j2: specs/link.j2 leads out of the stack's directory",
        ),
        (
            "{template: no.j2}",
            "unreadable-file",
            "userdata, template no.j2: specs/no.j2 does not exist or leads nowhere",
        ),
        ("{template: .}", "unreadable-file", None),
        ("{template: t.j2}", "undefined-variable", "userdata, template t.j2: role does not exist"),
        ("{template: t.j2, vars: [a]}", "wrong-type", "userdata.vars must be a map and is a list"),
        (
            "{template: t.j2, vars: {stack: a}}",
            "invalid-content",
            "userdata.vars may not name stack: it has a meaning of its own",
        ),
        ("{template: big.j2}", "unreadable-file", "userdata, template big.j2: specs/big.j2 is larger than 1 MiB"),
    ],
)
def test_content_that_cannot_be_had_is_refused(stack: StackFolder, content, code, summary):
    stack.write("t.j2", "{{ role }}").write("big.j2", "x" * (1024 * 1024 + 1))
    (stack.path / "link.j2").symlink_to("/etc/passwd")
    found = stack.mistake(f"servers:\n  x:\n    userdata: {content}\n")
    assert (found.code, found.source.line) == (code, 3)
    assert summary in (found.summary, None)


def test_a_directory_without_a_stack_says_how_to_make_one(stack: StackFolder):
    (stack.path / "stack.yaml").unlink()
    with pytest.raises(UsageError) as caught:
        stack.load()
    (found,) = caught.value.diagnostics
    assert (found.code, found.summary) == ("stack-missing", "specs/stack.yaml does not exist")
    assert found.hint.startswith("run provisioner init")
    with pytest.raises(UsageError, match="there is no directory nowhere"):
        StackFolder(stack.path.parent / "nowhere").load()


_BODIES = ["flavor: A.1", "count: 2", "for_each: [p, q]", "labels: {k: v}", "root_volume: {size: 100}", "name: own"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(
    st.dictionaries(
        st.from_regex(r"[a-d][a-z]{0,2}", fullmatch=True), st.sampled_from(_BODIES[:-1]), min_size=1, max_size=6
    ),
    st.randoms(),
)
def test_what_is_wanted_does_not_depend_on_files_or_their_order(stack: StackFolder, bodies, random):
    one = "servers:\n" + "".join(f"  {name}_: {{{body}}}\n" for name, body in bodies.items())
    for file in stack.path.glob("*.yaml"):
        if file.name != "stack.yaml":
            file.unlink()
    together = [
        (wanted.address, wanted.fields, wanted.labels) for wanted in stack.write("all.yaml", one).load().desired
    ]
    (stack.path / "all.yaml").unlink()
    numbers = random.sample(range(100), len(bodies))
    for number, (name, body) in zip(numbers, bodies.items(), strict=True):
        stack.write(f"f{number}.yaml", f"servers: {{{name}_: {{{body}}}}}\n")
    assert [(wanted.address, wanted.fields, wanted.labels) for wanted in stack.load().desired] == together


def test_every_code_this_room_uses_is_explained():
    import ast
    import inspect
    from pathlib import Path

    import provisioner.loading

    used = set()
    for file in Path(inspect.getfile(provisioner.loading)).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if (
                isinstance(node, ast.Call)
                and getattr(node.func, "id", "") in {"UnplacedError", "error", "RejectedScalar"}
                and isinstance(node.args[0], ast.Constant)
            ):
                used.add(node.args[0].value)
    assert used <= set(CODES)


def test_content_may_be_a_file_that_is_sent_as_it_is(stack: StackFolder):
    script = "docker inspect -f '{{.State.Status}}' a\necho ${#list[@]} {% x %}\n"
    stack.write("templates/boot.sh", script)
    assert decoded(stack.server("userdata: {file: templates/boot.sh}\n")) == script


@pytest.mark.parametrize(
    ("content", "code", "summary"),
    [
        ("{file: gone.sh}", "unreadable-file", "userdata, file gone.sh: specs/gone.sh does not exist or leads nowhere"),
        ("{file: ../x}", "outside-stack", "userdata, file ../x: this is no path inside the stack"),
        ("{file: a, vars: {}}", "invalid-content", "userdata: vars goes with template only, not with file"),
        ("{file: a, text: b}", "invalid-content", "userdata: text and file exclude each other"),
        ("{file: [a]}", "wrong-type", "userdata.file must be a text and is a list"),
    ],
)
def test_a_file_that_cannot_be_sent_is_refused(stack: StackFolder, content, code, summary):
    found = stack.mistake(f"servers:\n  x:\n    userdata: {content}\n")
    assert (found.code, found.summary) == (code, summary)


def test_vars_of_a_default_beside_a_servers_text_are_told_with_both_places(stack: StackFolder):
    stack.write("t.j2", "x").write("stack.yaml", STACK + "  userdata: {template: t.j2, vars: {role: a}}\n")
    found = stack.mistake("servers:\n  x:\n    userdata: {text: hello}\n")
    assert str(found.source) == "specs/servers.yaml:3:22"
    assert found.detail == (
        "userdata.text is written at specs/servers.yaml:3:22, and userdata.vars at specs/stack.yaml:10:30, which is a default"
    )
    assert found.hint == "write vars: null beside text in x to take the default away, or leave text out"
    stack.server("userdata: {text: hello, vars: null}\n")


def test_two_fields_that_exclude_each_other_are_told_with_both_places(stack: StackFolder):
    found = stack.mistake('servers:\n  x:\n    admin_pass: {secret: "env:PW"}\n')
    assert (found.code, str(found.source)) == ("exactly-one", "specs/servers.yaml:3:5")
    assert found.detail == (
        "admin_pass is written at specs/servers.yaml:3:5, and key_pair_name at specs/stack.yaml:5:18, which is a default"
    )
    assert (
        found.hint
        == "write key_pair_name: null beside admin_pass in x to take the default away, or leave admin_pass out"
    )


def test_count_of_a_default_beside_for_each_is_told_with_both_places(stack: StackFolder):
    stack.write("stack.yaml", STACK + "  count: 2\n")
    found = stack.mistake("servers:\n  x:\n    for_each: [a]\n")
    assert (found.code, str(found.source)) == ("invalid-count", "specs/servers.yaml:3:5")
    assert "count at specs/stack.yaml:10:10, which is a default" in found.detail
    assert found.hint == "write count: null beside for_each in x to take the default away, or leave for_each out"
