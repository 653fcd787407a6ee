/* calls.js - calls as the database has them: a list to search in, and one with all that is known of it */
import {get, withQuery} from './api.js';
import {details, el} from './dom.js';
import {away, failure, Listing} from './listing.js';
import {player} from './player.js';
import {bytes, count, parties, plural, short, time} from './words.js';

const END_REASONS = ['stop', 'hangup', 'disconnect', 'idle_timeout', 'max_duration', 'protocol_error', 'shutdown', 'interrupted'];

function seconds(ms) {
	return ms === null ? '' : `${short(ms / 1000)} s`;
}

/* ---- the list ---- */

const COLUMNS = [
	{name: 'Started', cell: (call) => time(call.started_at)},
	{name: 'From → to', cell: (call) => el('a', {href: `#calls/${call.call_id}`}, parties(call))},
	{name: 'Provider', cell: (call) => call.provider},
	{name: 'State', cell: (call) => call.state === 'live' ? 'live' : `ended: ${call.end_reason}`},
	{name: 'Lasted', class: 'number', cell: (call) => seconds(call.duration_ms)},
	{name: 'Lost', class: 'number', cell: (call) => plural(call.frames_lost ?? 0, 'frame', 'frames')},
	{name: 'Recording', cell: (call) => call.recording_path ? 'yes' : 'no'},
];

function choice(name, label, values) {
	return el('div', {class: 'field'}, el('label', {for: name}, label),
		el('select', {id: name, name}, el('option', {value: ''}, 'any'), values.map((value) => el('option', {value}, value))));
}

function text(name, label, properties) {
	return el('div', {class: 'field'}, el('label', {for: name}, label), el('input', {id: name, name, ...properties}));
}

function list(place) {
	const form = el('form', {class: 'panel filters', submit: search, 'aria-label': 'Which calls'},
		text('number', 'Number', {type: 'search', autocomplete: 'off', placeholder: 'from or to'}),
		choice('state', 'State', ['live', 'ended']),
		text('provider', 'Provider', {type: 'search', autocomplete: 'off'}),
		choice('end_reason', 'End reason', END_REASONS),
		text('since', 'Since (UTC)', {type: 'datetime-local'}),
		text('before', 'Before (UTC)', {type: 'datetime-local'}),
		el('div', {class: 'field'}, el('button', {class: 'main'}, 'Search')));
	let wanted = {};

	/* 2026-12-01T03:12, as the field has it */
	function instant(value) {
		return value && `${value}${value.length === 16 ? ':00' : ''}Z`;
	}

	function search(event) {
		event.preventDefault();
		wanted = Object.fromEntries(new FormData(form));
		wanted.since = instant(wanted.since);
		wanted.before = instant(wanted.before);
		found.reload(true);
	}

	const found = new Listing({
		caption: 'Calls, the newest first',
		columns: COLUMNS,
		items: 'calls',
		key: 'call_id',
		empty: 'No call fits.',
		needsDatabase: true,
		path: (cursor) => withQuery('/api/calls', {...wanted, limit: 50, cursor}),
		change: (state) => String(state.drained),
	});

	place.append(el('h1', {}, 'Calls'), form, found.node);
	return found;
}

/* ---- one ---- */

function facts(call) {
	return details([
		['Started', time(call.started_at)], ['Ended', time(call.ended_at)], ['Lasted', seconds(call.duration_ms)],
		['End reason', call.end_reason], ['Provider', call.provider], ['Provider’s id', call.provider_call_id],
		['Stream', call.stream_id], ['Account', call.account_id], ['Direction', call.direction],
		['Codec', call.codec && `${call.codec}, ${call.sample_rate} Hz`],
		['Frames in / out', call.frames_in === null ? '' : `${count(call.frames_in)} / ${count(call.frames_out)}`],
		['Bytes in / out', call.bytes_in === null ? '' : `${bytes(call.bytes_in)} / ${bytes(call.bytes_out)}`],
		['Frames lost', call.frames_lost], ['Longest gap', call.max_gap_ms === null ? '' : `${call.max_gap_ms} ms`],
		['Frames late', call.frames_late], ['Frames dropped', call.frames_dropped], ['Keys', call.dtmf],
		['Provider’s status', call.provider_status], ['Hang-up cause', call.hangup_cause],
		['Provider’s error', call.provider_error], ['Node', call.node_id],
		['Call', el('span', {class: 'id'}, call.call_id)],
	]);
}

function panel(title, ...content) {
	return el('section', {class: 'panel field'}, el('h2', {}, title), ...content);
}

function eventList(events) {
	return el('ol', {}, events.map((event) =>
		el('li', {}, time(event.at), ` ${event.kind} `, el('code', {}, JSON.stringify(event.data)))));
}

function fill(place, call, closers) {
	const custom = call.custom && Object.keys(call.custom).length > 0;

	place.replaceChildren(el('p', {}, el('a', {href: '#calls'}, '← All calls')), el('h1', {}, parties(call)));
	if (call.state === 'live') {
		place.append(el('p', {class: 'away'}, 'The call is live: the database knows it as it was a moment ago, and its ' +
			'recording can be heard when it has ended.'));
	} else if (call.recording_path) {
		const sound = player(`/api/calls/${call.call_id}/recording`);

		closers.push(sound.close);
		place.append(panel('Recording', sound.node));
	}
	place.append(panel('What is known', facts(call)));
	if (custom)
		place.append(panel('Custom parameters', details(Object.entries(call.custom)
			.map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]))));
	if (call.events.length > 0)
		place.append(panel('What happened in it', eventList(call.events)));
}

function one(place, id) {
	const closers = [];
	let shown = '';
	let asked = null;

	async function load() {
		try {
			const call = await get(`/api/calls/${encodeURIComponent(id)}`);
			const text = JSON.stringify(call);

			/* What has not changed is not made anew: it may be playing. */
			if (text === shown)
				return;
			shown = text;
			closers.splice(0).forEach((close) => close());
			fill(place, call, closers);
		} catch (error) {
			if (!shown)
				place.replaceChildren(el('p', {}, el('a', {href: '#calls'}, '← All calls')), el('h1', {}, 'Call'),
					failure(error));
		}
	}

	place.append(el('h1', {}, 'Call'));
	return {
		update(state) {
			if (state.status.database.state !== 'up') {
				if (!shown)
					place.replaceChildren(el('h1', {}, 'Call'), away());
				asked = null;
			} else if (asked !== state.drained) {
				asked = state.drained;
				load();
			}
		},
		close: () => closers.forEach((close) => close()),
	};
}

export function calls(place, id) {
	return id ? one(place, id) : list(place);
}
