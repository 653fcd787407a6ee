/*
 * scenes.h - what is counted, each a run of the real thing (stage.h)
 *
 *   recorded   calls of Twilio, from the request to the finished recording
 *   echo       likewise, and each frame goes back
 *   binary     calls of Vonage: samples in binary messages
 *   swapped    the same in the other byte order: each frame is converted
 *   drain      records of an outbox, into SQLite
 *
 * Thread: the director's.
 */
#ifndef TESTS_BENCH_INSTRUCTIONS_SCENES_H
#define TESTS_BENCH_INSTRUCTIONS_SCENES_H

/* A media process with its data in `dir`, and calls to it. */
void scenes_of_calls(const char *dir);
/* A drainer with an outbox and a database in `dir`. */
void scene_of_drain(const char *dir);

#endif
