"""Draws terminal text as SVG, for documents: equal text gives equal bytes, and nothing is fetched to show it.

It takes ANSI text that was already made safe, and does not know that the text is a plan.
"""

from __future__ import annotations

import io
import re

from provisioner.rendering.style import cells

_FONT_FACE = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)
_SGR = re.compile(r"\x1b\[[0-9;]*m")
_NARROWEST = 60


def plan_svg(ansi_text: str, title: str) -> str:
    """Returns a picture as wide as the longest line.

    Where Fira Code is not installed, the viewer uses its own monospace font.
    """
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
    for line in (*lines, ""):  # the empty line, because rich's export clips the last one
        console.print(Text.from_ansi(line), soft_wrap=True, highlight=False)
    return _FONT_FACE.sub("", console.export_svg(title=title, unique_id="plan"))
