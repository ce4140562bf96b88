"""Cuts the reports' Chinese font: `npm pack @expo-google-fonts/noto-sans-sc`, then this script with the TGZ.

A PDF shows Chinese everywhere only when the font is inside it, and no font may be expected on the machine. Noto Sans SC
(SIL Open Font License 1.1) has 30,000 glyphs and 10 MB; what stays here is ASCII, Latin-1, punctuation and all of
GB 2312, in which place and line names are written. Needs fonttools, in an environment of its own.
"""

import sys
import tarfile
from pathlib import Path

from fontTools import subset

FOLDER = Path(__file__).parent.parent / "records" / "reports" / "font"
REGULAR = "package/400Regular/NotoSansSC_400Regular.ttf"
LICENCE = "package/LICENSE_FONT"


def characters() -> str:
    """GB 2312 in its EUC form: two bytes from 0xA1 to 0xF7 and from 0xA1 to 0xFE."""
    pairs = (bytes((row, cell)) for row in range(0xA1, 0xF8) for cell in range(0xA1, 0xFF))
    chinese = "".join(pair.decode("gb2312", "ignore") for pair in pairs)
    return "".join(map(chr, [*range(0x20, 0x7F), *range(0xA0, 0x180)])) + chinese + "–—‘’“”…≥≤±×÷→↑↓−"


def main(package: Path) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tarfile.open(package) as archive:
        whole = FOLDER / "whole.ttf"
        for member, target in ((REGULAR, whole), (LICENCE, FOLDER / "LICENSE")):
            content = archive.extractfile(member)
            assert content is not None
            target.write_bytes(content.read())
    options = subset.Options(hinting=False, layout_features=[], name_IDs=[0, 1, 2, 3, 4, 5, 6, 13, 14])
    font = subset.load_font(str(whole), options)
    cutter = subset.Subsetter(options)
    cutter.populate(text=characters())
    cutter.subset(font)
    font.save(FOLDER / "NotoSansSC-GB2312.ttf")
    whole.unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
