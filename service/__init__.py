"""Huoban: the news desk for newsrooms that follow China and the Global South.

The way of a story, in eight files: ``fetching/run`` → ``fetching/download`` → ``fetching/parse`` →
``fetching/intake`` → ``desk/tagging`` → ``desk/editions`` → ``publishing/load`` → ``publishing/formats/rss``.
Keep ``models.py`` open beside them: the stages hand over by rows, never by calls.
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("huoban")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0+unknown"
