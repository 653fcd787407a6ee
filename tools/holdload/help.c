/* help.c - what holdload says about itself (see help.h) */
#include "tools/holdload/help.h"

#include <string.h>

#include "tools/holdload/dialect.h"
#include "tools/holdload/misdeed.h"
#include "tools/holdload/options.h"

static const char usage[] =
	"usage: holdload --url URL --dialect NAME [--calls N] [OPTION]...\n"
	"\n"
	"Plays the provider's end of phone calls against a media server; the other\n"
	"end is `holdload serve` (see its --help).\n";

static const char ending[] =
	"\n"
	"exit status: 0 all calls that behave went as planned, 1 some did not or a\n"
	"--fail-if holds, 2 usage, 3 the server could not be reached\n"
	"\n"
	"examples:\n"
	"  holdload --url ws://127.0.0.1:8080/media/twilio --dialect twilio \\\n"
	"           --audio prompt.wav\n"
	"  holdload --url ws://127.0.0.1:8080/media/vonage/echo --dialect vonage "
	"\\\n"
	"           --format L16/24000 --calls 1000 --ramp 100/s --duration 1min "
	"\\\n"
	"           --echo --fail-if 'echo_p99>40ms' --fail-if 'lost>0'\n"
	"  holdload --url ws://127.0.0.1:8080/media/twilio --dialect twilio \\\n"
	"           --rate 50/s --time 10min --arrivals poisson --duration exp:90s "
	"\\\n"
	"           --misbehave drop=5%,stall=2%,flood=1%,malformed=1%\n"
	"  holdload --url wss://media.example.com/media/plivo --dialect plivo \\\n"
	"           --sign plivo.token --duration 10s\n";

void help_print(FILE *out)
{
	(void)fputs(usage, out);
	options_explain(&options_table, out);
	(void)fputs("\nkinds of --misbehave:\n", out);
	misdeed_list(out);
	(void)fputs(ending, out);
}

void help_list_dialects(FILE *out)
{
	const struct dialect *dialect;
	char name[AUDIO_FORMAT_SIZE];

	for (size_t i = 0; (dialect = dialect_at(i)); i++) {
		(void)fprintf(out, "%-15s %s\n%-15s", dialect->name,
			      dialect->summary, "");
		for (size_t n = 0; n < dialect->format_count; n++) {
			audio_format_name(&dialect->formats[n], name);
			(void)fprintf(out, " %s", name);
		}
		(void)fputc('\n', out);
	}
}

const char *help_for_status(int status)
{
	switch (status) {
	case 401:
		return "the server wants to know who calls: --sign, --bearer, "
		       "--header, or a token in the URL";
	case 403:
		return "the server does not take these calls: a wrong secret "
		       "in --sign, another URL than was signed (--sign-url), "
		       "a client certificate (--cert), or an address that is "
		       "not allowed";
	case 404: return "there is no such route: look at the path of --url";
	case 429:
		return "too many handshakes from this address: a slower "
		       "--ramp, or a higher limit at the server";
	case 503:
		return "the server is full or shutting down: fewer --calls, "
		       "or a slower --ramp";
	default: return NULL;
	}
}
