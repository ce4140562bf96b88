"""A city's own recordings over the shipped prompts: one folder of links, the city's file where it has both rates."""

from __future__ import annotations

from pathlib import Path

_RATES = (".wav", ".wav16")


def lay_prompts(shipped: Path, own: Path, laid: Path) -> None:
    """Idempotent, and safe while calls are played to: each link is replaced by rename. Only shipped names are laid."""
    wanted: dict[Path, Path] = {}
    for path in sorted(shipped.rglob("*")):
        if path.is_file():
            name = path.relative_to(shipped)
            both = all((own / name).with_suffix(rate).is_file() for rate in _RATES)
            wanted[laid / name] = (own / name if both else path).resolve()
    for link, target in wanted.items():
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.is_symlink() or link.readlink() != target:
            fresh = link.with_name(link.name + ".new")
            fresh.unlink(missing_ok=True)
            fresh.symlink_to(target)
            fresh.replace(link)
    for link in laid.rglob("*"):
        if link.is_symlink() and link not in wanted:
            link.unlink()
