/*
 * providers.h - the names of all dialects, one line each
 *
 * X(name): there is a `const struct provider provider_<name>`
 * (media/provider.h) in media/providers/<name>.c. A route may name it, and
 * /media/<name> does unless a settings file has other routes.
 */
#ifndef SERVER_PROVIDERS_H
#define SERVER_PROVIDERS_H

#define PROVIDERS(X)  \
	X(twilio)     \
	X(signalwire) \
	X(telnyx)     \
	X(plivo)      \
	X(exotel)     \
	X(vonage)     \
	X(jambonz)    \
	X(freeswitch) \
	X(plain)

#endif
