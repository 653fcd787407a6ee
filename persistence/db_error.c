/* db_error.c - from what a database says to what it means (see db_error.h)
 *
 * PostgreSQL:  the rule with the longest matching beginning of the SQLSTATE
 *              wins, so a class stands beside the exceptions within it. A hint
 *              in the text goes before the rule where there is no code, and for
 *              the codes that proxies put on everything: 08P01, and at a
 *              connect XX000. Hints may pause or slow us down, never give a
 *              record up.
 * SQLite:      extended result codes before their primary code; its catch-all
 *              SQLITE_ERROR is told apart by text.
 */
#include "persistence/db_error.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "persistence/db_error_tables.h"

/* Nobody has heard of it; nobody said anything. */
static const struct db_rule unknown = { "", "UnknownError", DB_TRANSIENT, 0 };
static const struct db_rule silence = { "", "ConnectionFailure", DB_TRANSIENT,
					DB_RULE_LOST };

const char *db_family_name(enum db_family family)
{
	static const char *const names[] = {
		[DB_OK] = "ok",		  [DB_TRANSIENT] = "transient",
		[DB_POISON] = "poison",	  [DB_SETUP] = "setup",
		[DB_PRESENT] = "present", [DB_RESET] = "reset",
		[DB_SMALLER] = "smaller",
	};

	return names[family];
}

/* One line that can stand between quotes in a log line. */
static void set_text(struct db_error *err, const char *text)
{
	(void)snprintf(err->text, sizeof(err->text), "%s", text);
	for (char *c = err->text; *c; c++) {
		if (*c == '"')
			*c = '\'';
		else if ((unsigned char)*c < ' ')
			*c = ' ';
	}
}

void db_error_set(struct db_error *err, enum db_family family,
		  const char *reason, const char *text)
{
	*err = (struct db_error){ .family = family };
	(void)snprintf(err->reason, sizeof(err->reason), "%s", reason);
	set_text(err, text);
}

void db_error_hide(struct db_error *err, const char *secret)
{
	char clean[sizeof(err->text)];
	size_t length = secret ? strlen(secret) : 0, used = 0;

	if (length == 0)
		return;
	for (const char *c = err->text; *c && used + 4 < sizeof(clean);) {
		if (strncmp(c, secret, length) == 0) {
			memcpy(clean + used, "***", 3);
			used += 3;
			c += length;
		} else {
			clean[used++] = *c++;
		}
	}
	clean[used] = '\0';
	memcpy(err->text, clean, used + 1);
}

static void apply(struct db_error *err, enum db_family family,
		  const char *reason, unsigned flags)
{
	err->family = family;
	err->connection_lost = flags & DB_RULE_LOST;
	err->then = flags & DB_RULE_THEN_SETUP	     ? DB_SETUP
		    : flags & DB_RULE_THEN_POISON    ? DB_POISON
		    : flags & DB_RULE_THEN_TRANSIENT ? DB_TRANSIENT
						     : DB_OK;
	err->pace = flags & DB_RULE_AT_ONCE  ? DB_PACE_AT_ONCE
		    : flags & DB_RULE_SLOW   ? DB_PACE_SLOW
		    : flags & DB_RULE_PARENT ? DB_PACE_PARENT
					     : DB_PACE_USUAL;
	(void)snprintf(err->reason, sizeof(err->reason), "%s", reason);
}

static void apply_rule(struct db_error *err, const struct db_rule *rule)
{
	apply(err, rule->family, rule->reason, rule->flags);
}

static const struct db_rule *find_hint(const struct db_rules *hints,
				       const char *text)
{
	for (size_t i = 0; i < hints->count; i++)
		if (strcasestr(text, hints->rules[i].key))
			return &hints->rules[i];
	return NULL;
}

static const struct db_rule *find_rule(const char *sqlstate)
{
	const struct db_rules *all = &db_sqlstate_rules;
	const struct db_rule *best = *sqlstate ? &unknown : &silence;
	size_t best_length = 0;

	for (size_t i = 0; i < all->count; i++) {
		size_t length = strlen(all->rules[i].key);

		if (length > best_length &&
		    strncmp(sqlstate, all->rules[i].key, length) == 0) {
			best = &all->rules[i];
			best_length = length;
		}
	}
	return best;
}

static void begin(struct db_error *err, const char *sqlstate, const char *text)
{
	const struct db_meaning *meaning = NULL;

	*err = (struct db_error){ .family = DB_TRANSIENT };
	(void)snprintf(err->sqlstate, sizeof(err->sqlstate), "%s", sqlstate);
	set_text(err, text);
	apply_rule(err, find_rule(sqlstate));
	while ((meaning = db_meaning_next(meaning)))
		if (strcmp(sqlstate, meaning->sqlstate) == 0 &&
		    strcasestr(text, meaning->rule.key))
			apply_rule(err, &meaning->rule);
}

void db_error_from_sqlstate(struct db_error *err, const char *sqlstate,
			    const char *text)
{
	const struct db_rule *hint = NULL;

	begin(err, sqlstate, text);
	if (!*sqlstate || strcmp(sqlstate, "08P01") == 0)
		hint = find_hint(&db_pooler_hints, text);
	if (hint) {
		apply_rule(err, hint);
		err->connection_lost = true;
	}
}

void db_error_acquit_record(struct db_error *err)
{
	switch (err->family) {
	case DB_POISON:
	case DB_PRESENT: err->family = DB_SETUP; break;
	case DB_SMALLER: err->family = DB_TRANSIENT; break;
	case DB_OK:
	case DB_TRANSIENT:
	case DB_SETUP:
	case DB_RESET: break;
	}
	if (err->then != DB_SETUP)
		err->then = DB_OK;
}

static const struct db_rule *find_connect_hint(const char *text)
{
	const struct db_rule *hint = find_hint(&db_pooler_hints, text);

	if (!hint)
		hint = find_hint(&db_neon_hints, text);
	if (!hint)
		hint = find_hint(&db_connect_hints, text);
	return hint;
}

void db_error_from_connect(struct db_error *err, const char *sqlstate,
			   const char *text)
{
	bool proxy = strcmp(sqlstate, "XX000") == 0;
	const struct db_rule *hint = NULL;

	begin(err, sqlstate, text);
	if (!*sqlstate || proxy || strcmp(sqlstate, "08P01") == 0)
		hint = find_connect_hint(text);
	if (hint)
		apply_rule(err, hint);
	else if (proxy) /* may be anything, and be over soon */
		err->pace = DB_PACE_USUAL;
	db_error_acquit_record(err);
	err->connection_lost = true;
}

void db_error_from_sqlite(struct db_error *err, int code, const char *text)
{
	const struct db_sqlite_rule *rule = db_sqlite_rule_find(code);
	const struct db_rule *hint;

	if (!rule)
		rule = db_sqlite_rule_find(code & 0xff);
	*err = (struct db_error){ .family = DB_TRANSIENT };
	set_text(err, text);
	if (rule) {
		apply(err, rule->family, rule->reason, rule->flags);
		return;
	}
	hint = find_hint(&db_sqlite_hints, text);
	apply_rule(err, hint ? hint : &unknown);
}
