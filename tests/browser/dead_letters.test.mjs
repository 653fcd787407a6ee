/* dead_letters.test.mjs - what the database refuses is seen, understood and retried, by keyboard alone */
import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';

import {Stage, Viewer} from './stage.mjs';

let stage, viewer, page;

before(async () => {
	stage = await Stage.begin();
	viewer = await Viewer.open(stage);
	page = viewer.page;
	await viewer.signIn();
});

after(async () => {
	await viewer?.close();
	await stage?.end();
});

const focused = () => page.evaluate(() => {
	const {activeElement: it} = document;

	return it.matches('a, button') ? it.getAttribute('aria-label') ?? it.textContent : '';
});

/* Tab until that has the focus. */
async function tabTo(name) {
	for (let i = 0; i < 60; i++) {
		if (name.test(await focused()))
			return;
		await page.keyboard.press('Tab');
	}
	assert.fail(`the keyboard does not reach ${name}`);
}

test('a record that the database refuses is seen, with why', async () => {
	await stage.do('refuse', {on: true});
	await stage.do('call_named', {custom: {poison: 'yes', from: '<b>+4930666</b>'}});
	/* It is buried only when others pass. */
	await stage.do('calls_play', {calls: 20, seconds: 1});
	await page.getByText(/The database refused 2 records for good/).first().waitFor();
	await tabTo(/^Dead letters/);
	await page.keyboard.press('Enter');
	await page.getByRole('heading', {name: 'Dead letters', level: 1}).waitFor();
	await page.getByRole('row').filter({hasText: 'CheckViolation'}).nth(1).waitFor();
});

test('its details show the record as it was', async () => {
	await tabTo(/^Details of call/);
	await page.keyboard.press('Enter');
	await page.getByRole('heading', {name: 'The record as it was'}).waitFor();
	await page.locator('pre').filter({hasText: '<b>+4930666</b>'}).waitFor();
	await tabTo(/All dead letters/);
	await page.keyboard.press('Enter');
	await page.getByRole('heading', {name: 'Dead letters', level: 1}).waitFor();
});

test('retried too early it comes back; once it is mended it goes', async () => {
	await tabTo(/^Retry call/);
	await page.keyboard.press('Enter');
	await page.getByText(/on the way to the database again/).waitFor();
	await page.getByRole('row').filter({hasText: 'CheckViolation'}).nth(1).waitFor();
	await stage.do('refuse', {on: false});
	for (const left of [1, 0]) {
		await tabTo(/^Retry call/);
		await page.keyboard.press('Enter');
		await page.getByRole('row').filter({hasText: 'CheckViolation'}).nth(left).waitFor({state: 'detached'});
	}
	await page.getByText('There are none: the database took whatever it was given.').waitFor();
	await page.getByText('All is well').first().waitFor();
	await viewer.go('calls');
	await page.getByRole('link', {name: '<b>+4930666</b> → unknown'}).waitFor();
});

test('nothing went wrong on the way', () => {
	assert.deepEqual(viewer.wrong, []);
});
