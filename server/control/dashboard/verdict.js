/* verdict.js - the sentence on top: what is wrong, since when, how much waits, how long that can go on
 *
 * The words are the server's. They count every second; a screen reader is told only when they mean something else. */
import {el, write} from './dom.js';
import {age, plural, utc} from './words.js';

function sentence({kind}) {
	return el('div', {class: `sentence ${kind}`},
		el('span', {class: 'mark', 'aria-hidden': 'true'}, kind === 'good' ? '✓' : '!'), el('p', {class: 'what'}),
		el('p', {class: 'remedy'}));
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
		this.timer = 0;
		this.clear();
	}

	/* Nothing has been told. */
	clear() {
		clearInterval(this.timer);
		this.meant = '';
		this.kinds = '';   /* of the sentences that stand there */
		this.since = null; /* when the server was last heard, if it no longer is */
		this.place.replaceChildren();
	}

	/* What the words say, whatever they count. */
	announce(text) {
		const meaning = text.replace(/[0-9][0-9.,:-]*/g, '#').replace(/#(B|KiB|MiB|GiB|TiB|[smhd]|#)*/g, '#');

		if (meaning === this.meant)
			return;
		this.meant = meaning;
		this.voice.textContent = text;
	}

	/* Keeps the elements where only the words differ, and with them what somebody has marked. True: they are new. */
	put(sentences) {
		const kinds = sentences.map(({kind}) => kind).join();
		const anew = this.kinds !== kinds;

		if (anew)
			this.place.replaceChildren(...sentences.map(sentence));
		this.kinds = kinds;
		sentences.forEach(({what, remedy}, i) => {
			write(this.place.children[i].querySelector('.what'), what);
			write(this.place.children[i].querySelector('.remedy'), remedy);
		});
		return anew;
	}

	tell(status) {
		clearInterval(this.timer);
		this.since = null;
		if (status.problems.length === 0) {
			this.put([{kind: 'good', what: wellWords(status), remedy: ''}]);
			this.announce('All is well.');
			return;
		}
		this.put(status.problems.map(({what, remedy}, i) =>
			({kind: i === 0 ? 'bad' : 'warn minor', what, remedy: `What to do: ${remedy}.`})));
		this.announce(status.problems.map(({what}) => what).join(' '));
	}

	/* Nobody tells us any more. */
	lost(since) {
		const words = () => `Connection to Holdline lost since ${utc(since.toISOString())}, ` +
			`for ${age((Date.now() - since) / 1000)}: what you see is how it was then. Calls have a process of their own.`;
		const remedy = 'It is tried again and again, and the page goes on by itself.';

		if (this.since === since)
			return; /* it is said, and the button may have the focus */
		clearInterval(this.timer);
		this.since = since;
		if (this.put([{kind: 'bad lost', what: words(), remedy}]))
			this.place.firstChild.append(el('p', {class: 'retry'}, el('button', {type: 'button', click: this.hurry}, 'Try now')));
		this.announce(words());
		this.timer = setInterval(() => write(this.place.querySelector('.what'), words()), 1000);
	}
}
