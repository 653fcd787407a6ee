/*
 * failing_memory.h - every allocation asks failing.h whether it is to fail
 *
 * Thread: call it once, before anything else.
 */
#ifndef TESTS_SUPPORT_FAILING_MEMORY_H
#define TESTS_SUPPORT_FAILING_MEMORY_H

void failing_memory_install(void);

#endif
