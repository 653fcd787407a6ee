/*
 * token.h - the admin token: a secret in a file, for machines and for outages
 *
 * Made at the first start: 32 random bytes as base64url, readable by the owner
 * alone. It works when the database does not, because it needs none. Whoever
 * wants another token writes one into the file (one line, no blanks).
 *
 * Thread: any.
 */
#ifndef SERVER_CONTROL_TOKEN_H
#define SERVER_CONTROL_TOKEN_H

#define TOKEN_SIZE  257 /* the longest token and its NUL */
#define TOKEN_LEAST 32	/* characters; shorter ones could be guessed */

/* Reads the token, making the file if it is not there. 0 or -errno; -EINVAL
 * when the file holds no usable token. */
int token_load(const char *path, char out[TOKEN_SIZE]);
/* The same for a secret of another use, whose making is logged as that tag. */
int token_load_as(const char *tag, const char *path, char out[TOKEN_SIZE]);

#endif
