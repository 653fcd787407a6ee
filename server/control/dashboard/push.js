/* push.js - what the server tells by itself, and the way back to it
 *
 *   closed --(start)--> trying --(it opens)--> open --(it closes)--> waiting --(pause)--> trying
 *
 * The pause grows to PAUSE_MAX_MS and has jitter: all dashboards of a server that is started again do not come at
 * once. A socket on which nothing came for SILENCE_MS counts as closed: a cable that was cut says nothing. */

const PAUSE_MIN_MS = 500;
const PAUSE_MAX_MS = 8000;
const SILENCE_MS = 10000;

export function push(told) {
	let socket = null;
	let timer = 0;
	let pause = PAUSE_MIN_MS;
	let lostAt = null;
	let wanted = false;

	function listenForSilence() {
		const listened = socket;

		clearTimeout(timer);
		timer = setTimeout(() => {
			lose(listened); /* its close may take minutes */
			listened.close();
		}, SILENCE_MS);
	}

	function lose(lost) {
		if (lost !== socket)
			return;
		socket = null;
		clearTimeout(timer);
		if (!wanted)
			return;
		lostAt ??= new Date();
		told.lost(lostAt);
		timer = setTimeout(open, pause * (0.5 + Math.random()));
		pause = Math.min(pause * 2, PAUSE_MAX_MS);
	}

	function open() {
		clearTimeout(timer);
		socket = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/api/push`);
		socket.onclose = (event) => lose(event.target);
		socket.onmessage = (event) => {
			listenForSilence();
			pause = PAUSE_MIN_MS;
			lostAt = null;
			told.state(JSON.parse(event.data));
		};
		listenForSilence();
	}

	return {
		start() {
			wanted = true;
			if (!socket)
				open();
		},
		/* Does not wait for the pause to end. */
		hurry() {
			pause = PAUSE_MIN_MS;
			if (wanted && !socket)
				open();
		},
		stop() {
			wanted = false;
			clearTimeout(timer);
			lostAt = null;
			socket?.close();
			socket = null;
		},
	};
}
