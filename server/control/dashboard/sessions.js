/* sessions.js - conversations by message: a list to search in, and one with all that was said in it */
import {get, withQuery} from './api.js';
import {details, el} from './dom.js';
import {follow} from './follow.js';
import {Listing} from './listing.js';
import {count, plural, time} from './words.js';

const PAGE = 100;
const PAGES_MAX = 20; /* beyond, a conversation is shown in part */

function peer(session) {
	return session.peer_phone || session.peer_user_id || session.peer;
}

/* ---- the list ---- */

const COLUMNS = [
	{name: 'Opened', cell: (session) => time(session.opened_at)},
	{name: 'With', cell: (session) => el('a', {href: `#sessions/${session.session_id}`}, peer(session))},
	{name: 'Channel', cell: (session) => session.channel},
	{name: 'State', cell: (session) => session.state === 'closed' ? `closed: ${session.close_reason}` : session.state},
	{name: 'Messages', class: 'number', cell: (session) => count(session.message_count ?? 0)},
	{name: 'Last message', cell: (session) => time(session.last_message_at)},
];

function list(place) {
	const form = el('form', {class: 'panel filters', submit: search, 'aria-label': 'Which sessions'},
		el('div', {class: 'field'}, el('label', {for: 'peer'}, 'With'),
			el('input', {id: 'peer', name: 'peer', type: 'search', autocomplete: 'off', placeholder: 'number or user id'})),
		el('div', {class: 'field'}, el('label', {for: 'session-state'}, 'State'),
			el('select', {id: 'session-state', name: 'state'}, ['', 'open', 'closed'].map((value) =>
				el('option', {value}, value || 'any')))),
		el('div', {class: 'field'}, el('button', {class: 'main'}, 'Search')));
	let wanted = {};

	function search(event) {
		event.preventDefault();
		wanted = Object.fromEntries(new FormData(form));
		found.reload(true);
	}

	const found = new Listing({
		caption: 'Sessions, the newest first',
		columns: COLUMNS,
		items: 'sessions',
		key: 'session_id',
		order: (session) => session.opened_at + session.session_id,
		empty: 'No session fits.',
		needsDatabase: true,
		path: (cursor) => withQuery('/api/sessions', {...wanted, limit: 50, cursor}),
		change: (state) => String(state.drained),
	});

	place.append(el('h1', {}, 'Sessions'), form, found.node);
	return found;
}

/* ---- one ---- */

function facts(session) {
	return details([
		['State', session.state === 'closed' ? `closed: ${session.close_reason}` : session.state],
		['Channel', session.channel], ['Account', session.account_id], ['Number', session.peer_phone],
		['User', session.peer_user_id], ['Opened', time(session.opened_at)], ['Last message', time(session.last_message_at)],
		['May be answered until', time(session.window_expires_at)], ['Closed', time(session.closed_at)],
		['Messages', session.message_count],
		['The one before', session.previous_session_id
			&& el('a', {class: 'id', href: `#sessions/${session.previous_session_id}`}, session.previous_session_id)],
		['Session', el('span', {class: 'id'}, session.session_id)],
	]);
}

function message(said) {
	return el('li', {class: said.direction === 'outbound' ? 'outbound' : null},
		el('p', {class: 'meta'}, said.direction === 'outbound' ? 'We' : 'They', `, ${said.kind}, `, time(said.at),
			said.status ? `, ${said.status}` : ''),
		el('p', {class: 'body'}, said.body ?? ''));
}

function conversation(messages, all) {
	return el('section', {class: 'panel field'}, el('h2', {}, 'What was said'),
		messages.length === 0 ? el('p', {class: 'muted'}, 'Nothing yet.')
			: el('ol', {class: 'messages'}, messages.map(message)),
		all ? null : el('p', {class: 'muted'}, `The first ${plural(messages.length, 'message', 'messages')}; the API has the rest.`));
}

/* The session with all its messages, or with as many as are shown. */
async function load(id, signal) {
	const path = `/api/sessions/${encodeURIComponent(id)}`;
	const session = await get(withQuery(path, {limit: PAGE}), {signal});
	let next = session.next_cursor;

	for (let page = 1; next && page < PAGES_MAX; page++) {
		const more = await get(withQuery(path, {limit: PAGE, cursor: next}), {signal});

		session.messages.push(...more.messages);
		next = more.next_cursor;
	}
	return {session, all: !next};
}

function one(place, id) {
	return follow(place, {
		title: 'Session',
		all: {href: '#sessions', name: 'All sessions'},
		ask: (signal) => load(id, signal),
		fill: ({session, all}) => [
			el('h1', {}, peer(session)),
			el('section', {class: 'panel field'}, el('h2', {}, 'What is known'), facts(session)),
			conversation(session.messages, all),
		],
	});
}

export function sessions(place, id) {
	return id ? one(place, id) : list(place);
}
