"""What people may read of content such as userdata: everything but what may be a secret."""

import base64
import time

import pytest

from provisioner.model.content import content_text, content_texts, referenced_texts
from provisioner.model.content_mask import ContentMask
from provisioner.model.mask import Mask
from provisioner.model.readable_text import without_secrets
from provisioner.model.secret import Secret
from provisioner.model.secret_names import named_secrets

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


VALUE = "hunter2XY"
WITHOUT_NAMES = [
    "mysql -u root -phunter2XY",
    "curl --user admin:hunter2XY https://x",
    "docker login -u me \\\n  -p hunter2XY reg",
    "curl -sSu admin:hunter2XY https://x",
    "redis-cli -a hunter2XY",
    "useradd -p '$6$salt$hunter2XY' bob",
    "git clone https://me:hunter2XY/with@host/x",
    "https://x/?X-Amz-Signature=hunter2XY",
    "https://hooks.slack.com/services/T0/B0/hunter2XY",
    "glpat-hunter2XYabcdefghi",
    "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nhunter2XY\n---- END SSH2 ENCRYPTED PRIVATE KEY ----",
    "PuTTY-User-Key-File-2: ssh-rsa\nPrivate-Lines: 14\nhunter2XY",
    "- path: /etc/x\n  encoding: b64\n  content: hunter2XY",
]
NAMED = [
    *(
        "HW_AK=hunter2XY",
        "os_sk: hunter2XY",
        "wpa_psk: hunter2XY",
        "PresharedKey = hunter2XY",
        "license_key: hunter2XY",
    ),
    *(
        "jwt: hunter2XY",
        "bearer hunter2XY",
        "pin=hunter2XY",
        "密码=hunter2XY",
        "口令: hunter2XY",
        "p\uff41ssword=hunter2XY",
    ),
    *("pass\u200bword=hunter2XY", "hunter2XY # password=foo", "set -- hunter2XY; export PASSWORD=$1"),
    'password: "one\n  hunter2XY"',
    "password = '''\nhunter2XY\n'''",
    "password: | # comment\n  hunter2XY",
    "password: |2\n  hunter2XY",
    "password: # comment\n  hunter2XY",
    "secrets: &a\n  a: hunter2XY",
    "secrets: !tag\n  a: hunter2XY",
    "secrets:\n# comment\n  a: hunter2XY",
    "passwords: [a,\n  hunter2XY]",
    "passwords=(\nhunter2XY\n)",
    '{"password":\n"hunter2XY"}',
    "cat >token <<\\EOF\nhunter2XY\nEOF",
    "cat <<A >token <<B\none\nA\nhunter2XY\nB",
    "<password>\nhunter2XY\n</password>",
    "echo hunter2XY |\n  chpasswd",
    "cat <<EOF |\nroot:hunter2XY\nEOF\nchpasswd",
    "- - path: /root/.token\n    content: hunter2XY",
    "echo hunter2XY \\\n > /etc/token",
    "p\\\nassword=hunter2XY",
    "write_files:\n- content: |\n    hunter2XY\n  path: /root/.token",
    "env:\n- name: DB_PASSWORD\n  value: hunter2XY",
]


@pytest.mark.parametrize("text", [*WITHOUT_NAMES, *NAMED])
def test_a_secret_is_hidden_wherever_it_stands(text):
    assert VALUE not in without_secrets(text)
    assert without_secrets(f"set -eu\n\n{text}").startswith("set -eu\n")


@pytest.mark.parametrize(
    "text",
    [
        "mkdir -p /data\ndocker run -p 8080:80 x",
        "pip install git+https://example.org/a/b@v1",
        "apt-get update &&\n  apt-get install -y nfs-common",
        "runcmd:\n- |\n  mount /data",
    ],
)
def test_what_only_resembles_a_secret_is_shown(text):
    assert without_secrets(text) == text


@pytest.mark.parametrize(
    "piece",
    [
        *(
            "password:\n",
            "#password:\n",
            "pass '\n",
            "x |\n",
            "cat <<a |\n",
            "pass <<a\n",
            "- a: pin\n",
            "mariadb-",
            "://",
        ),
        *("password: &", "& ", "-", "<pass>\n", "password: (\n", "密码\n", "\n", "- ", "mysql "),
    ],
)
def test_nasty_texts_take_no_time(piece):
    begin = time.process_time()
    without_secrets((piece * 32_768)[:32_768])
    assert time.process_time() - begin < 0.4


def test_all_texts_and_numbers_under_a_secret_name_are_secrets():
    value = {"users": [{"password": "one", "name": "a"}], "tokens": {"x": ["two", 345]}, "auth": True}
    assert sorted(named_secrets(value)) == ["345", "one", "two"]


def test_short_values_are_hidden_as_whole_words():
    mask = ContentMask()
    for value in ("abc", "x", "first\n  second"):
        mask.add(value)
    assert mask.text("abc abcd x=abc\n    second x") == "(sensitive) abcd x=(sensitive)\n    (sensitive) x"


def test_a_text_that_needs_much_work_is_masked_line_by_line():
    secret = "correct-horse"
    text = "\n".join(f"echo {number:08}\\\\%41%42 averageLongWord{number}" for number in range(600))
    masked = Mask(Secret(secret)).lines(f"{text}\njoin {secret}\n")
    assert masked == f"{text}\njoin (sensitive)\n"
    assert Mask(Secret(secret)).text(text) == "(sensitive)"
