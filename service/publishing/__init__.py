"""The last stage: published items → bytes that readers, newsletters and researchers take.

Reads rows that the desk wrote and never writes news. Knows neither ``fetching`` nor ``desk``.
"""
