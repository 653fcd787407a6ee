/*
 * tls_test.c - which certificate a handshake takes, and what is counted of it
 *
 * Both ends are here, with memory between them, so that a reload can come in
 * the middle of a handshake. The certificates are made here, too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "server/board.h"
#include "server/settings.h"
#include "server/tls.h"

static char dir[] = "/tmp/holdline-tls-XXXXXX";
static struct settings settings;

/* ---- certificates ----------------------------------------------------------
 */

static void name_file(char out[256], const char *name)
{
	assert_true(snprintf(out, 256, "%s/%s", dir, name) < 256);
}

static void write_key(const char *file, EVP_PKEY *key)
{
	FILE *out = fopen(file, "we");

	assert_non_null(out);
	assert_int_equal(
		PEM_write_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL), 1);
	assert_int_equal(fclose(out), 0);
}

static void write_cert(const char *file, X509 *cert)
{
	FILE *out = fopen(file, "we");

	assert_non_null(out);
	assert_int_equal(PEM_write_X509(out, cert), 1);
	assert_int_equal(fclose(out), 0);
}

/* With each of the names as a common name, its own issuer. */
static X509 *make_cert(EVP_PKEY *key, long serial, const char *const *names)
{
	X509 *cert = X509_new();
	X509_NAME *subject = cert ? X509_get_subject_name(cert) : NULL;

	assert_non_null(cert);
	assert_int_equal(X509_set_version(cert, X509_VERSION_3), 1);
	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(cert), serial),
			 1);
	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), -60));
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), 86400L * 30));
	for (; *names; names++)
		assert_int_equal(X509_NAME_add_entry_by_txt(
					 subject, "CN", MBSTRING_UTF8,
					 (const unsigned char *)*names, -1, -1,
					 0),
				 1);
	assert_int_equal(X509_set_issuer_name(cert, subject), 1);
	assert_int_equal(X509_set_pubkey(cert, key), 1);
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	return cert;
}

static EVP_PKEY *make_key(bool rsa)
{
	EVP_PKEY *key = rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");

	assert_non_null(key);
	return key;
}

/* The listener's files, with that serial number. */
static void renew(long serial, bool rsa)
{
	EVP_PKEY *key = make_key(rsa);
	X509 *cert = make_cert(key, serial, (const char *[]){ "us", NULL });

	write_cert(settings.media.tls.cert, cert);
	write_key(settings.media.tls.key, key);
	X509_free(cert);
	EVP_PKEY_free(key);
}

/* ---- the two ends ----------------------------------------------------------
 */

struct ends {
	SSL_CTX *server_context, *client_context;
	SSL *server, *client;
};

static void connect_ends(struct ends *ends)
{
	BIO *server, *client;

	ends->server = SSL_new(ends->server_context);
	ends->client = SSL_new(ends->client_context);
	assert_non_null(ends->server);
	assert_non_null(ends->client);
	assert_int_equal(BIO_new_bio_pair(&server, 0, &client, 0), 1);
	SSL_set_bio(ends->server, server, server);
	SSL_set_bio(ends->client, client, client);
	SSL_set_accept_state(ends->server);
	SSL_set_connect_state(ends->client);
}

static void open_ends(struct ends *ends)
{
	ends->server_context = SSL_CTX_new(TLS_server_method());
	ends->client_context = SSL_CTX_new(TLS_client_method());
	assert_non_null(ends->server_context);
	assert_non_null(ends->client_context);
	assert_int_equal(tls_configure(ends->server_context, TLS_MEDIA), 0);
	connect_ends(ends);
}

static void hang_up(struct ends *ends)
{
	SSL_free(ends->server);
	SSL_free(ends->client);
	ends->server = ends->client = NULL;
}

static void close_ends(struct ends *ends)
{
	hang_up(ends);
	SSL_CTX_free(ends->server_context);
	SSL_CTX_free(ends->client_context);
}

/* Each has its turn until both are done, or so many turns. True: done. */
static bool shake_hands(struct ends *ends, int turns)
{
	while (turns-- > 0) {
		int client = SSL_do_handshake(ends->client);
		int server = SSL_do_handshake(ends->server);

		if (client == 1 && server == 1)
			return true;
	}
	return false;
}

static long seen(const struct ends *ends)
{
	const X509 *cert = SSL_get0_peer_certificate(ends->client);

	assert_non_null(cert);
	return ASN1_INTEGER_get(X509_get0_serialNumber(cert));
}

/* A whole connection: the serial number that it saw. */
static long ask(struct ends *ends)
{
	long serial;

	hang_up(ends);
	connect_ends(ends);
	assert_true(shake_hands(ends, 10));
	serial = seen(ends);
	return serial;
}

static int64_t count(enum board_metric metric, const char *label)
{
	char labels[96];

	(void)snprintf(labels, sizeof(labels), "listener=\"media\",%s", label);
	return board_get(board_series(metric, labels));
}

static int64_t failures(const char *label)
{
	return count(METRIC_TLS_HANDSHAKE_FAILURES_TOTAL, label);
}

/* ---- which certificate -----------------------------------------------------
 */

static void without_files_a_listener_is_plain(void **state)
{
	(void)state;
	assert_true(tls_is_on(TLS_MEDIA));
	assert_false(tls_is_on(TLS_CONTROL));
	assert_false(tls_is_on(TLS_OFF));
}

static void each_handshake_takes_the_one_in_force(void **state)
{
	struct ends ends;

	(void)state;
	open_ends(&ends);
	assert_int_equal(ask(&ends), 1);
	renew(2, false);
	assert_int_equal(ask(&ends), 1); /* nobody has said so */
	tls_reload(&settings);
	assert_int_equal(ask(&ends), 2);
	close_ends(&ends);
}

static void one_that_has_begun_ends_with_its_own(void **state)
{
	struct ends ends;

	(void)state;
	open_ends(&ends);
	assert_false(shake_hands(&ends, 1)); /* the server has chosen */
	renew(3, true);
	tls_reload(&settings);
	assert_true(shake_hands(&ends, 10));
	assert_int_equal(seen(&ends), 1);
	assert_int_equal(ask(&ends), 3);
	close_ends(&ends);
}

static void another_kind_of_key_leaves_nothing_behind(void **state)
{
	struct ends ends;

	(void)state;
	open_ends(&ends);
	for (long serial = 4; serial < 8; serial++) {
		renew(serial, serial % 2);
		tls_reload(&settings);
		assert_int_equal(ask(&ends), serial);
	}
	close_ends(&ends);
}

static void a_bad_file_changes_nothing(void **state)
{
	struct ends ends;
	FILE *out;

	(void)state;
	open_ends(&ends);
	renew(2, false);
	out = fopen(settings.media.tls.key, "we");
	assert_non_null(out);
	assert_true(fputs("nonsense\n", out) >= 0);
	assert_int_equal(fclose(out), 0);
	tls_reload(&settings);
	assert_int_equal(ask(&ends), 1);
	assert_int_equal(unlink(settings.media.tls.key), 0);
	tls_reload(&settings);
	assert_int_equal(ask(&ends), 1);
	close_ends(&ends);
}

static void a_role_reads_what_the_supervisor_found_good(void **state)
{
	_Atomic uint32_t *serial = &board_flags()->tls_serials[TLS_MEDIA];
	struct ends ends;

	(void)state;
	open_ends(&ends);
	renew(2, false);
	tls_follow(&settings);
	assert_int_equal(ask(&ends), 1);
	atomic_fetch_add(serial, 1); /* as the supervisor would */
	tls_follow(&settings);
	assert_int_equal(ask(&ends), 2);
	renew(3, false);
	tls_follow(&settings);
	assert_int_equal(ask(&ends), 2);
	close_ends(&ends);
}

/* ---- the other end ---------------------------------------------------------
 */

/* As one of media.tls.client_ca, with these common names. */
static bool call_as(const char *const *names, char *name, size_t size)
{
	EVP_PKEY *key = make_key(false);
	X509 *cert = make_cert(key, 100, names);
	struct ends ends;
	bool known;

	name_file(settings.media.tls.client_ca, "callers.pem");
	write_cert(settings.media.tls.client_ca, cert);
	tls_reload(&settings);
	open_ends(&ends);
	assert_int_equal(SSL_use_certificate(ends.client, cert), 1);
	assert_int_equal(SSL_use_PrivateKey(ends.client, key), 1);
	assert_true(shake_hands(&ends, 10));
	known = tls_caller(ends.server, name, size);
	close_ends(&ends);
	X509_free(cert);
	EVP_PKEY_free(key);
	return known;
}

static void a_caller_has_the_name_of_his_certificate(void **state)
{
	const struct {
		const char *names[3];
		const char *name;
	} rows[] = {
		{ { "caller.example" }, "caller.example" },
		{ { "Zo\xc3\xab" }, "Zo\xc3\xab" },
		{ { "one", "two" }, "" },
		{ { NULL }, "" },
		{ { "longer than there is room" }, "" },
	};
	char name[20];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(call_as(rows[i].names, name, sizeof(name)));
		assert_string_equal(name, rows[i].name);
	}
}

static void who_shows_none_is_nobody(void **state)
{
	struct ends ends;
	char name[20] = "x";

	(void)state;
	open_ends(&ends);
	assert_true(shake_hands(&ends, 10));
	assert_false(tls_caller(ends.server, name, sizeof(name)));
	assert_string_equal(name, "");
	close_ends(&ends);
}

static void an_end_is_seen_once_it_is_said(void **state)
{
	struct ends ends;
	char byte;

	(void)state;
	open_ends(&ends);
	assert_true(shake_hands(&ends, 10));
	assert_false(tls_is_ended(ends.server));
	assert_int_equal(SSL_shutdown(ends.client), 0);
	assert_true(SSL_read(ends.server, &byte, 1) <= 0);
	assert_true(tls_is_ended(ends.server));
	close_ends(&ends);
}

/* ---- counting --------------------------------------------------------------
 */

static void each_handshake_is_counted_once(void **state)
{
	static const struct {
		int version;
		const char *label;
	} rows[] = {
		{ TLS1_2_VERSION, "version=\"1.2\"" },
		{ TLS1_3_VERSION, "version=\"1.3\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t before =
			count(METRIC_TLS_HANDSHAKES_TOTAL, rows[i].label);
		struct ends ends;
		char byte;

		open_ends(&ends);
		assert_int_equal(
			SSL_set_max_proto_version(ends.client, rows[i].version),
			1);
		assert_true(shake_hands(&ends, 10));
		/* Tickets are behind it, which OpenSSL tells of likewise. */
		assert_int_equal(SSL_write(ends.client, "x", 1), 1);
		assert_int_equal(SSL_read(ends.server, &byte, 1), 1);
		close_ends(&ends);
		assert_int_equal(
			count(METRIC_TLS_HANDSHAKES_TOTAL, rows[i].label),
			before + 1);
	}
	assert_int_equal(failures("reason=\"unfinished\""), 0);
}

static void who_goes_on_the_way_is_counted_as_unfinished(void **state)
{
	struct ends ends;

	(void)state;
	open_ends(&ends);
	assert_true(SSL_do_handshake(ends.server) <= 0); /* nothing came */
	hang_up(&ends);
	assert_int_equal(failures("reason=\"unfinished\""), 1);
	connect_ends(&ends);
	assert_false(shake_hands(&ends, 1)); /* half of it came */
	hang_up(&ends);
	assert_int_equal(failures("reason=\"unfinished\""), 2);
	close_ends(&ends);
}

static void one_that_fails_is_counted_with_its_reason_alone(void **state)
{
	int64_t unfinished = failures("reason=\"unfinished\"");
	struct ends ends;

	(void)state;
	open_ends(&ends);
	assert_int_equal(SSL_set_cipher_list(ends.client, "AES128-SHA"), 1);
	assert_int_equal(SSL_set_max_proto_version(ends.client, TLS1_2_VERSION),
			 1);
	assert_false(shake_hands(&ends, 10));
	assert_int_equal(failures("reason=\"no_shared_cipher\""), 1);
	hang_up(&ends);
	connect_ends(&ends);
	SSL_set_verify(ends.client, SSL_VERIFY_PEER, NULL); /* knows nobody */
	assert_false(shake_hands(&ends, 10));
	assert_int_equal(failures("reason=\"our_certificate\""), 1);
	close_ends(&ends);
	assert_int_equal(failures("reason=\"unfinished\""), unfinished);
}

/* ---- all of them -----------------------------------------------------------
 */

static int begin(void **state)
{
	(void)state;
	settings.media.tls.client_ca[0] = '\0';
	renew(1, false);
	return tls_start(&settings, stderr);
}

static int end(void **state)
{
	(void)state;
	tls_end();
	return 0;
}

static int begin_all(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	name_file(settings.media.tls.cert, "cert.pem");
	name_file(settings.media.tls.key, "key.pem");
	return 0;
}

static int end_all(void **state)
{
	char callers[256];

	(void)state;
	name_file(callers, "callers.pem");
	(void)unlink(settings.media.tls.cert);
	(void)unlink(settings.media.tls.key);
	(void)unlink(callers);
	return rmdir(dir);
}

#define WITH_FILES(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FILES(without_files_a_listener_is_plain),
		WITH_FILES(each_handshake_takes_the_one_in_force),
		WITH_FILES(one_that_has_begun_ends_with_its_own),
		WITH_FILES(another_kind_of_key_leaves_nothing_behind),
		WITH_FILES(a_bad_file_changes_nothing),
		WITH_FILES(a_role_reads_what_the_supervisor_found_good),
		WITH_FILES(a_caller_has_the_name_of_his_certificate),
		WITH_FILES(who_shows_none_is_nobody),
		WITH_FILES(an_end_is_seen_once_it_is_said),
		WITH_FILES(each_handshake_is_counted_once),
		WITH_FILES(who_goes_on_the_way_is_counted_as_unfinished),
		WITH_FILES(one_that_fails_is_counted_with_its_reason_alone),
	};

	return cmocka_run_group_tests(tests, begin_all, end_all);
}
