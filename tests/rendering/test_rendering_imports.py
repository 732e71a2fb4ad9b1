import subprocess
import sys

ROOM = "provisioner.rendering"
PLAIN_ROOMS = ("plan", "diagnostics", "summary", "progress", "state", "machine", "stream")


def test_plain_text_and_json_do_not_pay_for_rich():
    modules = "; ".join(f"import {ROOM}.{name}" for name in PLAIN_ROOMS)
    script = f"{modules}; import sys; print(any(name.split('.')[0] in ('rich', 'pydantic') for name in sys.modules))"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert told.stdout == "False\n"
