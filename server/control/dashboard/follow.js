/* follow.js - one thing that the database has, shown anew when it has changed
 *
 * It is asked for again when a push says that the database has taken something. What has not changed stays as it is: it
 * may be playing. While the database is away, what was shown stays; if nothing was, a sentence says why. */
import {el} from './dom.js';
import {away, failure} from './listing.js';

/* wish: title, all (where the list is, and its name), ask(signal), fill(answer): elements; close(), or none. */
export function follow(place, wish) {
	const stop = new AbortController();
	let shown = '';
	let asked = null;
	let busy = false;

	function put(...content) {
		place.replaceChildren(el('p', {}, el('a', {href: wish.all.href}, `← ${wish.all.name}`)), ...content);
	}

	async function show() {
		busy = true;
		try {
			const answer = await wish.ask(stop.signal);
			const text = JSON.stringify(answer);

			if (text === shown)
				return;
			shown = text;
			wish.close?.();
			put(...wish.fill(answer));
		} catch (error) {
			if (error.isPassing)
				asked = null;
			if (!shown && error.name !== 'AbortError')
				put(el('h1', {}, wish.title), failure(error));
		}
		busy = false;
	}

	put(el('h1', {}, wish.title));
	return {
		update(state) {
			if (state.status.database.state !== 'up') {
				if (!shown)
					put(el('h1', {}, wish.title), away());
				asked = null;
			} else if (!busy && asked !== state.drained) {
				asked = state.drained;
				show();
			}
		},
		close() {
			stop.abort();
			wish.close?.();
		},
	};
}
