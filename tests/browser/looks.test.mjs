/* looks.test.mjs - every view, light and dark, at a desk and on a phone: axe-core has nothing to say, nothing overhangs */
import assert from 'node:assert/strict';
import {test} from 'node:test';

import {scene, WINDOWS} from './stage.mjs';

const it = await scene({reducedMotion: 'reduce'});

async function look(name, ready) {
	await ready?.();
	await it.viewer.look(name);
}

async function lookAt(view, heading, ready) {
	await it.viewer.go(view);
	await it.page.getByRole('heading', {name: heading, level: 1}).waitFor();
	await look(view.replaceAll('/', '-').replace(/-[0-9a-f-]{36}$/, '-one'), ready);
}

test('signing in', async () => {
	await it.page.goto(it.stage.about.url);
	await look('signing-in', () => it.page.getByLabel('Email').waitFor());
	await it.page.getByRole('button', {name: /admin token/}).click();
	await look('signing-in-by-token', () => it.page.getByLabel('Admin token').waitFor());
});

test('a good day', async () => {
	await it.page.setViewportSize(WINDOWS.desk);
	await it.stage.do('call_named', {custom: {from: '+4930111', to: '+4930222', customer: 'x'.repeat(200)}});
	await it.stage.do('calls_begin', {calls: 5, seconds: 600});
	await it.viewer.signIn('admin');
	await lookAt('overview', 'Overview');
	await lookAt('live', 'Live calls', () => it.page.getByRole('row').nth(5).waitFor());
	await lookAt('outbox', 'Outbox', () => it.page.getByText('Records that wait').waitFor());
	await lookAt('calls', 'Calls', () => it.page.getByRole('link', {name: '+4930111'}).waitFor());
	const call = await it.page.getByRole('link', {name: '+4930111'}).getAttribute('href');

	await lookAt(call.slice(1), '+4930111', () => it.page.getByRole('img', {name: /^Waveform of/}).waitFor());
	await lookAt('dead-letters', 'Dead letters', () => it.page.getByText('There are none').waitFor());
	await it.stage.do('messages', {words: ['Is my order on its way?', 'It was to come on Monday.', 'x'.repeat(300)]});
	await lookAt('sessions', 'Sessions', () => it.page.getByRole('link', {name: '16505551234'}).waitFor());
	const talk = await it.page.getByRole('link', {name: '16505551234'}).getAttribute('href');

	await lookAt(talk.slice(1), '16505551234', () => it.page.getByText('Is my order').waitFor());
});

test('a bad day', async () => {
	await it.stage.do('refuse', {on: true});
	await it.stage.do('call_named', {custom: {poison: 'yes'}});
	await it.stage.do('calls_play', {calls: 20, seconds: 1});
	await lookAt('dead-letters', 'Dead letters', () => it.page.getByRole('row').filter({hasText: 'CheckViolation'}).nth(1).waitFor());
	const letter = await it.page.getByRole('link', {name: /^Details/}).first().getAttribute('href');

	await lookAt(letter.slice(1), 'Dead letter', () => it.page.getByRole('heading', {name: 'The record as it was'}).waitFor());
	await it.stage.do('database_stop');
	await it.viewer.go('calls');
	await it.page.getByText('This comes from the database').waitFor();
	await look('calls-away');
	await it.viewer.go('overview');
	await it.page.getByText(/The database has been away/).first().waitFor();
	await look('outage');
	await it.stage.do('calls_end');
	await it.stage.do('server_stop');
	await look('lost', () => it.page.getByText(/Connection to Holdline lost/).first().waitFor());
	await it.stage.do('database_start');
	await it.stage.do('server_start');
});

test('nothing went wrong on the way', () => {
	assert.deepEqual(it.viewer.wrong, []);
});
