"""Show the size of each layer that the action's image adds to its base, and check the budget.

The compressed size of a layer is that of its tar with gzip, which is what a runner downloads.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import shutil
import sys
import tarfile
import tempfile
import textwrap
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from scripts.image import build, engine

TAG = "dataform-action:size"
#: Compressed megabytes above the base: about a tenth more than the current size.
BUDGET = {"with google-auth": 10.0, "without google-auth": 3.5}
#: Each of these instructions makes one layer.
_INSTRUCTION = re.compile(r"^(?:COPY|RUN) .+", re.MULTILINE)
_MEGABYTE = 1_000_000
_CHUNK = 1 << 20
_CONTEXT = ("LICENSE", "entrypoint.py", "post_entrypoint.py", "dataform_action", ".dockerignore")


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of an image: the instruction that made it, and its bytes."""

    made_by: str
    size: int
    compressed: int


def measure(image: str, above: str) -> list[Layer]:
    """Return the layers of an image above its base; the Dockerfile names them."""
    below = len(_diff_ids(above))
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder, "image.tar")
        engine.docker("save", "--output", str(archive), image)
        with tarfile.open(archive) as tar:
            paths = json.loads(_read(tar, "manifest.json"))[0]["Layers"][below:]
            sizes = [_size(_read(tar, path)) for path in paths]
    instructions = _INSTRUCTION.findall(Path(ROOT, "Dockerfile").read_text("utf-8"))
    names = [f"`{textwrap.shorten(text, 40, placeholder=' …')}`" for text in instructions]
    return [Layer(name, *pair) for name, pair in zip(names, sizes, strict=True)]


def _diff_ids(image: str) -> list[str]:
    ids: list[str] = json.loads(
        engine.docker("image", "inspect", "--format", "{{json .RootFS.Layers}}", image)
    )
    return ids


def _read(tar: tarfile.TarFile, path: str) -> bytes:
    member = tar.extractfile(path)
    if member is None:
        raise engine.EngineError(f"docker save did not write {path}")
    with member:
        return member.read()


def _size(layer: bytes) -> tuple[int, int]:
    """Return the size of a layer's tar, without and with gzip; some engines save it with gzip."""
    if layer.startswith(b"\x1f\x8b"):
        layer = gzip.decompress(layer)
    packer = zlib.compressobj(6, wbits=31)
    compressed = sum(
        len(packer.compress(layer[start : start + _CHUNK]))
        for start in range(0, len(layer), _CHUNK)
    )
    return len(layer), compressed + len(packer.flush())


def build_variant(tag: str, base: str, *, google_auth: bool) -> None:
    """Build the image, or a variant without google-auth and the packages that only it needs."""
    dockerfile = build.dockerfile_on(base)
    if google_auth:
        build.build_image(tag, dockerfile)
        return
    with tempfile.TemporaryDirectory() as folder:
        for name in _CONTEXT:
            copy = shutil.copytree if Path(ROOT, name).is_dir() else shutil.copy
            copy(ROOT / name, Path(folder, name))
        requirements = Path(ROOT, "requirements.txt").read_text("utf-8")
        Path(folder, "requirements.txt").write_text(only_requests(requirements), "utf-8")
        without = re.sub(r"^import google\..*\n", "", dockerfile, flags=re.MULTILINE)
        build.build_image(tag, without, Path(folder))


def only_requests(requirements: str) -> str:
    """Return the requirements of requests, including itself."""
    entries = re.split(r"^(?=[a-z])", requirements, flags=re.MULTILINE)[1:]
    texts = {re.split(r"[=\s]", entry, maxsplit=1)[0]: entry for entry in entries}
    needed_by = {
        name: set(re.findall(r"^ +# +(?:via )?([a-z0-9-]+)", text, re.MULTILINE))
        for name, text in texts.items()
    }
    kept = {"requests"}
    while more := {name for name, parents in needed_by.items() if parents & kept} - kept:
        kept |= more
    return "".join(text for name, text in texts.items() if name in kept)


def render(variants: Mapping[str, list[Layer]]) -> str:
    """Render the sizes as a Markdown table; a megabyte is a million bytes."""
    lines = ["| image | layer | MB | MB compressed |", "|---|---|---:|---:|"]
    for name, layers in variants.items():
        total = Layer("**all above the base**", *(_sum(layers)))
        for layer in [*layers, total]:
            size, compressed = layer.size / _MEGABYTE, layer.compressed / _MEGABYTE
            lines.append(f"| {name} | {layer.made_by} | {size:.2f} | {compressed:.2f} |")
    return "\n".join(lines)


def _sum(layers: list[Layer]) -> tuple[int, int]:
    return sum(layer.size for layer in layers), sum(layer.compressed for layer in layers)


def over_budget(variants: Mapping[str, list[Layer]]) -> list[str]:
    """Return a line for each variant that exceeds its budget."""
    totals = {name: _sum(layers)[1] / _MEGABYTE for name, layers in variants.items()}
    return [
        f"The image {name} adds {total:.1f} MB (compressed) to its base; its budget is "
        f"{BUDGET[name]:g} MB. Remove the new packages from requirements.txt, or give the reason "
        "for them in docs/image.md and raise the budget in scripts/image/size.py."
        for name, total in totals.items()
        if total > BUDGET[name]
    ]


def main() -> int:
    """Build both variants, print their sizes, and return 1 if one is over its budget."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    try:
        engine.check()
        base = build.choose_base()
        variants = {}
        for name in BUDGET:
            tag = f"{TAG}-{name.replace(' ', '-')}"
            build_variant(tag, base, google_auth=name == "with google-auth")
            try:
                variants[name] = measure(tag, base)
            finally:
                engine.docker("rmi", tag)
    except engine.EngineError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"On {base}:\n\n{render(variants)}\n")
    problems = over_budget(variants)
    allowed = " and ".join(f"{budget:g} MB {name}" for name, budget in BUDGET.items())
    print("\n".join(problems) or f"Within the budget of {allowed}, compressed.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
