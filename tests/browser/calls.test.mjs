/* calls.test.mjs - a call comes and goes, and is found again: its row, its sound, its picture */
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

function card(title) {
	return page.locator('.card').filter({has: page.getByRole('heading', {name: title, exact: true})}).locator('.value');
}

test('calls that come are counted as they come, and drawn', async () => {
	await stage.do('calls_begin', {calls: 3, seconds: 600});
	await card('Live calls').filter({hasText: /^3$/}).waitFor();
	await card('Calls a minute').filter({hasText: /^3$/}).waitFor();
	await page.getByRole('img', {name: /^Live calls, last \d+ minutes?: now 3/}).waitFor();
});

test('a reload in the middle shows how it began', async () => {
	await page.reload();
	await page.getByRole('img', {name: /^Live calls, last \d+ minutes?: now 3/}).waitFor();
});

test('a call that ends appears among the calls, without a reload', async () => {
	await viewer.go('calls');
	await page.getByRole('heading', {name: 'Calls', level: 1}).waitFor();
	await stage.do('calls_end');
	await page.getByRole('row').filter({hasText: 'ended'}).first().waitFor();
	await viewer.go('overview');
	await card('Live calls').filter({hasText: /^0$/}).waitFor();
});

test('filters find what fits and nothing else', async () => {
	await stage.do('call_named', {custom: {from: '+4930111', to: '+4930222'}});
	await viewer.go('calls');
	await page.getByRole('link', {name: '+4930111 → +4930222'}).waitFor();
	await page.getByLabel('Number').fill('+4930222');
	await page.getByLabel('State', {exact: true}).selectOption('ended');
	await page.getByRole('button', {name: 'Search'}).click();
	await page.getByRole('row').nth(2).waitFor({state: 'detached'});
	await page.getByRole('link', {name: '+4930111 → +4930222'}).waitFor();
	await page.getByLabel('Provider').fill('nobody');
	await page.keyboard.press('Enter');
	await page.getByText('No call fits.').waitFor();
});

test('its recording plays, and its waveform is drawn', async () => {
	await viewer.go('overview');
	await viewer.go('calls');
	await page.getByRole('link', {name: '+4930111 → +4930222'}).click();
	const wave = page.getByRole('img', {name: /^Waveform of 0\.5 seconds/});

	await wave.waitFor();
	assert.match(await wave.getAttribute('aria-label'), /sound in [1-9]\d* % of the time/);
	assert.ok(await wave.evaluate((canvas) => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data
		.some((value) => value > 0)));
	await page.locator('audio').evaluate((audio) => audio.play());
	await page.waitForFunction(() => document.querySelector('audio').ended);
});

test('nothing went wrong on the way, and nobody else was asked', () => {
	assert.deepEqual(viewer.wrong, []);
});
