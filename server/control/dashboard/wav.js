/* wav.js - a recording's samples, as Holdline writes them: 16-bit, A-law or mu-law, in a RIFF file
 *
 * Of each chunk the name stands first, then its length; what we do not know is passed over. A file that was cut short
 * ends where it ends. */

const PCM = 1;
const ALAW = 6;
const ULAW = 7;

/* ITU-T G.711: one byte as a sample of 16 bits. */
function ulaw(byte) {
	const code = ~byte & 0xff;
	const magnitude = (((code & 15) << 3) + 132 << (code >> 4 & 7)) - 132;

	return code & 0x80 ? -magnitude : magnitude;
}

function alaw(byte) {
	const code = byte ^ 0x55;
	const segment = code >> 4 & 7;
	const low = ((code & 15) << 4) + 8;
	const magnitude = segment === 0 ? low : low + 256 << segment - 1;

	return code & 0x80 ? magnitude : -magnitude;
}

function tableOf(decode) {
	return Int16Array.from({length: 256}, (_, byte) => decode(byte));
}

const TABLES = {[ALAW]: tableOf(alaw), [ULAW]: tableOf(ulaw)};

function name(view, at) {
	return String.fromCharCode(view.getUint8(at), view.getUint8(at + 1), view.getUint8(at + 2), view.getUint8(at + 3));
}

/* {rate, channels, frames, sample(frame, channel)}, or an Error. */
export function readWav(buffer) {
	const view = new DataView(buffer);
	let at = 12;
	let format = null;

	if (buffer.byteLength < 12 || name(view, 0) !== 'RIFF' || name(view, 8) !== 'WAVE')
		throw new Error('not a WAV file');
	for (; at + 8 <= buffer.byteLength; at += 8 + view.getUint32(at + 4, true) + (view.getUint32(at + 4, true) & 1)) {
		const chunk = name(view, at);

		if (chunk === 'fmt ' && at + 24 <= buffer.byteLength)
			format = {
				code: view.getUint16(at + 8, true),
				channels: view.getUint16(at + 10, true),
				rate: view.getUint32(at + 12, true),
				bits: view.getUint16(at + 22, true),
			};
		if (chunk === 'data' && format)
			return sound(view, format, at + 8, Math.min(view.getUint32(at + 4, true), buffer.byteLength - at - 8));
	}
	throw new Error('no sound in the file');
}

function sound(view, {code, channels, rate, bits}, start, length) {
	const table = TABLES[code];
	const width = table ? 1 : 2;

	if (!channels || !rate || !table && (code !== PCM || bits !== 16))
		throw new Error('a codec that is not drawn');
	return {
		rate,
		channels,
		frames: Math.floor(length / (width * channels)),
		sample(frame, channel) {
			const at = start + (frame * channels + channel) * width;

			return table ? table[view.getUint8(at)] : view.getInt16(at, true);
		},
	};
}

/* The loudest up and down of each column: what a drawing of the sound needs. */
export function peaks(wav, channel, columns) {
	const found = [];

	for (let i = 0; i < columns; i++) {
		const end = Math.ceil((i + 1) * wav.frames / columns);
		let low = 0;
		let high = 0;

		for (let frame = Math.floor(i * wav.frames / columns); frame < Math.min(end, wav.frames); frame++) {
			const value = wav.sample(frame, channel);

			low = Math.min(low, value);
			high = Math.max(high, value);
		}
		found.push([low / 32768, high / 32768]);
	}
	return found;
}
