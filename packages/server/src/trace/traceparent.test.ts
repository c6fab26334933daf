import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseTraceParent, traceParentText } from './traceparent.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';

const hex = (digits: number) =>
  fc.array(fc.constantFrom(...'0123456789abcdef'), { minLength: digits, maxLength: digits }).map((all) => all.join(''));
const id = (digits: number) => hex(digits).filter((text) => /[^0]/.test(text));

describe('a traceparent [U1]', () => {
  it('says trace, span and the flags that are known', () => {
    expect(parseTraceParent(`00-${TRACE}-${SPAN}-01`)).toEqual({ traceId: TRACE, spanId: SPAN, flags: 1 });
    expect(parseTraceParent(`00-${TRACE}-${SPAN}-03`)).toMatchObject({ flags: 3 });
    expect(parseTraceParent(`00-${TRACE}-${SPAN}-fe`)).toMatchObject({ flags: 2 });
  });

  it('of a later version is taken as far as it is known, and passed on as version 00', () => {
    const later = parseTraceParent(`01-${TRACE}-${SPAN}-01-what-else`);
    expect(later).toEqual({ traceId: TRACE, spanId: SPAN, flags: 1 });
    expect(later && traceParentText(later)).toBe(`00-${TRACE}-${SPAN}-01`);
    expect(parseTraceParent(`cc-${TRACE}-${SPAN}-00`)).not.toBeNull();
  });

  it.each([
    '',
    '00',
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01-what-else`,
    `00-${TRACE}-${SPAN}-01-`,
    `01-${TRACE}-${SPAN}-01what`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `0g-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-1`,
    `00-${TRACE}-${SPAN}`,
    `00_${TRACE}_${SPAN}_01`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`,
    ` 00-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01\n`,
  ])('that is none: %j', (text) => {
    expect(parseTraceParent(text)).toBeNull();
  });

  it('is read back as it was written', () => {
    fc.assert(
      fc.property(id(32), id(16), fc.integer({ min: 0, max: 3 }), (traceId, spanId, flags) => {
        expect(parseTraceParent(traceParentText({ traceId, spanId, flags }))).toEqual({ traceId, spanId, flags });
      }),
    );
  });

  it('with anything changed in it is another one or none, and never throws', () => {
    const text = `00-${TRACE}-${SPAN}-01`;
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.string({ minLength: 1, maxLength: 1 }), (at, other) => {
        const changed = `${text.slice(0, at)}${other}${text.slice(at + 1)}`;
        const read = parseTraceParent(changed);
        const isSame = changed === text || (at >= 53 && read?.traceId === TRACE && read.spanId === SPAN) || at < 2;
        if (!isSame) expect(read).not.toEqual({ traceId: TRACE, spanId: SPAN, flags: 1 });
      }),
    );
    fc.assert(fc.property(fc.string(), (any) => void parseTraceParent(any)));
  });
});
