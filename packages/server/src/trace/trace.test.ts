import { describe, expect, it } from 'vitest';
import { currentTrace, traceHeaders, traceNamed, traceOf, within } from './trace.ts';
import { parseTraceParent } from './traceparent.ts';

const PARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00';

describe('the trace of a request', () => {
  it('is the one of its caller, with a span of our own and the caller’s flags [U1]', () => {
    const trace = traceOf({ traceparent: PARENT, tracestate: 'congo=t61rcWkgMzE,rojo=00f067aa0ba902b7' });
    expect(trace).toMatchObject({ traceId: '0af7651916cd43dd8448eb211c80319c', parentId: 'b7ad6b7169203331', flags: 0 });
    expect(trace.spanId).toMatch(/^[0-9a-f]{16}$/);
    expect(trace.spanId).not.toBe(trace.parentId);
    expect(traceHeaders(trace)).toEqual({
      traceparent: `00-${trace.traceId}-${trace.spanId}-00`,
      tracestate: 'congo=t61rcWkgMzE,rojo=00f067aa0ba902b7',
    });
  });

  it.each([undefined, 'nonsense', `${PARENT}, ${PARENT}`])(
    'is a new one where the caller says %j, and its state is left out [U1]',
    (traceparent) => {
      const [one, other] = [traceOf({ traceparent, tracestate: 'a=b' }), traceOf({ traceparent })];
      expect(one).toMatchObject({ parentId: null, state: null });
      expect(parseTraceParent(traceHeaders(one).traceparent ?? '')).toEqual({ traceId: one.traceId, spanId: one.spanId, flags: 1 });
      expect(one.traceId).not.toBe(other.traceId);
    },
  );

  it.each(['x'.repeat(513), 'a=\x01', 'a=ä', ''])('leaves a state out that could not be passed on', (tracestate) => {
    expect(traceOf({ traceparent: PARENT, tracestate }).state).toBeNull();
  });

  it('belongs to what was set going within it, and to nothing else', async () => {
    const trace = traceOf({});
    const seen = await within(trace, async () => {
      await undefined;
      return currentTrace();
    });
    expect(seen).toBe(trace);
    expect(currentTrace()).toBeUndefined();
    expect(traceHeaders(undefined)).toEqual({});
  });
});

it('a trace by name is the same each time, every try a span of its own [U2]', () => {
  const [one, again, other] = [traceNamed('msg_1'), traceNamed('msg_1'), traceNamed('msg_2')];
  expect(again.traceId).toBe(one.traceId);
  expect(again.spanId).not.toBe(one.spanId);
  expect(other.traceId).not.toBe(one.traceId);
});
