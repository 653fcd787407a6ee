/*
 * listen.h - GET /api/live-calls/{id}/listen: a live call's sound, over a
 * WebSocket
 *
 *   {"event": "start", "call_id": ..., "codec": "PCMU", "sample_rate": 8000,
 *    "channels": 2, "format": "s16le"}
 *   binary messages: samples of 16 bits, little-endian; left is what the call
 *   hears, right what it says (or both in one, with ?channels=1)
 *   {"event": "end", "end_reason": "stop"}
 *
 * A request that asks for no WebSocket is answered with the first of these.
 *
 * The sound comes out of a tap (server/live_taps.h), some 40 ms at a time. What
 * is heard sets the pace: it is passed on as it comes, bit for bit. Where
 * nothing comes the clock goes on with silence, 0.2 s behind. What is said may
 * have left long before its time, and is played in its time, as the caller
 * hears it. Who reads too slowly misses some (http_socket.h).
 *
 * Thread: the loop's.
 */
#ifndef SERVER_CONTROL_API_LISTEN_H
#define SERVER_CONTROL_API_LISTEN_H

#include "server/control/http/http.h"

http_handler listen_handle;

#endif
