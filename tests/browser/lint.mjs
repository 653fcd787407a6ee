/* lint.mjs - eslint and html-validate are silent on the dashboard and on its tests */
import {createRequire} from 'node:module';
import {join} from 'node:path';

const require = createRequire(join(process.env.BROWSER_PACKAGES, 'package.json'));
const {ESLint} = require('eslint');
const {HtmlValidate, FileSystemConfigLoader} = require('html-validate');
const js = require('@eslint/js');

const root = join(import.meta.dirname, '../..');
const page = ['AbortController', 'AudioContext', 'Audio', 'Date', 'FormData', 'ResizeObserver', 'URLSearchParams', 'WebSocket',
	'addEventListener', 'clearInterval', 'clearTimeout', 'devicePixelRatio', 'document', 'fetch', 'getComputedStyle',
	'localStorage', 'location', 'matchMedia', 'setInterval', 'setTimeout'];
const node = ['Buffer', 'URL', 'console', 'document', 'globalThis', 'location', 'process', 'setTimeout'];

function globals(names) {
	return Object.fromEntries(names.map((name) => [name, 'readonly']));
}

const eslint = new ESLint({
	cwd: root,
	overrideConfigFile: true,
	overrideConfig: [
		js.configs.recommended,
		{rules: {eqeqeq: 'error', 'no-var': 'error', 'prefer-const': 'error', 'no-unused-vars': ['error', {args: 'after-used'}]}},
		{files: ['server/control/dashboard/*.js'], languageOptions: {globals: globals(page)}},
		{files: ['tests/browser/*.mjs'], languageOptions: {globals: globals(node)}},
	],
});
const found = await eslint.lintFiles(['server/control/dashboard/*.js', 'tests/browser/*.mjs']);
const html = new HtmlValidate(new FileSystemConfigLoader({
	root: true,
	extends: ['html-validate:recommended'],
	rules: {'doctype-style': 'off', 'no-inline-style': 'error'},
}));
const report = await html.validateFile(join(root, 'server/control/dashboard/index.html'));

const all = [...found, ...report.results].flatMap(({filePath, messages}) =>
	messages.map(({line, message, ruleId}) => `${filePath}:${line}: ${message} (${ruleId})`));

console.log(all.join('\n'));
process.exitCode = all.length > 0 ? 1 : 0;
