"""The corpus for research: every story that was ever public with its partners, and what was not chosen, as counts.

Our own annotations and links only; what publishers wrote is never in it. ``columns`` says what a row is, ``rows``
loads them page by page, ``writing`` turns them into a file, ``papers`` writes what belongs beside the data.
"""
