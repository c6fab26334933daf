import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asyncApi } from '../async-api.ts';
import { NATIVE_CHANNEL } from '../native-channel.ts';
import type { OpenApi } from '../open-api.ts';
import { html } from './html.ts';
import { referencePage } from './page.ts';

const OPEN_API: OpenApi = {
  openapi: '3.1.0',
  info: { title: 'Waycast', version: '1', description: 'About.\n\n| a | b |\n| --- | --- |\n| `c` | d |' },
  tags: [{ name: 'Trips', description: 'about trips' }],
  paths: {
    '/v1/trips/{id}': {
      get: {
        operationId: 'getTrip',
        summary: 'Read a trip',
        description: '- one\n- two',
        tags: ['Trips'],
        parameters: [
          { name: 'id', in: 'path', required: true, description: 'which', schema: { type: 'string', pattern: '^x$' } },
          { name: 'as', in: 'header', schema: { enum: ['a', 'b', 'c', 'd'] } },
        ],
        responses: { 200: { description: 'Done.', content: { 'application/json': { schema: { $ref: '#/components/schemas/Journey' } } } } },
      },
      put: { requestBody: { description: 'what', content: { 'text/plain': { schema: { $ref: '#/components/schemas/Journey' } } } } },
    },
  },
  components: {
    schemas: {
      Journey: {
        title: 'Journey',
        description: 'a trip',
        required: ['id'],
        properties: {
          id: { type: 'string', format: 'f', default: 'x', const: 'y' },
          points: { type: 'array', items: { type: 'object', properties: { lat: { type: ['number', 'null'] } } } },
        },
        examples: [{ id: 'y' }],
      },
    },
  },
};
const ASYNC_API = asyncApi([NATIVE_CHANNEL], '1');

describe('the readable reference [B3]', () => {
  it('shows calls, members with their path, messages and schemas', () => {
    const page = referencePage(OPEN_API, ASYNC_API);
    expect(page).toContain('<article id="call-getTrip"');
    expect(page).toContain('<code>points[].lat</code>');
    expect(page).toContain('<article id="message-stream-server-fleet-event"');
    expect(page).toContain('<article id="schema-Journey"');
    expect(page).not.toContain('<script');
  });

  it('shows whatever a document contains as text', () => {
    const marks = fc.tuple(
      fc.string(),
      fc.constantFrom('<img src=x>', '"><img src=x>', "'><img src=x>", '</style><img src=x>'),
      fc.string(),
    );
    fc.assert(
      fc.property(marks, (parts) => {
        const mark = parts.join('');
        const page = referencePage(spoiled(OPEN_API, mark), spoiled(ASYNC_API, mark));
        expect(page).not.toContain('<img');
        expect(page.match(/<style>/g)).toHaveLength(1);
      }),
      { numRuns: 40 },
    );
  });

  it('escapes what templates are given, in text and in attributes', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('<', '>', '"', "'", '&', 'a', ' ') }), (text) => {
        const { text: written } = html`<p title="${text}">${[text, html`<b>${text}</b>`]}</p>`;
        const [, title = '', first = '', second = ''] = /^<p title="([^"<>]*)">([^<>]*)<b>([^<>]*)<\/b><\/p>$/.exec(written) ?? [];
        for (const one of [title, first, second]) expect(unescaped(one)).toBe(text);
      }),
    );
  });

  it('refuses two schemas of one title that differ: one name is one place on the page', () => {
    const components = { schemas: { Location: { title: 'Location', type: 'string' } } };
    expect(() => referencePage({ ...OPEN_API, components }, ASYNC_API)).toThrow('are titled Location');
  });
});

/** The document with a mark in every text of it that is no reference, names of members and paths included. */
function spoiled<T>(value: T, mark: string): T {
  const spoil = (inner: unknown, key: string): unknown => {
    if (typeof inner === 'string') return key === '$ref' || key === 'in' ? inner : `${inner}${mark}`;
    if (Array.isArray(inner)) return inner.map((item) => spoil(item, ''));
    if (typeof inner !== 'object' || inner === null) return inner;
    const named = ['properties', 'schemas', 'paths', 'content', 'responses'].includes(key);
    return Object.fromEntries(Object.entries(inner).map(([name, member]) => [named ? `${name}${mark}` : name, spoil(member, name)]));
  };
  return spoil(value, '') as T;
}

function unescaped(text: string): string {
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&amp;', '&');
}
