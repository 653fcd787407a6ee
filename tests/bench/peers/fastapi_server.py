"""The same with FastAPI under uvicorn, on uvloop.

  fastapi_server.py PORT DSN DIRECTORY [--echo]
"""

import sys

import uvicorn
from call import Call, connect
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

PORT, DSN, DIRECTORY, ECHO = int(sys.argv[1]), sys.argv[2], sys.argv[3], "--echo" in sys.argv
app = FastAPI()
database = connect(DSN)


@app.websocket("/{path:path}")
async def stream(socket: WebSocket, path: str):
    await socket.accept()
    call = Call(database, DIRECTORY)
    try:
        while True:
            answer, over = await call.hear(await socket.receive_text(), ECHO)
            if answer:
                await socket.send_text(answer)
            if over:
                await socket.close()
                break
    except WebSocketDisconnect:
        pass
    finally:
        await call.end()


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="error", loop="uvloop", ws_ping_interval=None)
