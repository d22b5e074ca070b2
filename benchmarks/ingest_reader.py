"""The ``reader`` library as a runner for ``benchmarks.ingest``: one pass for each line on standard input.

Started with the Python of a throw-away environment that has reader in it, so it imports nothing of ours. Arguments:
a folder for the database, the farm's port, and the addresses' file.
"""

import json
import sys
import time
from pathlib import Path

from reader import make_reader  # type: ignore[import-not-found]

WORKERS = 20
"""As many as suited it best in the earlier measurements."""


def main() -> None:
    """Add the feeds, then update all of them for each line that comes."""
    folder, listed = Path(sys.argv[1]), Path(sys.argv[2])
    reader = make_reader(str(folder / "reader.db"))
    for url in listed.read_text(encoding="ascii").split():
        reader.add_feed(url)
    print("ready", flush=True)
    for _ in sys.stdin:
        began = time.perf_counter()
        reader.update_feeds(workers=WORKERS, scheduled=False)
        took = time.perf_counter() - began
        stored = reader.get_entry_counts().total
        print(json.dumps({"seconds": took, "stored": stored}), flush=True)


if __name__ == "__main__":
    main()
