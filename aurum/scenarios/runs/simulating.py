"""What a worker does with the simulation of a run: reads the histories that are pinned, and computes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from aurum.auth import Principal
from aurum.scenarios.bases import Bases
from aurum.scenarios.digest import digest_of
from aurum.scenarios.documents import canonical
from aurum.scenarios.drivers import Driver
from aurum.scenarios.model import BaseCurve, Issue, Outcome
from aurum.scenarios.policies import Policies
from aurum.scenarios.runs.pinning import Pinned, unpack_histories
from aurum.scenarios.runs.simulated import Simulated
from aurum.scenarios.simulation.asked import Terms
from aurum.scenarios.simulation.computing import ARITHMETIC, compute, history_digest
from aurum.scenarios.simulation.documents import document_of
from aurum.scenarios.simulation.histories import History, history_of

_AT_ONCE = 50  # curves, with all their days, in a statement


@dataclass(frozen=True, slots=True)
class Task:
    """`ids` of the curves by their keys; `issues`: warnings of when it was asked for."""

    terms: Terms
    histories: Sequence[History]
    ids: Mapping[str, int]
    issues: Sequence[Issue]

    def compute(
        self, seed: int, curves: Sequence[BaseCurve], drivers: Sequence[Driver], outcome: Outcome, policies: Policies,
        done: Callable[[float], None],
    ) -> Simulated:  # fmt: skip
        return Simulated(compute(self.terms, seed, self.histories, curves, drivers, outcome, policies, done), self.ids)

    def input_digest(self, plain: str) -> str:
        """Of all that the run depends on, `plain` being that of a run without simulation."""
        told = canonical(document_of(self.terms))
        return digest_of(ARITHMETIC.encode(), plain.encode(), told, history_digest(self.histories).encode())


def output_digest_with(plain: str, found: Simulated) -> str:
    return digest_of(plain.encode(), found.computed.digest.encode())


async def task_of(bases: Bases, principal: Principal, pinned: Pinned, curves: Mapping[int, BaseCurve]) -> Task:
    """With the histories of curves, given by id; a statement for every fifty of them."""
    days, found = unpack_histories(pinned.histories), list[History]()
    ids = list(days)
    for start in range(0, len(ids), _AT_ONCE):
        part = {id_: days[id_] for id_ in ids[start : start + _AT_ONCE]}
        found += await _histories(bases, principal, part, curves, pinned.terms)
    return Task(pinned.terms, found, {curves[id_].key: id_ for id_ in ids}, pinned.issues)


async def _histories(
    bases: Bases, principal: Principal, wanted: Mapping[int, Sequence[int]], curves: Mapping[int, BaseCurve],
    terms: Terms,
) -> list[History]:  # fmt: skip
    days = iter(await bases.curves.mids_of(principal, [id_ for ids in wanted.values() for id_ in ids]))
    found = []
    for curve_id, ids in wanted.items():
        curve = curves[curve_id].curve
        each = history_of(curve, [next(days) for _ in ids])
        found.append(replace(each, absolute=True) if curve.key in terms.absolute else each)
    return found
