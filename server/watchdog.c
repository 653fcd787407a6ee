/*
 * watchdog.c - counts checks without a heartbeat (see watchdog.h)
 */
#include "server/watchdog.h"

#include <stdbool.h>

#define CHECK_MS 1000u

/* True when it has stood still for too many of our checks. */
static bool stands_still(struct watchdog *dog, size_t i, uint32_t checks_max)
{
	struct board_thread *thread = board_thread_at(i);
	int32_t pid = atomic_load(&thread->pid);
	uint64_t beats = atomic_load(&thread->beats);

	if (pid <= 0 || !atomic_load(&thread->watched) ||
	    pid != dog->seen[i].pid || beats != dog->seen[i].beats) {
		dog->seen[i].pid = pid;
		dog->seen[i].beats = beats;
		dog->seen[i].checks = 0;
		return false;
	}
	if (++dog->seen[i].checks < checks_max)
		return false;
	dog->seen[i].checks = 0;
	return true;
}

void watchdog_check(struct watchdog *dog, uint64_t now_ms, uint32_t timeout_ms,
		    void (*stuck)(int32_t pid, const char *thread, void *arg),
		    void *arg)
{
	uint32_t checks_max = (timeout_ms + CHECK_MS - 1) / CHECK_MS;

	if (now_ms - dog->checked_ms < CHECK_MS)
		return;
	dog->checked_ms = now_ms;
	for (size_t i = 0; i < BOARD_THREADS; i++)
		if (stands_still(dog, i, checks_max))
			stuck(dog->seen[i].pid, board_thread_at(i)->name, arg);
}
