"""Which files of a vendor are expected by when, and which of them are in.

`Expectations` is the document that operators edit, `Schedule` a vendor's days and due times, `status` says how it
stands with the files. What is built in for EUGP and RP is a guess until they confirm it. Measured on 28 real files, 14
days of each (12 to 28 February and 10 to 12 September 2025):

- Written between 17:15 and 17:17 New York time, in winter and in summer. London's clock fits as well: it was five hours
  ahead on all these days, and is not in the weeks when only one of the two has changed.
- No file of Presidents' Day (17 February), on which of the markets only those of New York and Toronto rest, and none of
  a day on which New York rests. That both vendors keep New York's calendar (XNYS) is a guess: no file tells about Good
  Friday, Columbus Day and Veterans Day, where it differs from the country's (US).
- No file of Friday 21 February 2025, on which every market was open: it is simply absent, and shown as missing
  unless an operator says `"closed": ["2025-02-21"]`.
- When a file reaches Aurum is not known. 18:00 and an hour of grace are guesses; they hold if the clock is London's.

Nothing is known of PW and SIMPLE: nothing is expected of them until an operator says what is.
"""

from __future__ import annotations

from aurum.ingestion.expectations.deliveries import Arrival, Delivery, DeliveryState, Expected, status
from aurum.ingestion.expectations.document import BUILT_IN, Expectations
from aurum.ingestion.expectations.schedule import Schedule

__all__ = ["BUILT_IN", "Arrival", "Delivery", "DeliveryState", "Expectations", "Expected", "Schedule", "status"]
