/* marks.c - the marks of a call that are out (see marks.h) */
#include "media/marks.h"

#include <stdlib.h>
#include <string.h>

struct mark {
	struct mark *next;
	bool cleared;
	char name[];
};

static struct mark **end_of(struct marks *marks)
{
	return marks->first ? marks->end : &marks->first;
}

bool marks_add(struct marks *marks, const char *name, size_t length)
{
	struct mark *mark;

	if (marks->count >= MARKS_MAX)
		return false;
	mark = malloc(sizeof(*mark) + length + 1);
	if (!mark)
		return false;
	mark->next = NULL;
	mark->cleared = false;
	memcpy(mark->name, name, length);
	mark->name[length] = '\0';
	*end_of(marks) = mark;
	marks->end = &mark->next;
	marks->count++;
	return true;
}

static void take_out(struct marks *marks, struct mark **at)
{
	struct mark *mark = *at;

	*at = mark->next;
	if (!mark->next)
		marks->end = at;
	marks->count--;
	free(mark);
}

void marks_forget_newest(struct marks *marks)
{
	struct mark **at = &marks->first;

	if (!*at)
		return;
	while ((*at)->next)
		at = &(*at)->next;
	take_out(marks, at);
}

enum mark_fate marks_take(struct marks *marks, const char *name)
{
	struct mark **at = &marks->first;
	bool cleared;

	while (*at && strcmp((*at)->name, name) != 0)
		at = &(*at)->next;
	if (!*at)
		return MARK_UNASKED;
	cleared = (*at)->cleared;
	take_out(marks, at);
	return cleared ? MARK_CLEARED : MARK_PLAYED;
}

void marks_clear(struct marks *marks)
{
	for (struct mark *mark = marks->first; mark; mark = mark->next)
		mark->cleared = true;
}

void marks_move(struct marks *to, struct marks *from)
{
	if (!from->first)
		return;
	*end_of(to) = from->first;
	to->end = from->end;
	to->count += from->count;
	*from = (struct marks){ 0 };
}

void marks_lose(struct marks *marks, void (*each)(void *arg, const char *name),
		void *arg)
{
	while (marks->first) {
		if (each)
			each(arg, marks->first->name);
		take_out(marks, &marks->first);
	}
}
