/* app.js - the frame: who is signed in, which view is shown, what the server pushes
 *
 * A view is a function (place, argument, session) that fills its place and returns {update(state), close()}, both
 * optional. update() is called with each state that the server pushes (server/control/api/push.h), about once a second. */
import {get, send, whenSignedOut} from './api.js';
import {calls} from './calls.js';
import {deadLetters} from './dead_letters.js';
import {el, write} from './dom.js';
import {liveCalls} from './live_calls.js';
import {login} from './login.js';
import {outbox} from './outbox.js';
import {overview} from './overview.js';
import {push} from './push.js';
import {sessions} from './sessions.js';
import {Verdict} from './verdict.js';

const VIEWS = {
	overview: {title: 'Overview', show: overview},
	live: {title: 'Live calls', show: liveCalls, count: (state) => state.live.total},
	calls: {title: 'Calls', show: calls},
	outbox: {title: 'Outbox', show: outbox, count: (state) => state.status.outbox.records},
	'dead-letters': {title: 'Dead letters', show: deadLetters, count: (state) => state.status.dead_letters, bad: true},
	sessions: {title: 'Sessions', show: sessions},
};
const ROLES = ['viewer', 'operator', 'admin'];

const main = document.getElementById('main');
const nav = document.getElementById('nav');
const connection = document.getElementById('connection');
const verdict = new Verdict(() => line.hurry());

const session = {
	me: null,    /* {who, role} */
	state: null, /* the last that was pushed */
	may: (role) => ROLES.indexOf(session.me?.role) >= ROLES.indexOf(role),
};
let view = null;

/* ---- views ---- */

function decoded(text) {
	try {
		return decodeURIComponent(text);
	} catch {
		return text;
	}
}

/* #calls/ID: its name and its argument. */
function place() {
	const [name, ...rest] = location.hash.slice(1).split('/');

	return {name: Object.hasOwn(VIEWS, name) ? name : 'overview', argument: decoded(rest.join('/'))};
}

function show() {
	const {name, argument} = place();

	if (!session.me)
		return;
	view?.close?.();
	main.replaceChildren();
	document.title = `${VIEWS[name].title} · Holdline`;
	for (const link of nav.children) {
		if (link.dataset.view === name)
			link.setAttribute('aria-current', 'page');
		else
			link.removeAttribute('aria-current');
	}
	view = VIEWS[name].show(main, argument, session);
	if (session.state)
		view?.update?.(session.state);
}

function fillNav() {
	nav.replaceChildren(...Object.entries(VIEWS).map(([name, {title}]) =>
		el('a', {href: `#${name}`, 'data-view': name}, title)));
}

function updateNav(state) {
	for (const link of nav.children) {
		const {count, bad} = VIEWS[link.dataset.view];
		const value = count?.(state) ?? 0;
		let badge = link.querySelector('.count');

		if (value === 0) {
			badge?.remove();
			continue;
		}
		if (!badge) {
			badge = el('span', {class: `count${bad ? ' bad' : ''}`});
			link.append(' ', badge);
		}
		write(badge, String(value));
	}
}

/* ---- what the server says ---- */

function setConnection(on) {
	connection.className = `connection ${on ? 'on' : 'off'}`;
	write(connection, on ? 'Live' : 'Connection lost');
}

const line = push({
	state(state) {
		session.state = state;
		setConnection(true);
		write(document.getElementById('node'), `${state.status.node} · ${state.status.version}`);
		verdict.tell(state.status);
		updateNav(state);
		view?.update?.(state);
	},
	lost(since) {
		setConnection(false);
		verdict.lost(since);
		/* Or was it only that the session ended? */
		get('/api/auth/me').catch(() => {});
	},
});

/* ---- who ---- */

function frame(visible) {
	for (const id of ['nav', 'who', 'verdict'])
		document.getElementById(id).hidden = !visible;
}

/* The cookie is hidden from scripts: so that nobody asks who he is without one, and reads an error in the console. */
const SIGNED_IN = 'holdline-signed-in';

function signedIn(me) {
	session.me = me;
	localStorage.setItem(SIGNED_IN, me.who);
	write(document.getElementById('me'), `${me.who} (${me.role})`);
	frame(true);
	setConnection(false);
	write(connection, 'Connecting');
	line.start();
	show();
	main.focus();
}

function signedOut(said) {
	localStorage.removeItem(SIGNED_IN);
	line.stop();
	verdict.clear();
	view?.close?.();
	view = session.me = session.state = null;
	frame(false);
	document.title = 'Sign in · Holdline';
	login(main, said, signedIn);
}

document.getElementById('sign-out').addEventListener('click', async () => {
	await send('POST', '/api/auth/logout').catch(() => {});
	signedOut('');
});

addEventListener('hashchange', () => {
	show();
	main.focus();
});

async function begin() {
	fillNav();
	if (!localStorage.getItem(SIGNED_IN)) {
		signedOut('');
		return;
	}
	try {
		signedIn(await get('/api/auth/me'));
	} catch (error) {
		if (error.status !== 401)
			signedOut(error.message);
	}
}

whenSignedOut(() => signedOut(session.me ? 'You have been signed out: sign in again.' : ''));
begin();
