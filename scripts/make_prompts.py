"""Speaks asterisk-config/prompts/catalogue.yaml into asterisk-config/prompts/zh; checks that they agree.

    python scripts/make_prompts.py --check

needs no model, exits 1 and names what is missing, changed or stale. Speaking needs npm and an environment of
its own, because the service must not carry a voice model:

    uv run --no-project --python 3.11 --with-requirements scripts/prompts-requirements.txt scripts/make_prompts.py

Only entries that are missing or changed are spoken; `--all` speaks every one. Each is written as .wav (8 kHz)
and .wav16 (16 kHz), the names by which Asterisk's format_wav knows them; it takes what suits the call's codec.
"""

import argparse
import hashlib
import json
import sys
import wave
from dataclasses import dataclass
from pathlib import Path

import yaml

PROMPTS = Path(__file__).parent.parent / "asterisk-config" / "prompts"
LANGUAGE = "zh"
RATES = {".wav": 8_000, ".wav16": 16_000}

Manifest = dict[str, dict[str, str]]


@dataclass(frozen=True)
class Prompt:
    id: str
    zh: str
    en: str
    voice: str = "kokoro"
    tone_hz: float | None = None

    @property
    def source_hash(self) -> str:
        """What the audio was made from: changes when it must be made again."""
        source = f"{self.voice}: {self.zh}" if self.tone_hz is None else f"tone {self.tone_hz}"
        return _sha256(source.encode())


def read_catalogue(folder: Path) -> list[Prompt]:
    entries = yaml.safe_load((folder / "catalogue.yaml").read_text(encoding="utf-8"))["prompts"]
    return [Prompt(**entry) for entry in entries]


def read_manifest(folder: Path) -> Manifest:
    path = folder / "manifest.json"
    manifest: Manifest = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return manifest


def complaints(folder: Path) -> list[str]:
    """One line for each way in which the audio is not the catalogue's; empty when all is well."""
    catalogue, manifest = read_catalogue(folder), read_manifest(folder)
    found = [problem for prompt in catalogue for problem in _prompt_complaints(folder, prompt, manifest)]
    audio = folder / LANGUAGE
    wanted = {audio / f"{prompt.id}{suffix}" for prompt in catalogue for suffix in RATES}
    present = {path for path in audio.rglob("*") if path.is_file()}
    found += [f"{path.relative_to(folder)}: stale, not in the catalogue" for path in sorted(present - wanted)]
    known = {prompt.id for prompt in catalogue}
    return found + [f"manifest.json: stale entry {name}" for name in manifest if name not in known]


def _prompt_complaints(folder: Path, prompt: Prompt, manifest: Manifest) -> list[str]:
    entry = manifest.get(prompt.id, {})
    found = []
    if entry.get("source") != prompt.source_hash:
        found.append(f"{prompt.id}: the audio was not made from the catalogue's text")
    for suffix, rate in RATES.items():
        path = folder / LANGUAGE / f"{prompt.id}{suffix}"
        name = path.relative_to(folder)
        if not path.exists():
            found.append(f"{name}: missing")
        elif _sha256(path.read_bytes()) != entry.get(suffix):
            found.append(f"{name}: not the file that the manifest describes")
        elif _format(path) != (1, 2, rate):
            found.append(f"{name}: not mono, 16 bit, {rate} Hz")
    return found


def speak(folder: Path, everything: bool) -> None:
    """Makes the audio of missing and changed entries, removes stale files, and writes the manifest."""
    import mandarin_voice

    catalogue, manifest = read_catalogue(folder), read_manifest(folder)
    due = [p for p in catalogue if everything or _prompt_complaints(folder, p, manifest)]
    for prompt in due:
        if prompt.tone_hz is None:
            audio = mandarin_voice.finish(mandarin_voice.voice(prompt.voice).say(prompt.zh), len(prompt.zh) == 1)
        else:
            audio = mandarin_voice.finish(mandarin_voice.tone(prompt.tone_hz))
        manifest[prompt.id] = {"source": prompt.source_hash}
        for suffix, rate in RATES.items():
            path = folder / LANGUAGE / f"{prompt.id}{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            content = mandarin_voice.wav_bytes(audio, rate)
            path.write_bytes(content)
            manifest[prompt.id][suffix] = _sha256(content)
        print(f"{prompt.id}: {len(audio) / mandarin_voice.MODEL_RATE:.2f} s  {prompt.zh}", flush=True)
    _tidy(folder, catalogue, manifest)


def _tidy(folder: Path, catalogue: list[Prompt], manifest: Manifest) -> None:
    wanted = {prompt.id for prompt in catalogue}
    audio = folder / LANGUAGE
    for path in audio.rglob("*"):
        if path.is_file() and str(path.relative_to(audio).with_suffix("")) not in wanted:
            path.unlink()
    kept = {prompt.id: manifest[prompt.id] for prompt in catalogue}
    (folder / "manifest.json").write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


def _format(path: Path) -> tuple[int, int, int]:
    with path.open("rb") as file, wave.open(file) as wav:
        return wav.getnchannels(), wav.getsampwidth(), wav.getframerate()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def main() -> int:
    parser = argparse.ArgumentParser(description="Mandarin prompts: speak them, or check what is committed")
    parser.add_argument("--check", action="store_true", help="compare catalogue, manifest and audio; make nothing")
    parser.add_argument("--all", action="store_true", help="speak every entry again")
    parser.add_argument("--prompts", type=Path, default=PROMPTS, help="folder of catalogue.yaml")
    options = parser.parse_args()
    if not options.check:
        speak(options.prompts, options.all)
    problems = complaints(options.prompts)
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
