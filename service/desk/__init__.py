"""The middle stage, where people decide: story → tagged item in the day's edition.

Every act here is a person's and is written to the journal in the same transaction. Knows neither
``fetching`` nor ``publishing``.
"""
