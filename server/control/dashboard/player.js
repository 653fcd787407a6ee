/* player.js - a recording to hear, to see, and to jump about in */
import {fetchFrom} from './api.js';
import {el, write} from './dom.js';
import {bytes, short} from './words.js';
import {peaks, readWav} from './wav.js';

const DRAWN_MAX = 64 * 1024 * 1024; /* bytes; beyond, hours of sound: it plays, and is not drawn */
const QUIET = 0.01;                 /* of full scale: -40 dB */
const COLUMNS = 600;

function names(channels) {
	return channels === 2 ? ['Inbound', 'Outbound'] : ['Sound'];
}

/* How much of the time there is something to hear. */
function share(columns) {
	return Math.round(100 * columns.filter(([low, high]) => high - low > 2 * QUIET).length / columns.length);
}

function color(name) {
	return getComputedStyle(document.documentElement).getPropertyValue(name);
}

function draw(canvas, drawn) {
	const scale = devicePixelRatio || 1;
	const width = canvas.width = Math.round(canvas.clientWidth * scale);
	const height = canvas.height = Math.round(canvas.clientHeight * scale);
	const pen = canvas.getContext('2d');
	const lane = height / drawn.length;

	drawn.forEach((columns, channel) => {
		const middle = lane * (channel + 0.5);
		const step = width / columns.length;

		pen.fillStyle = color(channel === 0 ? '--chart' : '--second');
		columns.forEach(([low, high], i) => {
			const top = middle - high * lane / 2;

			pen.fillRect(i * step, top, Math.max(1, step * 0.8), Math.max(scale, (high - low) * lane / 2));
		});
	});
}

async function load(path, signal) {
	const response = await fetchFrom(path, {signal});
	const length = Number(response.headers.get('content-length'));

	if (length > DRAWN_MAX) {
		await response.body.cancel();
		throw new Error(`${bytes(length)} are not drawn; it plays all the same`);
	}
	return readWav(await response.arrayBuffer());
}

export function player(path) {
	const stop = new AbortController();
	const audio = el('audio', {controls: true, preload: 'metadata', src: path, 'aria-label': 'Recording'});
	const canvas = el('canvas', {role: 'img', 'aria-label': 'Waveform: being read', click: jump});
	const headLine = el('div', {class: 'head-line'});
	const legend = el('p', {class: 'legend'});
	const scheme = matchMedia('(prefers-color-scheme: dark)');
	let drawn = [];

	function jump(event) {
		if (Number.isFinite(audio.duration))
			audio.currentTime = audio.duration * event.offsetX / canvas.clientWidth;
	}

	function follow() {
		const part = Number.isFinite(audio.duration) ? audio.currentTime / audio.duration : 0;

		headLine.style.left = `${100 * part}%`;
	}

	function redraw() {
		draw(canvas, drawn);
	}

	function describe(wav) {
		const words = names(wav.channels).map((name, i) => `${name.toLowerCase()}: sound in ${share(drawn[i])} % of the time`);

		canvas.setAttribute('aria-label', `Waveform of ${short(wav.frames / wav.rate)} seconds; ${words.join('; ')}`);
		canvas.dataset.drawn = 'true';
		legend.replaceChildren(...names(wav.channels).map((name, i) => el('span', {},
			el('span', {class: `swatch${i ? ' second' : ''}`, 'aria-hidden': 'true'}), `${name}: ${share(drawn[i])} % sound`)),
		el('span', {}, `${short(wav.frames / wav.rate)} s, ${wav.rate} Hz`),
		el('a', {href: path, download: ''}, 'Download'));
	}

	async function show() {
		try {
			const wav = await load(path, stop.signal);

			drawn = names(wav.channels).map((_, channel) => peaks(wav, channel, COLUMNS));
			redraw();
			describe(wav);
		} catch (error) {
			if (error.name === 'AbortError')
				return;
			canvas.setAttribute('aria-label', 'No waveform');
			write(legend, `No waveform: ${error.message}.`);
		}
	}

	const sizes = new ResizeObserver(redraw);

	sizes.observe(canvas);
	scheme.addEventListener('change', redraw);
	audio.addEventListener('timeupdate', follow);
	audio.addEventListener('seeked', follow);
	show();
	return {
		node: el('div', {class: 'player'}, audio, el('div', {class: 'wave'}, canvas, headLine), legend),
		close() {
			stop.abort();
			sizes.disconnect();
			scheme.removeEventListener('change', redraw);
			audio.pause();
		},
	};
}
