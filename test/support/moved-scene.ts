import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { FixReceipt, TripView, WebhookWithSecret } from '../../packages/protocol/src/index.ts';
import { JournalBatch } from '../../packages/server/src/adapters/sqlite-store/journal.ts';
import { dial } from './peer.ts';
import { CENTRE, delivery, north, PAST, ride } from './places.ts';
import type { Receiver } from './receiver.ts';
import { caller, withoutTrace } from './rest.ts';
import type { TestServer } from './server-process.ts';
import { until } from './until.ts';

export const SCENE_ENV = {
  WEBHOOK_ALLOW_PRIVATE: 'true',
  REST_RATE_LIMIT_PER_MINUTE: '10000000',
  LOCATION_UPDATE_RATE_LIMIT: '0',
};
/** So many fixes go from the journal into history. */
const BULK = 21_000;
const BULK_DRIVERS = 3;
const FULL = { speed: 41.25, bearing: 359.99, accuracy: 0.01, altitude: -3.5 };

/** Of everything something. The sockets are still open and the last fixes are in the journal: kill it now. */
export async function fillHouse(server: TestServer, receiver: Receiver): Promise<void> {
  const staff = caller(server, await server.token('admin', 'ada'));
  const service = caller(server, await server.token('service', 'ship'));
  const send = async (driver: string, fixes: readonly object[]) =>
    (await service.post(`/v1/drivers/${driver}/locations`, { fixes })).as(FixReceipt);

  receiver.behave({ status: 500, body: 'not now' }, '/bad');
  receiver.behave({ status: 410 }, '/gone');
  for (const input of [
    { url: `${receiver.url}/good` },
    { url: `${receiver.url}/bad`, events: ['trip.*', 'stop.*'], description: 'fails; "quoted"\\ \t tabbed' },
    { url: `${receiver.url}/gone`, labels: ['north'] },
  ])
    (await staff.post('/v1/webhooks', input)).as(WebhookWithSecret, 201);

  await bulk(send);
  // What waits in the journal goes into history.
  await written(server.dataDir, 'SELECT count(*) AS n FROM fix', 20_000);
  await someTrips(staff, send);
  await oddFixes(send);
  await (await dial(server, { token: await server.token('driver', 'short') })).close();
  await numbered(server);
  await written(server.dataDir, 'SELECT count(*) AS n FROM connection_session', 1);
  (await staff.put('/v1/drivers/profiled', { name: 'Zoë "Z"\\', vehicle: 'Lastenrad\t3', plate: 'B-ZZ 1' })).text;
  await staff.put('/v1/drivers/profiled/availability', { available: false });
  await send('profiled', [{ ...CENTRE }]);
  // Its state is stored whole with the first, and lacks the others.
  for (let n = 1; n <= 3; n++) await send('profiled', [{ ...north(n * 10), ...FULL }]);
  await until(
    () => receiver.received().filter(({ path }) => path === '/good').length,
    (count) => count > 10,
  );
}

async function bulk(send: (driver: string, fixes: readonly object[]) => Promise<FixReceipt>): Promise<void> {
  for (let n = 0; n < BULK; n += 1_000) {
    const fixes = Array.from({ length: 1_000 }, (_, i) => ({
      ...north((n + i) % 5_000),
      timestamp: PAST + (n + i) * 100,
      ...(i % 3 === 0 && FULL),
    }));
    await send(`bulk${(n / 1_000) % BULK_DRIVERS}`, fixes);
  }
}

/** Waits until the database of a server has it. */
async function written(dataDir: string, count: string, least: number): Promise<void> {
  const db = new DatabaseSync(join(dataDir, 'waycast.db'), { readOnly: true });
  try {
    await until(
      () => (db.prepare(count).get() as { n: number }).n,
      (n) => n >= least,
    );
  } finally {
    db.close();
  }
}

async function someTrips(
  staff: ReturnType<typeof caller>,
  send: (driver: string, fixes: readonly object[]) => Promise<FixReceipt>,
): Promise<void> {
  const make = async (input: object) => (await staff.post('/v1/trips', input)).as(TripView, 201);
  const to = async (id: string, ...statuses: string[]) => {
    for (const status of statuses) (await staff.post(`/v1/trips/${id}/status`, { status })).as(TripView);
  };
  await make(ride({ id: 'pending', labels: ['north', 'vip'] }));
  await make(ride({ id: 'assigned', driverId: 'drew' }));
  await make(ride({ id: 'cancelled', driverId: 'drew', labels: ['north'] }));
  await to('cancelled', 'CANCELLED');
  await make(delivery({ id: 'parcel', driverId: 'kim', labels: ['shop-1'], orderId: 'order-1' }));
  await to('parcel', 'PICKED_UP', 'IN_TRANSIT');
  await make(delivery({ id: 'delivered', driverId: 'kim' }));
  await to('delivered', 'PICKED_UP', 'IN_TRANSIT', 'DELIVERED');
  await make({
    id: 'driven',
    kind: 'ride',
    driverId: 'drew',
    driverName: 'Drew',
    stops: [
      {
        id: 'a',
        type: 'pickup',
        ...CENTRE,
        partyId: 'p1',
        bookingId: 'b1',
        bookingStatus: 'approved',
        name: 'Ünter "1"\\',
        arriveRadius: 50.5,
      },
      { id: 'b', type: 'dropoff', ...north(2_000), partyId: 'p1', bookingId: 'b1' },
      { id: 'c', type: 'waypoint', ...north(3_000) },
      { id: 'd', type: 'dropoff', ...north(5_000), partyId: 'p2' },
    ],
  });
  await to('driven', 'EN_ROUTE');
  const begun = Date.now() - 20_000;
  await send('drew', [
    { ...north(-300), timestamp: begun },
    { ...north(-20), timestamp: begun + 10_000, ...FULL },
  ]);
  await to('driven', 'ARRIVED', 'IN_PROGRESS');
  await send('drew', [
    { ...north(150), timestamp: begun + 15_000 },
    { ...north(200), timestamp: begun + 19_000 },
  ]);
  for (const text of ['On my way\nnow\t\\N', '👍 ok']) await staff.post('/v1/trips/driven/messages', { text });
  await staff.patch('/v1/trips/pending', { labels: ['north', 'vip', 'late'] });
}

/** Late, twice, too far, ahead of their time, without anything. */
async function oddFixes(send: (driver: string, fixes: readonly object[]) => Promise<FixReceipt>): Promise<void> {
  await send('odd', [{ lat: -89.9999999, lng: 179.9999999, timestamp: PAST }]);
  await send('odd', [{ lat: -89.9999999, lng: 179.9999999, timestamp: PAST }]);
  await send('odd', [
    { ...CENTRE, timestamp: PAST + 1_000 },
    { ...CENTRE, timestamp: PAST - 3_600_000, ...FULL },
  ]);
  await send('odd', [{ ...CENTRE, timestamp: Date.now() + 90_000 }]);
}

/** By two numberings, some numbers twice. */
async function numbered(server: TestServer): Promise<void> {
  const peer = await dial(server, { token: await server.token('driver', 'numbered') });
  for (const stream of ['run:1', 'run-2']) {
    await peer.ask({ type: 'open', stream });
    for (const seq of [1, 2, 3, 2, 5])
      peer.send({ type: 'fix', seq, ...north(seq), timestamp: new Date(PAST + seq * 1_000).toISOString() });
    await peer.next('ack', (ack) => ack.stream === stream && ack.stored >= 3);
  }
}

/** Once no server has it: what takes days, or is gone in a moment, or only an interrupted one leaves. */
export function ageHouse(dataDir: string): void {
  const db = new DatabaseSync(join(dataDir, 'waycast.db'));
  const { doc } = db.prepare(`SELECT doc FROM trip WHERE id = 'assigned'`).get() as { doc: string };
  const by = { role: 'service', id: 'x' };
  const entry = { id: 'assigned/adopt/again', kind: 'adopt', trip: JSON.parse(doc) as object, previous: null, by, at: PAST };
  db.prepare('INSERT INTO outbox (id, doc) VALUES (?, ?)').run(entry.id, JSON.stringify(entry));
  db.exec(`UPDATE delivery SET state = 2, settled = since + 1, tries = 40, failures = 40
    WHERE (consumer, message) IN (SELECT consumer, message FROM delivery WHERE state = 0 ORDER BY message LIMIT 1)`);
  db.exec(
    `INSERT INTO set_aside VALUES (7, 12, ${PAST}, 'it did\nharm', '{"kind":"tick","driverId":"x"}'); INSERT INTO trying VALUES (7, 13, 2)`,
  );
  halfCompacted(db);
  db.close();
}

/** A fix that is in history already, and still in the journal. */
function halfCompacted(db: DatabaseSync): void {
  const { id, fixes } = db.prepare('SELECT id, fixes FROM journal ORDER BY id LIMIT 1').get() as { id: number; fixes: Uint8Array };
  const r = new JournalBatch(new Uint8Array(fixes)).row(0, id);
  const values = [r.driver, r.at, r.id, r.lat, r.lng, r.speed, r.bearing, r.accuracy, r.altitude, r.suspect, r.received, r.stream, r.seq];
  db.prepare(`INSERT INTO fix VALUES (${values.map(() => '?')})`).run(...values);
}

/** Nothing is due for an hour: two servers on the same house would each try, at times of their own. */
export function quieten(dataDir: string): void {
  const db = new DatabaseSync(join(dataDir, 'waycast.db'));
  db.exec('UPDATE lane SET next = next + 3600000, holder = NULL');
  db.close();
}

const DRIVERS = ['bulk0', 'bulk1', 'bulk2', 'drew', 'kim', 'profiled', 'odd', 'numbered', 'nobody'];
const TRIPS = ['pending', 'assigned', 'cancelled', 'parcel', 'delivered', 'driven', 'none'];

export interface Asked {
  readonly drivers: readonly string[];
  readonly trips: readonly string[];
}

/** Every answer there is to read, each with what was asked; always in the same order. `more` is asked for like the scene's own. */
export async function* allAnswers(
  server: TestServer,
  more: Asked = { drivers: [], trips: [] },
): AsyncGenerator<[asked: string, answer: string]> {
  const staff = caller(server, await server.token('admin', 'ada'));
  async function* ask(path: string): AsyncGenerator<[string, string]> {
    const answer = await staff.get(path);
    yield [path, `${answer.status} ${answer.type} ${withoutTrace(answer.text)}`];
  }
  /** To the end, in pages so small that there are several; by what is asked, the cursors are in the answers. */
  async function* pages(path: string): AsyncGenerator<[string, string]> {
    let cursor: string | null = null;
    for (let page = 0; page === 0 || cursor !== null; page++) {
      const answer = await staff.get(cursor === null ? path : `${path}&cursor=${encodeURIComponent(cursor)}`);
      yield [`${path} page ${page}`, `${answer.status} ${withoutTrace(answer.text)}`];
      cursor = answer.status === 200 ? (answer.json() as { cursor: string | null }).cursor : null;
    }
  }
  for (const id of [...DRIVERS, ...more.drivers]) {
    yield* ask(`/v1/drivers/${id}`);
    yield* pages(`/v1/drivers/${id}/locations?limit=1500`);
  }
  for (const id of [...TRIPS, ...more.trips]) for (const path of OF_A_TRIP) yield* ask(`/v1/trips/${id}${path}`);
  for (const query of ['', 'open=true&', 'label=north&', 'kind=delivery&', 'status=CANCELLED&', 'driverId=drew&', 'orderId=order-1&'])
    yield* pages(`/v1/trips?${query}limit=${more.trips.length === 0 ? 2 : 100}`);
  // In no order of their own.
  const { features } = (await staff.get('/v1/positions')).json() as { features: { id: string }[] };
  yield ['/v1/positions', JSON.stringify(features.toSorted((a, b) => (a.id < b.id ? -1 : 1)))];
  yield* ask(`/v1/drivers/nearby?lat=${CENTRE.lat}&lng=${CENTRE.lng}&radius=5000`);
  yield* pages('/v1/connections?limit=1');
  yield* ask('/v1/webhooks');
  const { webhooks } = (await staff.get('/v1/webhooks')).json() as { webhooks: { id: string }[] };
  for (const { id } of webhooks) yield* pages(`/v1/webhooks/${id}/deliveries?limit=3`);
  const search = await staff.post('/v1/tracks/search', { ...CENTRE, radius: 500, from: PAST - 3_600_000, to: Date.now() + 120_000 });
  yield ['search', search.text];
}

const OF_A_TRIP = [
  '',
  '/history',
  '/messages',
  '/track',
  '/track?format=geojson',
  '/track?format=gpx',
  '/track?format=polyline',
  '/track?simplify=20',
];
