/* login.js - signing in, by password or, when the database is away, by the admin token */
import {get, send} from './api.js';
import {el} from './dom.js';

function field(id, label, properties) {
	return el('div', {class: 'field'}, el('label', {for: id}, label),
		el('input', {id, required: true, ...properties}));
}

export function login(place, said, done) {
	const alert = el('p', {class: 'alert', role: 'alert'}, said);
	const byPassword = el('div', {class: 'login-fields field'},
		field('email', 'Email', {type: 'email', autocomplete: 'username'}),
		field('password', 'Password', {type: 'password', autocomplete: 'current-password'}));
	const byToken = el('div', {class: 'login-fields field', hidden: true},
		field('token', 'Admin token', {type: 'password', autocomplete: 'off', spellcheck: 'false'}),
		el('p', {class: 'muted'}, 'The line in admin.token, in the server’s data directory.'));
	const other = el('button', {type: 'button', class: 'plain', click: () => choose(byToken.hidden)});
	const form = el('form', {class: 'panel login', submit, novalidate: true},
		el('h1', {}, 'Sign in'), alert, byPassword, byToken,
		el('button', {class: 'main'}, 'Sign in'), other);

	function choose(token) {
		byToken.hidden = !token;
		byPassword.hidden = token;
		other.textContent = token ? 'Use email and password' : 'Database away? Use the admin token';
		form.querySelector(token ? '#token' : '#email').focus();
	}

	function wanted() {
		const value = (id) => form.querySelector(`#${id}`).value;

		return byToken.hidden ? {email: value('email'), password: value('password'), cookie: true}
			: {token: value('token').trim(), cookie: true};
	}

	function explain(error) {
		if (error.status === 503) {
			choose(true);
			return 'The database is away, so no password can be checked. The admin token works without it.';
		}
		return error.status === 400 ? 'Fill in both fields.' : `${error.message[0].toUpperCase()}${error.message.slice(1)}.`;
	}

	async function submit(event) {
		event.preventDefault();
		alert.textContent = '';
		try {
			await send('POST', '/api/auth/login', wanted());
			done(await get('/api/auth/me'));
		} catch (error) {
			alert.textContent = explain(error);
		}
	}

	place.replaceChildren(form);
	choose(false);
}
