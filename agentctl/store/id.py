"""Names of runs and sessions: short, lower case, sortable by the time they were made."""

import secrets
import threading
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u to misread
_EPOCH_MS = 1_735_689_600_000  # 2025-01-01: a short time makes the first characters tell ids apart
_TIME_SHIFT = 50
_LENGTH = 18

_lock = threading.Lock()
_last = 0


def new_id() -> str:
    """Make an id of 18 characters: 8 of time in milliseconds, 10 random; the first 6 change every second.

    Ids of one process only grow, also within a millisecond and when the clock goes back.
    """
    global _last
    with _lock:
        _last = max(_last + 1, (time.time_ns() // 1_000_000 - _EPOCH_MS) << _TIME_SHIFT | secrets.randbits(_TIME_SHIFT))
        value = _last
    return "".join(_ALPHABET[value >> shift & 31] for shift in range(5 * (_LENGTH - 1), -1, -5))
