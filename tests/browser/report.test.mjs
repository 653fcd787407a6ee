/* report.test.mjs - holdload's report is one page that needs nothing else, and takes nobody's words for markup */
import assert from 'node:assert/strict';
import {execFileSync, spawn} from 'node:child_process';
import {once} from 'node:events';
import {mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {createServer} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {createInterface} from 'node:readline';
import {after, test} from 'node:test';

import {Viewer} from './stage.mjs';

const HOLDLOAD = join(process.env.TEST_BUILD, 'tools', 'holdload');
const dir = mkdtempSync(join(tmpdir(), 'holdline-report-'));
const page = join(dir, 'report.html');
const viewer = await Viewer.open({about: {url: `file://${dir}`}}, {reducedMotion: 'reduce'});

after(async () => {
	await viewer.close();
	rmSync(dir, {recursive: true, force: true});
});

/* Below those that the system gives away. */
async function freePort() {
	for (;;) {
		const port = 20000 + Math.floor(Math.random() * 10000);
		const probe = createServer();
		const free = new Promise((resolve) => probe.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true)));

		if (await free) {
			probe.close();
			return port;
		}
	}
}

/* Against the other end of holdload itself. */
async function run(path, ...options) {
	const server = spawn(HOLDLOAD, ['serve', '--listen', `127.0.0.1:${await freePort()}`, '--mode', 'echo'],
		{stdio: ['ignore', 'ignore', 'pipe']});
	const over = once(server, 'exit');
	const {value} = await createInterface({input: server.stderr})[Symbol.asyncIterator]().next();

	try {
		execFileSync(HOLDLOAD, ['--url', value.split(' ').at(-1) + path, '--dialect', 'twilio', '--calls', '20',
			'--ramp', '20/s', '--duration', '1500ms', '--echo', '--quiet', '--html', page, '--json', `${page}.json`, ...options],
		{stdio: ['ignore', 'ignore', 'pipe']});
	} finally {
		server.kill();
		await over;
	}
	return JSON.parse(readFileSync(`${page}.json`));
}

test('all of a run is on one page', async () => {
	const report = await run('/twilio', '--fail-if', 'lost>0', '--fail-if', 'echo_p99>10s');

	await viewer.page.goto(`file://${page}`);
	assert.equal(await viewer.page.getByRole('heading', {level: 1}).textContent(), 'holdload: twilio, PCMU');
	assert.equal(report.frames_echoed, report.frames_sent);
	assert.match(await viewer.page.locator('.tile', {hasText: 'frames echoed'}).textContent(),
		new RegExp(`${report.frames_echoed}$`));
	assert.equal(await viewer.page.locator('td.good').count(), 2);
	for (const curve of ['How long, for how many', 'Echo, moment by moment', 'Calls that are up', 'Frames'])
		assert.ok(await viewer.page.getByRole('img', {name: curve}).locator('path').count() > 0, curve);
	const drawn = await viewer.page.locator('path').evaluateAll((paths) => paths.map((path) => path.getAttribute('d')));

	assert.ok(drawn.every((d) => /^M[\d. ]+h0/.test(d) && !/nan|inf/.test(d)), drawn.join('\n'));
	await viewer.page.getByText('as --json has them').click();
	assert.ok(await viewer.page.getByRole('cell', {name: 'echo_p999_ms'}).isVisible());
	await viewer.look('holdload-report');
});

test('what others wrote is text, and a secret in a query is nobody\'s to read', async () => {
	const report = await run('/<img/src=x/onerror=alert(1)>&amp;?token=hush');

	await viewer.page.goto(`file://${page}`);
	assert.equal(await viewer.page.locator('img').count(), 0);
	assert.ok(await viewer.page.getByText('/<img/src=x/onerror=alert(1)>&amp;', {exact: false}).isVisible());
	assert.doesNotMatch(readFileSync(page, 'utf8') + JSON.stringify(report), /hush/);
});

test('nothing went wrong on the way', () => {
	assert.deepEqual(viewer.wrong, []);
});
