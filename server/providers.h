/*
 * providers.h - the names of all dialects, one line each
 *
 * X(name): there is a `const struct provider provider_<name>`
 * (media/provider.h) in media/providers/<name>.c. A route may name it, and
 * /media/<name> does unless a settings file has other routes. Where a route
 * leaves the dialect open, they are asked in this order whose call it is; the
 * last takes anything.
 */
#ifndef SERVER_PROVIDERS_H
#define SERVER_PROVIDERS_H

/* clang-format off */
#define PROVIDERS(X) \
	X(twilio) \
	X(signalwire) \
	X(telnyx) \
	X(plivo) \
	X(exotel) \
	X(vonage) \
	X(genesys) \
	X(asterisk) \
	X(azure) \
	X(jambonz) \
	X(plain) \
	X(freeswitch)
/* clang-format on */

#endif
