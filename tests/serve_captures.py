"""Serves a folder of feed captures on loopback, for trying things by hand and for outside checks.

    python tests/serve_captures.py FOLDER [--port P] [--charset FILE=CHARSET …]

Prints one URL per file and runs until it is stopped. Media types come from the folder's MANIFEST.csv where
it has one, else from the file's ending. No charset is announced unless asked for: most captures must be
read right without. Standard library and ``feed_server`` only; the service never calls it.
"""

import argparse
import asyncio
import csv
import hashlib
import sys
from pathlib import Path
from urllib.parse import quote

# Run as a script, this file's own folder is where Python looks for modules.
from feed_server import Answer, FeedServer

_BY_FORMAT = (
    ("json", "application/feed+json"),
    ("atom", "application/atom+xml"),
    ("rdf", "application/rdf+xml"),
    ("rss", "application/rss+xml"),
)
_BY_ENDING = {".json": "application/feed+json", ".rss": "application/rss+xml", ".html": "text/html"}


def read_formats(folder: Path) -> dict[str, str]:
    """File name → the manifest's words about its format; empty without a manifest."""
    manifest = folder / "MANIFEST.csv"
    if not manifest.exists():
        return {}
    with manifest.open(encoding="utf-8", newline="") as rows:
        return {row["file"]: row["format"].lower() for row in csv.DictReader(rows)}


def media_type(name: str, written_format: str) -> str:
    """What a careful publisher would announce for this file."""
    for word, kind in _BY_FORMAT:
        if word in written_format:
            return kind
    return _BY_ENDING.get(Path(name).suffix, "application/xml")


def read_captures(folder: Path, charsets: dict[str, str]) -> dict[str, Answer]:
    """File name → its answer, with an ETag so that a second fetch can be conditional."""
    formats = read_formats(folder)
    answers = {}
    for file in sorted(folder.iterdir()):
        if file.name == "MANIFEST.csv" or not file.is_file():
            continue
        kind = media_type(file.name, formats.get(file.name, ""))
        if file.name in charsets:
            kind += f"; charset={charsets[file.name]}"
        body = file.read_bytes()
        etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        answers[file.name] = Answer(body=body, headers={"Content-Type": kind}, etag=etag)
    return answers


async def serve(answers: dict[str, Answer], port: int) -> None:
    """Print the URLs and serve until cancelled."""
    async with FeedServer(port=port) as server:
        for name, answer in answers.items():
            path = "/" + quote(name)
            server.on(path, answer)
            print(server.url(path), flush=True)
        await asyncio.Event().wait()


def main() -> int:
    """Read the arguments and serve; Ctrl-C is the normal end."""
    parser = argparse.ArgumentParser(description="Serve a folder of feed captures on 127.0.0.1.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, default=0, help="0 (the default) takes a free one")
    parser.add_argument("--charset", action="append", default=[], metavar="FILE=CHARSET")
    given = parser.parse_args()
    if not given.folder.is_dir():
        parser.error(f"{given.folder} is not a folder")
    charsets = {name: charset for name, _, charset in (pair.partition("=") for pair in given.charset)}
    try:
        asyncio.run(serve(read_captures(given.folder, charsets), given.port))
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
