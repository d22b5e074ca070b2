"""Writes the software bill of materials: what an installation carries, in which version, with which hashes.

    python tools/make_sbom.py requirements/run.txt dist/huoban.cdx.json

CycloneDX 1.6, from the lock file, so that it names exactly what is installed from it. Needs no network. Run by
``make audit``.
"""

import re
import sys
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from service import __version__

_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", re.MULTILINE)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def components(lock: str) -> list[Component]:
    """One for each pinned package of a hashed requirements file."""
    found = []
    pins = list(_PINNED.finditer(lock))
    for pin, following in zip(pins, [*pins[1:], None], strict=True):
        name, version = pin[1], pin[2]
        hashes = _HASH.findall(lock[pin.end() : following.start() if following else len(lock)])
        found.append(
            Component(
                name=name,
                version=version,
                type=ComponentType.LIBRARY,
                bom_ref=f"{name}=={version}",
                purl=PackageURL("pypi", None, name.lower(), version),
                hashes=[HashType(alg=HashAlgorithm.SHA_256, content=content) for content in hashes],
                licenses=[DisjunctiveLicense(name=text)] if (text := licence(name)) else [],
            )
        )
    return found


def licence(name: str) -> str | None:
    """What the installed package says of its licence; None where it is not installed here or does not say."""
    try:
        facts = metadata(name)
    except PackageNotFoundError:
        return None
    text = facts.get("License-Expression") or facts.get("License") or ""
    return text.strip().splitlines()[0][:100] if text.strip() else None


def main(lock: Path, target: Path) -> None:
    """Read the lock, write the document."""
    bom = Bom(components=components(lock.read_text(encoding="utf-8")))
    bom.metadata.component = Component(
        name="huoban", version=__version__, type=ComponentType.APPLICATION, bom_ref="huoban"
    )
    bom.register_dependency(bom.metadata.component, bom.components)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(JsonV1Dot6(bom).output_as_string(indent=1) + "\n", encoding="utf-8")
    print(f"{len(bom.components)} packages in {target}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
