import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FixReceipt, LocationList } from '../packages/protocol/src/index.ts';
import { dial } from './support/peer.ts';
import { CENTRE, PAST } from './support/places.ts';
import { caller } from './support/rest.ts';
import { startServer, type TestServer } from './support/server.ts';

let server: TestServer;

// One for each: some of these messages have ended a server.
beforeEach(async () => {
  server = await startServer({ env: { LOCATION_UPDATE_RATE_LIMIT: '0' } });
});

afterEach(() => server.stop());

const GOOD = { seq: 1, ...CENTRE, timestamp: PAST };
const BAD = { seq: 2, ...CENTRE, lat: 91 };

describe('a backlog with a bad fix in it is held to the rest of its schema all the same', () => {
  it.each<[string, string, object]>([
    ['a driver that is an object', '/driver', { driver: {} }],
    ['a driver that is a number', '/driver', { driver: 7 }],
    ['a driver whose id is none', '/driver', { driver: 'ü' }],
    ['a base that is an object', '/base', { driver: 'd1', base: {} }],
    ['a base of 1e308', '/base', { driver: 'd1', base: 1e308 }],
    ['an unknown key', '/unheard', { driver: 'd1', unheard: 1 }],
    [
      '201 fixes [L3]',
      '/fixes',
      { driver: 'd1', fixes: [...Array.from({ length: 200 }, (_, i) => ({ lat: 1, lng: 1, timestamp: PAST + i })), { lat: 91, lng: 1 }] },
    ],
  ])('%s', async (_what, field, more) => {
    const peer = await dial(server, { token: await server.token('service', 'ship') });
    await peer.ask({ type: 'open', stream: 's', driver: 'd1' });
    peer.send({ type: 'fixes', fixes: [GOOD, BAD], ...more });
    const error = await peer.next('error');
    expect(error).toMatchObject({ code: 'bad_request', field });
    // A commit later: what was let through by mistake is in the store by then, and shows.
    const service = caller(server, await server.token('service', 'ship'));
    (await service.post('/v1/drivers/marker/locations', CENTRE)).as(FixReceipt);
    expect(await peer.ask({ type: 'open', stream: 's', driver: 'd1' }), 'nothing of it was taken').toMatchObject({
      accepted: 0,
      stored: 0,
    });

    expect((await service.post('/v1/drivers/d1/locations', CENTRE)).as(FixReceipt).stored).toBe(1);
    expect(
      (await service.get('/v1/drivers/d1/locations')).as(LocationList).locations,
      'the server goes on, with what is good',
    ).toHaveLength(1);
    await peer.close();
  });
});
