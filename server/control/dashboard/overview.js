/* overview.js - one look: is it well, and how did it get so */
import {get} from './api.js';
import {Chart} from './chart.js';
import {el, write} from './dom.js';
import {kickButton} from './outbox.js';
import {age, bytes, count, plural, short, time} from './words.js';

class Card {
	constructor(place, title, chart, ...more) {
		this.value = el('p', {class: 'value'});
		this.note = el('p', {class: 'note'});
		this.chart = chart;
		place.append(el('section', {class: `card${more.length > 0 ? ' wide' : ''}`}, el('h2', {}, title), this.value, this.note,
			chart?.node, more));
	}

	say(value, note, kind) {
		this.value.className = `value state ${kind ?? ''}`;
		write(this.value, value);
		if (typeof note === 'string')
			write(this.note, note);
		else
			this.note.replaceChildren(...note);
	}
}

const DATABASE = {
	up: ['Up', 'good'],
	down: ['Away', 'bad'],
	paused: ['Set-up at fault', 'bad'],
	unknown: ['Not reached yet', 'warn'],
};

function databaseNote(database) {
	const wait = database.next_try ? (new Date(database.next_try) - Date.now()) / 1000 : 0;

	return [database.since ? 'since ' : '', time(database.since), database.reason ? ` (${database.reason})` : '',
		`; breaker ${database.breaker}`, wait > 0 ? `, next try in ${age(wait)}` : ''];
}

function roomNote(outbox) {
	return outbox.lasts_seconds === null ? 'the outbox does not grow'
		: `lasts ${age(outbox.lasts_seconds)} at this rate`;
}

function processes(threads) {
	const byPid = new Map();

	for (const {pid, name} of threads)
		byPid.set(pid, [...byPid.get(pid) ?? [], name]);
	return [...byPid].map(([pid, names]) => el('li', {}, el('span', {class: 'id'}, String(pid)), `: ${names.join(', ')}`));
}

export function overview(place, argument, session) {
	const cards = el('div', {class: 'cards'});
	const threads = el('ul');
	const said = el('p', {role: 'status', class: 'note'});
	const kick = el('footer', {hidden: true}, kickButton(said));
	const percent = (value) => `${short(value)} %`;
	const live = new Card(cards, 'Live calls', new Chart('Live calls', count, 5));
	const rate = new Card(cards, 'Calls a minute', new Chart('Calls a minute', count, 5));
	const loss = new Card(cards, 'Frame loss', new Chart('Frame loss', percent, 1));
	const lag = new Card(cards, 'Loop lag', new Chart('Loop lag', (value) => `${short(value)} ms`, 5));
	const dead = new Card(cards, 'Dead letters');
	const database = new Card(cards, 'Database', null, said, kick);
	const depth = new Card(cards, 'Outbox depth', new Chart('Outbox depth', (value) => plural(value, 'record', 'records'), 10));
	const oldest = new Card(cards, 'Outbox age', new Chart('Outbox age', age, 10));
	const room = new Card(cards, 'Room for more');
	let notes = [];
	let step = 5;
	let most = 180;
	const stop = new AbortController();

	function draw() {
		const minutes = Math.max(1, Math.round(notes.length * step / 60));
		const column = (name) => notes.map((note) => note[name]);

		live.chart.draw(column('calls_active'), minutes);
		rate.chart.draw(column('calls_minute'), minutes);
		loss.chart.draw(column('lost_percent'), minutes);
		lag.chart.draw(column('lag_ms'), minutes);
		depth.chart.draw(column('records'), minutes);
		oldest.chart.draw(column('oldest_seconds'), minutes);
	}

	async function load() {
		try {
			const history = await get('/api/history', {signal: stop.signal});

			step = history.step_seconds;
			most = Math.max(most, history.notes.length);
			notes = history.notes;
			draw();
		} catch {
			/* It is drawn from what is pushed from now on. */
		}
	}

	function add(note) {
		if (!note || notes.at(-1)?.at === note.at)
			return;
		/* The line was down in between: the server remembers. */
		if (notes.length > 0 && new Date(note.at) - new Date(notes.at(-1).at) > 2500 * step)
			load();
		notes = [...notes, note].slice(-most);
		draw();
	}

	place.append(el('h1', {class: 'hidden'}, 'Overview'), cards,
		el('details', {class: 'panel'}, el('summary', {}, 'Processes and their threads'), threads));
	load();
	return {
		update({status, latest}) {
			const {outbox} = status;
			const [state, kind] = DATABASE[status.database.state];

			live.say(count(status.calls_active), `of at most ${count(status.max_calls)}; new ones are ` +
				(status.ready ? 'taken' : `refused (${status.reason})`), status.ready ? '' : 'bad');
			database.say(state, databaseNote(status.database), kind);
			kick.hidden = status.database.state === 'up' || !session.may('operator');
			if (kick.hidden)
				write(said, '');
			depth.say(count(outbox.records), `${plural(outbox.records, 'record waits', 'records wait')}, ${bytes(outbox.bytes)}` +
				(outbox.held > 0 ? `, ${count(outbox.held)} held` : ''));
			oldest.say(age(outbox.oldest_seconds), outbox.records > 0 ? 'the oldest waits' : 'nothing waits');
			room.say(bytes(outbox.room_bytes), roomNote(outbox), outbox.full ? 'bad' : outbox.room === 'plenty' ? '' : 'warn');
			dead.say(count(status.dead_letters), status.dead_letters > 0 ? 'refused for good: look at them' : 'nothing was refused for good',
				status.dead_letters > 0 ? 'bad' : '');
			if (latest) {
				rate.say(count(latest.calls_minute), 'began in the last minute');
				loss.say(percent(latest.lost_percent), `of the frames of the last ${step} s`);
				lag.say(`${short(latest.lag_ms)} ms`, '99 of 100 turns are quicker');
			}
			add(latest);
			threads.replaceChildren(...processes(status.threads));
		},
		close: () => stop.abort(),
	};
}
