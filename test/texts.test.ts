import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MessageEvent, MessageList, TripHistory, TripView } from '../packages/protocol/src/index.ts';
import { dial, type Peer } from './support/peer.ts';
import { CENTRE, north, ride, unique } from './support/places.ts';
import { type Caller, caller } from './support/rest.ts';
import { startServer, type TestServer, tempDir } from './support/server.ts';

let server: TestServer;
let staff: Caller;

beforeAll(async () => {
  server = await startServer({ env: { REST_RATE_LIMIT_PER_MINUTE: '1000000' } });
  staff = caller(server, await server.token('dispatcher', 'desk'));
});
afterAll(() => server.stop());

interface Shared {
  readonly id: string;
  readonly car: string;
  readonly ann: string;
  readonly ben: string;
}

/** A ride of two passengers with a driver. */
async function shared(): Promise<Shared> {
  const [car, ann, ben] = [unique('car'), unique('passenger'), unique('passenger')];
  const stops = [ann, ben].flatMap((partyId, n) => [
    { id: `p${n}`, type: 'pickup', ...CENTRE, partyId },
    { id: `d${n}`, type: 'dropoff', ...north(5_000), partyId },
  ]);
  const { id } = (await staff.post('/v1/trips', ride({ driverId: car, stops, labels: ['taxi'] }))).as(TripView, 201);
  return { id, car, ann, ben };
}

const as = async (role: 'driver' | 'passenger' | 'merchant', sub: string): Promise<Caller> =>
  caller(server, await server.token(role, sub, role === 'merchant' ? { labels: ['taxi'] } : {}));
const texts = async (who: Caller, id: string) =>
  (await who.get(`/v1/trips/${id}/messages`)).as(MessageList).messages.map(({ text }) => text);

describe('texts on a trip', () => {
  it('are heard by those they are for, live, in the list and in the history [H3 H5]', async () => {
    const { id, car, ann, ben } = await shared();
    const follow = async (role: 'driver' | 'passenger', sub: string): Promise<Peer> => {
      const peer = await dial(server, { token: await server.token(role, sub) });
      expect(await peer.ask({ type: 'subscribe', feed: `trip:${id}` })).toMatchObject({ type: 'subscribed' });
      return peer;
    };
    const peers = { car: await follow('driver', car), ann: await follow('passenger', ann), ben: await follow('passenger', ben) };
    expect(await peers.ann.ask({ type: 'message', trip: id, text: 'at the corner' })).toMatchObject({ type: 'sent', tripId: id });
    expect(await peers.car.ask({ type: 'message', trip: id, text: 'two minutes', to: ann })).toMatchObject({ type: 'sent' });
    expect(await peers.car.ask({ type: 'message', trip: id, text: 'traffic ahead\nsorry' })).toMatchObject({ type: 'sent' });
    const last = ({ event }: { event: { kind: string } }) =>
      event.kind === 'message' && 'text' in event && event.text === 'traffic ahead\nsorry';
    for (const peer of Object.values(peers)) await peer.next('event', last);
    const heard = (peer: Peer) => peer.all('event').map(({ event }) => (event.kind === 'message' ? event.text : event.kind));
    expect(heard(peers.car)).toEqual(['at the corner', 'two minutes', 'traffic ahead\nsorry']);
    expect(heard(peers.ann)).toEqual(['at the corner', 'two minutes', 'traffic ahead\nsorry']);
    expect(heard(peers.ben)).toEqual(['traffic ahead\nsorry']);
    // What was not for them is marked, so that nobody takes it for a loss.
    const numbers = (peer: Peer) =>
      peer.messages.flatMap((one) => (one.type === 'event' ? [one.seq] : one.type === 'conflated' ? [one.from, one.to] : []));
    expect(new Set(numbers(peers.ben))).toEqual(new Set(numbers(peers.ann)));
    for (const [who, expected] of [
      [await as('driver', car), ['at the corner', 'two minutes', 'traffic ahead\nsorry']],
      [await as('passenger', ben), ['traffic ahead\nsorry']],
      [await as('merchant', 'shop'), []],
      [staff, ['at the corner', 'two minutes', 'traffic ahead\nsorry']],
    ] as const) {
      expect(await texts(who, id)).toEqual(expected);
      const { events } = (await who.get(`/v1/trips/${id}/history`)).as(TripHistory);
      expect(events.flatMap((event) => (event.kind === 'message' ? [event.text] : []))).toEqual(expected);
    }
    await Promise.all(Object.values(peers).map((peer) => peer.close()));
  });

  it('are refused by name where they do not belong [H4 H5]', async () => {
    const { id, car, ann, ben } = await shared();
    const write = async (who: Caller, body: object) => who.post(`/v1/trips/${id}/messages`, body);
    (await write(await as('passenger', ann), { text: 'psst', to: ben })).problem('forbidden');
    (await write(await as('passenger', unique('passenger')), { text: 'hi' })).problem('not_found');
    (await write(await as('merchant', 'shop'), { text: 'hi' })).problem('forbidden');
    (await write(await as('driver', unique('car')), { text: 'hi' })).problem('not_found');
    (await write(await as('driver', car), { text: 'hi', to: 'nobody' })).problem('bad_request');
    for (const text of ['', ' \n ', 'x'.repeat(501), 'bell\u0007', 7, null]) (await write(staff, { text })).problem('bad_request');
    await staff.post(`/v1/trips/${id}/status`, { status: 'CANCELLED' });
    (await write(await as('driver', car), { text: 'too late' })).problem('trip_closed');
    expect(await texts(staff, id)).toEqual([]);
  });

  it('are limited to ten at once [H4]', async () => {
    const { id, ann } = await shared();
    const who = await as('passenger', ann);
    const answers = await Promise.all(Array.from({ length: 12 }, (_, n) => who.post(`/v1/trips/${id}/messages`, { text: `n${n}` })));
    const taken = answers.filter(({ status }) => status === 201);
    expect(taken.length).toBeGreaterThanOrEqual(10);
    const refused = answers.filter(({ status }) => status !== 201);
    expect(refused.length).toBeGreaterThan(0);
    for (const answer of refused) expect(answer.problem('rate_limited').retryAfter).toBeGreaterThan(0);
    expect(await texts(staff, id)).toHaveLength(taken.length);
  });

  it('are kept on a trip nobody drives, and over a restart, once [H3]', async () => {
    const dataDir = tempDir();
    const first = await startServer({ dataDir });
    const desk = caller(first, await first.token('dispatcher', 'desk'));
    const { id } = (await desk.post('/v1/trips', ride({}))).as(TripView, 201);
    const { id: driven } = (await desk.post('/v1/trips', ride({ driverId: 'car-z' }))).as(TripView, 201);
    for (const one of [id, driven]) (await desk.post(`/v1/trips/${one}/messages`, { text: 'kept' })).as(MessageEvent, 201);
    await first.kill();
    const second = await startServer({ dataDir });
    const again = caller(second, await second.token('dispatcher', 'desk'));
    for (const one of [id, driven]) expect(await texts(again, one)).toEqual(['kept']);
    await second.stop();
  });
});
