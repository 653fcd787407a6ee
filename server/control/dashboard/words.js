/* words.js - numbers and times as people read them, as holdctl writes them */
import {el} from './dom.js';

export function bytes(value) {
	const units = ['KiB', 'MiB', 'GiB', 'TiB'];
	let unit = -1;

	if (value < 1024)
		return `${value} B`;
	do {
		value /= 1024;
		unit++;
	} while (value >= 1023.95 && unit + 1 < units.length);
	return `${value.toFixed(1)} ${units[unit]}`;
}

function two(value) {
	return String(value).padStart(2, '0');
}

/* 3m12s */
export function age(seconds) {
	const s = Math.max(0, Math.floor(seconds));

	if (s < 60)
		return `${s}s`;
	if (s < 3600)
		return `${Math.floor(s / 60)}m${two(s % 60)}s`;
	if (s < 86400)
		return `${Math.floor(s / 3600)}h${two(Math.floor(s / 60) % 60)}m`;
	return `${Math.floor(s / 86400)}d${two(Math.floor(s / 3600) % 24)}h`;
}

export function count(value) {
	return value.toLocaleString('en');
}

/* Few digits, and none that say nothing. */
export function short(value) {
	if (value === 0 || value >= 100)
		return count(Math.round(value));
	return String(Number(value.toPrecision(2)));
}

/* UTC, as the log has it. */
export function utc(iso) {
	return `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;
}

/* The reader's own time is the tool tip. */
export function time(iso) {
	if (!iso)
		return '';
	return el('time', {class: 'nowrap', datetime: iso,
		title: new Date(iso).toLocaleString('en', {timeZoneName: 'short'})}, utc(iso));
}

export function plural(value, one, many) {
	return `${count(value)} ${value === 1 ? one : many}`;
}

/* +4930... → +4912...; a number may be unknown, or both. */
export function parties(call) {
	if (!call.from_number && !call.to_number)
		return `Call ${call.provider_call_id || call.call_id}`;
	return `${call.from_number || 'unknown'} → ${call.to_number || 'unknown'}`;
}
