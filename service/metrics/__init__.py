"""What an operator's Prometheus reads at ``/metrics``: requests of this process, and the state of the newsroom.

``counting`` counts what passes through a process, ``facts`` asks the database what holds for all of them, and
``routes`` answers. Nothing here decides or changes anything; installed by ``app``.
"""
