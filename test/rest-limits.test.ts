import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FixReceipt, Health, LocationList } from '../packages/protocol/src/index.ts';
import { CENTRE, PAST } from './support/places.ts';
import { caller } from './support/rest.ts';
import { startServer, type TestServer } from './support/server.ts';

const PER_MINUTE = 30;
let server: TestServer;

beforeAll(async () => {
  server = await startServer({ env: { REST_RATE_LIMIT_PER_MINUTE: String(PER_MINUTE), LOCATION_UPDATE_RATE_LIMIT: '1' } });
});

afterAll(() => server.stop());

const as = async (sub: string) => caller(server, await server.token('admin', sub));

describe('the limit of REST calls', () => {
  it('answers 429 with Retry-After over it, by identity [L2]', async () => {
    const busy = await as('busy');
    const answers = await Promise.all(Array.from({ length: PER_MINUTE * 2 }, () => busy.get('/v1/trips')));
    const refused = answers.filter((answer) => answer.status === 429);
    expect(answers.filter((answer) => answer.status === 200).length).toBeGreaterThanOrEqual(PER_MINUTE);
    expect(refused.length).toBeGreaterThanOrEqual(PER_MINUTE - 2);
    for (const answer of refused) {
      const { retryAfter } = answer.problem('rate_limited');
      expect(retryAfter).toBeGreaterThan(0);
      expect(retryAfter).toBeLessThanOrEqual(60);
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    }
    expect((await (await as('quiet')).get('/v1/trips')).status, 'another identity is not hurt').toBe(200);
  });

  it('counts those without a token by address, and bad tokens too [L2]', async () => {
    const nobody = caller(server);
    const forged = caller(server, 'not.a.token');
    const answers = await Promise.all(Array.from({ length: PER_MINUTE * 2 }, (_, i) => (i % 2 === 0 ? nobody : forged).get('/v1/trips')));
    expect(answers.filter((answer) => answer.status === 401).length).toBeGreaterThan(0);
    expect(answers.filter((answer) => answer.status === 429).length).toBeGreaterThan(0);
    for (const answer of answers) if (answer.status === 429) answer.problem('rate_limited');
  });

  it('counts by the address the proxy in front tells, whatever a client claims [L2]', async () => {
    const behind = await startServer({ env: { REST_RATE_LIMIT_PER_MINUTE: '5', TRUST_PROXY: 'true' } });
    try {
      const from = (forwarded: string) => caller(behind).call('GET', '/v1/trips', undefined, { 'x-forwarded-for': forwarded });
      const claimed = await Promise.all(Array.from({ length: 10 }, (_, n) => from(`9.9.9.${n}, 192.0.2.1`)));
      expect(claimed.filter(({ status }) => status === 429).length).toBeGreaterThanOrEqual(4);
      expect((await from('192.0.2.1, 192.0.2.2')).status, 'another address is not hurt').toBe(401);
    } finally {
      await behind.stop();
    }
  });

  it('never refuses a probe', async () => {
    const answers = await Promise.all(
      Array.from({ length: PER_MINUTE * 3 }, (_, i) => caller(server).get(['/health', '/health/live', '/health/ready'][i % 3] ?? '')),
    );
    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([200]));
    answers[0]?.as(Health);
  });

  it('counts a batch once [L2]', async () => {
    const sender = await as('batcher');
    const fixes = Array.from({ length: 200 }, (_, i) => ({ ...CENTRE, timestamp: PAST + i * 1000 }));
    for (let i = 0; i < 5; i++) expect((await sender.post(`/v1/drivers/batch-${i}/locations`, { fixes })).as(FixReceipt).stored).toBe(200);
  });
});

describe('the limit of fixes', () => {
  it('takes a burst of 10 single fixes of a driver, refuses more, and says when [L1]', async () => {
    const sender = await as('single');
    const answers = await Promise.all(
      Array.from({ length: 16 }, (_, i) => sender.post('/v1/drivers/single/locations', { ...CENTRE, timestamp: PAST + i * 1000 })),
    );
    const stored = answers.filter((answer) => answer.status === 200);
    expect(stored.length).toBeGreaterThanOrEqual(10);
    expect(stored.length).toBeLessThanOrEqual(12);
    for (const answer of answers)
      if (answer.status !== 200) {
        expect(answer.problem('rate_limited').retryAfter).toBeGreaterThan(0);
        expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
      }
    expect((await sender.get('/v1/drivers/single/locations')).as(LocationList).locations).toHaveLength(stored.length);
    expect((await sender.post('/v1/drivers/another/locations', CENTRE)).as(FixReceipt).stored, 'another driver is not hurt').toBe(1);
  });

  it('takes a backlog of 2,000 of a driver, then refuses with Retry-After, and nothing of what it refused is stored [L1]', async () => {
    const sender = await as('backlog');
    const batch = (n: number) => ({
      fixes: Array.from({ length: 1_000 }, (_, i) => ({ ...CENTRE, timestamp: PAST + (n * 1_000 + i) * 1000 })),
    });
    const answers = await Promise.all([0, 1, 2, 3].map((n) => sender.post('/v1/drivers/backlog/locations', batch(n))));
    expect(answers.map((answer) => answer.status).toSorted()).toEqual([200, 200, 429, 429]);
    for (const answer of answers) {
      if (answer.status === 200) expect(answer.as(FixReceipt)).toMatchObject({ stored: 1_000, rejected: [] });
      else expect(answer.problem('rate_limited').retryAfter).toBeGreaterThan(0);
    }
    expect((await sender.post('/v1/drivers/other-backlog/locations', batch(0))).as(FixReceipt).stored).toBe(1_000);
  });
});
