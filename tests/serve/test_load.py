import asyncio
import os
import sys
from collections import Counter
from pathlib import Path

import httpx
import pytest

from im2latex_cli.serve.app import Server
from im2latex_cli.services.serve import Answers, open_document
from im2latex_cli.settings.sections import DecodeSettings, RuntimeSettings, ServeSettings, Settings

REQUESTS, TOGETHER = 500, 50
GROWTH = 50_000_000


def resident() -> int:
    """Return the bytes of memory that this process holds."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


async def ask(url: str, png: bytes, count: int) -> Counter[int]:
    limits = httpx.Limits(max_connections=TOGETHER)
    statuses: Counter[int] = Counter()
    async with httpx.AsyncClient(base_url=url, timeout=120, limits=limits) as client:

        async def worker() -> None:
            for _ in range(count // TOGETHER):
                answer = await client.post("/predict?svg=true&attention=true", content=png)
                statuses[answer.status_code] += bool(answer.json())

        await asyncio.gather(*(worker() for _ in range(TOGETHER)))
    return statuses


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads memory from /proc")
def test_none_of_500_requests_is_lost_and_memory_stays_flat(serving, model_file, png):
    settings = Settings(
        decode=DecodeSettings(beam=3, max_tokens=12),
        runtime=RuntimeSettings(device="cpu", threads=1),
    )
    server = Server(
        Answers(settings, str(model_file)), open_document, ServeSettings(timeout=120), model="tiny"
    )
    with serving(server.app()) as url:
        asyncio.run(ask(url, png, 2 * TOGETHER))
        before = resident()
        assert asyncio.run(ask(url, png, REQUESTS)) == {200: REQUESTS}
        grown = resident() - before
    print(f"memory grew by {grown / 1e6:.1f} MB")
    assert server.metrics.requests == {200: REQUESTS + 2 * TOGETHER}
    assert grown < GROWTH, grown
