/* migrations.c - the list of migrations (see migrations.h) */
#include "persistence/migrations.h"

#include "migrations_sql.h" /* made from migrations/ by the build */

const struct migration migrations[] = {
	{ 1, sql_0001_first_tables_postgres, sql_0001_first_tables_sqlite },
	{ 2, sql_0002_call_statuses_postgres, sql_0002_call_statuses_sqlite },
	{ 3, sql_0003_frames_late_postgres, sql_0003_frames_late_sqlite },
	{ 4, sql_0004_retention_postgres, sql_0004_retention_sqlite },
	{ 5, sql_0005_messages_postgres, sql_0005_messages_sqlite },
	{ 6, sql_0006_traces_postgres, sql_0006_traces_sqlite },
	{ 7, sql_0007_erasures_postgres, sql_0007_erasures_sqlite },
	{ 8, sql_0008_user_changes_postgres, sql_0008_user_changes_sqlite },
};
const size_t migration_count = sizeof(migrations) / sizeof(migrations[0]);

int migrations_latest(void)
{
	return migrations[migration_count - 1].version;
}
