/*
 * xml_text.h - text that stands in XML, so that it stays text
 *
 * What a stranger sent (a caller's number, say) goes into attributes and
 * elements. Nothing of it may end them: XML 1.0, sections 2.2 and 2.4.
 *
 * Thread: any.
 */
#ifndef SERVER_CONTROL_WEBHOOKS_XML_TEXT_H
#define SERVER_CONTROL_WEBHOOKS_XML_TEXT_H

#include <stdio.h>

/* UTF-8 into an element or a quoted attribute. Characters that XML has no way
 * to hold become a question mark. */
void xml_put_text(FILE *out, const char *text);
/* ` name="value"`; nothing for a value of NULL. */
void xml_put_attribute(FILE *out, const char *name, const char *value);

#endif
