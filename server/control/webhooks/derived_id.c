/* derived_id.c - an id that the same texts always give (see derived_id.h) */
#include "server/control/webhooks/derived_id.h"

#include <string.h>
#include <sodium.h>

void derived_id(struct uuid *out, const char *const *texts, size_t count)
{
	crypto_generichash_state state;

	(void)crypto_generichash_init(&state, NULL, 0, sizeof(out->bytes));
	for (size_t i = 0; i < count; i++)
		(void)crypto_generichash_update(&state,
						(const unsigned char *)texts[i],
						strlen(texts[i]) + 1);
	(void)crypto_generichash_final(&state, out->bytes, sizeof(out->bytes));
	out->bytes[6] = (uint8_t)(0x80 | (out->bytes[6] & 0x0f));
	out->bytes[8] = (uint8_t)(0x80 | (out->bytes[8] & 0x3f));
}
