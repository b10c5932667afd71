"""132 workbooks of real size in one command, beside calamine reading them, on one core; and the memory it takes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from aurum.demo import eugp_workbook, rp_workbook
from aurum.demo.workbooks import VendorWorkbook

DAYS = 66
_COPIES = 5  # of the 67 columns of the look-alike: the vendor's own has 366
_READ = (
    "import sys; from tests.bench.__main__ import calamine; from pathlib import Path\n"
    "for path in map(Path, sys.argv[1:]): calamine(path.name, path.read_bytes())"
)


def wide_rp_workbook(as_of: date) -> VendorWorkbook:
    """A look-alike of RP with as many curves as the vendor's own: the same products again, under other names."""
    book, *others = [rp_workbook(as_of, seed=seed) for seed in range(_COPIES)]
    for number, other in enumerate(others, 2):
        for name, grid in other.sheets.items():
            for at, row in enumerate(grid):
                more = [f"{text} {number}" if at == 7 and text else text for text in row[2:]]
                book.sheets[name][at] += more
    return book


def _save(vendor: str, as_of: date, folder: Path) -> None:
    (eugp_workbook(as_of) if vendor == "EUGP" else wide_rp_workbook(as_of)).save(folder)


def make_files(folder: Path, console: Console, days: int = DAYS) -> list[Path]:
    start = date(2025, 1, 6)
    weekdays = [day for n in range(2 * days) if (day := start + timedelta(days=n)).weekday() < 5][:days]
    jobs = [(vendor, day) for day in weekdays for vendor in ("EUGP", "RP")]
    with ProcessPoolExecutor() as pool:
        made = [pool.submit(_save, vendor, day, folder) for vendor, day in jobs]
        for each in track(made, f"{len(jobs)} workbooks", console=console, transient=True):
            each.result()
    return sorted(folder.iterdir())


@dataclass
class Memory:
    """The resident memory of a process, in MiB, sampled while it runs."""

    pid: int
    samples: list[float] = field(default_factory=list)

    def watch(self, ended: threading.Event) -> None:
        status = Path(f"/proc/{self.pid}/status")
        while not ended.wait(0.1):
            lines = status.read_text().splitlines() if status.exists() else []
            self.samples += [int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")]

    def at(self, share: float) -> float:
        """The highest in the tenth of the run that ends there."""
        end = max(1, int(len(self.samples) * share))
        return max(self.samples[max(0, end - max(1, len(self.samples) // 10)) : end])


def timed(command: list[str], environment: dict[str, str]) -> tuple[float, Memory]:
    """Seconds of a command on one core."""
    process = subprocess.Popen(
        ["taskset", "-c", "0", *command], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    started = time.perf_counter()
    with _watched(process.pid) as memory:
        said, _ = process.communicate()
    seconds = time.perf_counter() - started
    if process.returncode:
        raise RuntimeError(said[-2000:])
    return seconds, memory


@contextmanager
def _watched(pid: int) -> Iterator[Memory]:
    memory, ended = Memory(pid), threading.Event()
    thread = threading.Thread(target=memory.watch, args=(ended,))
    thread.start()
    try:
        yield memory
    finally:
        ended.set()
        thread.join()


def measure(urls: dict[str, str], home: Path, console: Console) -> None:
    files = make_files(home / "vendor", console)
    alone, _ = timed([sys.executable, "-c", _READ, *map(str, files)], dict(os.environ))
    shares = {"after a half": 0.5, "three quarters": 0.75, "at the end": 1.0}
    table = Table("", "times calamine", *(f"MiB {when}" for when in shares), title=f"{len(files)} workbooks, one core")
    table.add_row("calamine reads the sheets", "1.0")
    for name, url in urls.items():
        environment = {**os.environ, "AURUM_HOME": str(home / name), "AURUM_DATABASE__URL": url}
        seconds, memory = timed([sys.executable, "-m", "aurum", "ingest", str(home / "vendor")], environment)
        used = (f"{memory.at(share):.0f}" for share in shares.values())
        table.add_row(f"aurum ingest, {name}", f"{seconds / alone:.1f}", *used)
    console.print(table)
