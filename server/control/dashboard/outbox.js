/* outbox.js - what waits for the database, and the switches of its drain */
import {send} from './api.js';
import {el, write} from './dom.js';
import {age, bytes, count} from './words.js';

function rows(outbox) {
	return [
		['Records that wait', count(outbox.records)],
		['The oldest waits for', outbox.records > 0 ? age(outbox.oldest_seconds) : 'none waits'],
		['On disk', `${bytes(outbox.bytes)} of at most ${bytes(outbox.max_bytes)}`],
		['Room for', `${bytes(outbox.room_bytes)} more`],
		['Lasts', outbox.lasts_seconds === null ? 'it does not grow' : age(outbox.lasts_seconds)],
		['In memory, not yet on disk', count(outbox.queued)],
		['Held by an operator', count(outbox.held)],
		['Free on its disk', bytes(outbox.free_bytes)],
		['Kept for a full disk', bytes(outbox.reserve_bytes)],
		['The disk', outbox.broken ? `refuses: ${outbox.error}` : 'takes what comes'],
	];
}

/* The drain's switches; what came of it is written into `said`, which is read aloud. */
export async function drain(verb, words, said) {
	try {
		await send('POST', `/api/outbox/${verb}`, {});
		write(said, words);
	} catch (error) {
		write(said, `It was not done: ${error.message}`);
	}
}

export function kickButton(said) {
	return el('button', {type: 'button', click: () => drain('kick', 'The database is tried now.', said)},
		'Try the database now');
}

export function outbox(place, argument, session) {
	const values = new Map();
	const list = el('dl', {class: 'details'});
	const filled = el('div');
	const said = el('p', {role: 'status', class: 'muted'});
	const pause = el('button', {type: 'button', click: () => drain(pause.dataset.verb, pause.dataset.said, said)});

	place.append(el('div', {class: 'head'}, el('h1', {}, 'Outbox'), said,
		session.may('operator') ? el('div', {class: 'head'}, kickButton(said), pause) : null),
	el('section', {class: 'panel', 'aria-label': 'What waits'}, list,
		el('div', {class: 'bar', 'aria-hidden': 'true'}, filled)));
	return {
		update({status}) {
			const paused = status.outbox.paused;

			for (const [name, value] of rows(status.outbox)) {
				if (!values.has(name)) {
					values.set(name, el('dd'));
					list.append(el('div', {}, el('dt', {}, name), values.get(name)));
				}
				write(values.get(name), value);
			}
			filled.style.width = `${Math.min(100, 100 * status.outbox.bytes / status.outbox.max_bytes)}%`;
			pause.dataset.verb = paused ? 'resume' : 'pause';
			pause.dataset.said = paused ? 'Records go to the database again.' : 'Records wait until somebody resumes.';
			write(pause, paused ? 'Resume the drain' : 'Pause the drain');
		},
	};
}
