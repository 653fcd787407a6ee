/*
 * call_script.c - a call's life as bytes, and how such bytes are mutated (see
 * call_script.h)
 *
 * libFuzzer alone nearly always breaks a length, and with it all that follows.
 * So most mutations change one message inside and put its length right, or one
 * step as a whole.
 */
#include "fuzz/call_script.h"

#include <string.h>

#include "support/dice.h"

#define LENGTH_BYTES 2u
#define STEPS_MAX    512u /* that are told apart */

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t room);

bool script_next(const uint8_t **at, size_t *left, struct step *step)
{
	size_t length = 1, head = 1;

	if (*left < 2)
		return false;
	step->op = **at & 15;
	if (step->op >= OPS)
		step->op = OP_TEXT;
	if (step->op <= OP_BINARY) {
		head += LENGTH_BYTES;
		if (*left < head)
			return false;
		length = (size_t)((*at)[1] << 8 | (*at)[2]);
		if (length > *left - head)
			length = *left - head;
	}
	step->at = *at + head;
	step->bytes = length;
	step->n = step->op <= OP_BINARY ? 0 : *step->at;
	*at += head + length;
	*left -= head + length;
	return true;
}

/* Where each step begins; one more: where the last one ends. */
static size_t find_steps(const uint8_t *data, size_t size,
			 size_t starts[STEPS_MAX + 1])
{
	const uint8_t *at = data + SCRIPT_HEAD;
	size_t left = size - SCRIPT_HEAD, count = 0;
	struct step step;

	starts[0] = SCRIPT_HEAD;
	while (count < STEPS_MAX && script_next(&at, &left, &step))
		starts[++count] = (size_t)(at - data);
	return count;
}

/* Makes `bytes` at `at` to `into`, and moves what follows. */
static size_t resize(uint8_t *data, size_t size, size_t at, size_t bytes,
		     size_t into)
{
	memmove(data + at + into, data + at + bytes, size - at - bytes);
	return size - bytes + into;
}

static size_t mutate_message(uint8_t *data, size_t size, size_t room,
			     size_t start, size_t end)
{
	static uint8_t message[UINT16_MAX];
	size_t head = start + 1 + LENGTH_BYTES, bytes = end - head, most, now;

	most = bytes + room - size;
	if (most > sizeof(message))
		most = sizeof(message);
	if (most == 0)
		return size;
	memcpy(message, data + head, bytes);
	now = LLVMFuzzerMutate(message, bytes, most);
	size = resize(data, size, head, bytes, now);
	memcpy(data + head, message, now);
	data[start + 1] = (uint8_t)(now >> 8);
	data[start + 2] = (uint8_t)now;
	return size;
}

/* A copy of one step elsewhere. */
static size_t repeat(uint8_t *data, size_t size, size_t room, size_t start,
		     size_t end, size_t to)
{
	static uint8_t step[1 + LENGTH_BYTES + UINT16_MAX];
	size_t bytes = end - start;

	if (bytes > room - size)
		return size;
	memcpy(step, data + start, bytes);
	size = resize(data, size, to, 0, bytes);
	memcpy(data + to, step, bytes);
	return size;
}

/* A new one that is no message. */
static size_t insert(uint8_t *data, size_t size, size_t room, size_t to,
		     struct dice *dice)
{
	if (room - size < 2)
		return size;
	size = resize(data, size, to, 0, 2);
	data[to] = (uint8_t)(OP_PASS + dice_throw(dice, OPS - OP_PASS));
	data[to + 1] = (uint8_t)dice_next(dice);
	return size;
}

size_t script_mutate(uint8_t *data, size_t size, size_t room, unsigned seed)
{
	struct dice dice = dice_seed(seed);
	size_t starts[STEPS_MAX + 1], count = 0, one, to;

	if (size > SCRIPT_HEAD)
		count = find_steps(data, size, starts);
	if (count == 0 || dice_once_in(&dice, 8))
		return LLVMFuzzerMutate(data, size, room);
	one = dice_throw(&dice, count);
	to = starts[dice_throw(&dice, count + 1)];
	switch (dice_throw(&dice, 8)) {
	case 0:
		return repeat(data, size, room, starts[one], starts[one + 1],
			      to);
	case 1:
		return resize(data, size, starts[one],
			      starts[one + 1] - starts[one], 0);
	case 2: return insert(data, size, room, to, &dice);
	case 3:
		(void)LLVMFuzzerMutate(data, SCRIPT_HEAD, SCRIPT_HEAD);
		return size;
	default: break;
	}
	if ((data[starts[one]] & 15) > OP_BINARY &&
	    (data[starts[one]] & 15) < OPS) {
		data[starts[one] + 1] = (uint8_t)dice_next(&dice);
		return size;
	}
	return mutate_message(data, size, room, starts[one], starts[one + 1]);
}
