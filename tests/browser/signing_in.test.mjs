/* signing_in.test.mjs - who gets in, who is put out, and that nothing of strangers gets in at all */
import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';

import {Stage, Viewer} from './stage.mjs';

const NASTY = '<img src=x onerror="alert(1)"><script>alert(2)</script>';
let stage, viewer, page;

before(async () => {
	stage = await Stage.begin();
	viewer = await Viewer.open(stage);
	page = viewer.page;
});

after(async () => {
	await viewer?.close();
	await stage?.end();
});

test('a wrong password is told, and the right one opens', async () => {
	await page.goto(stage.about.url);
	await page.getByLabel('Email').fill('viewer@example.com');
	await page.getByLabel('Password').fill('wrong horse battery');
	await page.keyboard.press('Enter');
	await page.getByRole('alert').filter({hasText: 'wrong'}).waitFor();
	assert.equal(await page.getByRole('navigation').count(), 0);
	await viewer.signIn('viewer');
	await page.getByText('viewer@example.com (viewer)').waitFor();
	await page.getByText('All is well').first().waitFor();
});

test('a reload keeps who is signed in, and no script can read his token', async () => {
	await page.reload();
	await page.getByText('Live', {exact: true}).waitFor();
	assert.equal(await page.evaluate(() => document.cookie), '');
	assert.equal(await page.evaluate(() => globalThis.localStorage.length + globalThis.sessionStorage.length), 0);
});

test('a viewer is offered no switch', async () => {
	await viewer.go('outbox');
	await page.getByRole('heading', {name: 'Outbox', level: 1}).waitFor();
	await page.getByText('Records that wait').waitFor();
	assert.equal(await page.getByRole('button', {name: /drain|database/}).count(), 0);
});

test('what strangers say is shown as they said it, and is never markup', async () => {
	await stage.do('call_named', {custom: {from: NASTY, to: '"><svg/onload=alert(3)>', [NASTY]: NASTY}});
	await viewer.go('calls');
	await page.getByRole('link', {name: NASTY}).click();
	await page.getByRole('heading', {level: 1, name: NASTY}).waitFor();
	await page.getByRole('heading', {name: 'Custom parameters'}).waitFor();
	assert.equal(await page.locator('img[src="x"], main script, main svg[onload]').count(), 0);
	await viewer.go(`calls/${encodeURIComponent(NASTY)}`);
	await page.getByRole('alert').waitFor();
});

test('signing out ends it', async () => {
	await page.getByRole('button', {name: 'Sign out'}).click();
	await page.getByLabel('Email').waitFor();
	await page.reload();
	await page.getByLabel('Email').waitFor();
	assert.equal(await page.getByRole('navigation').count(), 0);
});

test('while the database is away the admin token opens', async () => {
	await stage.do('database_stop');
	await page.getByLabel('Email').fill('operator@example.com');
	await page.getByLabel('Password').fill(stage.about.password);
	await page.getByRole('button', {name: 'Sign in', exact: true}).click();
	await page.getByRole('alert').filter({hasText: 'database is away'}).waitFor();
	await page.getByLabel('Admin token').fill(stage.about.token);
	await page.keyboard.press('Enter');
	await page.getByText('admin_token (admin)').waitFor();
	await page.getByText(/The database has been away for/).first().waitFor();
});

test('nothing went wrong on the way, and nobody else was asked', () => {
	assert.deepEqual(viewer.wrong, []);
});
