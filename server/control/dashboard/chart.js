/* chart.js - the last minutes of one number, as a line and as words */
import {el, svg, write} from './dom.js';

const WIDTH = 300;
const HEIGHT = 54;

export class Chart {
	/* `format` writes a value with its unit; `least` is the top of a scale on which little happens. */
	constructor(title, format, least) {
		this.title = title;
		this.format = format;
		this.least = least;
		this.area = svg('path', {class: 'area'});
		this.line = svg('path', {class: 'line'});
		this.image = svg('svg', {role: 'img', viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none'},
			svg('path', {class: 'base', d: `M0 ${HEIGHT}H${WIDTH}`}), this.area, this.line);
		this.from = el('span');
		this.top = el('span');
		this.node = el('div', {class: 'chart'}, this.image,
			el('div', {class: 'scale', 'aria-hidden': 'true'}, this.from, this.top));
	}

	draw(values, minutes) {
		const highest = Math.max(0, ...values);
		const scale = HEIGHT / Math.max(highest, this.least);
		const step = WIDTH / Math.max(values.length - 1, 1);
		const points = values.map((value, i) => `${(i * step).toFixed(1)} ${(HEIGHT - value * scale).toFixed(1)}`);

		if (points.length === 0)
			return;
		this.line.setAttribute('d', `M${points.join('L')}`);
		this.area.setAttribute('d', `M0 ${HEIGHT}L${points.join('L')}V${HEIGHT}Z`);
		write(this.from, `last ${minutes} min`);
		write(this.top, `peak ${this.format(highest)}`);
		this.image.setAttribute('aria-label', `${this.title}, last ${minutes} minutes: ` +
			`now ${this.format(values.at(-1))}, at most ${this.format(highest)}`);
	}
}
