/* stage.mjs - a test's hold on the stage (stage.py), and on the browser that looks at it */
import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {createRequire} from 'node:module';
import {mkdirSync, mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {createInterface} from 'node:readline';
import {after} from 'node:test';

/* What npm installed lies beside the build, not beside us. */
const require = createRequire(join(process.env.BROWSER_PACKAGES, 'package.json'));
const {chromium} = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
	'--disable-component-update', '--disable-sync', '--mute-audio', '--autoplay-policy=no-user-gesture-required'];

const SHOTS = join(process.env.BROWSER_PACKAGES, 'screenshots');

export const WINDOWS = {desk: {width: 1280, height: 900}, phone: {width: 360, height: 740}};

export class Stage {
	static async begin() {
		const stage = new Stage();

		stage.process = spawn('/usr/bin/python3', [join(import.meta.dirname, 'stage.py')],
			{stdio: ['pipe', 'pipe', 'inherit']});
		stage.lines = createInterface({input: stage.process.stdout})[Symbol.asyncIterator]();
		stage.about = await stage.answer();
		return stage;
	}

	async answer() {
		const {value, done} = await this.lines.next();

		if (done)
			throw new Error('the stage has fallen');
		const {ok, error} = JSON.parse(value);

		if (error)
			throw new Error(error);
		return ok;
	}

	do(name, more) {
		this.process.stdin.write(`${JSON.stringify({do: name, ...more})}\n`);
		return this.answer();
	}

	async end() {
		const gone = new Promise((resolve) => this.process.on('exit', resolve));

		this.process.stdin.end();
		const status = await gone;

		if (status !== 0)
			throw new Error(`the stage ended with ${status}`);
	}
}

/* A browser of its own, fresh, and what it must never do: `wrong` tells. */
export class Viewer {
	static async open(stage, options = {}) {
		const viewer = new Viewer();

		viewer.stage = stage;
		viewer.wrong = [];
		viewer.profile = mkdtempSync(join(tmpdir(), 'holdline-browser-'));
		viewer.context = await chromium.launchPersistentContext(viewer.profile, {
			executablePath: '/usr/bin/chromium',
			args: FLAGS,
			viewport: {width: 1280, height: 900},
			...options,
		});
		viewer.page = viewer.context.pages()[0];
		viewer.page.setDefaultTimeout(30000);
		viewer.watch();
		return viewer;
	}

	/* What failed on the way is the page's to show; it is no error of the page. */
	watch() {
		this.page.on('pageerror', (error) => this.wrong.push(`error: ${error.stack}`));
		this.page.on('console', (message) => {
			if (message.type() === 'error' && !/^Failed to load resource|^WebSocket connection to/.test(message.text()))
				this.wrong.push(`console: ${message.text()}`);
		});
		this.page.on('request', (request) => {
			if (!request.url().startsWith(`${this.stage.about.url}/`))
				this.wrong.push(`asked elsewhere: ${request.url()}`);
		});
		this.page.on('dialog', (dialog) => {
			this.wrong.push(`a dialog: ${dialog.message()}`);
			dialog.dismiss();
		});
	}

	async signIn(role = 'operator') {
		await this.page.goto(this.stage.about.url);
		await this.page.getByLabel('Email').fill(`${role}@example.com`);
		await this.page.getByLabel('Password').fill(this.stage.about.password);
		await this.page.getByRole('button', {name: 'Sign in', exact: true}).click();
		await this.page.getByRole('navigation').waitFor();
		await this.page.getByText('Live', {exact: true}).waitFor();
	}

	async go(view) {
		await this.page.evaluate((hash) => { location.hash = hash; }, view);
	}

	/* What axe-core objects to, a line each. */
	async violations() {
		await this.page.evaluate(axe);
		const {violations} = await this.page.evaluate(() => globalThis.axe.run(document,
			{runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}));

		return violations.flatMap(({id, nodes}) => nodes.map(({html, failureSummary}) => `${id}: ${html}\n${failureSummary}`));
	}

	/* By how much the page is wider than its window. */
	overhang() {
		return this.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
	}

	/* Light and dark, at a desk and on a phone: nobody objects, nothing overhangs, and there is a picture. */
	async look(name) {
		mkdirSync(SHOTS, {recursive: true});
		for (const colorScheme of ['light', 'dark']) {
			await this.page.emulateMedia({colorScheme});
			for (const [window, size] of Object.entries(WINDOWS)) {
				await this.page.setViewportSize(size);
				assert.deepEqual(await this.violations(), [], `${name}, ${colorScheme}, ${window}`);
				assert.equal(await this.overhang(), 0, `${name} overhangs ${window}`);
				await this.page.screenshot({path: join(SHOTS, `${name}-${colorScheme}-${window}.png`), fullPage: true});
			}
		}
	}

	async close() {
		await this.context.close();
		rmSync(this.profile, {recursive: true, force: true});
	}
}

/* What a file of tests has until its end: a stage, a viewer before it, and his page. */
export async function scene(options) {
	const it = {};

	after(async () => {
		await it.viewer?.close();
		await it.stage?.end();
	});
	it.stage = await Stage.begin();
	it.viewer = await Viewer.open(it.stage, options);
	it.page = it.viewer.page;
	return it;
}
