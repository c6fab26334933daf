import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TripList, TripView } from '../packages/protocol/src/index.ts';
import { dial, refused } from './support/peer.ts';
import { CENTRE, north, PAST } from './support/places.ts';
import { type Answer, type Caller, caller, withoutTrace } from './support/rest.ts';
import { startServer, type TestServer } from './support/server.ts';

/** Who asks: a role, a subject and scopes. Trip `mine` is dan's, for pia, of label shop; `theirs` is olga's, for paul, of label else. */
const WHO = {
  'its driver': { role: 'driver', sub: 'dan' },
  'another driver': { role: 'driver', sub: 'olga' },
  'its party': { role: 'passenger', sub: 'pia' },
  'another party': { role: 'passenger', sub: 'paul' },
  'a passenger with the trip in scope': { role: 'passenger', sub: 'sam', trips: ['mine'] },
  'a passenger with the driver in scope': { role: 'passenger', sub: 'sue', drivers: ['dan'] },
  'its merchant': { role: 'merchant', sub: 'mia', labels: ['shop'] },
  'a merchant with the trip in scope': { role: 'merchant', sub: 'max', trips: ['mine'] },
  'another merchant': { role: 'merchant', sub: 'mo', labels: ['else'] },
  'a merchant without scopes': { role: 'merchant', sub: 'pia' },
  'a dispatcher': { role: 'dispatcher', sub: 'dora' },
  'a dispatcher of its label': { role: 'dispatcher', sub: 'dirk', labels: ['shop'] },
  'a dispatcher of the trip': { role: 'dispatcher', sub: 'dina', trips: ['mine'] },
  'a dispatcher of another label': { role: 'dispatcher', sub: 'car-d', labels: ['else'] },
  'a dispatcher of nothing': { role: 'dispatcher', sub: 'dull', trips: [] },
  'an admin': { role: 'admin', sub: 'car-a' },
  'a service': { role: 'service', sub: 'ship' },
  'a service of another trip': { role: 'service', sub: 'slim', trips: ['theirs'], drivers: ['olga'] },
} as const;
type Who = keyof typeof WHO;
const EVERYBODY = Object.keys(WHO) as Who[];

const READERS: Who[] = [
  'its driver',
  'its party',
  'a passenger with the trip in scope',
  'its merchant',
  'a merchant with the trip in scope',
];
const STAFF: Who[] = ['a dispatcher', 'a dispatcher of its label', 'a dispatcher of the trip', 'an admin', 'a service'];
const UNSCOPED: Who[] = ['a dispatcher', 'an admin', 'a service'];

let server: TestServer;
const callers = new Map<Who, Caller>();
const as = (who: Who): Caller => callers.get(who) as Caller;
const tokenOf = ({
  role,
  sub,
  ...scopes
}: {
  role: 'driver' | 'passenger' | 'merchant' | 'dispatcher' | 'admin' | 'service';
  sub: string;
}) => server.token(role, sub, scopes);

beforeAll(async () => {
  server = await startServer({
    env: { REST_RATE_LIMIT_PER_MINUTE: '1000000', LOCATION_UPDATE_RATE_LIMIT: '0', MAX_CONNECTIONS_PER_DRIVER: '100' },
  });
  for (const who of EVERYBODY) callers.set(who, caller(server, await tokenOf(WHO[who])));
  for (const [id, driverId, partyId, label] of [
    ['mine', 'dan', 'pia', 'shop'],
    ['theirs', 'olga', 'paul', 'else'],
  ] as const) {
    (
      await as('an admin').post('/v1/trips', {
        id,
        kind: 'ride',
        driverId,
        labels: [label],
        stops: [{ type: 'pickup', ...north(9_000), partyId }],
      })
    ).as(TripView, 201);
    await as('a service').post(`/v1/drivers/${driverId}/locations`, { ...CENTRE, timestamp: PAST });
  }
});

afterAll(() => server.stop());

/** What was answered, apart from the ids. */
const look = ({ status, text }: Answer) => ({ status, body: withoutTrace(text).replaceAll(/mine|theirs|unheard|dan|olga/g, 'ID') });

/** An error without the ids of what was asked for and of the asking. */
const apart = (error: object) => JSON.stringify({ ...error, ref: undefined }).replaceAll(/mine|theirs|unheard|dan|olga/g, 'ID');

interface Row {
  readonly name: string;
  readonly call: (by: Caller, id: string) => Promise<Answer>;
  readonly may: readonly Who[];
}

const OF_A_TRIP: Row[] = [
  { name: 'GET /v1/trips/{id}', call: (by, id) => by.get(`/v1/trips/${id}`), may: [...READERS, ...STAFF] },
  { name: 'GET /v1/trips/{id}/history', call: (by, id) => by.get(`/v1/trips/${id}/history`), may: [...READERS, ...STAFF] },
  { name: 'GET /v1/trips/{id}/track', call: (by, id) => by.get(`/v1/trips/${id}/track`), may: [...READERS, ...STAFF] },
  { name: 'PATCH /v1/trips/{id}', call: (by, id) => by.patch(`/v1/trips/${id}`, { driverName: 'X' }), may: STAFF },
  {
    name: 'POST /v1/trips/{id}/status',
    call: (by, id) => by.post(`/v1/trips/${id}/status`, { status: 'PENDING' }),
    may: ['its driver', ...STAFF],
  },
  {
    name: 'POST /v1/trips/{id}/status with a location',
    call: (by, id) => by.post(`/v1/trips/${id}/status`, { status: 'PENDING', location: CENTRE }),
    may: ['its driver', ...STAFF],
  },
];

const OF_A_DRIVER: Row[] = [
  {
    name: 'GET /v1/drivers/{id}',
    call: (by, id) => by.get(`/v1/drivers/${id}`),
    may: ['its driver', 'a passenger with the driver in scope', ...UNSCOPED],
  },
  {
    name: 'GET /v1/drivers/{id}/status',
    call: (by, id) => by.get(`/v1/drivers/${id}/status`),
    may: ['its driver', 'a passenger with the driver in scope', ...UNSCOPED],
  },
  {
    name: 'GET /v1/drivers/{id}/locations',
    call: (by, id) => by.get(`/v1/drivers/${id}/locations`),
    may: ['its driver', 'a passenger with the driver in scope', ...UNSCOPED],
  },
];

const WRITES_OF_A_DRIVER: Row[] = [
  {
    name: 'POST /v1/drivers/{id}/locations',
    call: (by, id) => by.post(`/v1/drivers/${id}/locations`, { ...CENTRE, timestamp: PAST }),
    may: ['its driver', 'a service'],
  },
  {
    name: 'a batch to /v1/drivers/{id}/locations',
    call: (by, id) => by.post(`/v1/drivers/${id}/locations`, { fixes: [{ ...CENTRE, timestamp: PAST }] }),
    may: ['its driver', 'a service'],
  },
  { name: 'PUT /v1/drivers/{id}', call: (by, id) => by.put(`/v1/drivers/${id}`, {}), may: ['its driver', 'a service'] },
  {
    name: 'PUT /v1/drivers/{id}/availability',
    call: (by, id) => by.put(`/v1/drivers/${id}/availability`, { available: true }),
    may: ['its driver', 'a service'],
  },
];

const WATCHERS = EVERYBODY.filter((who) => WHO[who].role === 'passenger' || WHO[who].role === 'merchant');

describe.each([
  ['mine', 'trip', OF_A_TRIP],
  ['dan', 'driver', [...OF_A_DRIVER, ...WRITES_OF_A_DRIVER]],
] as const)('the routes of %s, a %s', (id, what, rows) => {
  describe.each(rows)('$name', ({ call, may }) => {
    it.each(may.map((who) => [who]))('is for %s [S2 S3 S4 S5]', async (who) => {
      const answer = await call(as(who), id);
      expect(answer.status, answer.text).toBe(200);
    });

    it.each(EVERYBODY.filter((who) => !may.includes(who)).map((who) => [who]))(
      'is not for %s, and looks as if it were not there [S6]',
      async (who) => {
        // Staff without scopes writes of a driver: SPEC does not say, so neither is asked for.
        if (rows.some((row) => row.name === 'PUT /v1/drivers/{id}') && ['an admin', 'a dispatcher'].includes(who)) return;
        const answer = await call(as(who), id);
        expect([403, 404], answer.text).toContain(answer.status);
        // Whoever reads the trip knows that it is there.
        if (what === 'driver' || !READERS.includes(who)) expect(look(answer)).toEqual(look(await call(as(who), 'unheard')));
      },
    );
  });
});

describe('DELETE /v1/trips/{id}', () => {
  it.each(EVERYBODY.filter((who) => !STAFF.includes(who)).map((who) => [who]))('is not for %s [S6]', async (who) => {
    const answer = await as(who).delete('/v1/trips/mine');
    expect([403, 404]).toContain(answer.status);
    expect(look(answer)).toEqual(look(await as(who).delete('/v1/trips/unheard')));
    (await as('an admin').get('/v1/trips/mine')).as(TripView);
  });
});

describe('POST /v1/trips', () => {
  it.each(['its driver', ...WATCHERS] as Who[])('is not for %s [S3 S4]', async (who) => {
    const fresh = await as(who).post('/v1/trips', { id: 'unheard', kind: 'ride', stops: [] });
    expect([403, 404]).toContain(fresh.status);
    expect(look(await as(who).post('/v1/trips', { id: 'theirs', kind: 'ride', stops: [] })), 'a known id and a new one').toEqual(
      look(fresh),
    );
    (await as('an admin').get('/v1/trips/unheard')).problem('not_found');
  });
});

describe('GET /v1/trips', () => {
  it.each([
    ...READERS.map((who) => [who, ['mine']] as const),
    ['another driver', ['theirs']],
    ['another party', ['theirs']],
    ['another merchant', ['theirs']],
    ['a merchant without scopes', []],
    ['a passenger with the driver in scope', []],
    ...UNSCOPED.map((who) => [who, ['mine', 'theirs']] as const),
    ['a dispatcher of its label', ['mine']],
    ['a dispatcher of the trip', ['mine']],
    ['a dispatcher of another label', ['theirs']],
    ['a dispatcher of nothing', []],
    ['a service of another trip', ['theirs']],
  ] as [Who, string[]][])('shows %s only %j, by every filter [S2 S3 S4]', async (who, ids) => {
    for (const query of ['', '?status=open', '?limit=1', '?kind=ride']) {
      const seen: string[] = [];
      let cursor: string | null = null;
      do {
        const more: string = cursor === null ? '' : `${query === '' ? '?' : '&'}cursor=${encodeURIComponent(cursor)}`;
        const page: TripList = (await as(who).get(`/v1/trips${query}${more}`)).as(TripList);
        seen.push(...page.trips.map((trip) => trip.id));
        cursor = page.cursor;
      } while (cursor !== null);
      expect(seen.toSorted(), query).toEqual(ids);
    }
  });
});

describe('GET /v1/positions', () => {
  it.each(UNSCOPED.map((who) => [who]))('is for %s [S5]', async (who) => {
    expect((await as(who).get('/v1/positions')).status).toBe(200);
  });

  it.each(EVERYBODY.filter((who) => !UNSCOPED.includes(who)).map((who) => [who]))('is not for %s [S5]', async (who) => {
    expect([403, 404]).toContain((await as(who).get('/v1/positions')).status);
  });
});

describe('the stream', () => {
  it('takes no driver whose subject is no id: messages would carry it as it is [S2]', async () => {
    const token = await server.token('driver', '"},"car');
    expect(await refused(server, { authorization: `Bearer ${token}` })).toMatchObject({ status: 403 });
    const peer = await dial(server);
    peer.send({ type: 'auth', token });
    expect(await peer.next('error')).toMatchObject({ code: 'forbidden' });
    peer.send({ type: 'fix', lat: 1, lng: 1 });
    expect(await peer.next('error')).toMatchObject({ code: 'unauthenticated' });
    expect(await peer.closed).toMatchObject({ code: 4401 });
  });

  it.each(EVERYBODY.map((who) => [who]))('lets %s follow exactly what it may, and answers the same for the rest [S2-S6]', async (who) => {
    const peer = await dial(server, { token: await tokenOf(WHO[who]) });
    const follow = async (feed: string) => {
      const answer = await peer.ask({ type: 'subscribe', feed });
      return answer.type === 'error' ? apart(answer) : answer.type;
    };
    const may = { trip: [...READERS, ...STAFF], driver: ['its driver', 'a passenger with the driver in scope', ...UNSCOPED] as Who[] };
    const mine = await follow('trip:mine');
    if (may.trip.includes(who)) expect(mine).toBe('subscribed');
    else {
      expect(mine).toContain('"code":"not_found"');
      expect(mine).toBe(await follow('trip:unheard'));
    }
    const dan = await follow('driver:dan');
    if (may.driver.includes(who)) expect(dan).toBe('subscribed');
    else {
      expect(dan).toContain('"code":"not_found"');
      expect(dan).toBe(await follow('driver:unheard'));
    }
    if (UNSCOPED.includes(who)) expect(await follow('fleet')).toBe('subscribed');
    else expect(await follow('fleet')).toMatch(/"code":"(not_found|forbidden)"/);
    await peer.close();
  });

  it.each([...WATCHERS, 'another driver', 'a dispatcher of its label', 'a service of another trip'] as Who[])(
    'takes no fix of another from %s [S2 S3]',
    async (who) => {
      const peer = await dial(server, { token: await tokenOf(WHO[who]) });
      const told = async (message: object) => {
        peer.send(message);
        return apart(await peer.next('error'));
      };
      for (const message of [
        { type: 'open', stream: 's' },
        { type: 'fix', ...north(50), timestamp: PAST + 1_000 },
        { type: 'fixes', fixes: [{ ...north(50), timestamp: PAST + 1_000 }] },
      ]) {
        const known = await told({ ...message, driver: 'dan' });
        expect(known).toMatch(/"code":"(not_found|forbidden)"/);
        expect(known).toBe(await told({ ...message, driver: 'unheard' }));
      }
      const { locations } = (await as('an admin').get('/v1/drivers/dan/locations')).json() as { locations: { timestamp: string }[] };
      expect(locations.map((fix) => fix.timestamp)).not.toContain(new Date(PAST + 1_000).toISOString());
      await peer.close();
    },
  );

  it.each(WATCHERS.map((who) => [who]))('takes no fix of its own from %s [S3]', async (who) => {
    const peer = await dial(server, { token: await tokenOf(WHO[who]) });
    peer.send({ type: 'fix', ...CENTRE });
    await peer.next('error');
    (await as('an admin').get(`/v1/drivers/${WHO[who].sub}`)).problem('not_found');
    await peer.close();
  });
});
