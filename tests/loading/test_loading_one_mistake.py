"""One mistake, one error: nothing that refers to what is broken is reported as well, wherever it stands."""

from __future__ import annotations

import os

import pytest
from loading.stack_folder import STACK, StackFolder
from support.stack_text import DEFAULTS

REFERENCES = """\
servers:
  first-FILE: {lifecycle: {replace_triggered_by: [web]}}
  second-FILE: {lifecycle: {replace_triggered_by: ["web[0]", 'web["a"]']}}
outputs:
  of-one-FILE: "{{ servers.web.id }}"
  of-index-FILE: "{{ servers.web[0].id }} {{ servers['web'][1].name }}"
  of-key-FILE: "{{ servers.web.a.id }} {{ servers.web['b'].name }}"
  of-all-FILE: {value: ["{{ servers.web | map(attribute='id') | join(',') }}"]}
moved:
  - {from: old-FILE, to: web}
"""
BLOCKS = """\
imports:
  - {to: web, id: one}
  - {to: "web[0]", id: two}
  - {to: 'web["a"]', id: three}
moved:
  - {from: web, to: successor}
  - {from: former, to: "web[1]"}
removed:
  - {from: "web[2]"}
"""
"""References of every kind and form: nobody knows whether the broken server is a single one, a list or a map."""


@pytest.fixture
def referred(stack: StackFolder) -> StackFolder:
    """A stack whose files refer to the server `web`, before and after the file that declares it."""
    for name in ("a", "z"):
        stack.write(f"{name}.yaml", REFERENCES.replace("FILE", name))
    return stack.write("b.yaml", BLOCKS)


BROKEN_FILES = [
    ("servers: {web: [\n", "yaml-syntax", "2:1"),
    ("servers:\n\tweb: {}\n", "yaml-syntax", "2:1"),
    ("servers: {web: {}}\n---\n{}\n", "several-documents", "2:1"),
    ("servers: {web: {name: \u200b}}\n", "control-character", "1:23"),
    ("- servers\n", "wrong-type", "1:1"),
    ("server: {web: {}}\n", "unknown-section", "1:1"),
    ("servers:\nweb:\n  arch: X86\n", "unknown-section", "2:1"),
    ("web:\n  arch: X86\n", "unknown-section", "1:1"),
    ("arch: X86\n", "unknown-section", "1:1"),
    ("servers: [web]\n", "wrong-type", "1:1"),
    ("servers: web\n", "wrong-type", "1:1"),
    ("servers: {web: {}}\nservers: {web: {}}\n", "duplicate-key", "2:1"),
    ("servers: !x {web: {}}\n", "yaml-tag", "1:10"),
    ("servers:\n  <<: {web: {}}\n", "merge-key", "2:3"),
    ("servers: {1web: {}}\n", "invalid-name", "1:11"),
    ("modules: {web: {}}\n", "not-supported-yet", "1:1"),
]
"""What hides which servers a file declares, each with its place."""

BROKEN_BODIES = [
    ("web: hello", "wrong-type", "2:3"),
    ("web: [{arch: X86}]", "wrong-type", "2:3"),
    ("web: !include web.yaml", "yaml-tag", "2:8"),
    ("web: {arch: X86}\n  web: {arch: ARM}", "duplicate-key", "3:3"),
    ("web:\n  arch: X86\n  power: running", "wrong-type", "3:3"),
    ("web:\n  network: {vpc_id: x}\n  other: {}", "wrong-type", "3:3"),
    ("web: {flavour: x}", "unknown-field", "2:9"),
    ("web: {cuont: 3}", "unknown-field", "2:9"),
    ("web: {for_eahc: [a, b]}", "unknown-field", "2:9"),
    ("web: {root_volume: {size: big}}", "wrong-type", "2:29"),
    ("web: {root_volume: {size: 5}}", "invalid-value", "2:29"),
    ("web: {arch: no}", "ambiguous-value", "2:15"),
    ("web: {arch: x86}", "invalid-value", "2:15"),
    ("web: {arch: X86, arch: ARM}", "duplicate-key", "2:20"),
    ("web: {image_id: nope}", "invalid-value", "2:19"),
    ("web: {image_id: null}", "missing-field", "2:9"),
    ("web: {image_id: null, imageid: x}", "unknown-field", "2:25"),
    ("web: {image_id: null, img: x}", "unknown-field", "2:25"),
    ("web: {network: null, vpc_id: a, subnet_id: b}", "unknown-field", "2:24"),
    ("web: {root_volume: {size: 100, arch: X86}}", "unknown-field", "2:34"),
    ("web: {charging_info: {charging_mode: PRE_PAID}}", "missing-field", "2:9"),
    ("web: {name: '{{ 1 / 0 }}'}", "template-error", "2:15"),
    ("web: {name: '{{ var.nope }}'}", "undefined-variable", "2:15"),
    ("web: {name: '{{ 1 +'}", "template-syntax", "2:15"),
    ("web: {labels: {a: '{{ var.b }}'}}", "undefined-variable", "2:21"),
    ("web: {labels: {a: 1}}", "wrong-type", "2:21"),
    ("web: {lifecycle: {prevent_destory: true}}", "unknown-field", "2:21"),
    ("web: {lifecycle: {prevent_destroy: '{{ var.nope }}'}}", "undefined-variable", "2:38"),
    ("web: {lifecycle: {ignore_changes: [nope]}}", "unknown-field", "2:38"),
    ("web: {timeouts: {create: soon}}", "invalid-value", "2:28"),
    ("web: {count: many}", "invalid-count", "2:16"),
    ("web: {count: -1}", "invalid-count", "2:16"),
    ("web: {count: 30000}", "too-many-resources", "2:16"),
    ("web: {count: '{{ var.nope }}'}", "undefined-variable", "2:16"),
    ("web: {count: 2, for_each: [a, b]}", "invalid-count", "2:16"),
    ("web: {for_each: [a, a]}", "invalid-for-each", "2:9"),
    ("web: {for_each: 3}", "invalid-for-each", "2:19"),
    ("web: {for_each: '{{ 1 / 0 }}'}", "template-error", "2:19"),
    ("web: {rollout: [1]}", "invalid-rollout", "2:9"),
    ("web: {userdata: {template: templates/nope.sh}}", "unreadable-file", "2:9"),
    ("web: {userdata: {text: a, base64: YQ==}}", "invalid-content", "2:26"),
    ("web: {admin_pass: {secret: 'env:X'}}", "exactly-one", "2:9"),
    ("web: {server_type: HPS}", "hps-unsupported", "2:22"),
    ("web: {key_pair_name: null, admin_pass: {secret: nope}}", "invalid-secret", "2:30"),
]
"""What is wrong with the server that everything refers to."""


@pytest.mark.parametrize(("broken", "code", "place"), BROKEN_FILES)
def test_what_hides_a_server_is_the_only_error(referred: StackFolder, broken, code, place):
    found = referred.write("m.yaml", broken).mistake()
    assert (found.code, str(found.source)) == (code, f"specs/m.yaml:{place}")


@pytest.mark.parametrize(("broken", "code", "place"), BROKEN_BODIES)
def test_a_broken_server_is_the_only_error(referred: StackFolder, broken, code, place):
    found = referred.write("m.yaml", f"servers:\n  {broken}\n").mistake()
    assert (found.code, str(found.source)) == (code, f"specs/m.yaml:{place}")


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda path: path.write_bytes(b"servers: {web: {name: \xff}}"), "not-utf8"),
        (os.mkfifo, "not-a-regular-file"),
        (lambda path: path.symlink_to("gone.yaml"), "unreadable-file"),
        (lambda path: path.symlink_to("/etc/hostname"), "outside-stack"),
    ],
)
def test_a_file_that_cannot_be_read_is_the_only_error(referred: StackFolder, spoil, code):
    spoil(referred.path / "m.yaml")
    found = referred.mistake()
    assert (found.code, str(found.source)) == (code, "specs/m.yaml:1:1")


def test_a_linked_directory_may_declare_everything_that_is_missing(referred: StackFolder, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (referred.path / "m").symlink_to(tmp_path / "elsewhere")
    assert referred.mistake().code == "linked-directory"


def test_a_name_that_is_declared_nowhere_is_one_error_with_all_its_places(stack: StackFolder):
    stack.write("m.yaml", "servers: {wbe: {}}\n")
    stack.write("a.yaml", "outputs: {id: '{{ servers.web.id }}'}\n")
    stack.write("b.yaml", "imports: [{to: web, id: x}]\n")
    stack.write("c.yaml", "servers: {db: {lifecycle: {replace_triggered_by: [web]}}}\n")
    found = stack.mistake()
    assert (found.code, str(found.source), found.hint) == (
        "undefined-variable",
        "specs/a.yaml:1:15",
        "did you mean wbe?",
    )
    assert found.detail == "also at specs/b.yaml:1:11 and specs/c.yaml:1:51"


def test_two_mistakes_are_two_errors(referred: StackFolder):
    referred.write("m.yaml", "servers: {web: {flavour: x}, db: {}}\n")
    found = referred.write("n.yaml", "outputs: {it: '{{ servers.dbs.id }}'}\n").mistakes()
    assert [(one.code, one.hint) for one in found] == [
        ("unknown-field", "did you mean flavor?"),
        ("undefined-variable", "did you mean db?"),
    ]


VARIABLE_USES = """\
servers:
  web: {count: "{{ var.nodes }}", name: "web-{{ var.nodes }}-{{ count.index }}"}
  db:
    lifecycle: {prevent_destroy: "{{ var.nodes > 1 }}"}
    labels: {team: "{{ var['nodes'] | string }}"}
    userdata: {template: templates/boot.sh, vars: {nodes: "{{ var.nodes }}"}}
    rollout: "{{ [var.nodes] }}"
  edge: {for_each: "{{ range(var.nodes) | map(attribute='x') }}"}
outputs:
  nodes: "{{ var.nodes }}"
imports:
  - {to: db, id: "id-{{ var.nodes }}"}
"""


@pytest.mark.parametrize(
    ("variables", "code", "place"),
    [
        ("variables: {nodes: {type: integer, default: two}}", "wrong-type", "10:45"),
        ("variables: {nodes: {type: integer, default: 010}}", "ambiguous-value", "10:45"),
        ("variables: {nodes: {type: integer, default: 2, minimum: 5}}", "invalid-value", "10:45"),
        ("variables: {nodes: {type: integer, defualt: 2}}", "unknown-field", "10:36"),
        ("variables: {nodes: {type: int, default: 2}}", "invalid-value", "10:27"),
        ("variables: {nodes: {default: 2}}", "missing-field", "10:13"),
        ("variables: {nodes: {type: integer}}", "missing-variable", "10:13"),
        ("variables: {nodes: 2}", "wrong-type", "10:13"),
        ("variables: {nodes: {type: integer}, nodes: {type: integer, default: 2}}", "duplicate-key", "10:37"),
        ("variables: {no-des: {type: integer, default: 2}}", "invalid-name", "10:13"),
        ("variables:\n  nodes:\n  type: integer\n  default: 2", "wrong-type", "12:3"),
        ("variables:\nnodes: {type: integer, default: 2}", "unknown-field", "11:1"),
        ("variables: [nodes]", "wrong-type", "10:1"),
        ("variables: {<<: {}}", "merge-key", "10:13"),
        ("", "unknown-section", "1:1"),
        ("variable: {nodes: {type: integer, default: 2}}", "unknown-field", "10:1"),
    ],
)
def test_a_broken_variable_is_the_only_error(stack: StackFolder, variables, code, place):
    stack.write("stack.yaml", f"{STACK}{variables}\n").write("templates/boot.sh", "echo {{ var.nodes }}\n")
    if not variables:
        stack.write("variables.yaml", "variables: {nodes: {type: integer, default: 2}}\n")
    found = stack.mistake(VARIABLE_USES)
    file = "stack" if variables else "variables"
    assert (found.code, str(found.source)) == (code, f"specs/{file}.yaml:{place}")


def test_a_variable_that_nobody_declared_is_one_error_with_all_its_places(stack: StackFolder):
    stack.variables("nods: {type: integer}\n").write("templates/boot.sh", "echo {{ var.nodes }}\n")
    stack.write("environments/dev.yaml", "nodes: 2\n")
    found = stack.mistake(VARIABLE_USES, environment="dev")
    assert (found.code, str(found.source)) == ("undeclared-variable", "specs/environments/dev.yaml:1:1")
    assert found.hint == "did you mean nods?"
    assert found.detail.startswith("also at specs/servers.yaml:2:16, specs/servers.yaml:4:34")


@pytest.mark.parametrize(
    ("environment", "code", "place"),
    [
        ("nodse: 2", "undeclared-variable", "1:1"),
        ("nodes: two", "wrong-type", "1:8"),
        ("nodes: 2\nnodes: 3", "duplicate-key", "2:1"),
        ("nodes: [", "yaml-syntax", "2:1"),
        ("- nodes: 2", "wrong-type", "1:1"),
        ("variables: {nodes: 2}", "undeclared-variable", "1:1"),
    ],
)
def test_a_broken_environment_file_is_the_only_error(stack: StackFolder, environment, code, place):
    stack.variables("nodes: {type: integer}\n").write("templates/boot.sh", "echo {{ var.nodes }}\n")
    stack.write("environments/dev.yaml", f"{environment}\n")
    found = stack.mistake(VARIABLE_USES, environment="dev")
    assert (found.code, str(found.source)) == (code, f"specs/environments/dev.yaml:{place}")


@pytest.mark.parametrize(
    ("setting", "code", "place"),
    [
        ("environment: no", "ambiguous-value", "10:14"),
        ("environment: [dev]", "wrong-type", "10:1"),
        ("environment: d v", "invalid-value", "10:14"),
        ("environment: dve", "unknown-environment", "10:14"),
        ("environment: dev\nenvironment: dev", "duplicate-key", "11:1"),
        ("enviroment: dev", "unknown-field", "10:1"),
        ("environment: dev\nenvironments: {prd: {}}", "unknown-environment", "11:16"),
        ("environment: dev\nenvironments: {dev: {acount: x}}", "unknown-field", "11:22"),
        ("environment: dev\nenvironments: {dev: {}, dev: {}}", "duplicate-key", "11:25"),
        ("environment: dev\nenvironments:\ndev: {}", "unknown-field", "12:1"),
    ],
)
def test_a_broken_choice_of_environment_is_the_only_error(stack: StackFolder, setting, code, place):
    stack.write("environments/dev.yaml", "{}\n").write("stack.yaml", f"{STACK}{setting}\n")
    found = stack.mistake('servers: {web: {name: "{{ env }}-web"}}\n')
    assert (found.code, str(found.source)) == (code, f"specs/stack.yaml:{place}")


LEFT = DEFAULTS.replace("\n    ", "\n>>").replace("\n  ", "\n").replace(">>", "  ")


def test_defaults_in_a_spec_file_are_the_only_error(stack: StackFolder):
    stack.write("stack.yaml", "stack: demo\n").write("more.yaml", DEFAULTS)
    found = stack.mistake("servers: {web: {}, db: {count: 2}}\n")
    assert (found.code, str(found.source)) == ("unknown-section", "specs/more.yaml:1:1")


@pytest.mark.parametrize(
    ("defaults", "code", "place"),
    [
        (DEFAULTS.replace("defaults:", "default:"), "unknown-field", "2:1"),
        (DEFAULTS * 2, "duplicate-key", "10:1"),
        ("defaults: [flavor]\n", "wrong-type", "2:1"),
        ("defaults: {<<: {}}\n", "merge-key", "2:12"),
        ("defaults: {servers: []}\n", "wrong-type", "2:12"),
        ("defaults: {server: {flavor: x}}\n", "unknown-field", "2:12"),
        (LEFT, "unknown-field", "3:1"),
        (DEFAULTS.replace("flavor", "flavour"), "unknown-field", "3:3"),
        (DEFAULTS.replace("image_id", "img"), "unknown-field", "4:3"),
        (DEFAULTS.replace("ops", "no"), "ambiguous-value", "5:18"),
        (DEFAULTS.replace("ops", '"{{ 1 / 0 }}"'), "template-error", "5:18"),
        (DEFAULTS.replace("    ", "  "), "unknown-field", "7:3"),
    ],
)
def test_a_broken_default_is_the_only_error(stack: StackFolder, defaults, code, place):
    found = stack.write("stack.yaml", f"stack: demo\n{defaults}").mistake("servers: {web: {}, db: {count: 2}}\n")
    assert (found.code, str(found.source)) == (code, f"specs/stack.yaml:{place}")
