/* turns.c - calls that wait for the clock (see turns.h) */
#include "media/turns.h"

#include <stddef.h>

static void push(struct turn **list, struct turn *turn)
{
	turn->next = *list;
	turn->at = list;
	if (turn->next)
		turn->next->at = &turn->next;
	*list = turn;
}

static void take_out(struct turn *turn)
{
	*turn->at = turn->next;
	if (turn->next)
		turn->next->at = turn->at;
	turn->next = NULL;
	turn->at = NULL;
}

/* The whole slot at once: who waits again must not come twice. */
static void run_slot(struct turns *turns, uint64_t now_ms)
{
	struct turn *come = turns->slots[turns->newest];

	turns->slots[turns->newest] = NULL;
	turns->newest = (turns->newest + 1) % TURN_SLOTS;
	if (come)
		come->at = &come;
	while (come) {
		struct turn *turn = come;

		take_out(turn);
		turns->count--;
		turns->come(turn, now_ms);
	}
}

static void on_timer(struct ev_loop *ev, ev_timer *timer, int events)
{
	struct turns *turns = timer->data;
	uint64_t now_ms = turns->clock_ms();

	(void)events;
	for (unsigned i = 0; i < TURN_SLOTS && turns->next_ms <= now_ms; i++) {
		turns->next_ms += TURN_MS;
		run_slot(turns, now_ms);
	}
	if (turns->next_ms <= now_ms) /* we were away: begin anew */
		turns->next_ms = now_ms + TURN_MS;
	if (turns->count == 0)
		ev_timer_stop(ev, timer);
}

void turns_init(struct turns *turns, struct ev_loop *ev,
		uint64_t (*clock_ms)(void),
		void (*come)(struct turn *turn, uint64_t now_ms))
{
	*turns = (struct turns){ .ev = ev, .come = come, .clock_ms = clock_ms };
	ev_timer_init(&turns->timer, on_timer, 0, TURN_MS / 1000.0);
	turns->timer.data = turns;
}

void turns_wait(struct turns *turns, struct turn *turn, uint64_t due_ms)
{
	uint64_t steps = 0;

	if (turn_waits(turn))
		return;
	if (turns->count++ == 0 && !ev_is_active(&turns->timer)) {
		turns->next_ms = turns->clock_ms() + TURN_MS;
		ev_now_update(turns->ev);
		ev_timer_again(turns->ev, &turns->timer);
	}
	if (due_ms > turns->next_ms)
		steps = (due_ms - turns->next_ms + TURN_MS - 1) / TURN_MS;
	if (steps >= TURN_SLOTS)
		steps = TURN_SLOTS - 1;
	push(&turns->slots[(turns->newest + steps) % TURN_SLOTS], turn);
}

void turns_leave(struct turns *turns, struct turn *turn)
{
	if (!turn_waits(turn))
		return;
	take_out(turn);
	turns->count--;
}

bool turn_waits(const struct turn *turn)
{
	return turn->at != NULL;
}
