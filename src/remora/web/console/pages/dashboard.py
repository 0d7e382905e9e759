"""A bot's dashboard: what was done with points, what is outstanding, and how look-ups were answered."""

from __future__ import annotations

import asyncio
from collections import Counter

from starlette.responses import Response

from remora.service import console, report
from remora.web import families
from remora.web.console import charts
from remora.web.console.formats import Zone
from remora.web.console.visit import Visit
from remora.web.endpoint import Services


async def show(visit: Visit) -> Response:
    """The charts of one bot, each with its numbers."""
    bot_id = visit.part("bot_id")
    status = await visit.do(console.bot, visit.authority, bot_id)
    counted = await visit.do(visit.shared.reports.of, visit.authority, bot_id)
    t = visit.language
    looked_up = await asyncio.to_thread(_looked_up, visit.services, bot_id)
    months = [
        (
            t("dashboard.never") if month.never else str(month.first)[:7] if month.first else t("dashboard.later"),
            month.points,
        )
        for month in counted.months
    ]
    return visit.page(
        "dashboard.html",
        bot=status.bot,
        zone=Zone(status.bot.time_zone),
        report=counted,
        days=report.DAYS,
        moved=[
            charts.columns(
                [str(day.day)[5:] for day in counted.days],
                [
                    ("granted", [day.granted for day in counted.days]),
                    ("spent", [day.spent for day in counted.days]),
                    ("expired", [day.expired for day in counted.days]),
                ],
                width,
            )
            for width in charts.WIDTHS
        ],
        outstanding=[charts.rows(months, width) for width in charts.WIDTHS],
        months=months,
        looked_up=looked_up,
        lookups=[charts.rows(list(looked_up.items()), width) for width in charts.WIDTHS],
    )


def _looked_up(services: Services, bot_id: str) -> dict[str, int]:
    """How many look-ups of a bot ended in each status, in all workers since the first of them started."""
    found: Counter[str] = Counter()
    for reading in services.metrics.tally.readings():
        for name, cells in reading.cells.items():
            if name[:2] == (families.LOOKUPS.name, bot_id):
                found[name[2]] += int(cells[0])
    return dict(sorted(found.items()))
