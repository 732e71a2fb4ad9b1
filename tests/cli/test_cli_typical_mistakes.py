"""Typical mistakes of somebody who writes their first specs, each with everything that the tool says about it.

Read the texts as that person would: one error for one mistake, the place, the rule, and what to do next. What a message
says is judged here and nowhere else, so whoever changes one changes its text below.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from support.cli_runner import STACK, CliRunner
from support.stack_text import PASSWORD


@dataclass(frozen=True)
class Mistake:
    """`files`: what stands in the stack's directory, instead of one server or beside it. `told`: what goes to stderr."""

    name: str
    files: Mapping[str, str]
    told: str
    arguments: tuple[str, ...] = ("validate",)
    code: int = 1


MISTAKES = [
    Mistake(
        "a tab for indentation",
        {
            "servers.yaml": "servers:\n\tgateway: {}\n",
        },
        """\
Error[yaml-syntax]: this is not valid YAML: a tab stands here, where only spaces may
  --> specs/servers.yaml:2:1
   |
 2 |  gateway: {}
   | ^
  help: indent with spaces, not tabs
""",
    ),
    Mistake(
        "no space behind a colon",
        {
            "servers.yaml": "servers:\n  gateway:\n    name: web\n    arch:X86\n",
        },
        """\
Error[yaml-syntax]: this is not valid YAML: there is no space behind the colon of arch:
  --> specs/servers.yaml:4:5
   |
 4 |     arch:X86
   |     ^^^^^^^^
  help: write arch: and a space before the value
""",
    ),
    Mistake(
        "no colon behind a key",
        {
            "servers.yaml": "servers\n  gateway:\n    name: web\n",
        },
        """\
Error[yaml-syntax]: this is not valid YAML: there is no colon behind this key
  --> specs/servers.yaml:1:1
   |
 1 | servers
   | ^^^^^^^
  help: write key: value, with a colon and a space
""",
    ),
    Mistake(
        "a server's name without a colon",
        {
            "servers.yaml": "servers:\n  gateway\n    arch: X86\n",
        },
        """\
Error[yaml-syntax]: this is not valid YAML: there is no colon behind this key
  --> specs/servers.yaml:2:3
   |
 2 |   gateway
   |   ^^^^^^^
  help: write key: value, with a colon and a space
""",
    ),
    Mistake(
        "a quote that is not closed",
        {
            "servers.yaml": 'servers:\n  gateway:\n    name: "web\n    arch: X86\n',
        },
        """\
Error[yaml-syntax]: this is not valid YAML: the quote " that is opened here is never closed
  --> specs/servers.yaml:3:11
   |
 3 |     name: "web
   |           ^^^^
  help: add the closing ", or take this one out
""",
    ),
    Mistake(
        "a bracket that is not closed",
        {
            "servers.yaml": "servers:\n  gateway:\n    root_volume: {type: SSD, size: 200\n    arch: X86\n",
        },
        """\
Error[yaml-syntax]: this is not valid YAML: the { of line 3, column 18 is not closed before this place
  --> specs/servers.yaml:4:9
   |
 4 |     arch: X86
   |         ^^^^^
  help: add the missing } or comma; else check the indentation, the quotes and the brackets near
        this place
""",
    ),
    Mistake(
        "a line that is indented by one space less",
        {
            "servers.yaml": "servers:\n  gateway:\n    arch: X86\n   name: web\n",
        },
        """\
Error[yaml-syntax]: this is not valid YAML: this line is indented by 3 spaces, and the lines above it by 0, 2, 4
  --> specs/servers.yaml:4:4
   |
 4 |    name: web
   |    ^^^^^^^^^
  help: indent it like its siblings
""",
    ),
    Mistake(
        "a colon inside a value",
        {
            "servers.yaml": "servers:\n  gateway:\n    name: team: web\n",
        },
        """\
Error[yaml-syntax]: this is not valid YAML: a value without quotes contains a colon and a space
  --> specs/servers.yaml:3:15
   |
 3 |     name: team: web
   |               ^^^^^
  help: put the value in quotes: "..."
""",
    ),
    Mistake(
        "a template without quotes",
        {
            "servers.yaml": "servers:\n  gateway:\n    name: {{ stack }}-web\n",
        },
        """\
Error[complex-key]: a template stands here without quotes, and YAML reads {{ as the beginning of a map
  --> specs/servers.yaml:3:12
   |
 3 |     name: {{ stack }}-web
   |            ^^^^^^^^
  help: put the template in quotes: "{{ ... }}"
""",
    ),
    Mistake(
        "a full-width colon",
        {
            "servers.yaml": "servers:\n  gateway:\n    name: web\n    arch\uff1aX86\n",
        },
        """\
Error[lookalike-character]: U+FF1A (FULLWIDTH COLON) looks like :, and YAML reads it as a part of a text
  --> specs/servers.yaml:4:9
   |
 4 |     arch\uff1aX86
   |         ^^
  help: write the ordinary : in its place and a space after it
""",
    ),
    Mistake(
        "curly quotes",
        {
            "servers.yaml": "servers:\n  gateway:\n    name: “web”\n",
        },
        """\
Error[lookalike-character]: U+201C (LEFT DOUBLE QUOTATION MARK) looks like ", and YAML reads it as a part of a text
  --> specs/servers.yaml:3:11
   |
 3 |     name: “web”
   |           ^
  help: write the ordinary " in its place
""",
    ),
    Mistake(
        "a non-breaking space",
        {
            "servers.yaml": "servers:\n\xa0\xa0gateway:\n    name: web\n",
        },
        """\
Error[lookalike-character]: U+00A0 (NO-BREAK SPACE) looks like a space, and YAML reads it as a part of a text
  --> specs/servers.yaml:2:1
   |
 2 | \\u00a0\\u00a0gateway:
   | ^^^^^^^^^^^^^^^^^^^
  help: write an ordinary space in its place
""",
    ),
    Mistake(
        "the markers of a merge",
        {
            "servers.yaml": "servers:\n<<<<<<< HEAD\n  gateway: {arch: X86}\n=======\n  gateway: {arch: ARM}\n>>>>>>> main\n",
        },
        """\
Error[merge-conflict]: this is the marker of a merge that was not finished
  --> specs/servers.yaml:2:1
   |
 2 | <<<<<<< HEAD
   | ^^^^^^^^^^^^
  help: keep one of the two versions, and delete the lines that begin with <<<<<<<, ======= and
        >>>>>>>
""",
    ),
    Mistake(
        "the same key twice",
        {
            "servers.yaml": "servers:\n  gateway:\n    arch: X86\n    arch: ARM\n",
        },
        """\
Error[duplicate-key]: the key arch stands twice in this map
  --> specs/servers.yaml:4:5
   |
 4 |     arch: ARM
   |     ^^^^
  help: keep one of the two; the first is at line 3
""",
    ),
    Mistake(
        "no, which is a text here and false there",
        {
            "servers.yaml": "servers:\n  gateway:\n    labels: {public: no}\n",
        },
        """\
Error[ambiguous-value]: the plain value no is refused: some readers take it for true or false
  --> specs/servers.yaml:3:22
   |
 3 |     labels: {public: no}
   |                      ^^
  help: write it in quotes if it is a text, or write true or false
""",
    ),
    Mistake(
        "a number with a leading zero",
        {
            "servers.yaml": "servers:\n  gateway:\n    labels: {rack: 010}\n",
        },
        """\
Error[ambiguous-value]: the plain value 010 is refused: some readers take it for an octal number
  --> specs/servers.yaml:3:20
   |
 3 |     labels: {rack: 010}
   |                    ^^^
  help: write it in quotes if it is a text, or leave out the leading zero
""",
    ),
    Mistake(
        "a time that reads like a number to the base of 60",
        {
            "servers.yaml": "servers:\n  gateway:\n    labels: {window: 1:30}\n",
        },
        """\
Error[ambiguous-value]: the plain value 1:30 is refused: some readers take it for a number to the base of 60
  --> specs/servers.yaml:3:22
   |
 3 |     labels: {window: 1:30}
   |                      ^^^^
  help: write it in quotes if it is a text
""",
    ),
    Mistake(
        "fields beside the server",
        {
            "servers.yaml": "servers:\n  gateway:\n  arch: X86\n  name: web\n",
        },
        """\
Error[wrong-type]: arch and name are fields of a server, and stand where the name of a server is expected
  --> specs/servers.yaml:3:3
   |
 3 |   arch: X86
   |   ^^^^
  help: indent arch and name more than gateway
""",
    ),
    Mistake(
        "servers beside their section",
        {
            "servers.yaml": "servers:\ngateway:\n  arch: X86\n",
        },
        """\
Error[unknown-section]: gateway stands beside servers: and not below it
  --> specs/servers.yaml:2:1
   |
 2 | gateway:
   | ^^^^^^^
  help: indent gateway by two more spaces, so that servers: contains it
""",
    ),
    Mistake(
        "fields beside their group",
        {
            "servers.yaml": "servers:\n  gateway:\n    network:\n    vpc_id: 05982b48-a70f-43a1-a2b0-1fe36a236172\n    subnet_id: 38cf274a-98f9-4f6f-b622-5ed0e4a3db54\n",
        },
        """\
Error[unknown-field]: vpc_id and subnet_id belong into network, and stand beside it
  --> specs/servers.yaml:4:5
   |
 4 |     vpc_id: 05982b48-a70f-43a1-a2b0-1fe36a236172
   |     ^^^^^^
  help: write them below network: and indent them by two more spaces
  address: gateway
""",
    ),
    Mistake(
        "a list where a map is wanted",
        {
            "servers.yaml": "servers:\n  - gateway:\n      arch: X86\n",
        },
        """\
Error[wrong-type]: servers must be a map of names and bodies and is a list
  --> specs/servers.yaml:1:1
   |
 1 | servers:
   | ^^^^^^^
  help: write the name of each server with a colon, and its fields indented below it
""",
    ),
    Mistake(
        "a map where a list is wanted",
        {
            "servers.yaml": "servers:\n  gateway:\n    volumes: {first: 0b5a1d2e-2cdb-4b81-956a-ef68812c6cf7}\n",
        },
        """\
Error[wrong-type]: volumes must be a list and is a map
  --> specs/servers.yaml:3:5
   |
 3 |     volumes: {first: 0b5a1d2e-2cdb-4b81-956a-ef68812c6cf7}
   |     ^^^^^^^
  help: write a list, as in [a, b]
  address: gateway
""",
    ),
    Mistake(
        "a misspelt section",
        {
            "servers.yaml": "server:\n  gateway: {}\n",
        },
        """\
Error[unknown-section]: there is no section server
  --> specs/servers.yaml:1:1
   |
 1 | server:
   | ^^^^^^
  help: did you mean servers?
""",
    ),
    Mistake(
        "settings of the stack in another file",
        {
            "servers.yaml": "variables:\n  team: {type: string, default: vision}\nservers: {gateway: {}}\n",
        },
        """\
Error[unknown-section]: variables belongs into stack.yaml, and this is another file
  --> specs/servers.yaml:1:1
   |
 1 | variables:
   | ^^^^^^^^^
  help: move it into stack.yaml; a spec file declares resources
""",
    ),
    Mistake(
        "servers in stack.yaml",
        {
            "stack.yaml": STACK + "servers:\n  gateway: {}\n",
        },
        """\
Error[unknown-field]: servers stands in stack.yaml, which has no such field
  --> specs/stack.yaml:12:1
   |
12 | servers:
   | ^^^^^^^
  help: resources and outputs stand in the other files of this directory, such as servers.yaml; the
        fields here are: cloud, defaults, environment, environments, guards, purchase, region,
        stack, state, strict, variables
""",
    ),
    Mistake(
        "a misspelt field",
        {
            "servers.yaml": "servers:\n  gateway:\n    flavour: Si2.large.4\n",
        },
        """\
Error[unknown-field]: there is no field flavour
  --> specs/servers.yaml:3:5
   |
 3 |     flavour: Si2.large.4
   |     ^^^^^^^
  help: did you mean flavor?
  address: gateway
""",
    ),
    Mistake(
        "a size with its unit",
        {
            "servers.yaml": "servers:\n  gateway:\n    root_volume: {type: SSD, size: 200GB}\n",
        },
        """\
Error[wrong-type]: root_volume.size must be a whole number and is a text
  --> specs/servers.yaml:3:36
   |
 3 |     root_volume: {type: SSD, size: 200GB}
   |                                    ^^^^^
  help: write a whole number without its unit: 200
  address: gateway
""",
    ),
    Mistake(
        "a word that is none of the allowed ones",
        {
            "servers.yaml": "servers:\n  gateway:\n    arch: x86_64\n",
        },
        """\
Error[invalid-value]: arch must be one of X86, ARM
  --> specs/servers.yaml:3:11
   |
 3 |     arch: x86_64
   |           ^^^^^^
  help: did you mean X86?
  address: gateway
""",
    ),
    Mistake(
        "an id in capitals",
        {
            "servers.yaml": "servers:\n  gateway:\n    image_id: C90FB553-2CDB-4B81-B56A-EF68812C6CF7\n",
        },
        """\
Error[invalid-value]: image_id: expected a UUID in lower case, like 05982b48-a70f-43a1-a2b0-1fe36a236172
  --> specs/servers.yaml:3:15
   |
 3 |     image_id: C90FB553-2CDB-4B81-B56A-EF68812C6CF7
   |               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  help: write c90fb553-2cdb-4b81-b56a-ef68812c6cf7
  address: gateway
""",
    ),
    Mistake(
        "a number where a text is wanted",
        {
            "servers.yaml": "servers:\n  gateway:\n    labels: {rank: 1}\n",
        },
        """\
Error[wrong-type]: labels.rank must be a text and is a number
  --> specs/servers.yaml:3:20
   |
 3 |     labels: {rank: 1}
   |                    ^
  help: write it in quotes
  address: gateway
""",
    ),
    Mistake(
        "a password beside the key pair of the defaults",
        {
            "servers.yaml": 'servers:\n  gateway:\n    admin_pass: {secret: "env:PW"}\n',
        },
        """\
Error[exactly-one]: admin_pass and key_pair_name exclude each other
  --> specs/servers.yaml:3:5
   |
 3 |     admin_pass: (sensitive)
   |     ^^^^^^^^^^
    admin_pass is written at specs/servers.yaml:3:5, and key_pair_name at specs/stack.yaml:7:18,
    which is a default
  help: write key_pair_name: null beside admin_pass in gateway to take the default away, or leave
        admin_pass out
  address: gateway
""",
    ),
    Mistake(
        "vars of the defaults beside a text",
        {
            "stack.yaml": STACK + "  userdata: {template: templates/boot.sh, vars: {role: web}}\n",
            "servers.yaml": "servers:\n  gateway:\n    userdata: {text: hello}\n",
            "templates/boot.sh": "echo {{ role }}\n",
        },
        """\
Error[invalid-content]: userdata: vars goes with template only, not with text
  --> specs/servers.yaml:3:22
   |
 3 |     userdata: (sensitive)
   |                      ^^^^
    userdata.text is written at specs/servers.yaml:3:22, and userdata.vars at
    specs/stack.yaml:12:43, which is a default
  help: write vars: null beside text in gateway to take the default away, or leave text out
  address: gateway
""",
    ),
    Mistake(
        "a password in clear where the stack is strict",
        {
            "stack.yaml": STACK + "strict: true\n",
            "servers.yaml": f"servers:\n  gateway:\n    key_pair_name: null\n    admin_pass: {PASSWORD}\n",
        },
        """\
Error[secret-in-clear]: admin_pass is written in clear, and strict: true in stack.yaml forbids it
  --> specs/servers.yaml:4:17
   |
 4 |     admin_pass: (sensitive)
   |                 ^^^^^^^^^^^
  help: keep the value out of the specs: admin_pass: {secret: "env:NAME"}
  address: gateway
""",
    ),
    Mistake(
        "count and for_each",
        {
            "servers.yaml": "servers:\n  gateway:\n    count: 2\n    for_each: [a, b]\n",
        },
        """\
Error[invalid-count]: count and for_each exclude each other
  --> specs/servers.yaml:3:12
   |
 3 |     count: 2
   |            ^
    count is written at specs/servers.yaml:3:12, and for_each at specs/servers.yaml:4:5
  help: keep one of the two and remove the other
  address: gateway
""",
    ),
    Mistake(
        "a typo in a server that others name",
        {
            "servers.yaml": 'servers:\n  gateway: {flavour: Si2.large.4}\n  web: {lifecycle: {replace_triggered_by: [gateway]}}\noutputs:\n  id: "{{ servers.gateway.id }}"\nimports:\n  - {to: gateway, id: 45b8fb2e}\n',
        },
        """\
Error[unknown-field]: there is no field flavour
  --> specs/servers.yaml:2:13
   |
 2 |   gateway: {flavour: Si2.large.4}
   |             ^^^^^^^
  help: did you mean flavor?
  address: gateway
""",
    ),
    Mistake(
        "an output of a server that is not declared",
        {
            "servers.yaml": 'servers: {gateway: {}}\noutputs:\n  id: "{{ servers.gatway.id }}"\n',
        },
        """\
Error[undefined-variable]: servers.gatway does not exist
  --> specs/servers.yaml:3:7
   |
 3 |   id: "{{ servers.gatway.id }}"
   |       ^^^^^^^^^^^^^^^^^^^^^^^^^
  help: did you mean gateway?
""",
    ),
    Mistake(
        "an output of one of several servers",
        {
            "servers.yaml": 'servers: {trainer: {count: 2}}\noutputs:\n  id: "{{ servers.trainer.id }}"\n',
        },
        """\
Error[undefined-variable]: servers.trainer is a list of servers and has no id
  --> specs/servers.yaml:3:7
   |
 3 |   id: "{{ servers.trainer.id }}"
   |       ^^^^^^^^^^^^^^^^^^^^^^^^^^
  help: write servers.trainer[0].id, or servers.trainer | map(attribute='id')
""",
    ),
    Mistake(
        "a trigger that is not declared",
        {
            "servers.yaml": "servers:\n  gateway: {}\n  web:\n    lifecycle: {replace_triggered_by: [gatway]}\n",
        },
        """\
Error[unknown-trigger]: replace_triggered_by names gatway, which the specs do not declare
  --> specs/servers.yaml:4:40
   |
 4 |     lifecycle: {replace_triggered_by: [gatway]}
   |                                        ^^^^^^
  help: did you mean gateway?
  address: web
""",
    ),
    Mistake(
        "an address without quotes in specs",
        {
            "servers.yaml": 'servers:\n  pool: {for_each: [ada]}\nremoved:\n  - {from: "notebook[ada]"}\n',
        },
        """\
Error[invalid-address]: 'notebook[ada]' is not an address: its key is not in double quotes; write notebook["ada"], and on a command line 'notebook["ada"]'
  --> specs/servers.yaml:4:12
   |
 4 |   - {from: "notebook[ada]"}
   |            ^^^^^^^^^^^^^^^
  help: in YAML, write 'notebook["ada"]' in single quotes
""",
    ),
    Mistake(
        "a variable that is misspelt",
        {
            "stack.yaml": STACK + "variables: {team: {type: string, default: vision}}\n",
            "servers.yaml": 'servers:\n  gateway:\n    name: "{{ var.teem }}-web"\n    labels: {team: "{{ var.teem }}"}\n',
        },
        """\
Error[undefined-variable]: var.teem is not declared
  --> specs/servers.yaml:3:11
   |
 3 |     name: "{{ var.teem }}-web"
   |           ^^^^^^^^^^^^^^^^^^^^
    also at specs/servers.yaml:4:20
  help: did you mean team?
  address: gateway
""",
    ),
    Mistake(
        "a number from a template in a text",
        {
            "servers.yaml": 'servers:\n  trainer:\n    count: 2\n    labels: {rank: "{{ count.index }}"}\n',
        },
        """\
Error[wrong-type]: labels.rank must be a text and is a number
  --> specs/servers.yaml:4:20
   |
 4 |     labels: {rank: "{{ count.index }}"}
   |                    ^^^^^^^^^^^^^^^^^^^
  help: the template gives another type, and quotes around it change nothing: write "{{ count.index
        | string }}"
  address: trainer[0]
""",
    ),
    Mistake(
        "a text and a number in one sum",
        {
            "stack.yaml": STACK + 'variables: {first: {type: string, default: "10"}}\n',
            "servers.yaml": 'servers:\n  trainer:\n    count: 2\n    name: "trainer-{{ var.first + count.index }}"\n',
        },
        """\
Error[template-error]: this expression cannot be worked out: + cannot take a text and a number
  --> specs/servers.yaml:4:11
   |
 4 |     name: "trainer-{{ var.first + count.index }}"
   |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    var.first is the text '10' and count.index is 0
  help: join texts with ~, or make both sides numbers with | int
  address: trainer[0]
""",
    ),
    Mistake(
        "a template of Docker in a script",
        {
            "servers.yaml": "servers:\n  gateway:\n    userdata: |\n      #!/bin/sh\n      docker inspect -f '{{.State.Status}}' web\n",
        },
        """\
Error[template-syntax]: this template cannot be read: a template of Go or Docker stands here, and this tool reads {{ as its own
  --> specs/servers.yaml:5:28
   |
 5 |       (sensitive)
   |                  ^
  help: to send the characters as they are, put {% raw %} before and {% endraw %} behind them, or
        put the text into a file and write {file: path} for it, which is sent without templates
  address: gateway
""",
    ),
    Mistake(
        "the length of a shell's array in a template file",
        {
            "servers.yaml": "servers:\n  gateway:\n    userdata: {template: templates/boot.sh}\n",
            "templates/boot.sh": "#!/bin/bash\ndisks=(vda vdb)\necho ${#disks[@]}\n",
        },
        """\
Error[template-syntax]: userdata, template templates/boot.sh: this template cannot be read (line 3): in ${#, {# begins a comment, and what follows would be lost
  --> specs/servers.yaml:3:5
   |
 3 |     userdata: (sensitive)
   |     ^^^^^^^^
    at specs/templates/boot.sh:3
  help: to send the characters as they are, put {% raw %} before and {% endraw %} behind them, or
        put the text into a file and write {file: path} for it, which is sent without templates
  address: gateway
""",
    ),
    Mistake(
        "a name that the template file does not know",
        {
            "servers.yaml": "servers:\n  gateway:\n    userdata: {template: templates/boot.sh, vars: {role: web}}\n",
            "templates/boot.sh": "#!/bin/sh\necho {{ rol }}\n",
        },
        """\
Error[undefined-variable]: userdata, template templates/boot.sh: rol does not exist
  --> specs/servers.yaml:3:5
   |
 3 |     userdata: (sensitive)
   |     ^^^^^^^^
    at specs/templates/boot.sh:2
  help: did you mean role?
  address: gateway
""",
    ),
    Mistake(
        "a division by zero in a template file",
        {
            "servers.yaml": "servers:\n  gateway:\n    userdata: {template: templates/boot.sh, vars: {disks: 0}}\n",
            "templates/boot.sh": "#!/bin/sh\n\necho {{ 100 // disks }}\n",
        },
        """\
Error[template-error]: userdata, template templates/boot.sh: this expression cannot be worked out: division by zero
  --> specs/servers.yaml:3:5
   |
 3 |     userdata: (sensitive)
   |     ^^^^^^^^
    at specs/templates/boot.sh:3: disks is 0
  help: divide only where the divisor is not 0: {{ a / b if b else 0 }}
  address: gateway
""",
    ),
    Mistake(
        "a template file that does not exist",
        {
            "servers.yaml": "servers:\n  gateway:\n    userdata: {template: boot.sh}\n",
        },
        """\
Error[unreadable-file]: userdata, template boot.sh: specs/boot.sh does not exist or leads nowhere
  --> specs/servers.yaml:3:5
   |
 3 |     userdata: (sensitive)
   |     ^^^^^^^^
  help: check the path; paths begin at the directory of stack.yaml, specs
  address: gateway
""",
    ),
    Mistake(
        "no environment chosen",
        {
            "servers.yaml": "servers:\n  gateway: {}\n",
            "environments/dev.yaml": "{}\n",
            "environments/prod.yaml": "{}\n",
        },
        """\
Error[environment-required]: this stack has environments and none was chosen
  help: add -e NAME or write environment: in stack.yaml; there are: dev, prod
""",
    ),
    Mistake(
        "two files for one environment",
        {
            "servers.yaml": "servers:\n  gateway: {}\n",
            "environments/dev.yaml": "{}\n",
            "environments/dev.yml": "{}\n",
        },
        """\
Error[duplicate-file]: specs/environments/dev.yml and specs/environments/dev.yaml both give the variables of the environment dev
  --> specs/environments/dev.yml:1:1
  help: move what is needed into one of the two, and remove the other
""",
        ("validate", "-e", "dev"),
    ),
    Mistake(
        "values of variables among the specs",
        {
            "stack.yaml": STACK + "variables: {nodes: {type: integer, default: 1}}\n",
            "servers.yaml": 'servers: {trainer: {count: "{{ var.nodes }}"}}\n',
            "dev.yaml": "nodes: 2\n",
        },
        """\
Error[unknown-section]: nodes is a variable, and a spec gives no values to variables
  --> specs/dev.yaml:1:1
   |
 1 | nodes: 2
   | ^^^^^
  help: write it in environments/NAME.yaml, or give it a default in stack.yaml
""",
    ),
    Mistake(
        "a misspelt variable in an environment",
        {
            "stack.yaml": STACK + "variables: {nodes: {type: integer}}\n",
            "servers.yaml": 'servers: {trainer: {count: "{{ var.nodes }}"}}\n',
            "environments/dev.yaml": "nodse: 2\n",
        },
        """\
Error[undeclared-variable]: the variable nodse is not declared
  --> specs/environments/dev.yaml:1:1
   |
 1 | nodse: 2
   | ^^^^^
  help: did you mean nodes?
""",
        ("validate", "-e", "dev"),
    ),
    Mistake(
        "variables: in a file of an environment",
        {
            "stack.yaml": STACK + "variables: {nodes: {type: integer}}\n",
            "servers.yaml": 'servers: {trainer: {count: "{{ var.nodes }}"}}\n',
            "environments/dev.yaml": "variables:\n  nodes: 2\n",
        },
        """\
Error[undeclared-variable]: variables is no variable: this file gives values to variables directly
  --> specs/environments/dev.yaml:1:1
   |
 1 | variables:
   | ^^^^^^^^^
  help: take the line variables: out, and write nodes at the left margin
""",
        ("validate", "-e", "dev"),
    ),
    Mistake(
        "a spec whose name ends in .yaml.txt",
        {
            "servers.yaml": "servers:\n  gateway: {}\n",
            "training.yaml.txt": "servers: {trainer: {}}\n",
        },
        """\
Error[misnamed-file]: specs/training.yaml.txt is not read: the name of a spec ends in .yaml or .yml
  --> specs/training.yaml.txt:1:1
  help: rename it to training.yaml, or let its name begin with _ if it is not to be read
""",
    ),
    Mistake(
        "a file for cloud-init among the specs",
        {
            "servers.yaml": "servers:\n  gateway: {}\n",
            "boot.yaml": "#cloud-config\npackages: [jq]\n",
        },
        """\
Error[unknown-section]: this is a file for cloud-init and no spec: there is no section packages
  --> specs/boot.yaml:2:1
   |
 2 | packages: [jq]
   | ^^^^^^^^
  help: move it into templates/, where no specs are read, and name it there: userdata: {file:
        templates/NAME}
""",
    ),
    Mistake(
        "an environment that does not exist",
        {
            "servers.yaml": "servers:\n  gateway: {}\n",
            "environments/prod.yaml": "{}\n",
        },
        """\
Error[unknown-environment]: there is no environment prd; there are: prod
  help: did you mean prod?
""",
        ("validate", "-e", "prd"),
    ),
    Mistake(
        "a variable without a value",
        {
            "stack.yaml": STACK + "variables: {nodes: {type: integer}}\n",
            "servers.yaml": 'servers: {trainer: {count: "{{ var.nodes }}"}}\n',
        },
        """\
Error[missing-variable]: the variable nodes has no value
  --> specs/stack.yaml:12:13
   |
12 | variables: {nodes: {type: integer}}
   |             ^^^^^
  help: give it a default in stack.yaml, or a value by environments/NAME.yaml, --var-file FILE,
        PROVISIONER_VAR_nodes or --var nodes=...
""",
    ),
    Mistake(
        "a text for a number on the command line",
        {
            "stack.yaml": STACK + "variables: {nodes: {type: integer, default: 1}}\n",
            "servers.yaml": 'servers: {trainer: {count: "{{ var.nodes }}"}}\n',
        },
        """\
Error[wrong-type]: the variable nodes must be of type integer and is a text
  help: change the value given by --var nodes
""",
        ("validate", "--var", "nodes=two"),
    ),
    Mistake(
        "a misspelt variable on the command line",
        {
            "stack.yaml": STACK + "variables: {nodes: {type: integer, default: 1}}\n",
            "servers.yaml": 'servers: {trainer: {count: "{{ var.nodes }}"}}\n',
        },
        """\
Error[undeclared-variable]: the variable nods is not declared
  help: did you mean nodes?
""",
        ("validate", "--var", "nods=2"),
    ),
    Mistake(
        "an address that lost its quotes to the shell",
        {
            "servers.yaml": "servers:\n  notebook: {for_each: [ada, bob]}\n",
        },
        """\
Usage: provisioner plan [OPTIONS]
Try 'provisioner plan --help' for help.

Error: Invalid value for '--target': 'notebook[ada]' is not an address: its key is not in double quotes; write notebook["ada"], and on a command line 'notebook["ada"]'
""",
        ("plan", "--target", "notebook[ada]"),
    ),
    Mistake(
        "a key that reads like an index",
        {
            "servers.yaml": 'servers:\n  notebook: {for_each: ["1", "2"]}\n',
        },
        """\
Error[unknown-address]: --target names notebook[1], which neither the specs nor the state know
  help: did you mean 'notebook["1"]' or notebook or 'notebook["2"]'?
""",
        ("plan", "--target", "notebook[1]"),
    ),
    Mistake(
        "a target that is misspelt",
        {
            "servers.yaml": "servers:\n  gateway: {}\n",
        },
        """\
Error[unknown-address]: --target names gatway, which neither the specs nor the state know
  help: did you mean gateway?
""",
        ("plan", "--target", "gatway"),
    ),
    Mistake(
        "a group where one server is meant",
        {
            "servers.yaml": "servers:\n  trainer: {count: 2}\n",
        },
        """\
Error[unknown-address]: --replace names trainer, which is a group of 2
  help: name its members: --replace 'trainer[0]' --replace 'trainer[1]'
""",
        ("plan", "--replace", "trainer"),
    ),
    Mistake(
        "the directory of the specs is not there",
        {},
        """\
Error[stack-missing]: there is no directory spec
  help: there is a stack in specs: name it with --specs specs
""",
        ("plan", "--specs", "spec"),
    ),
]


@pytest.fixture
def newcomer(cli: CliRunner) -> CliRunner:
    """The runner, with one server declared in the directory `specs`."""
    cli.write_stack()
    cli.write_specs("servers: {gateway: {}}\n")
    return cli


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_typical_mistake_is_one_error_with_its_place_its_rule_and_what_to_do(newcomer: CliRunner, mistake: Mistake):
    for name, text in mistake.files.items():
        newcomer.write(f"specs/{name}", text)
    ran = newcomer.run(*mistake.arguments)
    assert (ran.code, ran.out) == (mistake.code, "")
    assert ran.err == mistake.told
    assert ran.err.count("Error") == 1


def test_there_are_enough_of_them_and_each_says_what_to_do():
    assert len(MISTAKES) >= 30
    for mistake in MISTAKES:
        has_place = "-->" in mistake.told or "--" in " ".join(mistake.arguments) or "environment" in mistake.told
        assert has_place, mistake.name
        assert "help: " in mistake.told or "write " in mistake.told, mistake.name
