"""The demonstration's world: invented outlets, their feeds, a loopback server and ready-made facts.

``huoban demo`` is the only caller. Nothing here touches the database or the internet, and nothing here is
used when the service runs for a newsroom.
"""
