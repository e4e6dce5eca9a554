"""What must hold for every input of every target."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from functools import cache

from tests.sealing.kit import other_key, vector_key

__all__ = ["CANARY", "assert_tells_nothing", "refused", "run_in_time"]

#: Stands for every plaintext; nothing else of an input holds it.
CANARY = "cAnArY-5e1d77-vALuE"
#: An input of a few kilobytes takes milliseconds; this is a hang, on the slowest machine.
MOST_SECONDS = 5.0
#: Shorter runs of key material are met by chance in any base64.
NEEDLE_BYTES = 24


@cache
def _needles() -> tuple[str, ...]:
    """Plaintext and private keys, as they are and as base64 shows them."""
    shifted = [base64.b64encode(b"x" * at + CANARY.encode()).decode()[4:-4] for at in range(3)]
    pieces = [CANARY, CANARY.encode().hex(), *shifted]
    for key in (vector_key(), other_key()):
        pieces += [line[:NEEDLE_BYTES].decode() for line in key.reveal_pem().splitlines()[1:-1]]
        numbers = key._key.private_numbers()
        pieces += [f"{numbers.d:x}"[:NEEDLE_BYTES], str(numbers.d)[:NEEDLE_BYTES]]
    return tuple(piece for piece in pieces if piece)


def assert_tells_nothing(error: BaseException | None) -> None:
    """Fail where an error, or one it came from, holds a piece of a secret."""
    while error is not None:
        shown = f"{error}{error!r}{error.args!r}{getattr(error, '__dict__', {})!r}"
        for needle in _needles():
            assert needle not in shown, f"{type(error).__name__} tells a secret"
        error = error.__cause__ or error.__context__


def refused(run: Callable[[], object], *errors: type[Exception]) -> bool:
    """Run it and say whether it was refused, by one of these errors and no other."""
    try:
        run()
    except errors as exc:
        assert_tells_nothing(exc)
        return True
    return False


def run_in_time(run: Callable[[], None]) -> None:
    """Run it, and fail where it takes the processor's time of a hang.

    The processor's clock costs more to read than an input to check, so that it is read
    for suspects only: a busy machine makes them.
    """
    started = time.monotonic()
    run()
    if time.monotonic() - started < MOST_SECONDS:
        return
    started = time.process_time()
    run()
    took = time.process_time() - started
    assert took < MOST_SECONDS, f"one input took {took:.1f} s"
