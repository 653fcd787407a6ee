/*
 * allocations.h - how often anything in this process has asked for memory
 *
 * Libraries count as well: what a codec allocates is what we allocate.
 */
#ifndef TESTS_SUPPORT_ALLOCATIONS_H
#define TESTS_SUPPORT_ALLOCATIONS_H

/* Since the program began. To be called once before what is measured, so that
 * counting has begun. */
unsigned long allocations_count(void);

#endif
