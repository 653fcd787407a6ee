/*
 * auth_kit.h - a route's checks for one test, as somebody would write them
 *
 * kit_load() takes the YAML of a route's `auth` and gives the policy; what is
 * judged is a request that the test fills in.
 */
#ifndef TESTS_UNIT_AUTH_KIT_H
#define TESTS_UNIT_AUTH_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "server/auth/auth.h"
#include "server/auth/once.h"
#include "server/auth/one_time.h"
#include "server/settings.h"

struct kit {
	struct settings *settings;
	struct auth_policy policy;
	struct once_table used;
	struct one_time_keys keys;
};

/* `auth` is indented by eight, and ends each line. */
static inline void kit_load(struct kit *kit, const char *path, const char *auth)
{
	char name[] = "/tmp/holdline-auth-XXXXXX";
	int fd = mkstemp(name);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");

	assert_non_null(file);
	assert_true(fprintf(file,
			    "media:\n  routes:\n    - path: %s\n"
			    "      provider: twilio\n      auth:\n%s",
			    path, auth) > 0);
	assert_int_equal(fclose(file), 0);
	memset(kit, 0, sizeof(*kit));
	if (settings_load(&kit->settings, name, NULL, stderr) != 0)
		fail_msg("the settings are wrong");
	(void)unlink(name);
	kit->policy = (struct auth_policy){
		.rules = &kit->settings->media.routes[0].auth,
		.texts = kit->settings->who.texts,
		.networks = kit->settings->who.networks
	};
}

static inline void kit_free(struct kit *kit)
{
	free(kit->settings);
}

/* Why the request is refused, as "check reason"; "passed" otherwise. */
static inline const char *kit_judge(struct kit *kit,
				    const struct auth_request *request)
{
	static char text[80];
	struct auth_verdict verdict;
	struct auth_memory memory = { .used = &kit->used,
				      .keys = &kit->keys,
				      .provider = "twilio" };

	auth_judge(&kit->policy, request, &memory, &verdict);
	if (!verdict.status)
		return "passed";
	assert_true(verdict.status == 401 || verdict.status == 403);
	(void)snprintf(text, sizeof(text), "%s %s",
		       auth_check_name(verdict.check), verdict.reason);
	return text;
}

static inline void kit_expect(struct kit *kit,
			      const struct auth_request *request,
			      const char *expected, size_t row)
{
	const char *got = kit_judge(kit, request);

	if (strcmp(got, expected) != 0)
		fail_msg("row %zu: %s, not %s", row, got, expected);
}

#endif
