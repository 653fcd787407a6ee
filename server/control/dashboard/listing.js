/* listing.js - a list that the server keeps, page by page, and that follows what happens
 *
 * It is asked for again when a push says that something changed, at most once in GAP_MS. The newest page is merged into
 * what older pages were shown. What needs the database is not asked for while that is away: a sentence says so in its
 * place, and what was there stays. */
import {get} from './api.js';
import {el, table} from './dom.js';

const GAP_MS = 1500;
const AWAY = 'This comes from the database, which is away. What is live, what waits and the dead letters do not need ' +
	'it. It comes back by itself.';

export function away() {
	return el('p', {class: 'away'}, AWAY);
}

export function failure(error) {
	return error.isAway ? away() : el('p', {class: 'alert', role: 'alert'}, error.message);
}

/* wish: caption, columns, items (their name in the answer), key (their id's name), order(item) (a text, the greater the
 * newer; by default their id), empty (words), path(cursor), change(state) (a text that differs when it is worth asking),
 * needsDatabase. */
export class Listing {
	constructor(wish) {
		this.wish = {order: (item) => item[wish.key], ...wish};
		this.table = table(wish.caption, wish.columns);
		this.notice = el('div');
		this.empty = el('p', {class: 'empty', hidden: true}, wish.empty);
		this.older = el('button', {type: 'button', hidden: true, click: () => this.more()}, 'Show older ones');
		this.panel = el('div', {class: 'panel scroll', hidden: true}, this.table.node, this.empty);
		this.node = el('div', {class: 'field'}, this.notice, this.panel, el('p', {}, this.older));
		this.all = [];
		this.next = null;
		this.timer = 0;
		this.asked = 0;
		this.seen = null;
		this.stop = new AbortController();
	}

	show() {
		const {key} = this.wish;

		this.table.rows(this.all, (item) => item[key], (item) => JSON.stringify(item));
		this.panel.hidden = false;
		this.table.node.hidden = this.all.length === 0;
		this.empty.hidden = this.all.length > 0;
		this.older.hidden = !this.next;
	}

	/* The newest page in place of what it covers. */
	merge(page) {
		const {order} = this.wish;
		const last = order(page.at(-1));

		this.all = [...page, ...this.all.filter((item) => order(item) < last)];
	}

	async ask(cursor) {
		const answer = await get(this.wish.path(cursor), {signal: this.stop.signal});

		return {page: answer[this.wish.items], next: answer.next_cursor};
	}

	async tell(work) {
		try {
			await work();
			this.notice.replaceChildren();
			this.show();
		} catch (error) {
			if (error.name === 'AbortError')
				return;
			this.notice.replaceChildren(failure(error));
			if (error.isPassing)
				this.seen = null; /* the next push asks again */
		}
	}

	/* `anew`: what was shown is not what is wished for now. */
	reload(anew) {
		this.asked = Date.now();
		return this.tell(async () => {
			const {page, next} = await this.ask(null);
			const paged = !anew && next && page.length > 0 && this.all.length > page.length;

			if (!paged) {
				this.all = page;
				this.next = next;
			} else {
				this.merge(page);
			}
		});
	}

	more() {
		return this.tell(async () => {
			const {page, next} = await this.ask(this.next);

			this.all = [...this.all, ...page];
			this.next = next;
		});
	}

	update(state) {
		const change = this.wish.change(state);

		if (this.wish.needsDatabase && state.status.database.state !== 'up') {
			this.notice.replaceChildren(away());
			this.seen = null;
			return;
		}
		if (change === this.seen || this.timer)
			return;
		this.seen = change;
		this.timer = setTimeout(() => {
			this.timer = 0;
			this.reload(false);
		}, Math.max(0, this.asked + GAP_MS - Date.now()));
	}

	close() {
		clearTimeout(this.timer);
		this.stop.abort();
	}
}
