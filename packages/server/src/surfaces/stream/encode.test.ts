import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { SERVER_MESSAGES, type ServerMessage, validator } from '@waycast/protocol';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { LocationPublished } from '../../core/effects.ts';
import { planOf } from '../../core/eta.ts';
import { stopsFrom } from '../../core/stops.ts';
import { driverAt, fixAt, happening, location, sampleTrip, T0 } from '../../hub/contracts/samples.ts';
import type { Delivery } from '../../hub/delivery.ts';
import { frame } from '../websocket/frame.ts';
import { frameOf, messageOf } from './encode.ts';
import { acceptKey } from './testing/accept-key.ts';

/** A client of `ws` on a raw socket: what it reads is what any client would. */
let client: WebSocket;
let raw: Socket;
const server = createServer();
beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  client = new WebSocket(`ws://127.0.0.1:${port}`);
  [raw] = (await once(server, 'connection')) as [Socket];
  const [request] = (await once(raw, 'data')) as [Buffer];
  raw.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptKey(String(request))}\r\n\r\n`,
  );
  await once(client, 'open');
});
afterAll(() => {
  client.terminate();
  raw.destroy();
  server.close();
});

async function read(bytes: Buffer): Promise<string> {
  const message = once(client, 'message') as Promise<[Buffer, boolean]>;
  raw.write(bytes);
  const [data, binary] = await message;
  expect(binary).toBe(false);
  return data.toString('utf8');
}

describe('frame', () => {
  it.each([0, 1, 125, 126, 127, 65_534, 65_535, 65_536, 70_000])('of %d bytes is read by ws as what it was', async (length) => {
    const text = 'x'.repeat(length);
    const bytes = frame(text);
    expect(bytes.length - length).toBe(length < 126 ? 2 : length < 65_536 ? 4 : 10);
    expect(await read(bytes)).toBe(text);
  });

  it.each(['é'.repeat(63), 'é'.repeat(62), '日本'.repeat(11_000), '😀'.repeat(16_384), '"\\\u0000'])(
    'counts bytes, not letters',
    async (text) => {
      expect(await read(frame(text))).toBe(text);
    },
  );
});

const plan = planOf(
  'ride',
  stopsFrom([
    { type: 'pickup', lat: 44.6, lng: 11.3 },
    { id: 'B:1.x_-', type: 'dropoff', lat: 44.7, lng: 11.3 },
  ]),
);
const half = (min: number, max: number) =>
  fc.option(
    fc.integer({ min: min * 100, max: max * 100 }).map((n) => n / 100),
    { nil: null },
  );
const published: fc.Arbitrary<LocationPublished> = fc
  .record({
    lat: fc.integer({ min: -900_000_000, max: 900_000_000 }).map((n) => n / 1e7),
    lng: fc.integer({ min: -1_800_000_000, max: 1_800_000_000 }).map((n) => n / 1e7),
    at: fc.integer({ min: 0, max: 253_402_300_799_999 }),
    speed: half(0, 100_000),
    bearing: half(0, 359),
    accuracy: half(0, 10_000_000),
    altitude: half(-20_000, 10_000_000),
  })
  .chain((fix) =>
    fc.record({
      type: fc.constant('location' as const),
      feed: fc.constantFrom('driver:d', 'trip:A.b_c-d:1'),
      epoch: fc.constantFrom('e1', 'Ab-_9.12'),
      seq: fc.integer({ min: 1 }),
      driverId: fc.constantFrom('d', 'A.b_c-d:1'),
      fix: fc.constant(fix),
      plan: fc.constantFrom(null, plan),
      now: fc.integer({ min: T0, max: T0 + 1e9 }),
    }),
  );

/** The text in an unmasked frame. */
function textIn(bytes: Buffer): string {
  const length = bytes[1] ?? 0;
  return bytes.subarray(length < 126 ? 2 : length === 126 ? 4 : 10).toString('utf8');
}

describe('a delivery', () => {
  const driver = driverAt('d', 1, { latest: fixAt(1) });
  const trip = sampleTrip('t', { driverId: 'd', driverName: 'Car "Ã" 😀' });
  const happened = { ...happening('trip:t', 'e', 4), trip };
  const deliveries: Delivery[] = [
    location('driver:d', 'e', 3),
    { ...location('trip:t', 'e', 3), plan },
    happened,
    happening('driver:d', 'e', 4),
    {
      type: 'snapshot',
      feed: 'trip:t',
      epoch: 'e',
      seq: 9,
      trip,
      driver,
      location: fixAt(1),
      etas: [{ stopId: 's1', seconds: 5, distance: 10, at: T0 }],
    },
    { type: 'snapshot', feed: 'driver:d', epoch: 'stored', seq: 0, trip: null, driver: null, location: null, etas: [] },
    {
      type: 'fleet',
      home: 0,
      number: 0,
      feed: 'fleet',
      full: true,
      rows: [
        {
          driver: 'd',
          status: 'ONLINE',
          stale: false,
          lat: 1,
          lng: 2,
          speed: null,
          bearing: null,
          at: T0,
          trips: ['t'],
          name: null,
          vehicle: 'Van',
          heardAt: T0,
          labels: ['taxi'],
        },
      ],
      gone: ['x'],
    },
    { type: 'fleet-event', feed: 'fleet', event: happened.event, trip },
    { type: 'fleet-event', feed: 'fleet', event: happened.event, trip: null },
  ];

  it.each(deliveries.map((delivery) => [delivery.type, delivery] as const))('%s fits the protocol', (_, delivery) => {
    const message = JSON.parse(JSON.stringify(messageOf(delivery))) as ServerMessage;
    const schema = validator(SERVER_MESSAGES[message.type]);
    expect(schema.check(message) ? null : schema.failure(message)).toBeNull();
  });

  it('as a frame says the same as its message, whatever is in it', () => {
    for (const delivery of deliveries)
      expect(JSON.parse(textIn(frameOf(delivery) as Buffer))).toEqual(JSON.parse(JSON.stringify(messageOf(delivery))));
    fc.assert(
      fc.property(published, (delivery) => {
        expect(JSON.parse(textIn(frameOf(delivery) as Buffer))).toEqual(JSON.parse(JSON.stringify(messageOf(delivery))));
      }),
      { numRuns: 300 },
    );
  });

  it('is encoded once for all who get it, and never for another', () => {
    const [one, other] = [location('driver:d', 'e', 1), location('driver:d', 'e', 2)];
    const first = frameOf(one) as Buffer;
    expect(frameOf(one)).toBe(first);
    expect(textIn(frameOf(other) as Buffer)).toContain('"seq":2');
    expect(textIn(first)).toContain('"seq":1');
  });
});
