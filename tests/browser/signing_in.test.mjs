/* signing_in.test.mjs - who gets in, who is put out, and that nothing of strangers gets in at all */
import assert from 'node:assert/strict';
import {test} from 'node:test';

import {scene} from './stage.mjs';

const NASTY = '<img src=x onerror="alert(1)"><script>alert(2)</script>';
const it = await scene();

test('whoever comes first is asked who he is, and nothing of the page is refused', async () => {
	const refused = [];

	it.page.on('response', (response) => response.ok() || refused.push(`${response.status()} ${response.url()}`));
	await it.page.goto(it.stage.about.url);
	await it.page.getByLabel('Email').waitFor();
	await it.page.waitForLoadState('networkidle');
	assert.deepEqual(refused, []);
});

test('a wrong password is told, and the right one opens', async () => {
	await it.page.getByLabel('Email').fill('viewer@example.com');
	await it.page.getByLabel('Password').fill('wrong horse battery');
	await it.page.keyboard.press('Enter');
	await it.page.getByRole('alert').filter({hasText: 'wrong'}).waitFor();
	assert.equal(await it.page.getByRole('navigation').count(), 0);
	await it.viewer.signIn('viewer');
	await it.page.getByText('viewer@example.com (viewer)').waitFor();
	await it.page.getByText('All is well').first().waitFor();
});

test('a reload keeps who is signed in, and no script can read his token', async () => {
	await it.page.reload();
	await it.page.getByText('Live', {exact: true}).waitFor();
	assert.equal(await it.page.evaluate(() => document.cookie), '');
	assert.deepEqual(await it.page.evaluate(() => ({...globalThis.localStorage, ...globalThis.sessionStorage})),
		{'holdline-signed-in': 'viewer@example.com'});
});

test('a viewer is offered no switch', async () => {
	await it.viewer.go('outbox');
	await it.page.getByRole('heading', {name: 'Outbox', level: 1}).waitFor();
	await it.page.getByText('Records that wait').waitFor();
	assert.equal(await it.page.getByRole('button', {name: /drain|database/}).count(), 0);
});

test('what strangers say is shown as they said it, and is never markup', async () => {
	await it.stage.do('call_named', {custom: {from: NASTY, to: '"><svg/onload=alert(3)>', [NASTY]: NASTY}});
	await it.viewer.go('calls');
	await it.page.getByRole('link', {name: NASTY}).click();
	await it.page.getByRole('heading', {level: 1, name: NASTY}).waitFor();
	await it.page.getByRole('heading', {name: 'Custom parameters'}).waitFor();
	assert.equal(await it.page.locator('img[src="x"], main script, main svg[onload]').count(), 0);
	await it.viewer.go(`calls/${encodeURIComponent(NASTY)}`);
	await it.page.getByRole('alert').waitFor();
});

test('nor is what they write', async () => {
	await it.stage.do('messages', {words: ['hello', NASTY]});
	await it.viewer.go('sessions');
	await it.page.getByRole('row').filter({hasText: 'whatsapp'}).getByRole('link', {name: '16505551234'}).click();
	await it.page.getByRole('listitem').filter({hasText: NASTY}).waitFor();
	assert.equal(await it.page.locator('main img, main script').count(), 0);
	await it.stage.do('messages', {words: ['and another']});
	await it.page.getByRole('listitem').filter({hasText: 'and another'}).waitFor();
});

test('signing out ends it', async () => {
	await it.page.getByRole('button', {name: 'Sign out'}).click();
	await it.page.getByLabel('Email').waitFor();
	await it.page.reload();
	await it.page.getByLabel('Email').waitFor();
	assert.equal(await it.page.getByRole('navigation').count(), 0);
});

test('whoever changes the signing key puts all out', async () => {
	await it.viewer.signIn('viewer');
	await it.stage.do('another_key');
	await it.page.getByRole('alert').filter({hasText: 'You have been signed out'}).waitFor();
});

test('while the database is away the admin token opens', async () => {
	await it.stage.do('database_stop');
	await it.page.getByLabel('Email').fill('operator@example.com');
	await it.page.getByLabel('Password').fill(it.stage.about.password);
	await it.page.getByRole('button', {name: 'Sign in', exact: true}).click();
	await it.page.getByRole('alert').filter({hasText: 'database is away'}).waitFor();
	await it.page.getByLabel('Admin token').fill(it.stage.about.token);
	await it.page.keyboard.press('Enter');
	await it.page.getByText('admin_token (admin)').waitFor();
	await it.page.getByText(/The database has been away for/).first().waitFor();
});

test('nothing went wrong on the way, and nobody else was asked', () => {
	assert.deepEqual(it.viewer.wrong, []);
});
