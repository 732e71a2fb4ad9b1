"""What people may read of content such as userdata: everything but what may be a secret."""

import base64

import pytest

from provisioner.model.content import content_text, content_texts, referenced_texts, without_secrets

SHOWN = [
    "set -eu",
    "mount /dev/vdb /data # the second disk",
    "hostnamectl set-hostname trainer-0.example.org",
    "wget https://example.org/Ascend-cann-toolkit_8.0.RC1_linux-aarch64.run",
    "export PYTHONPATH=/usr/local/Ascend/ascend-toolkit/latest/python/site-packages",
    "echo vm.nr_hugepages=1024 >> /etc/sysctl.d/90-hugepages.conf",
    "",
]
HIDDEN = [
    ("export DB_PASSWORD=hunter2 && run", "export DB_PASSWORD=(sensitive)"),
    ("  token: abc", "  token: (sensitive)"),
    ("""  "api_key": "abc",""", """  "api_key": (sensitive)"""),
    ("echo root:hunter2 | chpasswd", "(sensitive)"),
    ("curl -H 'Authorization: Bearer abc' http://x", "curl -H 'Authorization: (sensitive)"),
    ("git clone https://bot:hunter2@git.example.org/x.git", "git clone https://(sensitive)@git.example.org/x.git"),
    ("join --with Zx81qPq0AbCdEfGhIjKlMn9 now", "join --with (sensitive) now"),
    ("join 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b", "join (sensitive)"),
]


@pytest.mark.parametrize("line", SHOWN)
def test_a_line_that_holds_no_secret_is_shown(line):
    assert without_secrets(line) == line


@pytest.mark.parametrize(("line", "shown"), HIDDEN)
def test_what_may_be_a_secret_is_hidden(line, shown):
    assert without_secrets(line) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("password: |\n  one\n\n  two\nnext: 1", "password: |\n  (sensitive)\n\n  (sensitive)\nnext: 1"),
        ("tokens:\n- one\n- two\nnext: 1", "tokens:\n(sensitive)\n(sensitive)\nnext: 1"),
        ("set-password \\\n  --to one \\\n  two\nnext", "(sensitive)\n  (sensitive)\n  (sensitive)\nnext"),
        ("cat > /etc/token <<'END'\none\ntwo\nEND\nnext", "(sensitive)\n(sensitive)\n(sensitive)\nEND\nnext"),
        ("cat > /etc/token <<END\none\ntwo", "(sensitive)\n(sensitive)\n(sensitive)"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nnext",
            "(sensitive)\n(sensitive)\n(sensitive)\nnext",
        ),
        ("-----BEGIN PRIVATE KEY-----\nMIIE", "(sensitive)\n(sensitive)"),
        ("secret = [\n  1,\n]\nnext", "secret = [\n  (sensitive)\n]\nnext"),
    ],
)
def test_a_secret_of_several_lines_is_hidden_to_its_end(text, shown):
    assert without_secrets(text) == shown


def test_text_keeps_its_lines():
    assert content_text(base64.b64encode(b"one\ntwo\n").decode()) == "one\ntwo\n"


@pytest.mark.parametrize("encoded", [base64.b64encode(b"\x1f\x8b\x08\xff").decode(), "no Base64!"])
def test_what_is_no_text_has_none(encoded):
    assert content_text(encoded) is None


def test_texts_are_found_at_any_depth_by_their_digests():
    encoded = base64.b64encode(b"hello").decode()
    texts = content_texts({"a": {"userdata": encoded, "b": encoded}}, lambda path: path[-1] == "userdata")
    [(key, text)] = texts.items()
    assert text == "hello"
    assert referenced_texts(texts, {"a": {"userdata": {"sha256": key}}}) == texts
    assert referenced_texts(texts, {"a": {"userdata": {"sha256": "other"}}}, {"b": 1}) == {}
