"""Logging, set up once by the commands."""

from __future__ import annotations

import logging
import sys


class _Formatter(logging.Formatter):
    """One line, with the id of the request or run it is about."""

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        ids = [f"{name}={value}" for name in ("request_id", "run_id") if (value := getattr(record, name, None))]
        return f"{line} [{' '.join(ids)}]" if ids else line


def configure_logging(level: str) -> None:
    """To standard error, where a supervisor picks it up."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for chatty in ("httpx", "watchfiles"):
        logging.getLogger(chatty).setLevel("WARNING")
