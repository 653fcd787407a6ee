/*
 * owner.h - who we are, and whose files these are
 *
 * Operators often are root, the server is not. What root writes into a data
 * directory the server could neither read nor remove, so before we write there
 * we become its owner.
 */
#ifndef TOOLS_HOLDCTL_OWNER_H
#define TOOLS_HOLDCTL_OWNER_H

#define WHO_SIZE 128

/* "user@host", printable and without blanks; behind sudo, the user who called
 * it. */
void owner_name_user(char out[WHO_SIZE]);

/* Root becomes the owner of that directory; anybody else stays who they are.
 * 0 or -errno. */
int owner_become(const char *dir);

/* What root has made below `path` becomes that of `dir`'s owner; for anybody
 * else it is so already. 0 or -errno. */
int owner_hand_over(const char *path, const char *dir);

#endif
