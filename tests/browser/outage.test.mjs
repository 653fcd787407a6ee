/* outage.test.mjs - the database goes and comes, then the server itself; the page is never loaded again */
import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';

import {Stage, Viewer} from './stage.mjs';

let stage, viewer, page;

before(async () => {
	stage = await Stage.begin();
	viewer = await Viewer.open(stage);
	page = viewer.page;
	await viewer.signIn();
	/* What a reload would wipe out. */
	await page.evaluate(() => { globalThis.loadedOnce = true; });
});

after(async () => {
	await viewer?.close();
	await stage?.end();
});

const sentence = () => page.locator('.sentence .what').first();
const depth = () => page.locator('.card').filter({has: page.getByRole('heading', {name: 'Outbox depth'})}).locator('.value');

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
	await stage.do('database_stop');
	await stage.do('calls_play', {calls: 5, seconds: 1});
	await sentence().filter({hasText: /has been away for .*, since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC \(\w+\): [1-9]\d* records wait, the outbox takes .*, and there is room for .* more/}).waitFor();
	await page.locator('.remedy').first().filter({hasText: 'What to do: '}).waitFor();
	assert.match(await page.getByRole('status').first().textContent(), /The database has been away/);
});

test('a screen reader is told once, not every second', async () => {
	const said = await page.locator('#announcement').textContent();
	const shown = await sentence().textContent();

	await until('the sentence to count on', async () => await sentence().textContent() !== shown);
	await stage.do('calls_play', {calls: 1, seconds: 1});
	assert.equal(await page.locator('#announcement').textContent(), said);
});

test('the outbox is seen to fill', async () => {
	const before = await depthNow();

	await stage.do('calls_play', {calls: 5, seconds: 1});
	await until('the depth to grow', async () => await depthNow() >= before + 10);
	await page.getByRole('img', {name: /^Outbox depth, last \d+ minutes?: now [1-9]/}).waitFor();
});

test('what needs the database says so in its place, and the rest goes on', async () => {
	await viewer.go('calls');
	await page.getByText('This comes from the database, which is away.').waitFor();
	await viewer.go('dead-letters');
	await page.getByText('There are none: the database took whatever it was given.').waitFor();
	await viewer.go('calls');
});

test('the database comes: the rows appear, the outbox drains to nothing, the sentence goes', async () => {
	await stage.do('database_start');
	await page.getByRole('row').filter({hasText: 'ended'}).nth(5).waitFor();
	assert.equal(await page.getByText('This comes from the database').count(), 0);
	await viewer.go('overview');
	await depth().filter({hasText: /^0$/}).waitFor();
	await sentence().filter({hasText: 'All is well'}).waitFor();
	assert.equal(await page.locator('#announcement').textContent(), 'All is well.');
});

test('the server itself goes: the page says so, and goes on by itself when it is back', async () => {
	await stage.do('server_stop');
	await sentence().filter({hasText: /Connection to Holdline lost since \d{4}-/}).waitFor();
	await page.getByText('Connection lost', {exact: true}).waitFor();
	await stage.do('server_start');
	await sentence().filter({hasText: 'All is well'}).waitFor();
	await page.getByText('Live', {exact: true}).waitFor();
});

test('nobody reloaded the page, and nothing went wrong on the way', async () => {
	assert.equal(await page.evaluate(() => globalThis.loadedOnce), true);
	assert.deepEqual(viewer.wrong, []);
});
