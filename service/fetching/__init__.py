"""The first stage: feed URL → stories on the wire.

Writes feeds, fetches, stories and sightings; decides nothing editorial. Knows neither ``desk`` nor
``publishing``.
"""
