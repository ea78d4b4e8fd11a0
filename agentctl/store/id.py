"""Names of runs and sessions: short, lower case, sortable by the time they were made."""

import secrets
import threading
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u to misread
_TIME_SHIFT = 40
_LENGTH = 18

_lock = threading.Lock()
_last = 0


def new_id() -> str:
    """Make an id of 18 characters: 10 of time in milliseconds, 8 random.

    Ids of one process only grow, also within a millisecond and when the clock goes back.
    """
    global _last
    with _lock:
        _last = max(_last + 1, (time.time_ns() // 1_000_000) << _TIME_SHIFT | secrets.randbits(_TIME_SHIFT))
        value = _last
    return "".join(_ALPHABET[value >> shift & 31] for shift in range(5 * (_LENGTH - 1), -1, -5))
