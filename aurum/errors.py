"""What can go wrong, with a code for programs, a status for HTTP and a hint for people.

AurumError
├── InvalidInput            BAD_USER_INPUT 422     a value that the caller can mend
│   ├── InvalidCursor       INVALID_CURSOR 400
│   │   └── CursorTooOld    CURSOR_TOO_OLD         of an event that is no longer kept
│   ├── NoBlockHours        NO_BLOCK_HOURS         nobody knows which hours a curve is delivered in
│   ├── UnknownTenor        UNKNOWN_TENOR
│   ├── InvalidExpression   INVALID_EXPRESSION     `position`: at which character, from 1
│   ├── UnknownUnit         UNKNOWN_UNIT           nobody has said what a curve is priced in
│   ├── UnitMismatch        UNIT_MISMATCH          two units between which nothing converts
│   │   └── NoExchangeRate  NO_EXCHANGE_RATE       two currencies
│   ├── MixedDays           MIXED_DAYS             inputs of several as-of dates
│   ├── TooLittleHistory    TOO_LITTLE_HISTORY     too few days to say how curves move: `found`, `needed`
│   ├── Overflow            OVERFLOW               what is computed is too large for a number
│   ├── InvalidScenario     INVALID_SCENARIO       `issues`: each with its code, field path and suggestion
│   └── ExportTooLarge      EXPORT_TOO_LARGE       more points than are exported in this way
├── NotFound                NOT_FOUND 404
├── Expired                 EXPIRED 410            it was there, and is not kept any more
├── Unauthenticated         UNAUTHENTICATED 401
├── Forbidden               FORBIDDEN 403
│   └── SamePerson          FORBIDDEN              somebody else has to do it
├── Conflict                CONFLICT 409
├── NotTrusted              NOT_TRUSTED 409        there is a number, but not as good as it was asked for
├── TooManyExports          TOO_MANY_EXPORTS 429   of a tenant
├── Unavailable             UNAVAILABLE 503        passes: try again
└── WorkbookRefused         WORKBOOK_REFUSED 422   a file of which nothing is loaded
    ├── NotAWorkbook        NOT_A_WORKBOOK
    ├── EncryptedWorkbook   ENCRYPTED_WORKBOOK
    ├── WorkbookTooLarge    WORKBOOK_TOO_LARGE
    ├── UnknownVendor       UNKNOWN_VENDOR
    ├── MissingSheet        MISSING_SHEET
    ├── UnreadableSheet     UNREADABLE_SHEET       labels or data block not found
    ├── MissingAsOf         MISSING_AS_OF
    └── AsOfMismatch        AS_OF_MISMATCH
"""

from __future__ import annotations

from typing import Any, ClassVar


class AurumError(Exception):
    """Anything that Aurum tells its callers. `message` and `hint` are safe to show; `details` go into extensions."""

    code: ClassVar[str] = "INTERNAL"
    status: ClassVar[int] = 500

    def __init__(self, message: str, *, hint: str | None = None, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details


class InvalidInput(AurumError):
    code = "BAD_USER_INPUT"
    status = 422


class InvalidCursor(InvalidInput):
    code = "INVALID_CURSOR"
    status = 400


class CursorTooOld(InvalidCursor):
    code = "CURSOR_TOO_OLD"


class UnknownTenor(InvalidInput):
    """A label that names no delivery period, or more than one."""

    code = "UNKNOWN_TENOR"


class NoBlockHours(InvalidInput):
    """Weights by hours are asked for a curve whose calendar or block is not known: they are never guessed."""

    code = "NO_BLOCK_HOURS"


class InvalidExpression(InvalidInput):
    """An expression of curves that says nothing, or too much. `details` holds `position` where one is to blame."""

    code = "INVALID_EXPRESSION"


class UnknownUnit(InvalidInput):
    code = "UNKNOWN_UNIT"


class UnitMismatch(InvalidInput):
    """`details` holds both units."""

    code = "UNIT_MISMATCH"


class NoExchangeRate(UnitMismatch):
    code = "NO_EXCHANGE_RATE"


class MixedDays(InvalidInput):
    """`details` holds the as-of dates."""

    code = "MIXED_DAYS"


class TooLittleHistory(InvalidInput):
    """`details` holds `found` and `needed`, which count daily moves, and the as-of `days`."""

    code = "TOO_LITTLE_HISTORY"


class Overflow(InvalidInput):
    """What is computed of finite numbers is too large for one: it is refused, never infinite."""

    code = "OVERFLOW"


class InvalidScenario(InvalidInput):
    """Drivers that cannot be run. `details` holds `issues`."""

    code = "INVALID_SCENARIO"


class ExportTooLarge(InvalidInput):
    """`details` holds `most`."""

    code = "EXPORT_TOO_LARGE"


class NotFound(AurumError):
    code = "NOT_FOUND"
    status = 404


class Expired(AurumError):
    code = "EXPIRED"
    status = 410


class Unauthenticated(AurumError):
    code = "UNAUTHENTICATED"
    status = 401


class Forbidden(AurumError):
    code = "FORBIDDEN"
    status = 403


class SamePerson(Forbidden):
    """Four eyes are asked for, and these are the same two."""


class Conflict(AurumError):
    code = "CONFLICT"
    status = 409


class NotTrusted(AurumError):
    """`details` holds `asOf` and `failed`: for each requirement that is not met what was found and what is wanted."""

    code = "NOT_TRUSTED"
    status = 409


class TooManyExports(AurumError):
    code = "TOO_MANY_EXPORTS"
    status = 429


class Unavailable(AurumError):
    code = "UNAVAILABLE"
    status = 503


class WorkbookRefused(AurumError):
    """Nothing of the file is loaded. `details` holds `file` and, where known, `sheet` and `cell`."""

    code = "WORKBOOK_REFUSED"
    status = 422


class NotAWorkbook(WorkbookRefused):
    code = "NOT_A_WORKBOOK"


class EncryptedWorkbook(WorkbookRefused):
    code = "ENCRYPTED_WORKBOOK"


class WorkbookTooLarge(WorkbookRefused):
    code = "WORKBOOK_TOO_LARGE"


class UnknownVendor(WorkbookRefused):
    code = "UNKNOWN_VENDOR"


class MissingSheet(WorkbookRefused):
    code = "MISSING_SHEET"


class UnreadableSheet(WorkbookRefused):
    code = "UNREADABLE_SHEET"


class MissingAsOf(WorkbookRefused):
    code = "MISSING_AS_OF"


class AsOfMismatch(WorkbookRefused):
    code = "AS_OF_MISMATCH"
