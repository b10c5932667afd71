"""Work that goes on round after round, for as long as the server runs."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from aurum.errors import AurumError


@contextmanager
def going_on(log: logging.Logger, what: str) -> Iterator[None]:
    """Says what went wrong; whatever it was, the next round may do."""
    try:
        yield
    except AurumError as error:
        log.warning("%s: %s", what, error.message)
    except Exception:
        log.exception("%s", what)
