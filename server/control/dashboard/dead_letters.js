/* dead_letters.js - what the database refused for good: why, what it was, and once more */
import {get, send, withQuery} from './api.js';
import {details, el, write} from './dom.js';
import {failure, Listing} from './listing.js';
import {count, time} from './words.js';

/* Tells what became of it, in a place that is read aloud. */
async function retry(path, body, said) {
	try {
		const {done, already, missing} = await send('POST', path, body);

		write(said, done > 0 ? `${count(done)} on the way to the database again. What it refuses again comes back.`
			: already > 0 ? 'It is on its way already.' : `${count(missing)} not there any more.`);
	} catch (error) {
		write(said, `It was not retried: ${error.message}`);
	}
}

function list(place, session) {
	const said = el('p', {role: 'status', class: 'muted'});
	const operator = session.may('operator');
	const all = el('button', {type: 'button', hidden: true, click: retryShown}, 'Retry all of these');
	const letters = new Listing({
		caption: 'Dead letters, the newest first',
		columns: [
			{name: 'Refused', cell: (letter) => time(letter.dead_since)},
			{name: 'Reason', cell: (letter) => letter.reason ?? 'unknown'},
			{name: 'SQLSTATE', cell: (letter) => letter.sqlstate ?? ''},
			{name: 'Kind', cell: (letter) => letter.kind},
			{name: 'About', cell: (letter) => el('span', {class: 'id'}, letter.entity)},
			{name: 'Actions', class: 'actions', cell: (letter) => el('div', {},
				el('a', {class: 'button', href: `#dead-letters/${letter.id}`,
					'aria-label': `Details of ${letter.kind}, ${letter.id}`}, 'Details'),
				operator ? el('button', {type: 'button', 'aria-label': `Retry ${letter.kind}, ${letter.id}`,
					click: () => retry(`/api/dead-letters/${letter.id}/retry`, {}, said)}, 'Retry') : null)},
		],
		items: 'dead_letters',
		key: 'id',
		empty: 'There are none: the database took whatever it was given.',
		path: (cursor) => withQuery('/api/dead-letters', {limit: 50, cursor}),
		change: (state) => String(state.status.dead_letters),
	});

	function retryShown() {
		return retry('/api/dead-letters/retry', {ids: letters.all.map(({id}) => id)}, said);
	}

	place.append(el('div', {class: 'head'}, el('h1', {}, 'Dead letters'), said, all), letters.node);
	return {
		update(state) {
			letters.update(state);
			all.hidden = !operator || state.status.dead_letters === 0;
		},
		close: () => letters.close(),
	};
}

function one(place, id, session) {
	const said = el('p', {role: 'status', class: 'muted'});
	const content = el('div', {class: 'stack'});

	async function load() {
		try {
			const {record, ...letter} = await get(`/api/dead-letters/${encodeURIComponent(id)}`);

			content.replaceChildren(el('section', {class: 'panel'}, details([
				['Refused', time(letter.dead_since)], ['Reason', letter.reason], ['SQLSTATE', letter.sqlstate],
				['Kind', letter.kind], ['About', el('span', {class: 'id'}, letter.entity)], ['Rev', letter.rev],
				['Letter', el('span', {class: 'id'}, letter.id)],
			])), el('section', {class: 'panel field'}, el('h2', {}, 'The record as it was'),
				el('pre', {tabindex: 0}, JSON.stringify(record, null, 2))));
		} catch (error) {
			content.replaceChildren(failure(error));
		}
	}

	place.append(el('p', {}, el('a', {href: '#dead-letters'}, '← All dead letters')),
		el('div', {class: 'head'}, el('h1', {}, 'Dead letter'), said, session.may('operator')
			? el('button', {type: 'button', class: 'main',
				click: () => retry(`/api/dead-letters/${encodeURIComponent(id)}/retry`, {}, said)}, 'Retry') : null),
		content);
	load();
	return {};
}

export function deadLetters(place, id, session) {
	return id ? one(place, id, session) : list(place, session);
}
