/* calls.js - calls as the database has them: a list to search in, and one with all that is known of it */
import {get, withQuery} from './api.js';
import {details, el} from './dom.js';
import {follow} from './follow.js';
import {Listing} from './listing.js';
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

function soundOf(call, keep) {
	if (call.state === 'live')
		return el('p', {class: 'away'}, 'The call is live: the database knows it as it was a moment ago, and its recording ' +
			'can be heard when it has ended.');
	if (!call.recording_path)
		return null;
	const sound = player(`/api/calls/${call.call_id}/recording`);

	keep(sound);
	return panel('Recording', sound.node);
}

function customOf(call) {
	const pairs = Object.entries(call.custom ?? {});

	return pairs.length === 0 ? null : panel('Custom parameters', details(pairs.map(([name, value]) =>
		[name, typeof value === 'string' ? value : JSON.stringify(value)])));
}

function one(place, id) {
	let playing = null;

	return follow(place, {
		title: 'Call',
		all: {href: '#calls', name: 'All calls'},
		ask: (signal) => get(`/api/calls/${encodeURIComponent(id)}`, {signal}),
		fill: (call) => [
			el('h1', {}, parties(call)),
			soundOf(call, (sound) => { playing = sound; }),
			panel('What is known', facts(call)),
			customOf(call),
			call.events.length > 0 ? panel('What happened in it', eventList(call.events)) : null,
		].filter(Boolean),
		close() {
			playing?.close();
			playing = null;
		},
	});
}

export function calls(place, id) {
	return id ? one(place, id) : list(place);
}
