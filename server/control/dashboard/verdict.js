/* verdict.js - the sentence on top: what is wrong, since when, how much waits, how long that can go on
 *
 * The words are the server's. They count every second; a screen reader is told only when they mean something else. */
import {el, write} from './dom.js';
import {age, plural, utc} from './words.js';

function sentence(kind, mark, what, remedy, minor) {
	return el('div', {class: `sentence ${kind}${minor ? ' minor' : ''}`},
		el('span', {class: 'mark', 'aria-hidden': 'true'}, mark), el('p', {class: 'what'}, what),
		remedy ? el('p', {class: 'remedy'}, remedy) : null);
}

function wellWords(status) {
	const waits = status.outbox.records;

	return `All is well: ${plural(status.calls_active, 'call is', 'calls are')} live, the database is up, ` +
		(waits === 0 ? 'nothing waits.' : `${plural(waits, 'record is', 'records are')} on the way.`);
}

export class Verdict {
	constructor(hurry) {
		this.place = document.getElementById('verdict-text');
		this.voice = document.getElementById('announcement');
		this.hurry = hurry;
		this.meant = '';
		this.timer = 0;
	}

	/* What the words say, whatever they count. */
	announce(text) {
		const meaning = text.replace(/[0-9][0-9.,:-]*/g, '#').replace(/#(B|KiB|MiB|GiB|TiB|[smhd]|#)*/g, '#');

		if (meaning === this.meant)
			return;
		this.meant = meaning;
		this.voice.textContent = text;
	}

	tell(status) {
		clearInterval(this.timer);
		if (status.problems.length === 0) {
			this.place.replaceChildren(sentence('good', '✓', wellWords(status)));
			this.announce('All is well.');
			return;
		}
		this.place.replaceChildren(...status.problems.map(({what, remedy}, i) =>
			sentence(i === 0 ? 'bad' : 'warn', '!', what, `What to do: ${remedy}.`, i > 0)));
		this.announce(status.problems.map(({what}) => what).join(' '));
	}

	/* Nobody tells us any more. */
	lost(since) {
		const words = () => `Connection to Holdline lost since ${utc(since.toISOString())}, ` +
			`for ${age((Date.now() - since) / 1000)}: what you see is how it was then. Calls have a process of their own.`;
		const now = sentence('bad', '!', words(), 'It is tried again and again, and the page goes on by itself.');

		clearInterval(this.timer);
		now.append(el('p', {class: 'remedy'}, el('button', {type: 'button', click: this.hurry}, 'Try now')));
		this.place.replaceChildren(now);
		this.announce(words());
		this.timer = setInterval(() => write(now.querySelector('.what'), words()), 1000);
	}
}
