/* options_who.c - what the help calls "who calls": what the handshake shows,
 * and whom it trusts */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tools/holdload/options.h"
#include "tools/holdload/options_table.h"

static int take_secret(void *options, const struct option_row *row, char *path)
{
	struct options *o = options;
	struct credentials *credentials = (void *)((char *)o + row->offset);
	int r = credentials_read(credentials, path);
	char what[512];

	if (r == 0)
		return 0;
	(void)snprintf(what, sizeof(what), "%s: %s", path,
		       r == -ENODATA ? "its first line is empty; write the "
				       "secret there"
				     : strerror(-r));
	return options_wrong(row->name, what);
}

static int take_signed_url(void *options, const struct option_row *row,
			   char *text)
{
	struct options *o = options;

	o->signed_url = text;
	if (strstr(text, "://"))
		return 0;
	return options_wrong(row->name,
			     "write the whole URL, such as wss://HOST/PATH");
}

static int take_header(void *options, const struct option_row *row, char *text)
{
	struct options *o = options;

	if (!strchr(text, ':') || text[strcspn(text, "\r\n")])
		return options_wrong(row->name, "write 'Name: value'");
	if (o->header_count == HEADERS_MAX)
		return options_wrong(row->name, "there are too many");
	o->headers[o->header_count++] = text;
	return 0;
}

static const struct option_row rows[] = {
	{ "sign", "FILE",
	  "prove it as the provider does; the secret is the\n"
	  "file's first line: an auth token (twilio, plivo), a\n"
	  "signature secret (vonage), a token (telnyx,\n"
	  "signalwire, azure, plain), USER:PASSWORD (exotel,\n"
	  "asterisk, jambonz, freeswitch), an API key and in\n"
	  "the second line the client secret (genesys)",
	  .take = take_secret, OPTION_AT(struct options, credentials) },
	{ "sign-url", "URL", "the URL to sign, where a proxy changes it",
	  .take = take_signed_url },
	{ "bearer", "FILE", "Authorization: Bearer, with the file's first line",
	  .take = take_secret, OPTION_AT(struct options, bearer) },
	{ "header", "'K: V'", "another header; may be repeated",
	  .take = take_header, .repeats = true },
	{ "cacert", "FILE", "trust these certificates (PEM), not the system's",
	  .take = option_take_text, OPTION_AT(struct options, tls.cacert) },
	{ "insecure", NULL, "trust any", .take = option_take_switch,
	  OPTION_AT(struct options, tls.insecure) },
	{ "cert", "FILE", "our own certificate (PEM)", .take = option_take_text,
	  OPTION_AT(struct options, tls.cert) },
	{ "key", "FILE", "and its key (in --cert's file)",
	  .take = option_take_text, OPTION_AT(struct options, tls.key) },
};
const struct option_section options_who = OPTION_SECTION("who calls", rows);
