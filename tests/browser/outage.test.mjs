/* outage.test.mjs - the database goes and comes, then the server itself; the page is never loaded again */
import assert from 'node:assert/strict';
import {test} from 'node:test';

import {scene} from './stage.mjs';

const it = await scene();

await it.viewer.signIn();
/* What a reload would wipe out. */
await it.page.evaluate(() => { globalThis.loadedOnce = true; });

const sentence = () => it.page.locator('.sentence .what').first();
const depth = () => it.page.locator('.card').filter({has: it.page.getByRole('heading', {name: 'Outbox depth'})}).locator('.value');

async function depthNow() {
	return Number((await depth().textContent()).replaceAll(',', ''));
}

async function until(what, condition) {
	for (const end = Date.now() + 60000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 50)))
		if (await condition())
			return;
	assert.fail(`in vain for ${what}`);
}

test('all is well at first', async () => {
	await sentence().filter({hasText: 'All is well'}).waitFor();
});

test('the database goes: one sentence says what, since when, how much waits and what room there is', async () => {
	await it.stage.do('calls_begin', {calls: 2, seconds: 600});
	await it.stage.do('database_stop');
	await it.stage.do('calls_play', {calls: 5, seconds: 1});
	await sentence().filter({hasText: /has been away for .*, since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC \(\w+\): [1-9]\d* records wait, the outbox takes .*, and there is room for .* more/}).waitFor();
	await it.page.locator('.remedy').first().filter({hasText: 'What to do: '}).waitFor();
	assert.match(await it.page.getByRole('status').first().textContent(), /The database has been away/);
});

test('a screen reader is told once, not every second', async () => {
	const said = await it.page.locator('#announcement').textContent();
	const shown = await sentence().textContent();

	await until('the sentence to count on', async () => await sentence().textContent() !== shown);
	await it.stage.do('calls_play', {calls: 1, seconds: 1});
	assert.equal(await it.page.locator('#announcement').textContent(), said);
});

test('the outbox is seen to fill', async () => {
	const before = await depthNow();

	await it.stage.do('calls_play', {calls: 5, seconds: 1});
	await until('the depth to grow', async () => await depthNow() >= before + 10);
	await it.page.getByRole('img', {name: /^Outbox depth, last \d+ minutes?: now [1-9]/}).waitFor();
});

test('what needs the database says so in its place, and the rest goes on', async () => {
	await it.viewer.go('calls');
	await it.page.getByText('This comes from the database, which is away.').waitFor();
	await it.viewer.go('dead-letters');
	await it.page.getByText('There are none: the database took whatever it was given.').waitFor();
	await it.viewer.go('live');
	await it.page.getByRole('row').nth(2).waitFor();
	await it.page.waitForFunction(() => document.querySelector('[role="meter"]')?.getAttribute('aria-valuenow') > -60);
	await it.viewer.go('calls');
});

test('the database comes: the rows appear, the outbox drains to nothing, the sentence goes', async () => {
	await it.stage.do('database_start');
	await it.page.getByRole('row').filter({hasText: 'ended'}).nth(5).waitFor();
	assert.equal(await it.page.getByText('This comes from the database').count(), 0);
	await it.viewer.go('overview');
	await depth().filter({hasText: /^0$/}).waitFor();
	await sentence().filter({hasText: 'All is well'}).waitFor();
	assert.equal(await it.page.locator('#announcement').textContent(), 'All is well.');
});

test('calls that began before it are there after it', async () => {
	await it.viewer.go('live');
	await it.page.getByRole('row').nth(2).waitFor();
	await it.stage.do('calls_end');
	await it.page.getByText('No call is live.').waitFor();
	await it.viewer.go('overview');
});

test('the server itself goes: the page says so, and goes on by itself when it is back', async () => {
	await it.stage.do('server_stop');
	await sentence().filter({hasText: /Connection to Holdline lost since \d{4}-/}).waitFor();
	await it.page.getByText('Connection lost', {exact: true}).waitFor();
	await it.page.getByRole('button', {name: 'Try now'}).focus();
	await it.page.keyboard.press('Enter');
	await it.stage.do('server_start');
	await sentence().filter({hasText: 'All is well'}).waitFor();
	await it.page.getByText('Live', {exact: true}).waitFor();
});

test('nobody reloaded the page, and nothing went wrong on the way', async () => {
	assert.equal(await it.page.evaluate(() => globalThis.loadedOnce), true);
	assert.deepEqual(it.viewer.wrong, []);
});
