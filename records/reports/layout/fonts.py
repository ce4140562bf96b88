"""The Chinese font of documents: part of the program, so that every glyph is in every file on every machine.

Noto Sans SC with GB 2312, cut by scripts/make_report_font.py. What it does not have is set in the built-in
STSong-Light, whose glyphs the reader's program brings along.
"""

from __future__ import annotations

from functools import cache
from itertools import groupby
from pathlib import Path
from xml.sax.saxutils import escape

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont

NAME = "NotoSansSC"
OTHER = "STSong-Light"
_FILE = Path(__file__).parent.parent / "font" / "NotoSansSC-GB2312.ttf"


@cache
def register() -> frozenset[int]:
    """Make both known to reportlab; the characters that ours has."""
    font = TTFont(NAME, str(_FILE))
    pdfmetrics.registerFont(font)
    pdfmetrics.registerFont(UnicodeCIDFont(OTHER))
    return frozenset(font.face.charToGlyph)


def marked(text: str) -> str:
    """For a paragraph: escaped, and in the other font where ours has no glyph."""
    known = register()
    runs = ((mine, "".join(run)) for mine, run in groupby(text, lambda each: ord(each) in known))
    return "".join(escape(run) if mine else f'<font name="{OTHER}">{escape(run)}</font>' for mine, run in runs)
