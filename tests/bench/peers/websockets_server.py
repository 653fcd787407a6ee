"""The job as a Python team writes it with `websockets` and psycopg2: one coroutine a call, the database in threads.

  websockets_server.py PORT DSN DIRECTORY [--echo]
"""

import asyncio
import sys

import websockets
from call import Call, connect


async def main(port, dsn, directory, echo):
    database = connect(dsn)

    async def serve(socket):
        call = Call(database, directory)
        try:
            async for message in socket:
                answer, over = await call.hear(message, echo)
                if answer:
                    await socket.send(answer)
                if over:
                    break
        finally:
            await call.end()

    async with websockets.serve(serve, "127.0.0.1", port, compression=None, ping_interval=None):
        await asyncio.Future()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], sys.argv[3], "--echo" in sys.argv))
