/* raw.c - a route that says back every message as it came (see raw.h) */
#include "media/raw.h"

#include <libwebsockets.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool add(struct raw *raw, const void *in, size_t length)
{
	size_t room = raw->room ? raw->room : 4096;
	unsigned char *more;

	while (room < raw->length + length)
		room *= 2;
	if (room != raw->room) {
		more = realloc(raw->bytes, LWS_PRE + room);
		if (!more)
			return false;
		raw->bytes = more;
		raw->room = room;
	}
	if (length > 0)
		memcpy(raw->bytes + LWS_PRE + raw->length, in, length);
	raw->length += length;
	return true;
}

static int answer(struct raw *raw, struct lws *wsi)
{
	enum lws_write_protocol kind =
		lws_frame_is_binary(wsi) ? LWS_WRITE_BINARY : LWS_WRITE_TEXT;
	int sent = lws_write(wsi, raw->bytes + LWS_PRE, raw->length, kind);

	raw->length = 0;
	if (sent < 0)
		return -1;
	if (!lws_partial_buffered(wsi))
		return 0;
	(void)lws_rx_flow_control(wsi, 0);
	(void)lws_callback_on_writable(wsi);
	return 0;
}

static int refuse(struct lws *wsi, enum lws_close_status status)
{
	lws_close_reason(wsi, status, NULL, 0);
	return -1;
}

int raw_receive(struct raw *raw, struct lws *wsi, const void *in, size_t length)
{
	if (raw->length + length > RAW_MESSAGE_MAX)
		return refuse(wsi, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE);
	if (!add(raw, in, length))
		return refuse(wsi, LWS_CLOSE_STATUS_UNEXPECTED_CONDITION);
	if (lws_is_final_fragment(wsi) &&
	    lws_remaining_packet_payload(wsi) == 0)
		return answer(raw, wsi);
	return 0;
}

int raw_writeable(struct raw *raw, struct lws *wsi)
{
	(void)raw;
	(void)lws_rx_flow_control(wsi, 1);
	return 0;
}

void raw_free(struct raw *raw)
{
	free(raw->bytes);
	*raw = (struct raw){ 0 };
}
