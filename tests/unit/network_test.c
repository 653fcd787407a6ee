/* network_test.c - addresses, networks, and who speaks through a proxy */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "server/auth/network.h"

static struct address address(const char *text)
{
	struct address a;

	if (!address_parse(text, &a))
		fail_msg("%s is no address", text);
	return a;
}

static void a_network_is_an_address_and_a_prefix(void **state)
{
	static const struct {
		const char *text;
		int result;
		const char *formatted;
	} rows[] = {
		{ "192.0.2.0/24", 0, "192.0.2.0/24" },
		{ "192.0.2.7", 0, "192.0.2.7/32" },
		{ "0.0.0.0/0", 0, "0.0.0.0/0" },
		{ "2001:db8::/32", 0, "2001:db8::/32" },
		{ "::1", 0, "::1/128" },
		{ "::/0", 0, "::/0" },
		{ "::ffff:192.0.2.0/120", 0, "192.0.2.0/24" },
		{ "192.0.2.7/24", -ERANGE, NULL },
		{ "2001:db8::1/32", -ERANGE, NULL },
		{ "192.0.2.0/33", -EINVAL, NULL },
		{ "2001:db8::/129", -EINVAL, NULL },
		{ "192.0.2.0/", -EINVAL, NULL },
		{ "192.0.2.0/-1", -EINVAL, NULL },
		{ "192.0.2.0/24x", -EINVAL, NULL },
		{ "192.0.2/24", -EINVAL, NULL },
		{ "example.com", -EINVAL, NULL },
		{ "", -EINVAL, NULL },
		{ "/24", -EINVAL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct network network;
		char text[64];
		int r = network_parse(rows[i].text, &network);

		if (r != rows[i].result)
			fail_msg("%s: %d", rows[i].text, r);
		if (r < 0)
			continue;
		network_format(&network, text, sizeof(text));
		assert_string_equal(text, rows[i].formatted);
	}
}

static void a_network_has_the_addresses_that_share_its_prefix(void **state)
{
	static const struct {
		const char *network, *address;
		bool has;
	} rows[] = {
		{ "192.0.2.0/24", "192.0.2.255", true },
		{ "192.0.2.0/24", "192.0.3.0", false },
		{ "192.0.2.128/25", "192.0.2.127", false },
		{ "192.0.2.128/25", "192.0.2.128", true },
		{ "192.0.2.0/31", "192.0.2.1", true },
		{ "192.0.2.0/31", "192.0.2.2", false },
		{ "0.0.0.0/0", "203.0.113.1", true },
		{ "0.0.0.0/0", "2001:db8::1", false },
		{ "192.0.2.0/24", "::ffff:192.0.2.9", true },
		{ "2001:db8::/33", "2001:db8:7fff::1", true },
		{ "2001:db8::/33", "2001:db8:8000::1", false },
		{ "::/0", "2001:db8::1", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct address a = address(rows[i].address);
		struct network network;

		assert_int_equal(network_parse(rows[i].network, &network), 0);
		if (network_has(&network, 1, &a) != rows[i].has)
			fail_msg("%s in %s", rows[i].address, rows[i].network);
	}
	assert_false(network_has(NULL, 0, &(struct address){ { 0 } }));
}

static void the_client_is_the_last_who_is_no_trusted_proxy(void **state)
{
	static const struct {
		const char *peer, *forwarded, *client;
	} rows[] = {
		{ "203.0.113.9", "198.51.100.1", "203.0.113.9" },
		{ "10.0.0.1", NULL, "10.0.0.1" },
		{ "10.0.0.1", "", "10.0.0.1" },
		{ "10.0.0.1", "198.51.100.1", "198.51.100.1" },
		{ "10.0.0.1", "198.51.100.1:5555", "198.51.100.1" },
		{ "10.0.0.1", "2001:db8::5", "2001:db8::5" },
		{ "10.0.0.1", "[2001:db8::5]:443", "2001:db8::5" },
		/* What stands on the left was sent by whoever it is. */
		{ "10.0.0.1", "127.0.0.1, 198.51.100.1", "198.51.100.1" },
		{ "10.0.0.1", "192.0.2.1,198.51.100.1 , 10.9.9.9",
		  "198.51.100.1" },
		{ "10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3" },
		{ "10.0.0.1", "nonsense", "10.0.0.1" },
		{ "10.0.0.1", "198.51.100.1, unknown", "10.0.0.1" },
		{ "10.0.0.1", ",,,", "10.0.0.1" },
		{ "10.0.0.1", "198.51.100.1,", "10.0.0.1" },
	};
	struct network proxies;

	(void)state;
	assert_int_equal(network_parse("10.0.0.0/8", &proxies), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct address client = network_client(
			&proxies, 1, address(rows[i].peer), rows[i].forwarded);
		char text[ADDRESS_TEXT_SIZE];

		address_format(&client, text);
		if (strcmp(text, rows[i].client) != 0)
			fail_msg("row %zu: %s", i, text);
	}
}

static void loopback_is_known_in_every_form(void **state)
{
	static const struct {
		const char *address;
		bool is;
	} rows[] = {
		{ "127.0.0.1", true },	{ "127.9.9.9", true },
		{ "::1", true },	{ "::ffff:127.0.0.1", true },
		{ "128.0.0.1", false }, { "::2", false },
		{ "::", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct address a = address(rows[i].address);

		assert_int_equal(address_is_loopback(&a), rows[i].is);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_network_is_an_address_and_a_prefix),
		cmocka_unit_test(
			a_network_has_the_addresses_that_share_its_prefix),
		cmocka_unit_test(
			the_client_is_the_last_who_is_no_trusted_proxy),
		cmocka_unit_test(loopback_is_known_in_every_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
