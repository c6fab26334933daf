import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLIENT_MESSAGES, TripView } from '../packages/protocol/src/index.ts';
import { CLIENT_MESSAGES as OF_DELIVERY } from '../packages/server/src/dialects/delivery/messages.ts';
import { CLIENT_MESSAGES as OF_FLEET } from '../packages/server/src/dialects/fleet/messages.ts';
import { CENTRE, ride } from './support/places.ts';
import { type Caller, caller } from './support/rest.ts';
import { startServer, type TestServer } from './support/server.ts';

let server: TestServer;
let service: Caller;
beforeAll(async () => {
  server = await startServer();
  service = caller(server, await server.token('service', 'ship'));
});
afterAll(() => server.stop());

/** Not of whole characters, or with U+0000. */
const NO_TEXT = ['a\0b', '\0', 'half \ud83d', '\ude00\ud83d'];

interface Schema {
  readonly type?: unknown;
  readonly pattern?: string;
  readonly enum?: unknown;
  readonly const?: unknown;
  readonly properties?: Record<string, Schema>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly $ref?: string;
}

/** Where in a schema text may come that is none, by its path. */
function open(schema: Schema, path: string, resolve: (ref: string) => Schema = () => ({})): string[] {
  const below = [
    ...Object.entries(schema.properties ?? {}).map(([name, one]) => [`${path}/${name}`, one] as const),
    ...[schema.items ?? []].flat().map((one) => [`${path}[]`, one] as const),
    ...[schema.anyOf, schema.oneOf, schema.allOf].flatMap((some) => (some ?? []).map((one) => [path, one] as const)),
    ...(schema.$ref === undefined ? [] : [[path, resolve(schema.$ref)] as const]),
  ].flatMap(([where, one]) => open(one, where, resolve));
  const { type, pattern, enum: listed, const: only } = schema;
  if (type !== 'string' || listed !== undefined || only !== undefined) return below;
  const isClosed =
    pattern !== undefined && NO_TEXT.every((text) => !new RegExp(pattern).test(text) && !new RegExp(pattern, 'u').test(text));
  return isClosed ? below : [...below, path];
}

describe('text that comes in is of whole characters, without U+0000 [S10]', () => {
  it('by REST, in every body, path and query', async () => {
    const document = (await caller(server).get('/openapi.json')).json() as {
      paths: Record<
        string,
        Record<string, { parameters?: { name: string; in: string; schema: Schema }[]; requestBody?: { content: object } }>
      >;
    };
    const resolve = (ref: string) =>
      ref
        .slice(2)
        .split('/')
        .reduce((at, name) => (at as Record<string, unknown>)[name], document as unknown) as Schema;
    const found = Object.entries(document.paths).flatMap(([path, calls]) =>
      Object.entries(calls).flatMap(([method, { parameters = [], requestBody }]) => [
        // In the delivery paths an id that can be none is not found, as any that nobody has.
        ...parameters
          .filter((one) => one.in !== 'header' && !(one.in === 'path' && path.startsWith('/tracking/')))
          .flatMap((one) => open(one.schema, `${method} ${path} ${one.name}`, resolve)),
        ...Object.values(requestBody?.content ?? {}).flatMap(({ schema }: { schema: Schema }) =>
          open(schema, `${method} ${path} `, resolve),
        ),
      ]),
    );
    expect(found).toEqual([]);
  });

  it.each(Object.entries({ stream: CLIENT_MESSAGES, delivery: OF_DELIVERY, fleet: OF_FLEET }))('by %s, in every message', (_, messages) => {
    const all = Object.entries(messages as Record<string, Schema>);
    expect(all.length).toBeGreaterThan(1);
    // What is only echoed goes nowhere else.
    expect(all.flatMap(([name, schema]) => open(schema, name)).filter((path) => !path.endsWith('/ref'))).toEqual([]);
  });

  it.each(NO_TEXT)('%j is refused, by name, and the driver goes on', async (text) => {
    const trip = ride({ driverId: 'car' });
    const [stop] = trip.stops as [object];
    expect((await service.post('/v1/trips', { ...trip, stops: [{ ...stop, name: text }] })).problem('bad_request').field).toBe(
      '/stops/0/name',
    );
    (await service.post('/v1/trips', { ...trip, labels: [text] })).problem('bad_request');
    const { id } = (await service.post('/v1/trips', trip)).as(TripView, 201);
    (await service.post(`/v1/trips/${id}/messages`, { text })).problem('bad_request');
    (await service.put('/v1/drivers/car', { name: text })).problem('bad_request');
    const asked = encodeURIComponent(text.toWellFormed());
    for (const path of [
      `/v1/trips?label=${asked}`,
      `/v1/connections?subject=${asked}`,
      `/v1/trips/${asked}`,
      `/v1/drivers/nearby?lat=1&lng=1&label=${asked}`,
    ])
      expect((await service.get(path)).status, path).toBeLessThan(500);
    expect((await service.post('/v1/drivers/car/locations', CENTRE)).status).toBe(200);
  });
});
