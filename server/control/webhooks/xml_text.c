/* xml_text.c - text that stands in XML (see xml_text.h) */
#include "server/control/webhooks/xml_text.h"

#include <stdbool.h>
#include <string.h>

/* U+FFFE and U+FFFF, which are no characters. */
static bool is_none(const char *text)
{
	return strncmp(text, "\xef\xbf\xbe", 3) == 0 ||
	       strncmp(text, "\xef\xbf\xbf", 3) == 0;
}

void xml_put_text(FILE *out, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '&' || c == '<' || c == '>' || c == '"' || c == '\'' ||
		    c == '\t' || c == '\n' || c == '\r') {
			(void)fprintf(out, "&#%u;", c);
		} else if (c < ' ' || c == 0x7f) {
			(void)fputc('?', out);
		} else if (is_none(text)) {
			(void)fputc('?', out);
			text += 2;
		} else {
			(void)fputc(c, out);
		}
	}
}

void xml_put_attribute(FILE *out, const char *name, const char *value)
{
	if (!value)
		return;
	(void)fprintf(out, " %s=\"", name);
	xml_put_text(out, value);
	(void)fputc('"', out);
}
