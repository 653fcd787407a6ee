/* post_test.c - what a receiver of a signed message can rely on */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "server/control/events/post.h"

/* The vector is the openssl program's:
 * echo -n '1795414620.{"a":1}' | openssl dgst -sha256 -hmac 'sixteen letters!'
 */
static void the_signature_is_hmac_sha256_over_time_and_body(void **state)
{
	char signature[POST_SIGNATURE_SIZE];

	(void)state;
	assert_int_equal(post_sign("sixteen letters!", 1795414620, "{\"a\":1}",
				   7, signature),
			 0);
	assert_string_equal(signature, "t=1795414620,v1="
				       "7c00e829dd27a26e19020801b740533e"
				       "764faa6d9de8fbbdb8a31c48eb315f1d");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			the_signature_is_hmac_sha256_over_time_and_body),
	};

	return cmocka_run_group_tests_name("post", tests, NULL, NULL);
}
