# SPDX-License-Identifier: Apache-2.0
"""A workload: httpx with h2, in cleartext by prior knowledge and in TLS. python_client.py CLEARTEXT-URL TLS-URL"""

import asyncio
import sys

import httpx


async def main() -> None:
    for url in sys.argv[1:]:
        async with httpx.AsyncClient(http1=False, http2=True, verify=False, trust_env=False) as client:
            await client.get(f"{url}/python?bytes=5000", headers={"x-api-key": "s3cret", "x-text": "one"})
            await asyncio.gather(
                *(client.post(f"{url}/python/{n}?echo&trailers", content=b"body %d " % n * 500) for n in range(20))
            )


asyncio.run(main())
