import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asJson, asText, TEXT } from './text.ts';

const anything = fc.string({
  unit: fc.oneof(fc.constantFrom('\0', '\ud83d', '\ude00', '\\', '\\u0000', '\\ud83d', '"', '\n', '😀'), fc.string()),
});
const isText = (value: string) => value.isWellFormed() && !value.includes('\0');

describe('text', () => {
  it('is what every database keeps: whole characters, without U+0000 [S10]', () => {
    fc.assert(
      fc.property(anything, (value) => {
        expect(new RegExp(TEXT).test(value)).toBe(isText(value));
        expect(new RegExp(TEXT, 'u').test(value)).toBe(isText(value));
      }),
    );
  });

  it('is made of anything, and left as it is where it is text already', () => {
    fc.assert(
      fc.property(anything, (value) => {
        expect(isText(asText(value))).toBe(true);
        if (isText(value)) expect(asText(value)).toBe(value);
        else expect(asText(value)).toContain('\ufffd');
      }),
    );
  });

  it('is made in JSON as outside of it', () => {
    fc.assert(
      fc.property(fc.dictionary(anything, fc.oneof(anything, fc.array(anything))), (value) => {
        const texts = (json: string) => [...json.matchAll(/"(?:[^"\\]|\\.)*"/g)].map(([text]) => JSON.parse(text) as string);
        const json = JSON.stringify(value);
        expect(texts(asJson(json))).toEqual(texts(json).map(asText));
      }),
    );
  });
});
