/*
 * user.h - who signs in: an email, a password, a role
 *
 * Shared by the API and by holdctl, so that both mean the same by an email and
 * a good password. Passwords are kept as argon2id hashes (libsodium).
 *
 * Thread: any. Hashing and comparing take about a tenth of a second and 64 MiB,
 *         so never on a loop, and few at once.
 */
#ifndef SERVER_AUTH_USER_H
#define SERVER_AUTH_USER_H

#include <stdbool.h>

#define USER_EMAIL_SIZE	    255 /* RFC 5321: 254, and a NUL */
#define USER_PASSWORD_LEAST 12	/* characters, as NIST SP 800-63B has it */
#define USER_PASSWORD_MAX   256 /* bytes */
#define USER_HASH_SIZE	    128 /* of libsodium, and its NUL */

/* Without blanks around it, and in small letters: the form in which emails are
 * kept and compared. False: it is none. */
bool user_read_email(const char *text, char email[USER_EMAIL_SIZE]);

/* "viewer", "operator", "admin". */
bool user_is_role(const char *text);

/* Why that will not do as a password, for people; NULL: it will. */
const char *user_password_fault(const char *password);

/* 0 or -ENOMEM. */
int user_hash_password(const char *password, char hash[USER_HASH_SIZE]);
/* Takes equally long when there is no such user: hash is NULL then. */
bool user_password_matches(const char *hash, const char *password);

#endif
