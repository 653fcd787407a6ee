/*
 * quarantine.h - damaged bytes of a journal, put aside for people
 *
 * A reader passes over what is damaged; with its segment it would be gone in
 * the end. So the bytes are copied to
 *
 *   <outbox>/quarantine/<journal>-<segment>-<offset>.bin
 *
 * as they are. It is bounded: so many files, so many bytes of each; the first
 * ones are kept, because what comes later is often only more of the same.
 *
 * Thread: any, one at a time for one outbox.
 */
#ifndef PERSISTENCE_QUARANTINE_H
#define PERSISTENCE_QUARANTINE_H

#include <stdint.h>

#define QUARANTINE_DIR	     "quarantine"
#define QUARANTINE_FILES_MAX 64u
#define QUARANTINE_BYTES_MAX ((uint64_t)1 << 20)

/* Copies what lies between the bytes `from` and `to` of that segment. 1; 0 when
 * that has been done before; -EDQUOT when there are enough; -errno. */
int quarantine_save(const char *outbox_dir, const char *journal,
		    uint32_t segment, uint64_t from, uint64_t to);

#endif
