/* api.js - what is asked of the server, and what it means when it refuses */

export class Refusal extends Error {
	constructor(status, detail) {
		super(detail);
		this.status = status;
	}

	/* It needs the database, and comes back by itself. */
	get isAway() {
		return this.status === 503;
	}

	/* It is worth asking again. */
	get isPassing() {
		return this.isAway || this.status === 0;
	}
}

let onSignedOut = () => {};

/* Told when the server no longer knows who asks. */
export function whenSignedOut(told) {
	onSignedOut = told;
}

async function refusal(response) {
	let detail = '';

	try {
		detail = (await response.json()).detail;
	} catch {
		/* no answer of ours: a proxy's, perhaps */
	}
	return new Refusal(response.status, detail || `The server answered ${response.status}.`);
}

export async function fetchFrom(path, options) {
	let response;

	try {
		response = await fetch(path, {credentials: 'same-origin', ...options});
	} catch (error) {
		if (error.name === 'AbortError')
			throw error;
		throw new Refusal(0, 'Holdline does not answer.');
	}
	if (response.ok)
		return response;
	if (response.status === 401 && path !== '/api/auth/login')
		onSignedOut();
	throw await refusal(response);
}

export async function get(path, options) {
	return (await fetchFrom(path, options)).json();
}

export async function send(method, path, body) {
	const response = await fetchFrom(path, {
		method,
		headers: {'Content-Type': 'application/json'},
		body: method === 'DELETE' ? undefined : JSON.stringify(body ?? {}),
	});
	const text = await response.text();

	return text ? JSON.parse(text) : null;
}

/* A path with a query of what is not empty. */
export function withQuery(path, values) {
	const query = new URLSearchParams(Object.entries(values).filter(([, value]) => value));

	return query.size > 0 ? `${path}?${query}` : path;
}
