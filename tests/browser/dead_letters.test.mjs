/* dead_letters.test.mjs - what the database refuses is seen, understood and retried, by keyboard alone */
import assert from 'node:assert/strict';
import {test} from 'node:test';

import {scene} from './stage.mjs';

const it = await scene();

await it.viewer.signIn();

const focused = () => it.page.evaluate(() => {
	const {activeElement: it} = document;

	return it.matches('a, button') ? it.getAttribute('aria-label') ?? it.textContent : '';
});

/* Tab until that has the focus. */
async function tabTo(name) {
	for (let i = 0; i < 60; i++) {
		if (name.test(await focused()))
			return;
		await it.page.keyboard.press('Tab');
	}
	assert.fail(`the keyboard does not reach ${name}`);
}

test('a record that the database refuses is seen, with why', async () => {
	await it.stage.do('refuse', {on: true});
	await it.stage.do('call_named', {custom: {poison: 'yes', from: '<b>+4930666</b>'}});
	/* It is buried only when others pass. */
	await it.stage.do('calls_play', {calls: 20, seconds: 1});
	await it.page.getByText(/The database refused 2 records for good/).first().waitFor();
	await tabTo(/^Dead letters/);
	await it.page.keyboard.press('Enter');
	await it.page.getByRole('heading', {name: 'Dead letters', level: 1}).waitFor();
	await it.page.getByRole('row').filter({hasText: 'CheckViolation'}).nth(1).waitFor();
});

test('its details show the record as it was', async () => {
	await tabTo(/^Details of call/);
	await it.page.keyboard.press('Enter');
	await it.page.getByRole('heading', {name: 'The record as it was'}).waitFor();
	await it.page.locator('pre').filter({hasText: '<b>+4930666</b>'}).waitFor();
	await tabTo(/All dead letters/);
	await it.page.keyboard.press('Enter');
	await it.page.getByRole('heading', {name: 'Dead letters', level: 1}).waitFor();
});

test('retried too early it comes back; once it is mended it goes', async () => {
	await tabTo(/^Retry call/);
	await it.page.keyboard.press('Enter');
	await it.page.getByText(/on the way to the database again/).waitFor();
	await it.page.getByRole('row').filter({hasText: 'CheckViolation'}).nth(1).waitFor();
	await it.stage.do('refuse', {on: false});
	for (const left of [1, 0]) {
		await tabTo(/^Retry call/);
		await it.page.keyboard.press('Enter');
		await it.page.getByRole('row').filter({hasText: 'CheckViolation'}).nth(left).waitFor({state: 'detached'});
		/* What takes the place of the row has the focus too. */
		assert.match(await focused(), left ? /^Retry call/ : /^$/);
	}
	await it.page.getByText('There are none: the database took whatever it was given.').waitFor();
	await it.page.getByText('All is well').first().waitFor();
	await it.viewer.go('calls');
	await it.page.getByRole('link', {name: '<b>+4930666</b> → unknown'}).waitFor();
});

test('nothing went wrong on the way', () => {
	assert.deepEqual(it.viewer.wrong, []);
});
