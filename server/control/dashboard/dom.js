/* dom.js - elements out of words; a text never becomes markup */

const CONTROLS = 'a, button';
const SVG = 'http://www.w3.org/2000/svg';

function fill(node, properties, children) {
	for (const [key, value] of Object.entries(properties ?? {})) {
		if (value === undefined || value === null || value === false)
			continue;
		if (typeof value === 'function')
			node.addEventListener(key, value);
		else
			node.setAttribute(key, value === true ? '' : String(value));
	}
	node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
	return node;
}

/* el('button', {class: 'main', click: go}, 'Go'): functions are listeners. */
export function el(name, properties, ...children) {
	return fill(document.createElement(name), properties, children);
}

export function svg(name, properties, ...children) {
	return fill(document.createElementNS(SVG, name), properties, children);
}

/* Changes a text only where it differs, so that a selection survives. */
export function write(node, text) {
	if (node.textContent !== text)
		node.textContent = text;
}

/* A table whose columns are {name, cell(item), class}. On a phone each cell shows its column's name; roles are said
 * because `display` takes them away. rows() keeps the row of what stays, and with it the focus in it; from a row that
 * goes the focus moves on to what takes its place. */
export function table(caption, columns) {
	const body = el('tbody', {role: 'rowgroup'});
	const known = new Map();

	function row(item) {
		return el('tr', {role: 'row'}, columns.map((column) =>
			el('td', {role: 'cell', class: column.class, 'data-label': column.name}, column.cell(item))));
	}

	/* Where in the table the focus is, to be put back when its row has gone. */
	function focus() {
		const at = document.activeElement;
		const old = at?.closest('tr');
		const control = [...old?.querySelectorAll(CONTROLS) ?? []].indexOf(at);
		const place = old && old.parentNode === body ? [...body.children].indexOf(old) : -1;

		return () => {
			const next = body.children[Math.min(place, body.children.length - 1)];

			if (place >= 0 && !at.isConnected)
				(next?.querySelectorAll(CONTROLS)[control] ?? document.getElementById('main')).focus();
		};
	}

	return {
		node: el('table', {role: 'table'},
			el('caption', {class: 'hidden'}, caption),
			el('thead', {role: 'rowgroup'}, el('tr', {role: 'row'}, columns.map((column) =>
				el('th', {role: 'columnheader', scope: 'col', class: column.class}, column.name)))),
			body),
		/* `same(item)` is a text that changes when the row must be made anew. */
		rows(items, key, same) {
			const wanted = new Set(items.map(key));
			const putBack = focus();

			for (const [id, entry] of known) {
				if (!wanted.has(id)) {
					entry.node.remove();
					known.delete(id);
				}
			}
			items.forEach((item, place) => {
				const id = key(item);
				const text = same(item);
				let entry = known.get(id);

				if (!entry || entry.text !== text) {
					const node = row(item);

					entry?.node.replaceWith(node);
					entry = {node, text};
					known.set(id, entry);
				}
				if (body.children[place] !== entry.node)
					body.insertBefore(entry.node, body.children[place] ?? null);
			});
			putBack();
		},
	};
}

/* What a thing says of itself: pairs of a name and a value; empty ones are left out. */
export function details(pairs) {
	return el('dl', {class: 'details'}, pairs
		.filter(([, value]) => value !== null && value !== undefined && value !== '')
		.map(([name, value]) => el('div', {}, el('dt', {}, name), el('dd', {}, value))));
}
