/* listen.js - a live call's sound, as it comes
 *
 * Pieces of some 40 ms are put behind each other on the clock of the sound card, LEAD_S late, so that one that comes
 * late finds its place still free. Where they pile up, because the call's clock is the faster one or the net held
 * them back, we skip to the present. */

const LEAD_S = 0.15;
const BEHIND_MAX_S = 0.6;

const WHY = {1000: 'The call has ended.', 1001: 'The server ends.', 1008: 'You have been signed out.'};

/* `told(words, ended)` hears what becomes of it. Returns what ends it. */
export function listen(id, told) {
	const sound = new AudioContext();
	const socket = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/api/live-calls/${id}/listen`);
	let format = null;
	let at = 0;
	let over = false;

	function play(bytes) {
		const samples = new Int16Array(bytes);
		const frames = samples.length / format.channels;
		const piece = sound.createBuffer(format.channels, frames, format.sample_rate);
		const source = sound.createBufferSource();
		const now = sound.currentTime;

		for (let channel = 0; channel < format.channels; channel++) {
			const lane = piece.getChannelData(channel);

			for (let i = 0; i < frames; i++)
				lane[i] = samples[i * format.channels + channel] / 32768;
		}
		if (at < now || at > now + BEHIND_MAX_S)
			at = now + LEAD_S;
		source.buffer = piece;
		source.connect(sound.destination);
		source.start(at);
		at += piece.duration;
	}

	function begin(said) {
		if (said.event !== 'start')
			return;
		format = said;
		told('You listen: the caller is left, what is said to the caller is right.', false);
	}

	function end(words) {
		if (over)
			return;
		over = true;
		socket.close();
		sound.close();
		if (words)
			told(words, true);
	}

	socket.binaryType = 'arraybuffer';
	socket.onmessage = ({data}) => {
		if (typeof data === 'string')
			begin(JSON.parse(data));
		else if (format && !over && data.byteLength > 0)
			play(data);
	};
	socket.onclose = ({code}) => end(WHY[code] ?? 'The connection to the call was lost.');
	return () => end('');
}
