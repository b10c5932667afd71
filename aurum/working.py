"""Workers: the processes that compute runs of scenarios, and `aurum worker`, which has some of them."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path

from aurum.errors import Unavailable
from aurum.scenarios.runs.crew import Crew, environment_of
from aurum.scenarios.runs.execution import execute
from aurum.scenarios.runs.model import Claim
from aurum.services import Services, open_services
from aurum.settings import Settings
from aurum.telemetry import configure_logging

_NICE = 5  # whoever answers requests goes first: three to one
_AUTOGROUP = Path("/proc/self/autogroup")  # Linux shares out between sessions first: nice alone says nothing to others
_log = logging.getLogger(__name__)


async def worker(settings: Settings) -> None:
    """Executes queued runs until a signal says stop."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with open_services(settings) as services:
        watching = asyncio.create_task(Crew(services.scenario_runs, environment_of(settings)).watch())
        await stop.wait()
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def _obey(settings: Settings) -> None:
    """Executes the claims that come as lines, one after the other."""
    claims: asyncio.Queue[Claim] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    threading.Thread(target=_listen, args=(loop, claims), daemon=True).start()
    async with open_services(settings) as services:
        while True:
            sys.stdout.write(await _done(services, await claims.get()) + "\n")
            sys.stdout.flush()


async def _done(services: Services, claim: Claim) -> str:
    try:
        await execute(services.scenario_runs, claim)
    except Unavailable as error:
        _log.warning("run %s is put off: %s", claim.run_id, error.message, extra={"run_id": claim.run_id})
        await asyncio.sleep(1)
        return "later"
    return "done"


def _listen(loop: asyncio.AbstractEventLoop, claims: asyncio.Queue[Claim]) -> None:
    """Whoever has started this process is gone when nothing comes any more: so is this process, at once."""
    for line in sys.stdin:
        loop.call_soon_threadsafe(claims.put_nowait, Claim(*json.loads(line)))
    os._exit(0)


def _yield_to_others() -> None:
    os.nice(_NICE)
    with suppress(OSError):  # there is none, or it does not count here
        _AUTOGROUP.write_text(str(_NICE))


def _limit(memory_mib: int | None) -> None:
    if memory_mib is not None:
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (memory_mib * 2**20, memory_mib * 2**20))


if __name__ == "__main__":
    _settings = Settings()
    configure_logging(_settings.log_level)
    _yield_to_others()
    _limit(_settings.scenarios.memory_mib)
    asyncio.run(_obey(_settings))
