"""A TCP proxy that breaks connections: each is cut after a random number of bytes, with a given chance."""

import argparse
import asyncio
import contextlib
import random


class FaultProxy:
    """Forwards to `target` and cuts a share of the connections off somewhere in the first 20 KB."""

    def __init__(self, target: int, *, cut_share: float, seed: int) -> None:
        self.target, self.cut_share, self.chance = target, cut_share, random.Random(seed)
        self.cuts = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.target)
        budget = self.chance.randrange(200, 20_000) if self.chance.random() < self.cut_share else None
        try:
            await asyncio.wait(
                [
                    asyncio.create_task(self.pump(reader, back, budget)),
                    asyncio.create_task(self.pump(there, writer, None)),
                ],
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            for one in (writer, back):
                one.transport.abort()

    async def pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, budget: int | None) -> None:
        passed = 0
        with contextlib.suppress(ConnectionError):
            while chunk := await source.read(512):
                passed += len(chunk)
                if budget is not None and passed > budget:
                    self.cuts += 1
                    return
                sink.write(chunk)
                await sink.drain()


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--target", type=int, required=True)
    parser.add_argument("--cut-share", type=float, default=0.2)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    proxy = FaultProxy(asked.target, cut_share=asked.cut_share, seed=asked.seed)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", asked.port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
