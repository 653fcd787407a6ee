/* user.c - who signs in (see user.h) */
#include "server/auth/user.h"

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <jansson.h>
#include <sodium.h>

_Static_assert(USER_HASH_SIZE >= crypto_pwhash_STRBYTES, "a hash fits");

/* More than OWASP's least for argon2id (19 MiB, 2 passes), and still a tenth of
 * a second for who signs in. */
#define PASSES crypto_pwhash_OPSLIMIT_INTERACTIVE
#define MEMORY crypto_pwhash_MEMLIMIT_INTERACTIVE

bool user_read_email(const char *text, char email[USER_EMAIL_SIZE])
{
	size_t length;
	const char *at;

	while (isspace((unsigned char)*text))
		text++;
	length = strlen(text);
	while (length > 0 && isspace((unsigned char)text[length - 1]))
		length--;
	if (length == 0 || length >= USER_EMAIL_SIZE)
		return false;
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c <= ' ' || c > '~' || strchr("\"\\<>,;:()[]/?#%", c))
			return false;
		email[i] = (char)tolower(c);
	}
	email[length] = '\0';
	at = strchr(email, '@');
	return at && at > email && at[1] && !strchr(at + 1, '@');
}

bool user_is_role(const char *text)
{
	return strcmp(text, "viewer") == 0 || strcmp(text, "operator") == 0 ||
	       strcmp(text, "admin") == 0;
}

static size_t count_characters(const char *utf8)
{
	size_t count = 0;

	for (; *utf8; utf8++)
		count += ((unsigned char)*utf8 & 0xc0) != 0x80;
	return count;
}

const char *user_password_fault(const char *password)
{
	json_t *string = json_string(password); /* NULL: not UTF-8 */

	json_decref(string);
	if (!string)
		return "a password must be UTF-8";
	if (strlen(password) > USER_PASSWORD_MAX)
		return "a password has at most 256 bytes";
	if (count_characters(password) < USER_PASSWORD_LEAST)
		return "a password has at least 12 characters";
	return NULL;
}

int user_hash_password(const char *password, char hash[USER_HASH_SIZE])
{
	return crypto_pwhash_str_alg(hash, password, strlen(password), PASSES,
				     MEMORY, crypto_pwhash_ALG_ARGON2ID13) == 0
		       ? 0
		       : -ENOMEM;
}

/* Of a password that nobody has. */
static char nobodys_hash[USER_HASH_SIZE];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_nobodys_hash(void)
{
	char password[33];
	unsigned char bytes[16];

	randombytes_buf(bytes, sizeof(bytes));
	(void)sodium_bin2hex(password, sizeof(password), bytes, sizeof(bytes));
	if (user_hash_password(password, nobodys_hash) < 0)
		nobodys_hash[0] = '\0';
}

bool user_password_matches(const char *hash, const char *password)
{
	bool same;

	(void)pthread_once(&once, make_nobodys_hash);
	same = crypto_pwhash_str_verify(hash ? hash : nobodys_hash, password,
					strlen(password)) == 0;
	return same && hash;
}
