/* looks.test.mjs - every view, light and dark, at a desk and on a phone: axe-core has nothing to say, nothing overhangs */
import assert from 'node:assert/strict';
import {mkdirSync} from 'node:fs';
import {join} from 'node:path';
import {after, before, test} from 'node:test';

import {Stage, Viewer} from './stage.mjs';

const SHOTS = join(process.env.BROWSER_PACKAGES, 'screenshots');
const WINDOWS = {desk: {width: 1280, height: 900}, phone: {width: 360, height: 740}};
let stage, viewer, page;

before(async () => {
	stage = await Stage.begin();
	viewer = await Viewer.open(stage, {reducedMotion: 'reduce'});
	page = viewer.page;
	mkdirSync(SHOTS, {recursive: true});
});

after(async () => {
	await viewer?.close();
	await stage?.end();
});

async function look(name, ready) {
	await ready?.();
	for (const colorScheme of ['light', 'dark']) {
		await page.emulateMedia({colorScheme});
		for (const [window, size] of Object.entries(WINDOWS)) {
			await page.setViewportSize(size);
			assert.deepEqual(await viewer.violations(), [], `${name}, ${colorScheme}, ${window}`);
			assert.equal(await viewer.overhang(), 0, `${name} overhangs ${window}`);
			await page.screenshot({path: join(SHOTS, `${name}-${colorScheme}-${window}.png`), fullPage: true});
		}
	}
}

async function lookAt(view, heading, ready) {
	await viewer.go(view);
	await page.getByRole('heading', {name: heading, level: 1}).waitFor();
	await look(view.replaceAll('/', '-').replace(/-[0-9a-f-]{36}$/, '-one'), ready);
}

test('signing in', async () => {
	await page.goto(stage.about.url);
	await look('signing-in', () => page.getByLabel('Email').waitFor());
	await page.getByRole('button', {name: /admin token/}).click();
	await look('signing-in-by-token', () => page.getByLabel('Admin token').waitFor());
});

test('a good day', async () => {
	await page.setViewportSize(WINDOWS.desk);
	await stage.do('call_named', {custom: {from: '+4930111', to: '+4930222', customer: 'x'.repeat(200)}});
	await stage.do('calls_begin', {calls: 5, seconds: 600});
	await viewer.signIn('admin');
	await lookAt('overview', 'Overview');
	await lookAt('outbox', 'Outbox', () => page.getByText('Records that wait').waitFor());
	await lookAt('calls', 'Calls', () => page.getByRole('link', {name: '+4930111'}).waitFor());
	const call = await page.getByRole('link', {name: '+4930111'}).getAttribute('href');

	await lookAt(call.slice(1), '+4930111', () => page.getByRole('img', {name: /^Waveform of/}).waitFor());
	await lookAt('dead-letters', 'Dead letters', () => page.getByText('There are none').waitFor());
});

test('a bad day', async () => {
	await stage.do('refuse', {on: true});
	await stage.do('call_named', {custom: {poison: 'yes'}});
	await stage.do('calls_play', {calls: 20, seconds: 1});
	await lookAt('dead-letters', 'Dead letters', () => page.getByRole('row').filter({hasText: 'CheckViolation'}).nth(1).waitFor());
	const letter = await page.getByRole('link', {name: /^Details/}).first().getAttribute('href');

	await lookAt(letter.slice(1), 'Dead letter', () => page.getByRole('heading', {name: 'The record as it was'}).waitFor());
	await stage.do('database_stop');
	await viewer.go('calls');
	await page.getByText('This comes from the database').waitFor();
	await look('calls-away');
	await viewer.go('overview');
	await page.getByText(/The database has been away/).first().waitFor();
	await look('outage');
	await stage.do('calls_end');
	await stage.do('server_stop');
	await look('lost', () => page.getByText(/Connection to Holdline lost/).first().waitFor());
	await stage.do('database_start');
	await stage.do('server_start');
});

test('nothing went wrong on the way', () => {
	assert.deepEqual(viewer.wrong, []);
});
