/* owner.c - who we are, and whose files these are (see owner.h) */
#include "tools/holdctl/owner.h"

#include <errno.h>
#include <ftw.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *user_name(char number[16])
{
	const char *sudo = getenv("SUDO_USER");
	const struct passwd *user;

	if (getuid() == 0 && sudo && *sudo)
		return sudo;
	user = getpwuid(getuid());
	if (user)
		return user->pw_name;
	(void)snprintf(number, 16, "%u", (unsigned)getuid());
	return number;
}

void owner_name_user(char out[WHO_SIZE])
{
	char host[64] = "", number[16];

	if (gethostname(host, sizeof(host) - 1) < 0 || !host[0])
		strcpy(host, "localhost");
	(void)snprintf(out, WHO_SIZE, "%.60s@%s", user_name(number), host);
	for (char *p = out; *p; p++)
		if (*p <= ' ' || *p > '~')
			*p = '?';
}

int owner_become(const char *dir)
{
	struct stat st;

	if (geteuid() != 0)
		return 0;
	if (stat(dir, &st) < 0)
		return -errno;
	if (st.st_uid == 0)
		return 0;
	if (setgroups(1, &st.st_gid) < 0 || setegid(st.st_gid) < 0 ||
	    seteuid(st.st_uid) < 0)
		return -errno;
	return 0;
}

static struct stat new_owner; /* nftw() carries no argument */

static int hand_over(const char *path, const struct stat *st, int type,
		     struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return lchown(path, new_owner.st_uid, new_owner.st_gid);
}

int owner_hand_over(const char *path, const char *dir)
{
	if (geteuid() != 0)
		return 0;
	if (stat(dir, &new_owner) < 0)
		return -errno;
	return nftw(path, hand_over, 16, FTW_PHYS) < 0 ? -errno : 0;
}
