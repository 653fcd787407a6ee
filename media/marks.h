/*
 * marks.h - the marks of a call that were sent and have not come back
 *
 * A provider says a mark back when it has played what came before it, or, after
 * a clear, unheard. Some lose the marks that they had when we clear.
 *
 * Thread: belongs to one call.
 */
#ifndef MEDIA_MARKS_H
#define MEDIA_MARKS_H

#include <stdbool.h>
#include <stddef.h>

#define MARKS_MAX 256u /* that are out at one time */

struct mark;
struct marks {
	struct mark *first, **end;
	unsigned count;
};

enum mark_fate { MARK_UNASKED, MARK_PLAYED, MARK_CLEARED };

/* False: there are too many, or no memory. */
bool marks_add(struct marks *marks, const char *name, size_t length);
/* The newest one was not sent after all. */
void marks_forget_newest(struct marks *marks);
/* One came back: the oldest of that name. */
enum mark_fate marks_take(struct marks *marks, const char *name);
/* All that are out will come back unheard. */
void marks_clear(struct marks *marks);
/* All of `from` behind those of `to`, however many. */
void marks_move(struct marks *to, struct marks *from);
/* None will come back: told to `each`, which may be NULL. */
void marks_lose(struct marks *marks, void (*each)(void *arg, const char *name),
		void *arg);

#endif
