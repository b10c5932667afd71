"""Digests of what a run is computed from, and of what it answers: the same on every machine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np

from aurum.curves.model import Prices, pack
from aurum.scenarios.documents import canonical, write_driver, write_policy
from aurum.scenarios.drivers import Driver
from aurum.scenarios.model import BaseCurve, Outcome
from aurum.scenarios.policies import SHIPPED, Policies
from aurum.scenarios.references import policies_used
from aurum.scenarios.registry import FORMULAS


def input_digest(
    curves: Iterable[BaseCurve], drivers: Sequence[Driver], *, seed: int | None = None, policies: Policies = SHIPPED
) -> str:
    """SHA-256 (hex) of everything that the answer depends on: equal inputs have equal answers, to the bit.

    Of a curve: keys, commodity, currency, unit, as-of date, version, tenors and mids, in the order of keys; of the
    drivers their documents in order, and the policy versions that they come to; the seed; the version of the formulas.
    """
    return digest_of(
        b"aurum scenario input", FORMULAS.encode(), canonical(seed),
        canonical([write_driver(each) for each in drivers]),
        canonical([write_policy(each) for each in policies_used(drivers, policies)]),
        *(part for each in sorted(curves, key=lambda each: each.key) for part in _curve(each)),
    )  # fmt: skip


def output_digest(outcome: Outcome) -> str:
    """SHA-256 (hex) of every mid and every contribution."""
    parts = [b"aurum scenario output"]
    for key, curve in sorted(outcome.curves.items()):
        parts += [key.encode(), bits_of(curve.mid)]
        for each in curve.contributions:
            parts += [str(each.driver).encode(), bits_of(each.amounts)]
    return digest_of(*parts)


def _curve(base: BaseCurve) -> list[bytes]:
    curve = base.curve
    told = [curve.key, curve.legacy_key, curve.commodity, curve.currency, curve.unit, str(base.as_of), base.version]
    return [canonical(told), base.tenors.digest.encode(), bits_of(base.mid)]


def bits_of(prices: Prices) -> bytes:
    """Little-endian float64, with one NaN and one zero."""
    return pack(np.where(np.isnan(prices), np.nan, prices + 0.0))


def digest_of(*parts: bytes) -> str:
    """Each part with its length before it, so that no two lists of parts are the same bytes."""
    found = hashlib.sha256()
    for part in parts:
        found.update(len(part).to_bytes(8, "little"))
        found.update(part)
    return found.hexdigest()
