"""How the threads of one computation wait for each other.

torch shares each matrix product out among threads, and those that are done wait for the last by turning round and round
on their cores, for a tenth of a second and more. That is well where the machine does nothing else. Where another
process wants the cores too, the thread that all wait for is not running because those that wait are: writing a token
took 2.0 s instead of 0.16 s with some other processes at work on two cores. So threads turn round a thousand times,
some microseconds, and then sleep until they are woken.
"""

import os

_TURNS = (
    "1000"  # 100 and 1,000 did alike, 10,000 cost three times as much, the default (300,000) twelve times
)


def wait_without_spinning() -> None:
    """Sets this for the process, and those it starts, unless the environment says otherwise. Works only before torch
    is imported."""
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", _TURNS)
