"""China's partnerships: their wordings (``tiers``), with whom (``places``), and since when (``register``).

``tiers`` and ``places`` are pure and may be used anywhere; ``register`` reads and writes the database. What
ships in ``data/`` and how far to trust it is told in ``docs/partnerships.md``.
"""
