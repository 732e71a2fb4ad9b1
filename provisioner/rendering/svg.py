"""A terminal picture as SVG, for documents: the same text gives the same bytes, and nothing is fetched to show it.

It draws ANSI text that was already made safe; it does not know that the text is a plan.
"""

from __future__ import annotations

import io
import re

from provisioner.rendering.style import cells

_FONT_FACE = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)
_SGR = re.compile(r"\x1b\[[0-9;]*m")
_NARROWEST = 60


def plan_svg(ansi_text: str, title: str) -> str:
    """As wide as the longest line. The viewer's own monospace font stands in where Fira Code is not installed."""
    from rich.console import Console
    from rich.text import Text

    lines = ansi_text.rstrip("\n").split("\n")
    console = Console(
        record=True,
        file=io.StringIO(),
        width=max(_NARROWEST, *(cells(_SGR.sub("", line)) for line in lines)),
        height=len(lines),
        color_system="truecolor",
        force_terminal=True,
        force_jupyter=False,
        no_color=False,
        legacy_windows=False,
        _environ={},
    )
    for line in (*lines, ""):  # the empty one because rich's export clips the last line away
        console.print(Text.from_ansi(line), soft_wrap=True, highlight=False)
    return _FONT_FACE.sub("", console.export_svg(title=title, unique_id="plan"))
