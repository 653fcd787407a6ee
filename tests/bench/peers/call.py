"""What both Python peers do with a call: a row when it starts and when it ends, its audio into a file."""

import asyncio
import base64
import json
import os

import psycopg2.pool

CREATE = """CREATE TABLE IF NOT EXISTS peer_calls (
    call_id text PRIMARY KEY, stream_id text, frames bigint, started_at timestamptz DEFAULT now(), ended_at timestamptz)"""


class Database:
    def __init__(self, dsn):
        self.pool = psycopg2.pool.ThreadedConnectionPool(1, 40, dsn)

    def run(self, statement, *values):
        connection = self.pool.getconn()
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(statement, values)
        finally:
            self.pool.putconn(connection, close=connection.closed != 0)


def connect(dsn):
    database = Database(dsn)
    database.run(CREATE)
    return database


class Call:
    def __init__(self, database, directory):
        self.database, self.directory = database, directory
        self.call_id, self.stream_id, self.frames, self.file = None, None, 0, None

    async def hear(self, text, echo):
        """What is to be answered, and whether the call is over."""
        message = json.loads(text)
        if message["event"] == "media":
            audio = base64.b64decode(message["media"]["payload"])
            self.file.write(audio)
            self.frames += 1
            if echo:
                return json.dumps({"event": "media", "streamSid": self.stream_id,
                                   "media": {"payload": base64.b64encode(audio).decode()}}), False
        elif message["event"] == "start":
            self.call_id, self.stream_id = message["start"]["callSid"], message["start"]["streamSid"]
            self.file = open(os.path.join(self.directory, self.call_id + ".ulaw"), "wb")
            await asyncio.to_thread(self.database.run,
                                    "INSERT INTO peer_calls (call_id, stream_id) VALUES (%s, %s)",
                                    self.call_id, self.stream_id)
        return None, message["event"] == "stop"

    async def end(self):
        if not self.file:
            return
        self.file.close()
        await asyncio.to_thread(self.database.run,
                                "UPDATE peer_calls SET frames = %s, ended_at = now() WHERE call_id = %s",
                                self.frames, self.call_id)
