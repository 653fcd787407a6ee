/*
 * call_puppet.h - a handler that answers what it is told with what it was
 * taught
 *
 * Handlers act while they are told something: they speak back, clear, hang up.
 * This one does so at any time, as the input has it. It also looks on that it
 * is told the start first, the end last, and nothing in between twice.
 *
 * Thread: one.
 */
#ifndef TESTS_FUZZ_CALL_PUPPET_H
#define TESTS_FUZZ_CALL_PUPPET_H

#include <stdint.h>

struct handler;

/* For a new call. */
const struct handler *puppet_new(void);
/* The low three bits: when it is told of what; the next three: what it does. */
void puppet_teach(uint8_t lesson);
/* It has done nothing yet; it does not go on for ever. */
void puppet_rest(void);

/* Names that marks of ours may have. */
const char *puppet_mark(uint8_t n);

#endif
