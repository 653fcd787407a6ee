/* live_calls.js - the calls of this moment: who, how loud; listen in, hang up
 *
 * The newest come with each push. A search asks the server instead, with each push again. Rows stay, and only what
 * counts on in them is written anew. */
import {get, send, withQuery} from './api.js';
import {el, table, write} from './dom.js';
import {listen} from './listen.js';
import {age, parties, plural} from './words.js';

const QUIETEST_DB = -60; /* the left end of a meter */
const SURE_MS = 5000;    /* to press a second time */

class Meter {
	constructor(name, short, second) {
		this.bar = el('div');
		this.node = el('div', {class: `meter${second ? ' second' : ''}`, role: 'meter', 'aria-label': name,
			'aria-valuemin': QUIETEST_DB, 'aria-valuemax': 0, 'aria-valuenow': QUIETEST_DB}, this.bar);
		this.line = el('div', {}, el('span', {'aria-hidden': 'true'}, short), this.node);
	}

	show(db) {
		const value = Math.max(QUIETEST_DB, Math.min(0, db ?? QUIETEST_DB));

		this.bar.style.width = `${100 * (value - QUIETEST_DB) / -QUIETEST_DB}%`;
		this.node.setAttribute('aria-valuenow', value);
		this.node.setAttribute('aria-valuetext', db === null ? 'not measured yet' : db <= QUIETEST_DB ? 'quiet' : `${Math.round(db)} dB`);
	}
}

/* What of a row changes while its call lives. */
class Row {
	constructor() {
		this.heard = new Meter('Level of the caller', 'in');
		this.said = new Meter('Level of what is said to the caller', 'out', true);
		this.lasts = el('span');
	}

	update(call) {
		this.heard.show(call.level_in_db);
		this.said.show(call.level_out_db);
		write(this.lasts, age(call.duration_ms / 1000));
	}
}

export function liveCalls(place, argument, session) {
	const said = el('p', {role: 'status', class: 'muted'});
	const rest = el('p', {class: 'muted', hidden: true});
	const empty = el('p', {class: 'empty', hidden: true});
	const search = el('input', {id: 'live-number', type: 'search', autocomplete: 'off', placeholder: 'from or to'});
	const rows = new Map();
	const stop = new AbortController();
	let heard = null; /* {id, close} */

	function rowOf(call) {
		if (!rows.has(call.call_id))
			rows.set(call.call_id, new Row());
		return rows.get(call.call_id);
	}

	/* Ends what is heard; true when it was that call. */
	function silence(id) {
		const was = heard?.id;

		heard?.close();
		heard = null;
		return was === id;
	}

	function toggle(call, button) {
		const was = silence(call.call_id);

		for (const other of place.querySelectorAll('button[aria-pressed="true"]'))
			other.setAttribute('aria-pressed', 'false');
		if (was) {
			write(said, 'You no longer listen.');
			return;
		}
		button.setAttribute('aria-pressed', 'true');
		heard = {id: call.call_id, close: listen(call.call_id, (words, ended) => {
			write(said, words);
			if (ended)
				button.setAttribute('aria-pressed', 'false');
		})};
	}

	/* Pressed twice, since a call that has ended does not come back. */
	async function hangUp(call, button) {
		if (!button.dataset.sure) {
			button.dataset.sure = 'yes';
			write(button, 'Sure? Hang up');
			setTimeout(() => {
				delete button.dataset.sure;
				write(button, 'Hang up');
			}, SURE_MS);
			return;
		}
		try {
			await send('DELETE', `/api/calls/${call.call_id}`);
			write(said, `${parties(call)} is being ended.`);
		} catch (error) {
			write(said, `It was not ended: ${error.message}.`);
		}
	}

	function actions(call) {
		const name = parties(call);
		const ear = el('button', {type: 'button', 'aria-pressed': String(heard?.id === call.call_id),
			'aria-label': `Listen to ${name}`, click: () => toggle(call, ear)}, 'Listen');
		const end = el('button', {type: 'button', class: 'danger', click: () => hangUp(call, end)}, 'Hang up',
			el('span', {class: 'hidden'}, ` ${name}`));

		return el('div', {}, ear, end);
	}

	const columns = [
		{name: 'From → to', cell: (call) => parties(call)},
		{name: 'Levels', cell: (call) => {
			const row = rowOf(call);

			return el('div', {class: 'meters'}, row.heard.line, row.said.line);
		}},
		{name: 'Lasts', class: 'number', cell: (call) => rowOf(call).lasts},
		{name: 'Provider', cell: (call) => call.provider},
		{name: 'Does', cell: (call) => call.recorded && call.handler !== 'record' ? `${call.handler}, recorded` : call.handler},
		{name: 'Codec', cell: (call) => `${call.codec}, ${call.sample_rate} Hz`},
		...session.may('operator') ? [{name: 'Actions', class: 'actions', cell: actions}] : [],
	];
	const found = table('Live calls, the newest first', columns);

	function tell(words) {
		write(rest, words);
		rest.hidden = !words;
	}

	function show({calls, total}) {
		const here = new Set(calls.map(({call_id: id}) => id));

		for (const id of rows.keys()) {
			if (!here.has(id))
				rows.delete(id);
		}
		found.rows(calls, ({call_id: id}) => id, ({call_id: id}) => id);
		for (const call of calls)
			rowOf(call).update(call);
		found.node.hidden = calls.length === 0;
		empty.hidden = calls.length > 0;
		write(empty, search.value ? 'No live call fits.' : 'No call is live.');
		tell(total > calls.length ? `The newest ${calls.length} of ${plural(total, 'call', 'calls')}: search for others.` : '');
	}

	async function ask(number) {
		try {
			const page = await get(withQuery('/api/live-calls', {number, limit: 50}), {signal: stop.signal});

			if (search.value.trim() === number)
				show(page);
		} catch (error) {
			if (error.name !== 'AbortError')
				tell(error.message);
		}
	}

	place.append(el('div', {class: 'head'}, el('h1', {}, 'Live calls'), said,
		el('div', {class: 'field'}, el('label', {for: 'live-number'}, 'Number'), search)),
	rest, el('div', {class: 'panel scroll'}, found.node, empty));
	return {
		update({live}) {
			const number = search.value.trim();

			if (number)
				ask(number);
			else
				show(live);
		},
		close() {
			stop.abort();
			silence();
		},
	};
}
