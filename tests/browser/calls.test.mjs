/* calls.test.mjs - a call comes and goes, and is found again: its row, its sound, its picture */
import assert from 'node:assert/strict';
import {test} from 'node:test';

import {scene} from './stage.mjs';

const it = await scene();

await it.viewer.signIn();

function card(title) {
	return it.page.locator('.card').filter({has: it.page.getByRole('heading', {name: title, exact: true})}).locator('.value');
}

test('calls that come are counted as they come, and drawn', async () => {
	await it.stage.do('calls_begin', {calls: 3, seconds: 600});
	await card('Live calls').filter({hasText: /^3$/}).waitFor();
	await card('Calls a minute').filter({hasText: /^3$/}).waitFor();
	await it.page.getByRole('img', {name: /^Live calls, last \d+ minutes?: now 3/}).waitFor();
});

test('a reload in the middle shows how it began', async () => {
	await it.page.reload();
	await it.page.getByRole('img', {name: /^Live calls, last \d+ minutes?: now 3/}).waitFor();
});

test('live calls are listed, their level moves, and they can be heard', async () => {
	await it.viewer.go('live');
	await it.page.getByRole('row').nth(3).waitFor();
	const meter = it.page.getByRole('meter', {name: 'Level of the caller'}).first();
	const levels = new Set();

	await it.page.waitForFunction((element) => element.getAttribute('aria-valuenow') > -60, await meter.elementHandle());
	for (const end = Date.now() + 30000; levels.size < 3 && Date.now() < end; await it.page.waitForTimeout(100))
		levels.add(await meter.getAttribute('aria-valuenow'));
	assert.ok(levels.size >= 3, `the level stands at ${[...levels]}`);
	await it.page.getByRole('button', {name: /^Listen to/}).first().click();
	await it.page.getByText('You listen:').waitFor();
	await it.page.getByRole('button', {name: /^Listen to/, pressed: true}).click();
	await it.page.getByText('You no longer listen.').waitFor();
});

test('one is hung up, and nothing but it', async () => {
	await it.page.getByRole('button', {name: /^Hang up/}).first().click();
	await it.page.getByRole('button', {name: /^Sure\?/}).click();
	await it.page.getByRole('row').nth(3).waitFor({state: 'detached'});
	assert.equal(await it.page.getByRole('row').count(), 3); /* with the head */
});

test('a call that ends appears among the calls, without a reload', async () => {
	await it.viewer.go('calls');
	await it.page.getByRole('heading', {name: 'Calls', level: 1}).waitFor();
	await it.stage.do('calls_end');
	await it.page.getByRole('row').filter({hasText: 'ended'}).first().waitFor();
	await it.viewer.go('overview');
	await card('Live calls').filter({hasText: /^0$/}).waitFor();
});

test('filters find what fits and nothing else', async () => {
	await it.stage.do('call_named', {custom: {from: '+4930111', to: '+4930222'}, tracks: ['inbound', 'outbound']});
	await it.viewer.go('calls');
	await it.page.getByRole('link', {name: '+4930111 → +4930222'}).waitFor();
	await it.page.getByLabel('Number').fill('+4930222');
	await it.page.getByLabel('State', {exact: true}).selectOption('ended');
	await it.page.getByRole('button', {name: 'Search'}).click();
	await it.page.getByRole('row').nth(2).waitFor({state: 'detached'});
	await it.page.getByRole('link', {name: '+4930111 → +4930222'}).waitFor();
	await it.page.getByLabel('Provider').fill('nobody');
	await it.page.keyboard.press('Enter');
	await it.page.getByText('No call fits.').waitFor();
});

test('its recording plays, and its waveform is drawn', async () => {
	await it.viewer.go('overview');
	await it.viewer.go('calls');
	await it.page.getByRole('link', {name: '+4930111 → +4930222'}).click();
	const wave = it.page.getByRole('img', {name: /^Waveform of 0\.5 seconds/});

	await wave.waitFor();
	assert.match(await wave.getAttribute('aria-label'), /; inbound: sound in [1-9]\d* % of the time; outbound: sound in 0 % of/);
	assert.ok(await wave.evaluate((canvas) => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data
		.some((value) => value > 0)));
	await it.page.locator('audio').evaluate((audio) => audio.play());
	await it.page.waitForFunction(() => document.querySelector('audio').ended);
});

test('nothing went wrong on the way, and nobody else was asked', () => {
	assert.deepEqual(it.viewer.wrong, []);
});
