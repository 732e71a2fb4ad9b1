import re
import xml.etree.ElementTree as ET

from rendering.samples import COLORED, create, plan

from provisioner.rendering.plan import render_plan
from provisioner.rendering.svg import plan_svg


def test_the_picture_is_the_same_every_time_whatever_the_terminal(monkeypatch):
    text = render_plan(plan(create("gateway")), COLORED)
    first = plan_svg(text, "provisioner plan")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", "20")
    assert plan_svg(text, "provisioner plan") == first


def test_the_picture_is_xml_shows_the_text_and_fetches_nothing():
    picture = plan_svg(render_plan(plan(create("gateway", "a<b>&c")), COLORED), "plan <1>")
    root = ET.fromstring(picture)  # noqa: S314 - our own text
    shown = "".join(root.itertext()).replace("\xa0", " ")
    assert "plan <1>" in shown
    assert "# gateway will be created" in shown
    assert '"a<b>&c"' in shown
    assert not re.search(r"@font-face|url\(\"?http|href", picture)


def test_every_line_is_inside_its_own_clip():
    picture = plan_svg("one\ntwo\nthree\n", "t")
    named = set(re.findall(r'id="([^"]+)"', picture))
    used = {reference for reference, text in re.findall(r'url\(#([^)]+)\)">(\w+)<', picture)}
    assert used == {"plan-line-0", "plan-line-1", "plan-line-2"}
    assert used <= named


def test_long_lines_are_not_folded():
    assert plan_svg("x" * 300 + "\n", "t").count("<clipPath") == plan_svg("x\n", "t").count("<clipPath")
