"""What Asterisk plays: the city's recording where it has one at both rates, else the shipped one."""

from pathlib import Path

from telephony.asterisk.prompts import lay_prompts


def written(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"{folder.name} {name}", encoding="utf-8")
    return folder


def played(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8").split()[0] for path in folder.rglob("*.wav*")
    }


def test_given_recordings_when_laid_then_they_go_before_the_shipped_ones_and_go_away_again(tmp_path: Path) -> None:
    shipped = written(tmp_path / "shipped", "a.wav", "a.wav16", "digits/1.wav", "digits/1.wav16", "c.wav", "c.wav16")
    own = written(tmp_path / "own", "a.wav", "digits/1.wav", "digits/1.wav16", "unknown.wav", "unknown.wav16")
    laid = tmp_path / "laid"
    for _ in range(2):
        lay_prompts(shipped, own, laid)
        assert played(laid) == {
            "a.wav": "shipped",  # only one rate of the city's own
            "a.wav16": "shipped",
            "digits/1.wav": "own",
            "digits/1.wav16": "own",
            "c.wav": "shipped",
            "c.wav16": "shipped",
        }
    (own / "digits" / "1.wav16").unlink()
    (shipped / "c.wav").unlink()
    lay_prompts(shipped, own, laid)
    assert played(laid) == {
        "a.wav": "shipped",
        "a.wav16": "shipped",
        "digits/1.wav": "shipped",
        "digits/1.wav16": "shipped",
        "c.wav16": "shipped",
    }
