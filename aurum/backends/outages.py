"""What a database that cannot be reached, is full or read-only is called: something that may pass."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
from sqlalchemy.exc import DataError, DBAPIError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from aurum.backends.unfit import UNFIT
from aurum.errors import AurumError, InvalidInput, Unavailable

_log = logging.getLogger(__name__)
_WHERE_HINT = "Or it is another one: AURUM_DATABASE__URL says where it is, else AURUM_HOME, else it is in ./var."
_OUTAGE_HINT = "Nothing was done by halves. Try again when the database is back; the log has the details."
_OUTAGE_CLASSES = ("08", "40", "53", "57", "58")  # PostgreSQL: connection, rollback, resources, intervention, system
_NO_TABLES = "the database has no tables yet, or not all of them: run `aurum migrate`"
_NO_FILE = "the database file cannot be opened, or there is none yet: run `aurum migrate`"
_HINTS = {_NO_TABLES: _WHERE_HINT, _NO_FILE: _WHERE_HINT}
_OUTAGES = {
    "database is locked": "the database is busy",
    "database or disk is full": "the database's disk is full",
    "readonly database": "the database is read-only",
    "25006 ": "the database is read-only",
    "28000 ": "the database does not let us in",
    "28P01 ": "the database does not let us in",
    "3D000 ": "the database does not exist",
    "53100 ": "the database's disk is full",
    "disk I/O error": "the database's disk fails",
    "unable to open database file": _NO_FILE,
    "no such table": _NO_TABLES,
    "42P01 ": _NO_TABLES,
}


@contextmanager
def outages() -> Iterator[None]:
    """Says in plain words that the database cannot be reached, is full or read-only: something that may pass."""
    try:
        yield
    except DBAPIError as error:
        told = _told(error.orig or error, isinstance(error, DataError), error.connection_invalidated)
        if told is None:
            raise
        raise told from error
    except StatementError as error:  # a value was refused before the database has seen it
        raise (error.orig if isinstance(error.orig, InvalidInput) else error) from None
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        told = _told(error, isinstance(error, asyncpg.DataError), isinstance(error, asyncpg.InterfaceError))
        if told is None:
            raise
        raise told from error
    except PoolTimeout as error:
        raise _unavailable("the database is busy: no connection is free", error) from error
    except OSError as error:
        raise _unavailable("the database cannot be reached", error) from error


def _told(cause: BaseException, wrong: bool, closed: bool) -> AurumError | None:
    """What to say. `wrong`: the database was given what it cannot take; `closed`: the connection is."""
    state = getattr(cause, "sqlstate", None) or ""
    if wrong or state.startswith("22"):
        return InvalidInput(UNFIT)
    told = f"{state} {cause}"
    message = next((said for sign, said in _OUTAGES.items() if sign in told), None)
    if message is None and (closed or state[:2] in _OUTAGE_CLASSES):
        message = "the database is not available"
    return None if message is None else _unavailable(message, cause)


def _unavailable(message: str, cause: BaseException | None) -> Unavailable:
    _log.warning("%s (AURUM_DATABASE__URL says where it is): %s", message, cause)
    return Unavailable(message, hint=_HINTS.get(message, _OUTAGE_HINT))
