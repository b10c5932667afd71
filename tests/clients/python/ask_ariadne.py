"""One query and one subscription with the client that ariadne-codegen has made: prints what they answer."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import aclosing

from aurum_client import Aurum, CurveFilter, TenorType  # type: ignore[import-not-found]  # made when it is needed


async def main(url: str) -> None:
    async with Aurum(url=url, ws_url=url.replace("http", "ws")) as aurum:
        curve = (await aurum.curve_prices("eugp:eu/dutch_ttf/gas", [TenorType.MONTH])).curve
        async with aclosing(aurum.curves_published("0", CurveFilter(products=["gas"]))) as events:
            event = (await anext(events)).curve_published.model_dump(mode="json", by_alias=True)
    mids = [point.mid for point in curve.snapshot.points]
    print(json.dumps({"name": curve.name, "asOf": str(curve.snapshot.as_of), "mids": mids, "event": event}))  # noqa: T201  a program


asyncio.run(main(sys.argv[1]))
