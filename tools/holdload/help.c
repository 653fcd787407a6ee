/* help.c - what holdload says about itself (see help.h) */
#include "tools/holdload/help.h"

#include "tools/holdload/dialect.h"
#include "tools/holdload/misdeed.h"

static const char usage[] =
	"usage: holdload --url URL --dialect NAME [--calls N] [OPTION]...\n"
	"\n"
	"Plays the provider's end of phone calls against a media server.\n"
	"\n"
	"calls:\n"
	"  --url URL          where they go, ws://HOST[:PORT]/PATH or wss://\n"
	"  --dialect NAME     whose (--provider is the same)\n"
	"  --list-dialects    which there are, with their formats\n"
	"  --format CODEC     PCMU, PCMA, L16/8000 ...: one of the dialect's\n"
	"  --audio FILE       WAV of any rate (a spoken prompt)\n"
	"  --echo             expect every frame back, check it, time it\n"
	"  --dtmf DIGITS      sent during each call\n"
	"  --barge-in T       silent until the server has played for T, then speak\n"
	"                     (with --dtmf: press the keys); how soon it stops\n"
	"  --custom K=V       a custom parameter of each; may be repeated\n"
	"  --threads N        one for every 1000 calls, as far as there are\n"
	"                     processors\n"
	"  --bind ADDRESS     call from it; may be repeated (the system's choice; on\n"
	"                     the loopback one for every 20000 calls)\n"
	"\n"
	"when, one of:\n"
	"  --calls N          each once (1); their lengths are --duration's\n"
	"  --calls N --hold T until all have been up for T\n"
	"  --rate R/s --time T\n"
	"                     R come a second, for T, whatever the server does about\n"
	"                     it; --calls N at once at most (10000)\n"
	"and how:\n"
	"  --ramp R/s         begun a second (all at once)\n"
	"  --stop R/s         ended a second, after --hold (all at once)\n"
	"  --arrivals KIND    even, or poisson: at random, as people call (even)\n"
	"  --duration T       of a call: 30s, 10s..60s, exp:30s (the mean),\n"
	"                     normal:30s,5s or one of 10s,20s,5min (the file once)\n"
	"  --handshakes N     under way at once, at most (2048)\n"
	"  --seed N           the same run again; its report says which it was\n"
	"  --misbehave K=P%,...\n"
	"                     so many of the calls do wrong on purpose, and are\n"
	"                     counted apart; the kinds are below\n"
	"\n"
	"who calls:\n"
	"  --sign FILE        prove it as the provider does; the secret is the\n"
	"                     file's first line: an auth token (twilio, plivo), a\n"
	"                     signature secret (vonage), a token (telnyx,\n"
	"                     signalwire, azure, plain), USER:PASSWORD (exotel,\n"
	"                     asterisk, jambonz, freeswitch), an API key and in\n"
	"                     the second line the client secret (genesys)\n"
	"  --sign-url URL     the URL to sign, where a proxy changes it\n"
	"  --bearer FILE      Authorization: Bearer, with the file's first line\n"
	"  --header 'K: V'    another header; may be repeated\n"
	"  --cacert FILE      trust these certificates (PEM), not the system's\n"
	"  --insecure         trust any\n"
	"  --cert FILE        our own certificate (PEM)\n"
	"  --key FILE         and its key (in --cert's file)\n"
	"\n"
	"what came of it:\n"
	"  --json FILE        the report as JSON, - for standard output\n"
	"  --json-calls       with a row for each call\n"
	"  --ledger FILE      what became of each call, a line of JSON each\n"
	"  --fail-if EXPR     exit 1 when it holds, such as 'echo_p99>40ms' or\n"
	"                     'lost>0'; the words are those of the JSON report\n"
	"\n"
	"kinds of --misbehave:\n";

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
