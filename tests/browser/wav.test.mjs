/* wav.test.mjs - what the waveform is drawn from: the same samples that others read out of such a file */
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {test} from 'node:test';

/* Without a package of its own the file is no module to node; to a browser it is. */
const source = readFileSync(join(import.meta.dirname, '../../server/control/dashboard/wav.js'), 'utf8');
const {peaks, readWav} = await import(`data:text/javascript,${encodeURIComponent(source)}`);

const PCM = 1;
const ALAW = 6;
const ULAW = 7;

function chunk(name, ...parts) {
	const body = Buffer.concat(parts);
	const head = Buffer.alloc(8);

	head.write(name, 'latin1');
	head.writeUInt32LE(body.length, 4);
	return Buffer.concat([head, body, Buffer.alloc(body.length & 1)]);
}

function format(code, channels, rate, bits) {
	const body = Buffer.alloc(16);

	body.writeUInt16LE(code, 0);
	body.writeUInt16LE(channels, 2);
	body.writeUInt32LE(rate, 4);
	body.writeUInt16LE(bits, 14);
	return chunk('fmt ', body);
}

function file(...chunks) {
	const riff = chunk('RIFF', Buffer.from('WAVE'), ...chunks);

	return riff.buffer.slice(riff.byteOffset, riff.byteOffset + riff.length);
}

function samples(wav, channel) {
	return Array.from({length: wav.frames}, (_, frame) => wav.sample(frame, channel));
}

test('mu-law and A-law are decoded as G.711 says', () => {
	const ulaw = readWav(file(format(ULAW, 1, 8000, 8), chunk('data', Buffer.from([0x00, 0x80, 0x7f, 0xff, 0xce, 0x4e]))));
	const alaw = readWav(file(format(ALAW, 1, 8000, 8), chunk('data', Buffer.from([0x2a, 0xaa, 0x55, 0xd5, 0xc5, 0x45]))));

	assert.deepEqual(samples(ulaw, 0), [-32124, 32124, 0, 0, 988, -988]);
	assert.deepEqual(samples(alaw, 0), [-32256, 32256, -8, 8, 264, -264]);
});

test('channels lie side by side, and what is not known is passed over', () => {
	const sound = Buffer.alloc(8);

	[100, -100, 32767, -32768].forEach((value, i) => sound.writeInt16LE(value, 2 * i));
	const wav = readWav(file(chunk('LIST', Buffer.from('abc')), format(PCM, 2, 16000, 16), chunk('fact', Buffer.alloc(4)),
		chunk('data', sound)));

	assert.deepEqual([wav.rate, wav.channels, wav.frames], [16000, 2, 2]);
	assert.deepEqual([samples(wav, 0), samples(wav, 1)], [[100, 32767], [-100, -32768]]);
	assert.deepEqual(peaks(wav, 1, 1), [[-1, 0]]);
});

test('a file that was cut short ends where it ends', () => {
	const whole = file(format(ULAW, 1, 8000, 8), chunk('data', Buffer.alloc(100, 0xff)));

	assert.equal(readWav(whole.slice(0, whole.byteLength - 40)).frames, 60);
	for (let length = 0; length < 44; length++)
		assert.throws(() => readWav(whole.slice(0, length)), Error);
});

test('what is no sound of ours is refused', () => {
	assert.throws(() => readWav(new ArrayBuffer(64)), /not a WAV/);
	assert.throws(() => readWav(file(format(PCM, 1, 8000, 24), chunk('data', Buffer.alloc(9)))), /codec/);
	assert.throws(() => readWav(file(format(PCM, 0, 8000, 16), chunk('data', Buffer.alloc(8)))), /codec/);
	assert.throws(() => readWav(file(format(PCM, 1, 8000, 16))), /no sound/);
});

test('there are as many peaks as were asked for, however short the sound', () => {
	const wav = readWav(file(format(ULAW, 1, 8000, 8), chunk('data', Buffer.from([0x80, 0xff]))));

	assert.equal(peaks(wav, 0, 600).length, 600);
	assert.ok(peaks(wav, 0, 600).every(([low, high]) => low <= 0 && high >= 0));
});
