// The job as a Node team writes it, with `ws` and `pg`.
//
//   server.mjs PORT DSN DIRECTORY [--echo]
import { createWriteStream } from 'node:fs';
import path from 'node:path';

import pg from 'pg';
import { WebSocketServer } from 'ws';

const [port, dsn, directory] = process.argv.slice(2);
const echo = process.argv.includes('--echo');
const pool = new pg.Pool({ connectionString: dsn, max: 40 });
await pool.query(`CREATE TABLE IF NOT EXISTS peer_calls (
    call_id text PRIMARY KEY, stream_id text, frames bigint, started_at timestamptz DEFAULT now(), ended_at timestamptz)`);

const server = new WebSocketServer({ host: '127.0.0.1', port: Number(port), perMessageDeflate: false });

server.on('connection', (socket) => {
  let callId, streamId, file, frames = 0;

  socket.on('message', async (data) => {
    const message = JSON.parse(data);
    if (message.event === 'media') {
      const audio = Buffer.from(message.media.payload, 'base64');
      file.write(audio);
      frames += 1;
      if (echo) {
        socket.send(JSON.stringify({ event: 'media', streamSid: streamId, media: { payload: audio.toString('base64') } }));
      }
    } else if (message.event === 'start') {
      callId = message.start.callSid;
      streamId = message.start.streamSid;
      file = createWriteStream(path.join(directory, `${callId}.ulaw`));
      await pool.query('INSERT INTO peer_calls (call_id, stream_id) VALUES ($1, $2)', [callId, streamId]);
    } else if (message.event === 'stop') {
      socket.close(1000);
    }
  });
  socket.on('close', async () => {
    if (!file) return;
    file.end();
    await pool.query('UPDATE peer_calls SET frames = $1, ended_at = now() WHERE call_id = $2', [frames, callId]);
  });
});
