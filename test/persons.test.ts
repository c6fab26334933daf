import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TripView } from '../packages/protocol/src/index.ts';
import { dial, type Peer } from './support/peer.ts';
import { CENTRE, north, ride, unique } from './support/places.ts';
import { type Caller, caller } from './support/rest.ts';
import { startServer, type TestServer } from './support/server.ts';

let server: TestServer;
let staff: Caller;

beforeAll(async () => {
  server = await startServer({ env: { REST_RATE_LIMIT_PER_MINUTE: '1000000', LOCATION_UPDATE_RATE_LIMIT: '0' } });
  staff = caller(server, await server.token('service', 'ship'));
});
afterAll(() => server.stop());

const create = async (input: object): Promise<string> => (await staff.post('/v1/trips', ride(input))).as(TripView, 201).id;
const forParty = (partyId: string) => [
  { id: 'p', type: 'pickup', ...CENTRE, partyId },
  { id: 'd', type: 'dropoff', ...north(5_000) },
];
const joined = (peer: Peer, id: string) => peer.next('subscribed', ({ feed }) => feed === `trip:${id}`);

describe('a trip that is removed [T6 O9]', () => {
  it.each([[null], ['driven']])('ends its feed for everybody who follows it, %s', async (driven) => {
    const id = await create(driven === null ? {} : { driverId: unique('car') });
    const peer = await dial(server, { token: await server.token('admin') });
    await peer.ask({ type: 'subscribe', feed: `trip:${id}` });
    expect((await staff.delete(`/v1/trips/${id}`)).status).toBe(204);
    expect(await peer.next('unsubscribed')).toMatchObject({ feed: `trip:${id}` });
    expect(await peer.ask({ type: 'subscribe', feed: `trip:${id}` })).toMatchObject({ type: 'error', code: 'not_found' });
    await peer.close();
  });
});

describe('a person is followed [O8]', () => {
  it('a customer: what is open at once, what comes as it comes, the position with it', async () => {
    const [ann, car] = [unique('passenger'), unique('car')];
    const before = await create({ stops: forParty(ann), driverId: car });
    const peer = await dial(server, { token: await server.token('passenger', ann) });
    expect(await peer.ask({ type: 'subscribe', feed: `party:${ann}` })).toMatchObject({ type: 'subscribed', feed: `party:${ann}` });
    await joined(peer, before);
    // Of several processes one may have to tell again what it shows [P7].
    expect(await peer.next('snapshot', ({ feed }) => feed === `trip:${before}`)).toMatchObject({ trip: { id: before } });
    await create({ stops: forParty(unique('passenger')), driverId: car });
    const next = await create({ stops: forParty(ann), driverId: car });
    await joined(peer, next);
    expect(await peer.next('snapshot', ({ feed }) => feed === `trip:${next}`)).toMatchObject({ trip: { id: next } });
    await staff.post(`/v1/drivers/${car}/locations`, north(-900));
    for (const id of [before, next]) await peer.next('location', ({ feed }) => feed === `trip:${id}`);
    expect(new Set(peer.all('snapshot').map(({ feed }) => feed))).toEqual(new Set([`trip:${before}`, `trip:${next}`]));
    await peer.close();
  });

  it('a merchant by a label, also one that a trip gets later', async () => {
    const label = unique('shop');
    const peer = await dial(server, { token: await server.token('merchant', 'm', { labels: [label] }) });
    expect(await peer.ask({ type: 'subscribe', feed: `label:${label}` })).toMatchObject({ type: 'subscribed' });
    const id = await create({});
    await staff.patch(`/v1/trips/${id}`, { labels: [label] });
    await joined(peer, id);
    await staff.patch(`/v1/trips/${id}`, { labels: [] });
    expect(await peer.next('unsubscribed')).toMatchObject({ feed: `trip:${id}` });
    await peer.close();
  });

  it('a courier by the jobs given to it, until they are taken away [O9]', async () => {
    const [car, other] = [unique('car'), unique('car')];
    const peer = await dial(server, { token: await server.token('driver', car) });
    await peer.ask({ type: 'subscribe', feed: `jobs:${car}` });
    const id = await create({});
    await staff.patch(`/v1/trips/${id}`, { driverId: car });
    await joined(peer, id);
    await staff.patch(`/v1/trips/${id}`, { driverId: other });
    expect(await peer.next('unsubscribed')).toMatchObject({ feed: `trip:${id}` });
    await staff.post(`/v1/drivers/${other}/locations`, north(-900));
    await staff.post(`/v1/trips/${id}/status`, { status: 'EN_ROUTE' });
    expect(await peer.ask({ type: 'ping' })).toMatchObject({ type: 'pong' });
    expect(peer.all('location')).toEqual([]);
    await peer.close();
  });

  it('by nobody else', async () => {
    const ann = unique('passenger');
    for (const [role, sub, more, feed] of [
      ['passenger', unique('passenger'), {}, `party:${ann}`],
      ['merchant', 'm', { labels: ['mine'] }, 'label:yours'],
      ['merchant', 'm', {}, `party:${ann}`],
      ['driver', unique('car'), {}, 'jobs:car-a'],
      ['driver', unique('car'), {}, `party:${ann}`],
      ['dispatcher', 'desk', { labels: ['mine'] }, `party:${ann}`],
    ] as const) {
      const peer = await dial(server, { token: await server.token(role, sub, 'labels' in more ? { labels: [...more.labels] } : {}) });
      expect(await peer.ask({ type: 'subscribe', feed })).toMatchObject({ type: 'error', code: 'not_found' });
      await peer.close();
    }
  });

  it('no more once they ask so: their trips go with them', async () => {
    const ann = unique('passenger');
    const id = await create({ stops: forParty(ann) });
    const peer = await dial(server, { token: await server.token('passenger', ann) });
    await peer.ask({ type: 'subscribe', feed: `party:${ann}` });
    await joined(peer, id);
    expect(await peer.ask({ type: 'unsubscribe', feed: `party:${ann}` })).toMatchObject({ type: 'unsubscribed' });
    await staff.patch(`/v1/trips/${id}`, { labels: ['changed'] });
    await create({ stops: forParty(ann) });
    expect(await peer.ask({ type: 'ping' })).toMatchObject({ type: 'pong' });
    expect(peer.all('event')).toEqual([]);
    expect(peer.all('subscribed')).toHaveLength(2);
    await peer.close();
  });
});
